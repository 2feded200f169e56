"""Finding old runs in SQLite, removing them, and giving their space back, in slices: others write in between.

A slice is one transaction, which no other writer is in. So a value that it finds unused is unused.
"""

from __future__ import annotations

import asyncio
import math
import sqlite3
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

from shoal.journal.digests import PLACE
from shoal.journal.journal import Found, RunStatus
from shoal.journal.sqlite_schema import is_place

IsAlive = Callable[[str], bool]
"""Whether an owner is."""

_SLICE_S = 0.02
"""After which a slice ends; its commit comes on top."""
_PAUSE_S = 0.03
"""Longer than a slice: who waits for the file looks every few milliseconds whether it is free."""
_RUNS_IN_A_PAGE = 1000
_ROWS_IN_A_STEP = 500
_BLOBS_IN_A_STEP = 20
_PLACES = (("nodes", "output"), ("runs", "parts"), ("runs", "inputs"), ("runs", "output"))
_SWEEP = "DELETE FROM blobs WHERE sha256 > ? AND sha256 <= ?" + "".join(
    f" AND NOT EXISTS (SELECT 1 FROM {table} WHERE {column} = '{PLACE}' || sha256 AND {is_place(column)})"
    for table, column in _PLACES
)
_NEXT_BLOBS = "SELECT max(sha256) FROM (SELECT sha256 FROM blobs WHERE sha256 > ? ORDER BY sha256 LIMIT ?)"
_PAGE = """
SELECT id, graph, status, owner, created FROM runs
WHERE (created, id) < (?, ?) ORDER BY created DESC, id DESC LIMIT ?"""


class Submit(Protocol):
    """Runs a job in a transaction of its own, or one of few."""

    def __call__(self, job: Callable[[sqlite3.Connection], Any]) -> Awaitable[Any]:
        """What the job gives."""
        ...


async def find_runs(
    submit: Submit,
    is_alive: IsAlive,
    statuses: Collection[RunStatus],
    graph: str | None,
    before: float | None,
) -> list[Found]:
    """Runs of these statuses, newest first."""
    found: list[Found] = []
    last = (math.inf if before is None else before, "")
    while page := await submit(lambda db, last=last: _page(db, is_alive, last)):  # type: ignore[misc]
        found += [each for of, each in page if each.status in statuses and graph in (None, of)]
        last = (page[-1][1].created, page[-1][1].id)
    return found


async def delete_runs(
    submit: Submit,
    is_alive: IsAlive,
    run_ids: Sequence[str],
    only: Collection[RunStatus] | None,
    tell: Callable[[int], None] | None,
) -> int:
    """Remove runs that nobody executes, rows without a run, and values without a row."""
    gone: list[str] = []
    steps: Iterator[None] | None = None

    def job(db: sqlite3.Connection) -> bool:
        nonlocal steps
        steps = steps or _removing(db, is_alive, run_ids, only, gone)
        end = time.monotonic() + _SLICE_S
        return any(time.monotonic() > end for _ in steps)  # True: something is left

    while await submit(job):
        if tell is not None:
            tell(len(gone))
        await asyncio.sleep(_PAUSE_S)
    return len(gone)


async def give_back_space(submit: Submit, file: Path, is_used: Callable[[], bool]) -> int:
    """Give free pages back to the disk; returns how many bytes."""
    before = file.stat().st_size

    def job(db: sqlite3.Connection) -> bool:
        end, num_free = time.monotonic() + _SLICE_S, _pragma(db, "freelist_count")
        for _ in range(num_free):
            db.execute("PRAGMA incremental_vacuum(1)")  # of more pages, Python's driver lets one go
            if time.monotonic() > end:
                break
        return 0 < _pragma(db, "freelist_count") < num_free

    while await submit(job):
        await asyncio.sleep(_PAUSE_S)
    await asyncio.to_thread(_shrink, file, is_used)
    return max(0, before - file.stat().st_size)


def _page(db: sqlite3.Connection, is_alive: IsAlive, last: tuple[float, str]) -> list[tuple[str, Found]]:
    rows = db.execute(_PAGE, (*last, _RUNS_IN_A_PAGE)).fetchall()
    living = {owner: is_alive(owner) for *_, owner, _ in rows if owner is not None}
    return [
        (graph, Found(run_id, _standing(status, living.get(owner, False)), created))
        for run_id, graph, status, owner, created in rows
    ]


def _standing(status: RunStatus, is_executed: bool) -> RunStatus:
    if is_executed:
        return "running"
    return "interrupted" if status == "running" else status


def _removing(
    db: sqlite3.Connection,
    is_alive: IsAlive,
    run_ids: Sequence[str],
    only: Collection[RunStatus] | None,
    gone: list[str],
) -> Iterator[None]:
    for run_id in run_ids:
        # Its rows after it: a kill in between leaves no run that lacks rows, but rows that lack a run.
        if _remove(db, is_alive, run_id, only):
            gone.append(run_id)
            yield from _removing_rows(db, run_id)
        yield
    yield from _removing_orphans(db)
    yield from _removing_blobs(db)


def _remove(
    db: sqlite3.Connection, is_alive: IsAlive, run_id: str, only: Collection[RunStatus] | None
) -> bool:
    row = db.execute("SELECT status, owner FROM runs WHERE id = ?", (run_id,)).fetchone()
    if row is None or (row[1] is not None and is_alive(row[1])):
        return False
    if only is not None and _standing(row[0], False) not in only:
        return False
    db.execute("DELETE FROM runs WHERE id = ?", (run_id,))
    return True


def _removing_rows(db: sqlite3.Connection, run_id: str) -> Iterator[None]:
    last = "SELECT path FROM nodes WHERE run = ? ORDER BY path LIMIT 1 OFFSET ?"
    while row := db.execute(last, (run_id, _ROWS_IN_A_STEP)).fetchone():
        db.execute("DELETE FROM nodes WHERE run = ? AND path <= ?", (run_id, row[0]))
        yield
    db.execute("DELETE FROM nodes WHERE run = ?", (run_id,))


def _removing_orphans(db: sqlite3.Connection) -> Iterator[None]:
    run_id = ""
    following = "SELECT run FROM nodes WHERE run > ? ORDER BY run LIMIT 1"
    while row := db.execute(following, (run_id,)).fetchone():
        (run_id,) = row
        if db.execute("SELECT 1 FROM runs WHERE id = ?", (run_id,)).fetchone() is None:
            yield from _removing_rows(db, run_id)
        yield


def _removing_blobs(db: sqlite3.Connection) -> Iterator[None]:
    after = ""
    while (last := db.execute(_NEXT_BLOBS, (after, _BLOBS_IN_A_STEP)).fetchone()[0]) is not None:
        db.execute(_SWEEP, (after, last))
        after = last
        yield


def _shrink(file: Path, is_used: Callable[[], bool]) -> None:
    """Let the file end where its pages do; one of format 1 has to be written anew for that, once."""
    with closing(sqlite3.connect(file, timeout=0.5, isolation_level=None)) as db:
        if _pragma(db, "auto_vacuum") == 0 and _pragma(db, "freelist_count") and not is_used():
            db.execute("PRAGMA auto_vacuum = INCREMENTAL")
            db.execute("VACUUM")
        db.execute("PRAGMA wal_checkpoint(PASSIVE)")


def _pragma(db: sqlite3.Connection, name: str) -> int:
    found: int = db.execute(f"PRAGMA {name}").fetchone()[0]
    return found
