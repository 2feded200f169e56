"""Data sets in the store: .shoal/datasets/<agent>/<sha12>/, named by the content of their rows.

    train.jsonl  dev.jsonl  heldout.jsonl    rows
    replay.jsonl                             rows of other agents, where the flow mixes some in
    rejects.jsonl                            what was dropped, with the filter and the reason
    card.json                                written last: without it, it is no data set

What a flow dropped that made no data set is in .shoal/datasets/<agent>/attempt/, until the next one.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoal.datasets.rows import Row, row_of
from shoal.errors import ShoalError
from shoal.workspace.store import Store, write_atomic

CARD = "card.json"
PARTS = ("train", "dev", "heldout")
ATTEMPT = "attempt"
_SHORT = 12
_MAX_LISTED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """A finished data set."""

    agent: str
    sha: str
    """Twelve digits of the hash of its rows: its name."""
    folder: Path
    card: Mapping[str, Any]

    def rows(self, part: str) -> Iterator[Row]:
        """The rows of a part, in order; none where the part is not there."""
        yield from map(row_of, lines_of(self.folder / f"{part}.jsonl"))

    def rejects(self) -> Iterator[dict[str, Any]]:
        """What was dropped."""
        return lines_of(self.folder / "rejects.jsonl")


def lines_of(file: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSON Lines file, none where it is not there."""
    if not file.is_file():
        return
    with file.open(encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)


def write_lines(file: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    """Write a JSON Lines file."""
    with file.open("w", encoding="utf-8") as stream:
        for line in lines:
            stream.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")


class DataSets:
    """The data sets of a workspace."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(
        self,
        agent: str,
        parts: Mapping[str, Iterable[Row]],
        rejects: Iterable[Mapping[str, Any]],
        card: Mapping[str, Any],
    ) -> DataSet:
        """Write a data set under a temporary name, name it by its content, and write its card last."""
        home = self._store.datasets(agent)
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home, prefix=".new-") as scratch:
            folder = Path(scratch) / "made"
            folder.mkdir()
            for part, rows in parts.items():
                write_lines(folder / f"{part}.jsonl", (row.as_json() for row in rows))
            hashes = {file.name: _sha256(file) for file in sorted(folder.glob("*.jsonl"))}
            sha = hashlib.sha256(json.dumps(hashes).encode()).hexdigest()[:_SHORT]
            write_lines(folder / "rejects.jsonl", rejects)
            target = home / sha
            if not target.is_dir():
                folder.rename(target)
            else:
                write_atomic(target / "rejects.jsonl", (folder / "rejects.jsonl").read_bytes())
        whole = {"agent": agent, "dataset": sha, "sha256": hashes, **card}
        write_atomic(target / CARD, (json.dumps(whole, indent=1, ensure_ascii=False) + "\n").encode())
        shutil.rmtree(home / ATTEMPT, ignore_errors=True)
        return DataSet(agent=agent, sha=sha, folder=target, card=whole)

    def keep_attempt(self, agent: str, rejects: Iterable[Mapping[str, Any]], card: Mapping[str, Any]) -> Path:
        """Keep what a flow dropped that made no data set."""
        folder = self._store.datasets(agent) / ATTEMPT
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        write_lines(folder / "rejects.jsonl", rejects)
        whole = {"agent": agent, "dataset": None, **card}
        write_atomic(folder / CARD, (json.dumps(whole, indent=1, ensure_ascii=False) + "\n").encode())
        return folder

    def attempt(self, agent: str) -> DataSet | None:
        """The rejects of the last flow, where it made no data set."""
        return self._read(self._store.datasets(agent) / ATTEMPT, agent)

    def all(self, agent: str) -> list[DataSet]:
        """The data sets of an agent, newest first."""
        folders = self._store.datasets(agent).glob("[0-9a-f]" * _SHORT)
        found = [made for folder in folders if (made := self._read(folder, agent))]
        return sorted(found, key=lambda each: (str(each.card.get("made", "")), each.sha), reverse=True)

    def get(self, agent: str, sha: str = "latest") -> DataSet:
        """The data set with a name, or the newest.

        Raises:
            ShoalError: there is none.
        """
        known = self.all(agent)
        if not known:
            raise ShoalError(f"agent '{agent}' has no data set. Make one: agentctl agent data {agent}")
        if sha == "latest":
            return known[0]
        matching = [each for each in known if each.sha.startswith(sha)]
        if len(matching) != 1:
            names = ", ".join(each.sha for each in known[:_MAX_LISTED])
            what = "is no data set" if not matching else "stands for several data sets"
            raise ShoalError(f"'{sha}' {what} of agent '{agent}'. The newest: {names}")
        return matching[0]

    def prune(self, agent: str, keep: int) -> list[str]:
        """Remove all but the newest data sets of an agent; the names of those that are gone."""
        gone = self.all(agent)[keep:]
        for each in gone:
            (each.folder / CARD).unlink()
            shutil.rmtree(each.folder)
        return [each.sha for each in gone]

    def _read(self, folder: Path, agent: str) -> DataSet | None:
        try:
            card = json.loads((folder / CARD).read_bytes())
        except (OSError, ValueError):
            return None
        return DataSet(agent=agent, sha=folder.name, folder=folder, card=card)


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
