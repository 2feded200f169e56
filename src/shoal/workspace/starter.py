"""The files of a new workspace: the folders of every workspace, and one small graph that runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from shoal.errors import ShoalError

TEMPLATES = Path(__file__).parents[1] / "_templates" / "workspace"
_NAMES = {"gitignore": ".gitignore"}
"""Templates that have another name here, where their own would mean something."""


def starter_files() -> dict[str, bytes]:
    """The files by their paths in the workspace."""
    files = sorted(
        path for path in TEMPLATES.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    )
    inside = {path.relative_to(TEMPLATES).as_posix(): path for path in files}
    return {_NAMES.get(name, name): path.read_bytes() for name, path in inside.items()}


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files where none of them is.

    Raises:
        ShoalError: one is there; nothing was written then.
    """
    there = [name for name in files if (folder / name).exists() or (folder / name).is_symlink()]
    if there:
        named = ", ".join(there[:5]) + (f" and {len(there) - 5} more" if len(there) > 5 else "")
        raise ShoalError(
            f"{folder.resolve()} has {named} already. Nothing was written; choose another folder"
        )
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with (folder / name).open("xb") as file:  # what came meanwhile is not overwritten either
            file.write(content)
