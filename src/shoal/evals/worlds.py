"""A world for each case: copies of the databases that tools find by environment variables.

While a case is under way, `os.environ` and `os.getenv` give its tools the path of its own copy, also in
threads; cases run side by side all the same. A tool must ask when it is called, and of the module `os`: what
`from os import environ` took at import, and programs that a tool starts, see the variables of the process.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from shoal.errors import ShoalError
from shoal.evals.databases import changes_between
from shoal.evals.functions import load_function
from shoal.evals.outcomes import Change
from shoal.evals.suite import WorldEntry

_VARIABLES: ContextVar[Mapping[str, str]] = ContextVar("variables of a case", default={})  # noqa: B039
_COUNTER = slice(24, 28)
"""Of the header of a SQLite file: SQLite counts up here whenever it writes."""


class _Environment(MutableMapping[str, str]):
    """The environment of the process, with the variables of the case that asks."""

    def __init__(self, process: MutableMapping[str, str]) -> None:
        self._process = process

    def __getitem__(self, name: str) -> str:
        own = _VARIABLES.get()
        return own[name] if name in own else self._process[name]

    def __setitem__(self, name: str, value: str) -> None:
        self._process[name] = value

    def __delitem__(self, name: str) -> None:
        del self._process[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._process, **_VARIABLES.get()})

    def __len__(self) -> int:
        return len({**self._process, **_VARIABLES.get()})

    def copy(self) -> dict[str, str]:
        """As that of the process has it."""
        return dict(self)


@contextmanager
def own_variables() -> Iterator[None]:
    """Let cases have variables of their own inside."""
    process = os.environ
    os.environ = _Environment(process)  # type: ignore[assignment]  # noqa: B003 (nothing is to be cleared)
    try:
        yield
    finally:
        os.environ = process  # noqa: B003


@dataclass(slots=True)
class World:
    """The databases of one case, by variable."""

    files: Mapping[str, Path]
    changes: list[Change]
    """What the case changed, known at its end."""


class Worlds:
    """Makes worlds for cases, with files in a folder of its own.

    Raises:
        ShoalError: a database cannot be made.
    """

    def __init__(self, entries: Mapping[str, WorldEntry], suite_folder: Path, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._pristine = {
            variable: _make(variable, entry, suite_folder, folder) for variable, entry in entries.items()
        }
        self._num_made = 0
        contents = [file.read_bytes() for file in self._pristine.values()]
        self.sha256 = hashlib.sha256(b"".join([*map(str.encode, entries), *contents])).hexdigest()

    @contextmanager
    def world(self) -> Iterator[World]:
        """A world that tools find while a case is under way; its changes are known afterwards."""
        self._num_made += 1
        folder = self._folder / str(self._num_made)
        folder.mkdir()
        try:
            files = {variable: folder / f"{variable}.db" for variable in self._pristine}
            for variable, file in files.items():
                shutil.copyfile(self._pristine[variable], file)
            made = World(files, [])
            token = _VARIABLES.set({variable: str(file) for variable, file in files.items()})
            try:
                yield made
            finally:
                _VARIABLES.reset(token)
            for variable, file in files.items():
                if _is_written(self._pristine[variable], file):
                    made.changes += changes_between(self._pristine[variable], file)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _make(variable: str, entry: WorldEntry, suite_folder: Path, folder: Path) -> Path:
    file = folder / f"{variable}.db"
    file.unlink(missing_ok=True)
    if entry.sqlite is not None:
        shutil.copyfile(suite_folder / entry.sqlite, file)
        return file
    assert entry.python is not None, "exactly one is named"
    make = load_function(suite_folder, entry.python)
    try:
        make(file)
        sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True).close()
    except Exception as error:
        raise ShoalError(
            f"{entry.python} made no database for {variable}: {type(error).__name__}: {error}"
        ) from error
    return file


def _is_written(before: Path, after: Path) -> bool:
    """Whether SQLite wrote to a copy: it counts up in the header, or keeps a log beside the file."""
    if after.with_name(f"{after.name}-wal").exists():
        return True
    with before.open("rb") as one, after.open("rb") as other:
        return one.read(_COUNTER.stop)[_COUNTER] != other.read(_COUNTER.stop)[_COUNTER]
