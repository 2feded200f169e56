"""Finding old runs in PostgreSQL and removing them, in slices.

Rows that nobody writes hold nobody up. A value may get a new reference at any moment, so it is removed under
a lock that keeps values from being written for the few milliseconds in which it is looked for a last time.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from shoal.journal.digests import PLACE
from shoal.journal.journal import Found, RunStatus
from shoal.journal.postgres_schema import STANDING, is_place

_RUNS_IN_A_PAGE = 5000
_RUNS_IN_A_SLICE = 50
_BLOBS_LOOKED_AT = 2000
_BLOBS_IN_A_SLICE = 200
_LOCK_S = 0.2
"""How long writers wait at most for us to get the lock: who has it may be a vacuum."""
_MOST_TRIES = 100
_PAUSE_S = 0.05
_LONG_S = 600.0
"""What removing a run of a million steps may take."""

_PAGE = f"""
SELECT id, {STANDING} AS status, created, graph FROM shoal.runs
WHERE (created, id) < ($3, $4) ORDER BY created DESC, id DESC LIMIT {_RUNS_IN_A_PAGE}"""
_FREE = f"""
SELECT id, epoch FROM (SELECT id, epoch, {STANDING} AS standing FROM shoal.runs WHERE id = ANY($3)) AS found
WHERE standing <> 'running' AND ($4::text[] IS NULL OR standing = ANY($4))"""
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


@dataclass(frozen=True, slots=True)
class Pruning:
    """Looks for runs and removes them, for the owner of some."""

    call: Callable[[Callable[[Any], Awaitable[Any]]], Awaitable[Any]]
    """Does a job with a connection, once more after a break."""
    owner: str
    held: Collection[str]
    """Runs that are the owner's."""

    async def find(
        self, statuses: Collection[RunStatus], graph: str | None, before: float | None
    ) -> list[Found]:
        """Runs of these statuses, newest first."""
        found: list[Found] = []
        last = (math.inf if before is None else before, "")
        while page := await self._fetch(_PAGE, *last):
            found += [Found(*row[:3]) for row in page if row[1] in statuses and graph in (None, row[3])]
            last = (page[-1]["created"], page[-1]["id"])
        return found

    async def delete(
        self,
        run_ids: Sequence[str],
        only: Collection[RunStatus] | None,
        tell: Callable[[int], None] | None,
    ) -> int:
        """Remove runs that nobody executes, and values without a row."""
        num_gone = 0
        for some in _slices(run_ids, _RUNS_IN_A_SLICE):
            num_gone += await self._remove(some, None if only is None else [*only])
            if tell is not None:
                tell(num_gone)
        await self._sweep_all()
        return num_gone

    async def _fetch(self, query: str, *arguments: Any) -> Any:
        return await self.call(lambda db: db.fetch(query, self.owner, [*self.held], *arguments))

    async def _remove(self, some: Sequence[str], only: list[RunStatus] | None) -> int:
        free = await self._fetch(_FREE, some, only)
        if not free:
            return 0
        found = [*zip(*free, strict=True)]
        num_gone: int = await self.call(lambda db: db.fetchval(_REMOVE, *found, timeout=_LONG_S))
        return num_gone

    async def _sweep_all(self) -> None:
        after = ""
        while looked_at := await self.call(lambda db, after=after: db.fetch(_LOOK, after)):  # type: ignore[misc]
            after = looked_at[-1]["sha256"]
            unused = [row["sha256"] for row in looked_at if row["is_unused"]]
            for some in _slices(unused, _BLOBS_IN_A_SLICE):
                await self._sweep(some)

    async def _sweep(self, some: Sequence[str]) -> None:
        """Remove those that are still unused; what a long vacuum keeps us from, the next sweep removes."""

        async def job(db: Any) -> None:
            async with db.transaction(isolation="read_committed"):
                await db.execute(f"SET LOCAL lock_timeout = '{_LOCK_S}s'")
                await db.execute("LOCK TABLE shoal.blobs IN SHARE ROW EXCLUSIVE MODE")
                await db.execute(_SWEEP, some)

        for _ in range(_MOST_TRIES):
            try:
                await self.call(job)
            except asyncpg.LockNotAvailableError:
                await asyncio.sleep(_PAUSE_S)
            else:
                return


def _slices(ids: Sequence[str], most: int) -> Iterator[Sequence[str]]:
    return (ids[first : first + most] for first in range(0, len(ids), most))
