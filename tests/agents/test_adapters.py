import json
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch
from safetensors.torch import save_file

from shoal.agents.adapters import CONFIG, MANIFEST, TENSORS, Manifest, admit, check_fits, read_manifest
from shoal.agents.bases import base_sha256
from shoal.errors import ShoalError

LAYER = "encoder.layer.0.attention.self.query"
RANK, WIDTH = 4, 8


def lora(rank: int = RANK, width: int = WIDTH, layer: str = LAYER) -> dict[str, torch.Tensor]:
    return {
        f"base_model.model.{layer}.lora_A.weight": torch.ones(rank, width),
        f"base_model.model.{layer}.lora_B.weight": torch.ones(WIDTH, rank),
    }


@pytest.fixture
def base(tmp_path: Path) -> Path:
    folder = tmp_path / "base"
    folder.mkdir()
    save_file({f"{LAYER}.weight": torch.zeros(WIDTH, WIDTH)}, folder / "model.safetensors")
    return folder


@pytest.fixture
def adapter(tmp_path: Path, base: Path) -> Path:
    folder = tmp_path / "adapter"
    folder.mkdir()
    write_config(folder)
    save_file(lora(), folder / TENSORS)
    manifest = Manifest(
        agent="triage",
        base="b",
        base_sha256=base_sha256(base),
        recipe={},
        seed=1,
        examples={},
        figures={},
        calibration={},
        made_with={},
    )
    (folder / MANIFEST).write_text(manifest.model_dump_json(), encoding="utf-8")
    return folder


def write_config(folder: Path, **changes: object) -> None:
    plain = {
        "peft_type": "LORA",
        "auto_mapping": None,
        "r": RANK,
        "bias": "none",
        "modules_to_save": None,
        "use_dora": False,
    }
    (folder / CONFIG).write_text(json.dumps(plain | changes), encoding="utf-8")


def test_a_plain_lora_is_admitted(adapter: Path, base: Path) -> None:
    admit(adapter, base)


def test_a_prefix_in_the_checkpoint_does_not_matter(adapter: Path, base: Path) -> None:
    save_file({f"bert.{LAYER}.weight": torch.zeros(WIDTH, WIDTH)}, base / "model.safetensors")
    manifest = json.loads((adapter / MANIFEST).read_text("utf-8")) | {"base_sha256": base_sha256(base)}
    (adapter / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    check_fits(adapter, base)


Change = Callable[[Path], object]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda f: (f / "adapter_model.bin").write_bytes(b"x"),
            "holds adapter_model.bin. Expected nothing but adapter_config.json",
        ),
        (lambda f: (f / TENSORS).unlink(), "has no adapter_model.safetensors"),
        (lambda f: (f / MANIFEST).unlink(), "has no manifest.json, so its training did not finish"),
        (lambda f: (f / MANIFEST).write_text("{}"), "manifest.json is wrong at agent: Field required"),
        (
            lambda f: write_config(f, auto_mapping={"parent_library": "os"}),
            "says auto_mapping: {'parent_library': 'os'}. Expected None",
        ),
        (lambda f: write_config(f, use_dora=True), "says use_dora: True. Expected False, a plain LoRA"),
        (lambda f: write_config(f, peft_type="IA3"), "says peft_type: 'IA3'. Expected 'LORA'"),
        (lambda f: write_config(f, r=1000), "says rank 1000. Expected 1 to 64"),
        (lambda f: (f / CONFIG).write_text("{"), "adapter_config.json is not JSON"),
        (
            lambda f: save_file(lora(rank=2), f / TENSORS),
            "lora_A.weight has the shape [2, 8], expected [4, 8]",
        ),
        (lambda f: save_file(lora(width=9), f / TENSORS), "has the shape [4, 9], expected [4, 8]"),
        (
            lambda f: save_file(lora(layer="encoder.layer.9.x"), f / TENSORS),
            "the base has no linear layer encoder.layer.9.x",
        ),
        (lambda f: save_file({"evil.weight": torch.ones(1)}, f / TENSORS), "evil.weight is no LoRA weight"),
        (
            lambda f: save_file(dict(list(lora().items())[:1]), f / TENSORS),
            "has lora_A only; the file is not whole",
        ),
        (lambda f: save_file({}, f / TENSORS), "adapter_model.safetensors is empty"),
        (
            lambda f: (f / TENSORS).write_bytes((f / TENSORS).read_bytes()[:-8]),
            "is not a safetensors file: it was cut off or added to",
        ),
        (
            lambda f: (f / TENSORS).write_bytes(b"\xff" * 64),
            "is not a safetensors file: its header is longer than the file",
        ),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(adapter: Path, base: Path, change: Change, message: str) -> None:
    change(adapter)
    with pytest.raises(ShoalError) as caught:
        check_fits(adapter, base)
    assert message in str(caught.value)


@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(adapter: Path, base: Path, poison: float) -> None:
    tensors = lora()
    next(iter(tensors.values()))[0, 0] = poison
    save_file(tensors, adapter / TENSORS)
    with pytest.raises(
        ShoalError, match=r"lora_A.weight in adapter_model.safetensors holds NaN or infinite weights"
    ):
        admit(adapter, base)


def test_another_base_is_refused(adapter: Path, base: Path) -> None:
    save_file({f"{LAYER}.weight": torch.ones(WIDTH, WIDTH)}, base / "model.safetensors")
    with pytest.raises(
        ShoalError, match=r"was trained on other weights than .* agentctl finetune finetune/triage.yaml"
    ):
        check_fits(adapter, base)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path, base: Path) -> None:
    with pytest.raises(ShoalError, match=r"none is not there"):
        check_fits(tmp_path / "none", base)


def test_the_shipped_adapters_of_the_encoder_agents_are_admitted() -> None:
    from shoal.agents.bases import locate
    from shoal.agents.manifest import read_workspace

    root = Path(__file__).parents[2]
    agents = read_workspace(root)[0].agents
    for name in ("triage", "slots"):
        adapter = agents[name].adapter
        assert adapter
        admit(adapter.folder, locate(agents[name].base, root))
        assert read_manifest(adapter.folder).agent == name
        assert sum(file.stat().st_size for file in adapter.folder.iterdir()) < 3_000_000
