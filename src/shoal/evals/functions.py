"""Python functions that suites name: `file.py:function`, beside the suite."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shoal.errors import ShoalError, suggest
from shoal.graphs.tool_files import ToolFiles


def function_fault(folder: Path, reference: str) -> str | None:
    """Why a reference leads to no function, or None; nothing is imported."""
    file, _, name = reference.rpartition(":")
    if not (file.endswith(".py") and name.isidentifier()):
        return f"'{reference}' does not name a function. Write file.py:function"
    path = folder / file
    if not path.is_file():
        return f"there is no file {file} beside the suite. Create it, or mend the path"
    try:
        tree = ast.parse(path.read_bytes())
    except SyntaxError as err:
        return f"{file} is not Python: {err.msg} (line {err.lineno})"
    known = [each.name for each in tree.body if isinstance(each, ast.FunctionDef)]
    return None if name in known else f"{file} has no function '{name}'. {suggest(name, known)}"


def load_function(folder: Path, reference: str) -> Callable[..., Any]:
    """The function of a reference that was checked. Raises ShoalError where its file cannot be imported."""
    file, _, name = reference.rpartition(":")
    try:
        found: Callable[..., Any] = getattr(ToolFiles().load((folder / file).resolve()), name)
    except (Exception, SystemExit) as err:
        raise ShoalError(f"importing {file} failed: {type(err).__name__}: {err}") from err
    return found


def function_sha256(folder: Path, reference: str) -> str:
    """Of the source of a reference's file, and of the neighbours that it imports."""
    return ToolFiles().digest((folder / reference.rpartition(":")[0]).resolve())
