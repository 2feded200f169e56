"""Many runs, carried by one process after another, each killed at a moment that chance chooses.

After each kill the journal is read as it lies there. What it has then is never done again and never lost, and
whatever may have acted without a result is told of as uncertain by a later process.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from shoal.journal import RunRow
from tests.storms import worker
from tests.storms.fleet import World
from tests.storms.nursery import Child, Nursery

Wanted = tuple[str, str, int]
"""Graph, name and width of a run."""
_RECORDED = "SELECT run, path, kind FROM {nodes}"
_INPUTS = """
SELECT id, coalesce(data, inputs) FROM {runs} LEFT JOIN {blobs} ON 'sha256:' || sha256 = inputs"""
_OPEN = {"intent", "unknown"}
_FINISHED = {"done", "fallback", "answered", "skipped"}
_NUM_LINES = {"chain": 10, "braid": 12, "loop": 12, "nested": 8, "person": 5, "points": 16}
"""Of work in a run of a graph; maps have as many as they are wide."""
_WORK = ("step ", "count ", "send ", "pay ", "sort ")


@dataclass
class Storm:
    """The runs of one storm, and what is known of them so far."""

    place: str
    world: World
    nursery: Nursery
    wanted: list[Wanted]
    seed: int
    recorded: set[str] = field(default_factory=set)
    """Work that has a result in the journal, as the world's log tells of it."""
    uncertain: set[str] = field(default_factory=set)
    """Work that had an intent and no result when a process was killed."""
    _num_read: int = 0
    """Characters of the world's log."""
    num_kills: int = 0
    seconds: float = 0.0

    def rage(self, num_kills: int) -> None:
        """Kill so many processes, then let one come to the end."""
        begin, chance = time.monotonic(), random.Random(self.seed)
        num_lines = sum(_NUM_LINES.get(graph, width) for graph, _, width in self.wanted)
        for _ in range(num_kills):
            # Some are killed while they start, most when some work was done.
            share = chance.choice((0.0, chance.random() * 2))
            if not self._kill_one(int(share * num_lines / num_kills), chance.uniform(0.0, 0.02)):
                break
        assert self._start().wait().code == 0
        self.look()
        self.seconds = time.monotonic() - begin

    def _start(self) -> Child:
        wanted = self.world.log.with_name("wanted.json")
        wanted.write_text(json.dumps(self.wanted), "utf-8")
        return self.nursery.start([self.place, str(self.world.log), str(wanted)])

    def _kill_one(self, num_lines: int, patience_s: float) -> bool:
        """Kill a process after some work, or some time; False if it came to its end."""
        size = self._size()
        child = self._start()
        deadline = time.monotonic() + (30 if num_lines else patience_s)
        while not child.is_over() and time.monotonic() < deadline:
            if num_lines and self._size() - size > num_lines * 25:
                break
            time.sleep(0.0005)
        child.kill()
        ended = child.wait()
        if ended.code == 0:
            return False
        assert ended.code == -9, ended.stderr
        self.num_kills += 1
        self.look()
        return True

    def _size(self) -> int:
        return self.world.log.stat().st_size if self.world.log.exists() else 0

    def look(self) -> None:
        """Read the journal as it lies there, and hold it against what was known."""
        again = self.recorded & {line.partition(" ")[2] for line in self._new_lines()}
        assert not again, f"recorded, and done again: {[*again][:5]}"
        rows, inputs = self._read_journal()
        names = {run: json.loads(given)["name"] for run, given in inputs}
        done = {_work(run, path, names[run]) for run, path, kind in rows if kind in _FINISHED}
        assert self.recorded <= done, f"recorded, and lost: {[*self.recorded - done][:5]}"
        self.recorded = done
        self.uncertain |= {f"{run}:{path}" for run, path, kind in rows if kind in _OPEN}

    def _new_lines(self) -> list[str]:
        """What was done since the last look."""
        if not self.world.log.exists():
            return []
        with self.world.log.open(encoding="utf-8") as log:
            log.seek(self._num_read)
            text = log.read()
        self._num_read += len(text)
        return [line for line in text.splitlines() if line.startswith(_WORK)]

    def _read_journal(self) -> tuple[list[Any], list[Any]]:
        if self.place.startswith("postgresql:"):
            return asyncio.run(_ask_server(self.place))
        file = Path(self.place)
        # From a copy: whoever closes the file last would tidy it up.
        with tempfile.TemporaryDirectory(dir=file.parent) as folder:
            for part in ("", "-wal"):
                if (found := file.with_name(file.name + part)).exists():
                    shutil.copy(found, folder)
            return _read_file(Path(folder) / file.name)

    def check(self, outputs: dict[str, Any]) -> None:
        """All runs are done and gave what they give without a storm; nothing was doubled or kept quiet."""
        told = {run.inputs.get("name"): run for run in asyncio.run(self.runs())}
        for graph, name, _ in self.wanted:
            assert (told[name].status, told[name].output) == ("done", outputs[graph])
        assert len(told) == len(self.wanted)
        assert {*self.world.counts("pay").values()} <= {1}, "a payment was made twice"
        reported = self.world.counts("uncertain").keys()
        assert self.uncertain <= reported, f"never told of: {[*self.uncertain - reported][:5]}"

    async def runs(self) -> Sequence[RunRow]:
        """All runs in the journal."""
        journal = await worker.open_journal(self.place)
        try:
            return await journal.runs(1_000_000)
        finally:
            await journal.close()


