"""Admission: which adapter folders may be loaded onto a base.

An adapter is a LoRA in peft's format, with heads.safetensors beside it on encoders and a manifest:

    adapter_config.json   adapter_model.safetensors   heads.safetensors   manifest.json

`admit` is asked before an adapter enters the store, `check_fits` before it is loaded; what the store holds
is named by its content, so finite weights need no second look. Model servers accept NaN weights and
adapters of another base; we do not.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shoal.agents.bases import WEIGHTS, base_sha256
from shoal.errors import MissingExtra, ShoalError

CONFIG = "adapter_config.json"
TENSORS = "adapter_model.safetensors"
HEADS = "heads.safetensors"
MANIFEST = "manifest.json"
MAX_RANK = 64

_LORA_NAME = re.compile(r"base_model\.model\.(?P<module>.+)\.lora_(?P<side>[AB])\.weight\Z")
_NUMBER = re.compile(r"(?<=\.)\d+(?=\.)")
_MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*\Z")
_DTYPES = ("F16", "BF16", "F32")
_OPEN = frozenset(
    [
        "base_model_name_or_path",
        "fan_in_fan_out",
        "inference_mode",
        "init_lora_weights",
        "lora_alpha",
        "lora_dropout",
        "megatron_core",
        "peft_type",
        "peft_version",
        "qalora_group_size",
        "r",
        "target_modules",
        "task_type",
    ]
)
"""Keys of adapter_config.json that may say something; what they may say is looked at where it matters.

Every other key must be off, as it is in a plain LoRA: among them are those that have code imported
(`auto_mapping`), bring other weights (`modules_to_save`, `lora_bias`) or compute in another way (`use_dora`,
`use_rslora`, `layer_replication`)."""
_OFF: tuple[object, ...] = (None, False, "none", [], {})


Temperature = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Manifest(BaseModel):
    """Where an adapter comes from: written last, so that a folder with a manifest is whole."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    agent: str
    base: str = Field(description="What agents.yaml called the model.")
    base_sha256: str = Field(description="The weights it was trained on, and fits only.")
    recipe: dict[str, Any] = Field(description="The whole recipe, defaults included.")
    seed: int
    examples: dict[str, int] = Field(
        description="How many examples there were, and how many were dropped and why."
    )
    figures: dict[str, float] = Field(description="Measured on the held-out part.")
    calibration: dict[str, Temperature] = Field(description="Temperature of each decided field.")
    made_with: dict[str, str] = Field(description="Versions of the libraries.")


def read_manifest(folder: Path) -> Manifest:
    """Read an adapter's manifest.

    Raises:
        ShoalError: there is none, or it is not one.
    """
    try:
        return Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except FileNotFoundError as err:
        raise ShoalError(
            f"adapter {folder} has no {MANIFEST}, so its training did not finish. Train it again"
        ) from err
    except ValidationError as err:
        first = err.errors()[0]
        place = ".".join(map(str, first["loc"])) or "it"
        raise ShoalError(f"adapter {folder}: {MANIFEST} is wrong at {place}: {first['msg']}") from err


def admit(folder: Path, base_folder: Path) -> None:
    """Look at everything: names, shapes, hash of the base, heads, and every single weight.

    Raises:
        ShoalError: the first thing that is wrong.
    """
    check_fits(folder, base_folder)
    try:
        from safetensors import safe_open

        from shoal.agents.embedded.heads import load_heads
    except ImportError as err:
        raise MissingExtra("looking into adapters", "embedded") from err
    for file in (folder / TENSORS, folder / HEADS):
        if file.exists():
            with safe_open(file, framework="pt") as tensors:
                for name in tensors.keys():  # noqa: SIM118 (no mapping)
                    _check_weights(f"adapter {folder}: {name} in {file.name}", tensors.get_tensor(name))
    if (folder / HEADS).exists():
        _check_heads(folder, load_heads)


def _check_weights(what: str, weights: Any) -> None:
    if not weights.is_floating_point():
        raise ShoalError(f"{what} is of type {weights.dtype}. Expected floating point numbers")
    if not bool(weights.isfinite().all()):
        raise ShoalError(f"{what} holds NaN or infinite weights")


def _check_heads(folder: Path, load: Callable[[Path], object]) -> None:
    try:
        load(folder)
    except (KeyError, ValueError, TypeError, AttributeError, RuntimeError, StopIteration) as err:
        reason = str(err).splitlines()[0] if str(err) else type(err).__name__
        raise ShoalError(f"adapter {folder}: {HEADS} does not hold the heads it describes: {reason}") from err


def check_fits(folder: Path, base_folder: Path) -> None:
    """Look at names, shapes and the base's hash; reads headers only.

    Raises:
        ShoalError: the first thing that is wrong.
    """
    _check_files(folder)
    rank, targets = _check_config(folder)
    manifest = read_manifest(folder)
    if manifest.base_sha256 != base_sha256(base_folder):
        raise ShoalError(
            f"adapter {folder} was trained on other weights than {base_folder} holds. Train it again with: "
            f"agentctl finetune finetune/{manifest.agent}.yaml"
        )
    _check_shapes(folder, _shapes(folder / TENSORS), rank, targets, base_folder)
    if (folder / HEADS).exists():
        _shapes(folder / HEADS)


def _check_files(folder: Path) -> None:
    if not folder.is_dir():
        raise ShoalError(f"adapter {folder} is not there. Train it, or bring the store's folder along")
    allowed = {CONFIG, TENSORS, HEADS, MANIFEST}
    for file in sorted(folder.rglob("*")):
        if file.relative_to(folder).as_posix() not in allowed or file.is_symlink():
            raise ShoalError(
                f"adapter {folder} holds {file.name}. Expected nothing but {', '.join(sorted(allowed))}"
            )
    for name in (CONFIG, TENSORS):
        if not (folder / name).is_file():
            raise ShoalError(f"adapter {folder} has no {name}")


