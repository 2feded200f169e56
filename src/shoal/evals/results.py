"""Results of evaluations, each a folder of the store.

    .shoal/evals/<run>/suite.json      what was asked of whom; written first
    .shoal/evals/<run>/cases.jsonl     one line a case and repeat, as it is answered
    .shoal/evals/<run>/runs.jsonl      one line a run of a graph: its rows, as a journal would have them
    .shoal/evals/<run>/summary.json    figures and verdict; written last: with it the evaluation is finished

An evaluation that was killed is gone on with by the next one that asks the same: what has a line is not asked
again.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoal.errors import ShoalError, suggest
from shoal.evals.outcomes import row_from_json, row_to_json
from shoal.journal.journal import NodeRow
from shoal.journal.owners import Owners
from shoal.runs.runner import new_run_id
from shoal.workspace.store import Store, write_atomic

_FSYNC_EVERY_S = 1.0
_BLOCK = 65536


class ResultNotFound(ShoalError):
    """No evaluation has this name."""


@dataclass(frozen=True, slots=True)
class Result:
    """The folder of one evaluation."""

    folder: Path

    @property
    def id(self) -> str:
        """Names the evaluation."""
        return self.folder.name

    @property
    def cases(self) -> Path:
        """One line a case and repeat."""
        return self.folder / "cases.jsonl"

    @property
    def runs(self) -> Path:
        """The runs of a graph."""
        return self.folder / "runs.jsonl"

    @property
    def is_finished(self) -> bool:
        """Whether everything was asked."""
        return (self.folder / "summary.json").is_file()

    @property
    def is_alive(self) -> bool:
        """Whether a process works on it."""
        return any(Owners(self.folder / "locks").living())

    def about(self) -> dict[str, Any]:
        """What was asked of whom."""
        return _read_json(self.folder / "suite.json")

    def summary(self) -> dict[str, Any]:
        """Figures and verdict. Raises ShoalError while there are none."""
        if not self.is_finished:
            raise ShoalError(
                f"evaluation {self.id} is not finished. Go on with it: "
                f"`agentctl eval run {self.about()['suite']}`"
            )
        return _read_json(self.folder / "summary.json")

    def lines(self) -> Iterator[dict[str, Any]]:
        """Cases and repeats, in the order of the suite once it is finished."""
        with self.cases.open(encoding="utf-8") as stream:
            for line in stream:
                if line.endswith("\n"):  # else it was torn by a kill
                    yield json.loads(line)

    def rows(self, runs: Collection[str]) -> dict[str, list[NodeRow]]:
        """The rows of these runs, of those that are there."""
        found: dict[str, list[NodeRow]] = {}
        if not self.runs.is_file():
            return found
        with self.runs.open(encoding="utf-8") as stream:
            for line in stream:
                run = line[_RUN_AT : line.find('"', _RUN_AT)]
                if run in runs and line.endswith("\n"):
                    found[run] = [row_from_json(row) for row in json.loads(line)["rows"]]
        return found


_RUN_AT = len('{"run":"')


def results(root: Path) -> list[Result]:
    """All evaluations of a workspace, the newest first."""
    folder = Store(root).folder / "evals"
    found = [Result(each) for each in folder.glob("*") if (each / "suite.json").is_file()]
    return sorted(found, key=lambda result: (result.about()["created"], result.id), reverse=True)


def find_result(root: Path, name: str, *, finished: bool = True) -> Result:
    """An evaluation by its id, `last`, or the name of a suite for the last one of that.

    Raises:
        ResultNotFound: there is none.
    """
    known = results(root)
    for result in known:
        if result.id == name:
            return result
    for result in known:
        if name in {"last", result.about()["suite"]} and (result.is_finished or not finished):
            return result
    hint = suggest(name, [result.id for result in known]) if known else "Make one: agentctl eval run SUITE"
    raise ResultNotFound(f"there is no evaluation '{name}'. {hint}")


class Recorder:
    """Writes the results of one evaluation; nobody else does while it is open."""

    def __init__(self, result: Result) -> None:
        self.result = result
        self._owners = Owners(result.folder / "locks")
        self._owners.hold()
        _cut_torn_line(result.cases)
        lines = result.lines() if result.cases.exists() else ()
        self.done = {(line["id"], line["repeat"]) for line in lines}
        """Cases and repeats that have a line."""
        self._cases = _appending(result.cases)
        self._runs: int | None = None
        self._synced = time.monotonic()

    def append(self, line: Mapping[str, Any], rows: Sequence[NodeRow] = ()) -> None:
        """Add the line of a case; it survives a kill -9 at once, and a power cut a second later."""
        if rows:
            if self._runs is None:
                _cut_torn_line(self.result.runs)
                self._runs = _appending(self.result.runs)
            _write_line(self._runs, {"run": line["run"], "rows": [row_to_json(row) for row in rows]})
        _write_line(self._cases, line)
        self.done.add((line["id"], line["repeat"]))
        if (now := time.monotonic()) - self._synced > _FSYNC_EVERY_S:
            self._sync()
            self._synced = now

    def _sync(self) -> None:
        for stream in (self._runs, self._cases):
            if stream is not None:
                os.fsync(stream)

    def sort(self, order: Mapping[str, int]) -> None:
        """Bring the lines into the order of the suite."""
        self._sync()
        places: list[tuple[int, int, int, int]] = []
        with self.result.cases.open("rb") as stream:
            start = 0
            for line in stream:
                case = json.loads(line)
                places.append((order[case["id"]], case["repeat"], start, len(line)))
                start += len(line)
            scratch = self.result.folder / "cases.new"
            with scratch.open("wb") as made:
                for *_, at, length in sorted(places):
                    stream.seek(at)
                    made.write(stream.read(length))
                os.fsync(made.fileno())
        scratch.replace(self.result.cases)

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Write figures and verdict, the last thing that is written."""
        write_atomic(self.result.folder / "summary.json", _pretty(summary))

    def close(self) -> None:
        """Let go of the folder."""
        for stream in (self._runs, self._cases):
            if stream is not None:
                os.close(stream)
        self._owners.close()
        shutil.rmtree(self.result.folder / "locks", ignore_errors=True)