def _work(run: str, path: str, name: str) -> str:
    """What a piece of work is called in the world's log."""
    return f"{name} sort" if path == "sort" else f"{run}:{path}"


def _read_file(file: Path) -> tuple[list[Any], list[Any]]:
    if not file.exists():
        return [], []  # killed before it made one
    db = sqlite3.connect(file)
    tables = {name: name for name in ("nodes", "runs", "blobs")}
    try:
        rows, inputs = (db.execute(query.format(**tables)).fetchall() for query in (_RECORDED, _INPUTS))
        return rows, inputs
    except sqlite3.OperationalError as error:
        assert "no such table" in str(error)
        return [], []
    finally:
        db.close()


async def _ask_server(url: str) -> tuple[list[Any], list[Any]]:
    connection = await asyncpg.connect(url)
    tables = {name: f"shoal.{name}" for name in ("nodes", "runs", "blobs")}
    try:
        rows, inputs = [await connection.fetch(query.format(**tables)) for query in (_RECORDED, _INPUTS)]
        return rows, inputs
    except asyncpg.UndefinedTableError:
        return [], []
    finally:
        await connection.close()


def fleet_of(num_runs: int, num_wide: int) -> list[Wanted]:
    """Runs of every shape, some of them maps of 1,000 items, spread evenly."""
    wide = {n * num_runs // num_wide for n in range(num_wide)}
    shapes = [*_NUM_LINES]
    names = ["wide" if n in wide else shapes[n % len(shapes)] for n in range(num_runs)]
    return [(name, f"{name}-{n}", 1000 if name == "wide" else 3) for n, name in enumerate(names)]


def effects_of(num_effects: int) -> list[Wanted]:
    """Runs with 25 effects that are idempotent, and 25 that act once."""
    return [("effects", f"effects-{n}", 25) for n in range(num_effects // 50)]


def outputs_of(nursery: Nursery, folder: Path) -> dict[str, Any]:
    """What a run of each shape gives without a storm."""
    wanted = fleet_of(6, 0) + fleet_of(1, 1)
    calm = Storm(str(folder / "calm.db"), World(folder / "calm"), nursery, wanted, 0)
    calm.rage(0)
    return {run.graph: run.output for run in asyncio.run(calm.runs())}


def empty(url: str) -> str:
    """The url of a database, without a journal now."""

    async def drop() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute("DROP SCHEMA IF EXISTS shoal CASCADE")
        await connection.close()

    asyncio.run(drop())
    return url
