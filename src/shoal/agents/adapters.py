"""Admission: which adapter folders may be loaded onto a base.

An adapter is a LoRA in peft's format, with heads.safetensors beside it on encoders and a manifest:

    adapter_config.json   adapter_model.safetensors   heads.safetensors   manifest.json

`admit` is asked before an adapter enters the store, `check_fits` before it is loaded; what the store holds
is named by its content, so finite weights need no second look. Model servers accept NaN weights and
adapters of another base; we do not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shoal.agents.bases import WEIGHTS, base_sha256
from shoal.errors import MissingExtra, ShoalError

CONFIG = "adapter_config.json"
TENSORS = "adapter_model.safetensors"
HEADS = "heads.safetensors"
MANIFEST = "manifest.json"
MAX_RANK = 64

_LORA_NAME = re.compile(r"base_model\.model\.(?P<module>.+)\.lora_(?P<side>[AB])\.weight\Z")
_PLAIN = {
    "peft_type": "LORA",
    "auto_mapping": None,
    "bias": "none",
    "modules_to_save": None,
    "use_dora": False,
}
"""What adapter_config.json must say: plain LoRA, and no code to be imported (`auto_mapping`)."""


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
    calibration: dict[str, float] = Field(description="Temperature of each decided field.")
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
    """Look at everything: names, shapes, hash of the base, and every single weight.

    Raises:
        ShoalError: the first thing that is wrong.
    """
    check_fits(folder, base_folder)
    try:
        import torch
        from safetensors import safe_open
    except ImportError as err:
        raise MissingExtra("looking into adapters", "embedded") from err
    for file in (folder / TENSORS, folder / HEADS):
        if file.exists():
            with safe_open(file, framework="pt") as tensors:
                for name in tensors.keys():  # noqa: SIM118 (no mapping)
                    if not bool(torch.isfinite(tensors.get_tensor(name)).all()):
                        raise ShoalError(
                            f"adapter {folder}: {name} in {file.name} holds NaN or infinite weights"
                        )


def check_fits(folder: Path, base_folder: Path) -> None:
    """Look at names, shapes and the base's hash; reads headers only.

    Raises:
        ShoalError: the first thing that is wrong.
    """
    _check_files(folder)
    rank = _check_config(folder)
    manifest = read_manifest(folder)
    if manifest.base_sha256 != base_sha256(base_folder):
        raise ShoalError(
            f"adapter {folder} was trained on other weights than {base_folder} holds. Train it again with: "
            f"agentctl finetune finetune/{manifest.agent}.yaml"
        )
    _check_shapes(folder, _shapes(folder / TENSORS), rank, base_folder)


def _check_files(folder: Path) -> None:
    if not folder.is_dir():
        raise ShoalError(f"adapter {folder} is not there. Train it, or bring the store's folder along")
    allowed = {CONFIG, TENSORS, HEADS, MANIFEST}
    for file in sorted(folder.rglob("*")):
        if file.relative_to(folder).as_posix() not in allowed:
            raise ShoalError(
                f"adapter {folder} holds {file.name}. Expected nothing but {', '.join(sorted(allowed))}"
            )
    for name in (CONFIG, TENSORS):
        if not (folder / name).is_file():
            raise ShoalError(f"adapter {folder} has no {name}")


def _check_config(folder: Path) -> int:
    try:
        config = json.loads((folder / CONFIG).read_bytes())
    except ValueError as err:
        raise ShoalError(f"adapter {folder}: {CONFIG} is not JSON: {err}") from err
    for key, wanted in _PLAIN.items():
        if (config.get(key) or None) != (wanted or None):
            raise ShoalError(
                f"adapter {folder}: {CONFIG} says {key}: {config[key]!r}. Expected {wanted!r}, a plain LoRA"
            )
    rank = config.get("r")
    if not isinstance(rank, int) or not 1 <= rank <= MAX_RANK:
        raise ShoalError(f"adapter {folder}: {CONFIG} says rank {rank!r}. Expected 1 to {MAX_RANK}")
    return rank


def _check_shapes(folder: Path, shapes: Mapping[str, tuple[int, ...]], rank: int, base_folder: Path) -> None:
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
            end = max(
                (each["data_offsets"][1] for name, each in header.items() if name != "__metadata__"),
                default=0,
            )
            if 8 + size + end != file.stat().st_size:
                raise ValueError("it was cut off or added to")
            return {name: tuple(each["shape"]) for name, each in header.items() if name != "__metadata__"}
    except (ValueError, KeyError, TypeError, AttributeError) as err:
        raise ShoalError(f"{file} is not a safetensors file: {err}") from err
