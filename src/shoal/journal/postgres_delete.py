"""Removing runs from the journal in PostgreSQL, in slices.

Rows that nobody writes hold nobody up. A value may get a new reference at any moment, so it is removed under
a lock that keeps values from being written for the few milliseconds in which it is looked for a last time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

import asyncpg

from shoal.journal.digests import PLACE
from shoal.journal.postgres_schema import is_place

Call = Callable[[Callable[[Any], Awaitable[Any]]], Awaitable[Any]]
"""Does a job with a connection, once more after a break."""

_RUNS_IN_A_SLICE = 50
_BLOBS_LOOKED_AT = 2000
_BLOBS_IN_A_SLICE = 200
_LOCK_S = 0.2
"""How long writers wait at most for us to get the lock: who has it may be a vacuum."""
_MOST_TRIES = 100
_PAUSE_S = 0.05
_LONG_S = 600.0
"""What removing a run of a million steps may take."""

_FREE = "SELECT id, epoch FROM shoal.runs WHERE id = ANY($1) AND NOT {is_alive}"
# By their epochs: one that is claimed meanwhile stays.
_REMOVE = """
WITH gone AS (
    DELETE FROM shoal.runs USING unnest($1::text[], $2::bigint[]) AS given(id, epoch)
    WHERE runs.id = given.id AND runs.epoch = given.epoch RETURNING runs.id
), rows AS (DELETE FROM shoal.nodes USING gone WHERE nodes.run = gone.id)
SELECT count(*) FROM gone"""
_PLACES = (("nodes", "output"), ("runs", "parts"), ("runs", "inputs"), ("runs", "output"))
_IS_UNUSED = " AND ".join(
    f"NOT EXISTS (SELECT FROM shoal.{table} WHERE {column} = '{PLACE}' || sha256 AND {is_place(column)})"
    for table, column in _PLACES
)
_LOOK = f"""
SELECT sha256, {_IS_UNUSED} AS is_unused FROM (
    SELECT sha256 FROM shoal.blobs WHERE sha256 > $1 ORDER BY sha256 LIMIT {_BLOBS_LOOKED_AT}
) AS looked_at ORDER BY sha256"""
_SWEEP = f"DELETE FROM shoal.blobs WHERE sha256 = ANY($1) AND {_IS_UNUSED}"


async def delete_runs(call: Call, is_alive: str, run_ids: Sequence[str]) -> int:
    """Remove runs of which a condition does not hold; returns how many."""
    num_gone = 0
    for some in _slices(run_ids, _RUNS_IN_A_SLICE):

        async def job(db: Any, some: Sequence[str] = some) -> int:
            free = await db.fetch(_FREE.format(is_alive=is_alive), some)
            found = [*zip(*free, strict=True)] or [(), ()]
            removed: int = await db.fetchval(_REMOVE, *found, timeout=_LONG_S)
            return removed

        num_gone += await call(job)
    return num_gone


async def sweep_blobs(call: Call) -> None:
    """Remove values that no row refers to."""
    after = ""
    while looked_at := await call(lambda db, after=after: db.fetch(_LOOK, after)):  # type: ignore[misc]
        after = looked_at[-1]["sha256"]
        unused = [row["sha256"] for row in looked_at if row["is_unused"]]
        for some in _slices(unused, _BLOBS_IN_A_SLICE):
            await _sweep(call, some)


async def _sweep(call: Call, some: Sequence[str]) -> None:
    """Remove those that are still unused; what a long vacuum keeps us from, the next sweep removes."""

    async def job(db: Any) -> None:
        async with db.transaction(isolation="read_committed"):
            await db.execute(f"SET LOCAL lock_timeout = '{_LOCK_S}s'")
            await db.execute("LOCK TABLE shoal.blobs IN SHARE ROW EXCLUSIVE MODE")
            await db.execute(_SWEEP, some)

    for _ in range(_MOST_TRIES):
        try:
            await call(job)
        except asyncpg.LockNotAvailableError:
            pass
        else:
            return
        finally:
            await asyncio.sleep(_PAUSE_S)


def _slices(ids: Sequence[str], most: int) -> Iterator[Sequence[str]]:
    return (ids[first : first + most] for first in range(0, len(ids), most))
