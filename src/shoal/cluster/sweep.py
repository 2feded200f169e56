"""What the workers of a database see to, one of them at a time: that no run is left behind.

- Runs that a dead worker took are taken over by others. A worker is dead when its journal is silent for
  longer than its lease. A run that was taken over again and again without getting further is given up.
- Runs that shall be executed and are in no queue any more (somebody died between two writes) are put back.
- What is over is forgotten.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from shoal.cluster.queues import DEFAULT_QUEUE, GRAPH_FORMAT, SCHEMA, Queues, Taken
from shoal.journal.journal import Journal, RunBusy, RunChanged, RunNotFound
from shoal.journal.postgres_link import Link
from shoal.journal.postgres_schema import is_alive

MOST_ADOPTIONS = 5
"""Of a run that gets no further in between."""
_LOCK = 0x5348_4F41_4C32
_BATCH = 500
_REPAIR_S = 10.0
_FORGET_S = 30.0
_BLOCKED_S = 60.0
"""After which a run that no worker could execute is tried again."""
_ACTIVE = "('ENQUEUED', 'PENDING', 'DELAYED')"
_WORKFLOWS = f"{SCHEMA}.workflow_status"
_NOW_MS = "extract(epoch FROM clock_timestamp()) * 1000"
_DEAD = f"""
SELECT DISTINCT executor_id FROM {_WORKFLOWS} AS taken
WHERE status = 'PENDING' AND application_version = $1 AND NOT {is_alive("executor_id")}"""
_LEFT = f"""
SELECT run.id, found.queue_name FROM shoal.runs AS run
LEFT JOIN {_WORKFLOWS} AS found ON found.workflow_uuid = run.id
WHERE run.status = 'queued' AND CASE
WHEN found.status IS NULL THEN run.created < extract(epoch FROM clock_timestamp()) - 5
WHEN found.status IN {_ACTIVE} THEN false
ELSE run.error IS NULL OR found.completed_at < {_NOW_MS} - $1::float8 * 1000 END
UNION ALL
SELECT run.id, found.queue_name FROM {_WORKFLOWS} AS found
JOIN shoal.runs AS run ON run.id = found.workflow_uuid
WHERE found.completed_at < {_NOW_MS} - 5000 AND found.status NOT IN {_ACTIVE}
AND run.status = 'running' AND NOT {is_alive("run.owner")}
LIMIT {_BATCH}"""
_OVER = f"""
SELECT found.workflow_uuid FROM {_WORKFLOWS} AS found
LEFT JOIN shoal.runs AS run ON run.id = found.workflow_uuid
WHERE found.completed_at < {_NOW_MS} - {_FORGET_S * 1000} AND found.status NOT IN {_ACTIVE}
AND (run.id IS NULL OR run.status IN ('done', 'failed', 'cancelled'))
LIMIT {_BATCH}"""
_ROWS = "SELECT run, count(*) FROM shoal.nodes WHERE run = ANY($1) GROUP BY run"
_STUCK = f"""
SELECT workflow_uuid FROM {_WORKFLOWS}
WHERE status = 'PENDING' AND executor_id = $1 AND started_at_epoch_ms < {_NOW_MS} - $2::float8 * 1000"""


@dataclass(frozen=True, slots=True)
class Swept:
    """Something a sweep did."""

    kind: Literal["adopted", "given_up", "put_back"]
    runs: tuple[str, ...]
    message: str


class Sweep:
    """One worker's part in it."""

    def __init__(self, url: str, queues: Queues, journal: Journal, lease_s: float) -> None:
        self._link = Link(url, 0.0, 10.0)
        self._queues = queues
        self._journal = journal
        self.every_s = min(2.0, lease_s / 4)
        """How often `sweep` is to be called."""
        self._pause_s = lease_s / 2
        self._last = time.monotonic()
        self._wait_until = 0.0
        self._forgot = 0.0
        self._repaired: float | None = None

    async def close(self) -> None:
        """Hang up."""
        await self._link.close()

    async def sweep(self, tell: Callable[[Swept], None]) -> None:
        """See to all of it, unless another worker is at it. Raises JournalError or one of FAULTS."""
        now = time.monotonic()
        if now - self._last > self.every_s + self._pause_s:
            # We, or the server, stood still: others first get the time to say that they live.
            self._wait_until = now + self._pause_s
        self._last = now
        if now >= self._wait_until:
            await self._link.call(lambda db: self._sweep_locked(db, tell))

    async def stuck(self, worker: str, for_s: float) -> Sequence[str]:
        """The runs a worker took longer ago than that. Raises one of FAULTS."""
        found = await self._link.call(lambda db: db.fetch(_STUCK, worker, for_s))
        return [each["workflow_uuid"] for each in found]

    async def _sweep_locked(self, db: Any, tell: Callable[[Swept], None]) -> None:
        async with db.transaction():
            # A worker that is stopped in the middle loses the lock by this.
            await db.execute("SET LOCAL idle_in_transaction_session_timeout = '20s'")
            if not await db.fetchval("SELECT pg_try_advisory_xact_lock($1)", _LOCK):
                return
            for row in await db.fetch(_DEAD, GRAPH_FORMAT):
                await self._adopt(db, row["executor_id"], tell)
            now = time.monotonic()
            if self._repaired is None or now - self._repaired > _REPAIR_S:
                # A new worker may have the files that others had not.
                await self._repair(db, _BLOCKED_S if self._repaired else 0.0, tell)
                self._repaired = now
            if now - self._forgot > _FORGET_S:
                self._forgot = now
                await self._forget(db)

    async def _adopt(self, db: Any, worker: str, tell: Callable[[Swept], None]) -> None:
        taken = await self._queues.taken_by(worker)
        rows = dict(await db.fetch(_ROWS, [each.run for each in taken]))
        adopted = []
        for each in taken:
            found = _counted(each, rows.get(each.run, 0))
            if found.num_adoptions > MOST_ADOPTIONS:
                await self._give_up(found, tell)
            else:
                await self._queues.note_adoption(found)
                adopted.append(each.run)
        await self._queues.hand_over(adopted)
        if adopted:
            tell(Swept("adopted", tuple(adopted), f"process {worker} is gone: others take over what it had"))

    async def _give_up(self, taken: Taken, tell: Callable[[Swept], None]) -> None:
        message = (
            f"given up: {MOST_ADOPTIONS + 1} processes died while they executed it, and it got no further in "
            f"between. Look at what it does where it stands, then `agentctl runs resume {taken.run}`"
        )
        try:
            await self._journal.claim(taken.run, {"queued", "interrupted"})
            await self._journal.finish(taken.run, "failed", None, message)
            tell(Swept("given_up", (taken.run,), message))
        except RunBusy:
            return  # by somebody who does not know of queues
        except (RunNotFound, RunChanged):
            pass
        await self._queues.forget([taken.run])

    async def _repair(self, db: Any, blocked_s: float, tell: Callable[[Swept], None]) -> None:
        found = await db.fetch(_LEFT, blocked_s)
        for row in found:
            await self._queues.put_back(row["id"], row["queue_name"] or DEFAULT_QUEUE)
        if found:
            ids = tuple(row["id"] for row in found)
            tell(Swept("put_back", ids, "they were in no queue any more"))

    async def _forget(self, db: Any) -> None:
        while ids := [row["workflow_uuid"] for row in await db.fetch(_OVER)]:
            await self._queues.forget(ids)
            if len(ids) < _BATCH:
                return


def _counted(taken: Taken, num_rows: int) -> Taken:
    """One adoption more, or the first since it got further."""
    is_further = num_rows > taken.num_rows
    return replace(taken, num_adoptions=1 if is_further else taken.num_adoptions + 1, num_rows=num_rows)
