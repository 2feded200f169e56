"""Removing runs from the journal in SQLite, in slices: others write between any two of them.

A slice is one transaction, which no other writer is in. So a value that it finds unused is unused.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence

from shoal.journal.digests import PLACE
from shoal.journal.sqlite_schema import is_place

Submit = Callable[[Callable[[sqlite3.Connection], bool]], Awaitable[bool]]
"""Runs a job in a transaction of its own, or one of few."""

_SLICE_S = 0.02
"""After which a slice ends; its commit comes on top."""
_PAUSE_S = 0.03
"""Longer than a slice: who waits for the file looks every few milliseconds whether it is free."""
_BLOBS_IN_A_SLICE = 200
_PLACES = (("nodes", "output"), ("runs", "parts"), ("runs", "inputs"), ("runs", "output"))
_SWEEP = "DELETE FROM blobs WHERE sha256 > ? AND sha256 <= ?" + "".join(
    f" AND NOT EXISTS (SELECT 1 FROM {table} WHERE {column} = '{PLACE}' || sha256 AND {is_place(column)})"
    for table, column in _PLACES
)
_LAST = "SELECT max(sha256) FROM (SELECT sha256 FROM blobs WHERE sha256 > ? ORDER BY sha256 LIMIT ?)"


async def delete_runs(submit: Submit, is_alive: Callable[[str], bool], run_ids: Sequence[str]) -> int:
    """Remove runs that nobody executes; returns how many."""
    left, num_gone = [*reversed(run_ids)], 0

    def job(db: sqlite3.Connection) -> bool:
        nonlocal num_gone
        end = time.monotonic() + _SLICE_S
        while left and time.monotonic() < end:
            num_gone += _remove(db, is_alive, left.pop())
        return bool(left)

    await _in_slices(submit, job)
    return num_gone


async def sweep_blobs(submit: Submit) -> None:
    """Remove values that no row refers to."""
    after = ""

    def job(db: sqlite3.Connection) -> bool:
        nonlocal after
        (last,) = db.execute(_LAST, (after, _BLOBS_IN_A_SLICE)).fetchone()
        if last is None:
            return False
        db.execute(_SWEEP, (after, last))
        after = last
        return True

    await _in_slices(submit, job)


async def _in_slices(submit: Submit, job: Callable[[sqlite3.Connection], bool]) -> None:
    while await submit(job):
        await asyncio.sleep(_PAUSE_S)


def _remove(db: sqlite3.Connection, is_alive: Callable[[str], bool], run_id: str) -> int:
    row = db.execute("SELECT owner FROM runs WHERE id = ?", (run_id,)).fetchone()
    if row is None or (row[0] is not None and is_alive(row[0])):
        return 0
    db.execute("DELETE FROM nodes WHERE run = ?", (run_id,))
    return db.execute("DELETE FROM runs WHERE id = ?", (run_id,)).rowcount
