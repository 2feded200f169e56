import json
import pickle
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
        "lora_alpha": 8,
        "target_modules": ["query"],
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
            "says auto_mapping: {'parent_library': 'os'}. Expected it off, as in a plain LoRA",
        ),
        (lambda f: write_config(f, use_dora=True), "says use_dora: True. Expected it off"),
        (lambda f: write_config(f, use_rslora=True), "says use_rslora: True. Expected it off"),
        (lambda f: write_config(f, bias="all"), "says bias: 'all'. Expected it off"),
        (
            lambda f: write_config(f, rank_pattern={"query": 999}),
            "says rank_pattern: {'query': 999}. Expected",
        ),
        (lambda f: write_config(f, modules_to_save=["x"]), "says modules_to_save: ['x']. Expected it off"),
        (lambda f: write_config(f, layer_replication=[[0, 9]]), "says layer_replication: [[0, 9]]. Expected"),
        (lambda f: write_config(f, trust_remote_code=True), "says trust_remote_code: True. Expected it off"),
        (lambda f: write_config(f, peft_type="IA3"), "says peft_type: 'IA3'. Expected 'LORA'"),
        (lambda f: write_config(f, r=1000), "says rank 1000. Expected 1 to 64"),
        (lambda f: write_config(f, r=True), "says rank True. Expected 1 to 64"),
        (
            lambda f: write_config(f, lora_alpha=float("nan")),
            "says lora_alpha: nan. Expected a number above 0",
        ),
        (
            lambda f: write_config(f, target_modules=".*"),
            "says target_modules: '.*'. Expected a list of names",
        ),
        (
            lambda f: write_config(f, target_modules=["query", "value"]),
            "has nothing for value; the file is not",
        ),
        (lambda f: (f / CONFIG).write_text("{"), "adapter_config.json is not JSON"),
        (lambda f: (f / CONFIG).write_text("[" * 10**5), "adapter_config.json is not JSON"),
        (lambda f: (f / CONFIG).write_text("[]"), "adapter_config.json is not a JSON object"),
        (lambda f: (f / TENSORS).write_bytes(pickle.dumps(lora())), "is not a safetensors file of weights"),
        (lambda f: replace_by_link(f / TENSORS), "holds adapter_model.safetensors. Expected nothing but"),
        (
            lambda f: (f / "heads.safetensors").write_bytes(b"\x08" + b"\0" * 7 + b"[]      "),
            "heads.safetensors is not a safetensors file of weights",
        ),
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
            "is not a safetensors file of weights: it was cut off or added to",
        ),
        (
            lambda f: (f / TENSORS).write_bytes(b"\xff" * 64),
            "is not a safetensors file of weights: its header is longer than the file",
        ),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(adapter: Path, base: Path, change: Change, message: str) -> None:
    change(adapter)
    with pytest.raises(ShoalError) as caught:
        check_fits(adapter, base)
    assert message in str(caught.value)


def replace_by_link(file: Path) -> None:
    moved = file.rename(file.parents[1] / "elsewhere")
    file.symlink_to(moved)


def test_a_block_that_is_left_out_is_missed(adapter: Path, base: Path) -> None:
    layers = [LAYER.replace("0", str(number)) for number in range(3)]
    for prefix in ("", "bert."):
        weights = {f"{prefix}{layer}.weight": torch.zeros(WIDTH, WIDTH) for layer in layers}
        save_file(weights, base / "model.safetensors")
        manifest = json.loads((adapter / MANIFEST).read_text("utf-8")) | {"base_sha256": base_sha256(base)}
        (adapter / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
        save_file(lora(layer=layers[0]) | lora(layer=layers[2]), adapter / TENSORS)
        with pytest.raises(ShoalError, match=r"query is in 3 blocks of the base and in 2 of the adapter"):
            check_fits(adapter, base)
        save_file(
            {name: each for layer in layers for name, each in lora(layer=layer).items()}, adapter / TENSORS
        )
        check_fits(adapter, base)


def test_weights_that_are_no_fractions_are_refused(adapter: Path, base: Path) -> None:
    save_file({name: tensor.to(torch.int8) for name, tensor in lora().items()}, adapter / TENSORS)
    with pytest.raises(ShoalError, match=r"is of type torch.int8. Expected floating point numbers"):
        admit(adapter, base)


def test_a_temperature_that_is_no_number_is_refused(adapter: Path, base: Path) -> None:
    text = (adapter / MANIFEST).read_text("utf-8").replace('"calibration":{}', '"calibration":{"intent":NaN}')
    (adapter / MANIFEST).write_text(text, encoding="utf-8")
    with pytest.raises(ShoalError, match=r"manifest.json is wrong at calibration.intent"):
        check_fits(adapter, base)


@pytest.mark.parametrize(
    ("tensors", "described", "reason"),
    [
        ({}, None, "'heads'"),
        ({"intent.query": torch.zeros(WIDTH)}, "[]", ""),
        ({"intent.cases.weight": torch.zeros(2, WIDTH)}, '[{"field": "intent", "cases": ["a", "b"]}]', ""),
        (
            {"intent.cases.weight": torch.zeros(2, WIDTH), "evil": torch.zeros(1)},
            '[{"field": "intent", "cases": ["a", "b"], "temperature": 1.0}]',
            "",
        ),
    ],
    ids=["nothing described", "no heads", "no temperature", "other tensors"],
)
def test_heads_that_are_not_what_they_say_are_refused(
    adapter: Path, base: Path, tensors: dict[str, torch.Tensor], described: str | None, reason: str
) -> None:
    metadata = {"heads": described} if described else None
    save_file(tensors, adapter / "heads.safetensors", metadata=metadata)
    with pytest.raises(
        ShoalError, match=f"heads.safetensors does not hold the heads it describes: .*{reason}"
    ):
        admit(adapter, base)


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