def _check_config(folder: Path) -> tuple[int, list[str]]:
    """The rank, and the names of the layers it is on."""
    config = _read_config(folder)
    if config.get("peft_type") != "LORA":
        raise _refusal(folder, "peft_type", config.get("peft_type"), "'LORA'")
    for key, value in sorted(config.items()):
        if key not in _OPEN and value not in _OFF:
            raise _refusal(folder, key, value, "it off, as in a plain LoRA")
    rank, alpha = config.get("r"), config.get("lora_alpha")
    if not isinstance(rank, int) or isinstance(rank, bool) or not 1 <= rank <= MAX_RANK:
        raise ShoalError(f"adapter {folder}: {CONFIG} says rank {rank!r}. Expected 1 to {MAX_RANK}")
    if not isinstance(alpha, int | float) or not math.isfinite(alpha) or alpha <= 0:
        raise _refusal(folder, "lora_alpha", alpha, "a number above 0")
    targets = config.get("target_modules")
    if (
        not isinstance(targets, list)
        or not targets
        or not all(isinstance(each, str) and _MODULE.match(each) for each in targets)
    ):
        raise _refusal(folder, "target_modules", targets, "a list of names of layers")
    return rank, targets


def _read_config(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / CONFIG).read_bytes())
    except (ValueError, RecursionError) as err:
        raise ShoalError(f"adapter {folder}: {CONFIG} is not JSON: {err}") from err
    if not isinstance(config, dict):
        raise ShoalError(f"adapter {folder}: {CONFIG} is not a JSON object")
    return config


def _refusal(folder: Path, key: str, value: object, expected: str) -> ShoalError:
    return ShoalError(f"adapter {folder}: {CONFIG} says {key}: {value!r}. Expected {expected}")


def _check_shapes(
    folder: Path, shapes: Mapping[str, tuple[int, ...]], rank: int, targets: Iterable[str], base_folder: Path
) -> None:
    base = {name: shape for file in base_folder.glob(WEIGHTS) for name, shape in _shapes(file).items()}
    sides: dict[str, set[str]] = {}
    for name, shape in shapes.items():
        match = _LORA_NAME.match(name)
        if match is None:
            raise ShoalError(f"adapter {folder}: {name} is no LoRA weight")
        target = _base_shape(match["module"], base)
        if target is None:
            raise ShoalError(
                f"adapter {folder}: the base has no linear layer {match['module']}, which {name} is for"
            )
        wanted = (rank, target[1]) if match["side"] == "A" else (target[0], rank)
        if shape != wanted:
            raise ShoalError(f"adapter {folder}: {name} has the shape {list(shape)}, expected {list(wanted)}")
        sides.setdefault(match["module"], set()).add(match["side"])
    for module, found in sides.items():
        if len(found) < 2:
            raise ShoalError(f"adapter {folder}: {module} has lora_{found.pop()} only; the file is not whole")
    if not sides:
        raise ShoalError(f"adapter {folder}: {TENSORS} is empty")
    _check_all_there(folder, sides, targets, base)


def _check_all_there(
    folder: Path, modules: Iterable[str], targets: Iterable[str], base: Iterable[str]
) -> None:
    """A kind of layer that is adapted once is adapted in every block of the base, and so is each target."""
    kinds: dict[str, int] = {}
    for module in modules:
        kind = _NUMBER.sub("#", module)
        kinds[kind] = kinds.get(kind, 0) + 1
    for target in targets:
        if not any(f".{kind}".endswith(f".{_NUMBER.sub('#', target)}") for kind in kinds):
            raise ShoalError(f"adapter {folder}: {TENSORS} has nothing for {target}; the file is not whole")
    for kind, found in kinds.items():
        if found < (wanted := _count(kind, base)):
            raise ShoalError(
                f"adapter {folder}: {kind} is in {wanted} blocks of the base and in {found} of the adapter; "
                "the file is not whole"
            )


def _count(kind: str, base: Iterable[str]) -> int:
    """How many layers of a kind the base has; prefixes are as in `_base_shape`."""
    wanted = [f".{each}" for each in _names(kind)]
    found = [f".{_NUMBER.sub('#', name)}" for name in base]
    exact = sum(name == wanted[0] for name in found)
    return exact or max(sum(name.endswith(each) for name in found) for each in wanted)


def _base_shape(module: str, base: Mapping[str, tuple[int, ...]]) -> tuple[int, ...] | None:
    """The shape of a layer; checkpoints may put a prefix before the names (`bert.`) or leave one out."""
    for name in _names(module):
        if len(shape := base.get(name, ())) == 2:
            return shape
    ends = [shape for name, shape in base.items() if name.endswith(f".{module}.weight") and len(shape) == 2]
    return ends[0] if len(ends) == 1 else None


def _names(module: str) -> Iterator[str]:
    yield f"{module}.weight"
    if "." in module:
        yield f"{module.split('.', 1)[1]}.weight"


def _shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes from a safetensors header, which is JSON after its length in eight bytes."""
    try:
        with file.open("rb") as stream:
            size = int.from_bytes(stream.read(8), "little")
            if size > file.stat().st_size:
                raise ValueError("its header is longer than the file")
            header = json.loads(stream.read(size))
            described = {name: each for name, each in header.items() if name != "__metadata__"}
            end = max((each["data_offsets"][1] for each in described.values()), default=0)
            if 8 + size + end != file.stat().st_size:
                raise ValueError("it was cut off or added to")
            return {name: tuple(each["shape"]) for name, each in described.items()}
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as err:
        raise ShoalError(f"{file} is not a safetensors file of weights: {err}") from err