def record(root: Path, about: Mapping[str, Any], *, is_fresh: bool) -> Recorder:
    """A recorder for a new evaluation, or, unless it is to be fresh, for one that was broken off.

    `about` holds `spec`, which two evaluations have in common only if they ask the same of the same.
    """
    for result in () if is_fresh else results(root):
        if not result.is_finished and result.about()["spec"] == about["spec"] and not result.is_alive:
            return Recorder(result)
    folder = Store(root).folder / "evals"
    while True:
        made = Result(folder / new_run_id(time.time()))
        try:
            made.folder.mkdir(parents=True)
        except FileExistsError:
            continue
        recorder = Recorder(made)
        write_atomic(made.folder / "suite.json", _pretty(about))
        return recorder


def _cut_torn_line(file: Path) -> None:
    """Remove what a kill left of a line."""
    if not file.exists():
        return
    with file.open("rb+") as stream:
        end = stream.seek(0, os.SEEK_END)
        while end:
            begin = max(0, end - _BLOCK)
            stream.seek(begin)
            at = stream.read(end - begin).rfind(b"\n")
            end = begin + at + 1 if at >= 0 else begin
            if at >= 0:
                break
        stream.truncate(end)


def _appending(file: Path) -> int:
    return os.open(file, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)


def _write_line(stream: int, data: Mapping[str, Any]) -> None:
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    os.write(stream, f"{text}\n".encode())


def _pretty(data: Mapping[str, Any]) -> bytes:
    return (json.dumps(data, ensure_ascii=False, allow_nan=False, indent=1) + "\n").encode()


def _read_json(file: Path) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ShoalError(f"{file} cannot be read: {error}. Remove the folder, or restore the file") from error
    return data
