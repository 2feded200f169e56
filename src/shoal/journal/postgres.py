"""The journal in PostgreSQL, for runs that machines share: `journal: postgresql://...` in agents.yaml.

The tables are those of SQLite, in the schema `shoal`. The driver is asyncpg: the fastest for what this does,
one prepared statement with an array a column. Writes go in groups over one connection, reads over another.

A run belongs to an open journal, which says every few seconds that it lives. When it is silent for longer
than its lease (its process died, was stopped, or is cut off) another one may claim the run. If the former
owner comes back, each of its writes to that run is refused with RunLost and changes nothing.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from shoal.journal.digests import digest_of
from shoal.journal.journal import (
    ENDED,
    UNCERTAIN_KINDS,
    Found,
    NodeRow,
    RunBusy,
    RunLost,
    RunNotFound,
    RunOver,
    RunRow,
    RunStatus,
    cancelled_error,
    check_standing,
    encode,
)
from shoal.journal.postgres_link import FAULTS, Link, explain
from shoal.journal.postgres_prune import Pruning
from shoal.journal.postgres_rows import of_node, put, read_node, read_run, storable, values_at
from shoal.journal.postgres_schema import FIXED, NODE, OUTCOME, STANDING, is_alive, make_tables
from shoal.journal.postgres_writes import PUT, GroupWrites, create_whole

T = TypeVar("T")

_IS_ALIVE = is_alive("runs.owner")
_SELECT = f"SELECT {', '.join(FIXED + OUTCOME)}, owner, epoch, {_IS_ALIVE} AS is_alive FROM shoal.runs"
_CLAIM = """
UPDATE shoal.runs SET status = 'running', error = NULL, outcome_digest = $4, owner = $3, epoch = epoch + 1
WHERE id = $1 AND epoch = $2 AND outcome_digest = $5 AND owner IS NOT DISTINCT FROM $6 RETURNING epoch"""
_CANCEL = """
UPDATE shoal.runs SET status = 'cancelled', error = $3, outcome_digest = $4, owner = $5, epoch = $6
WHERE id = $1 AND epoch = $2 AND outcome_digest = $7 AND owner IS NOT DISTINCT FROM $8 RETURNING id"""
_UNCERTAIN = f"""
SELECT DISTINCT path FROM shoal.nodes
WHERE run = $1 AND kind IN ({", ".join(repr(kind) for kind in sorted(UNCERTAIN_KINDS))})"""
_WANTED = "SELECT id FROM shoal.runs WHERE status = 'cancelled' AND owner = $1"
_RUNS = f"""
{_SELECT} WHERE ($4::text IS NULL OR {STANDING} = $4) AND ($5::text IS NULL OR graph = $5)
AND ($6::float8 IS NULL OR created < $6) ORDER BY created DESC, id DESC LIMIT $3"""
_REPIN = """
UPDATE shoal.runs SET plan = $4, parts = $5, digest = $6
WHERE id = $1 AND epoch = $2 AND owner = $3 RETURNING id"""
_BEAT = """
INSERT INTO shoal.owners VALUES ($1, clock_timestamp(), $2)
ON CONFLICT (id) DO UPDATE SET beat = clock_timestamp()"""
_FORGET = "DELETE FROM shoal.owners WHERE beat < clock_timestamp() - interval '1 day'"


class PostgresJournal:
    """A Journal in a database, for the event loop that it was opened in."""

    def __init__(
        self,
        url: str,
        *,
        lease_s: float = 20.0,
        patience_s: float = 60.0,
        statement_timeout_s: float = 10.0,
    ) -> None:
        """What `open` connects.

        Args:
            url: `postgresql://user@host/db`; the password comes from PGPASSWORD or ~/.pgpass.
            lease_s: How long this process may be silent before others may take over its runs.
            patience_s: How long reads and writes wait for a server that went away.
            statement_timeout_s: How long a server that does not answer is taken to be there.
        """
        self.me = f"{os.getpid()} on {socket.gethostname()}-{secrets.token_hex(4)}"
        self._lease_s = lease_s
        self._held: dict[str, int] = {}
        """The epoch of each run that is ours; 0 while we claim it."""
        self._writing, self._reading = (Link(url, patience_s, statement_timeout_s) for _ in range(2))
        self._writes = GroupWrites(self._writing, self.me)
        self._beating: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, url: str, **limits: float) -> PostgresJournal:
        """Connect, make the tables if there are none, and be alive from now on. Raises JournalError."""
        journal = cls(url, **limits)
        try:
            await journal._begin()
        except FAULTS as error:
            raise explain(journal._reading.place, error) from error
        finally:
            if journal._beating is None:
                await journal._hang_up()
        return journal

    async def create(self, run: RunRow, rows: Sequence[NodeRow] = ()) -> None:
        """Add a run with these rows, and own it unless it is queued."""
        blobs: dict[str, str] = {}
        stored = (put(blobs, encode(run.parts), inline=0), put(blobs, encode(run.inputs)))
        fixed = (run.id, run.graph, run.file, run.plan_sha256, *stored, float(run.created))
        outcome = (run.status, None, None)
        values = (*fixed, digest_of(fixed), *outcome, digest_of((run.id, *outcome)))
        is_queued = run.status == "queued"
        try:
            if rows:
                await self._create_whole(values, rows, blobs, None if is_queued else self.me)
            else:
                await self._writes.put("create", values, blobs)
        except asyncio.CancelledError:
            if not is_queued:
                self._give_back(run.id, 1)
            raise
        if not is_queued:
            self._held[run.id] = 1

    async def claim(self, run_id: str, only: Collection[RunStatus] | None = None) -> None:
        """Own a run that nobody executes, or whose owner was silent for longer than its lease."""
        if run_id in self._held:
            raise RunBusy(run_id, self.me)
        self._held[run_id] = 0
        # A claim that is under way is carried to its end, so that we know whether there is one to undo.
        claim = asyncio.create_task(self._claim(run_id, only))
        try:
            await asyncio.shield(claim)
        except asyncio.CancelledError:
            claim.add_done_callback(lambda _: self._give_back(run_id))
            raise

    async def release(self, run_id: str) -> None:
        """Give up an owned run without finishing it; of one that is lost, nothing."""
        if epoch := self._held.pop(run_id, None):
            await self._writes.put("release", (run_id, None, None, None, None, epoch), {})

    async def finish(
        self, run_id: str, status: RunStatus, output: Mapping[str, Any] | None, error: str | None
    ) -> None:
        """Record how an owned run ended or why it stopped, and give it up. Raises RunLost."""
        blobs: dict[str, str] = {}
        outcome = (status, None if output is None else put(blobs, encode(output)), storable(error))
        values = (run_id, *outcome, digest_of((run_id, *outcome)), self._epoch(run_id))
        await self._write("end", values, blobs)
        self._held.pop(run_id, None)

    async def cancel(self, run_id: str) -> bool:
        """Give a run up for good, or leave that to who executes it."""
        was_sent = False

        async def job(db: Any) -> bool:
            nonlocal was_sent
            while True:
                row = await _find(db, run_id)
                is_alive = self._is_alive(row)
                if not is_alive and row["status"] in ENDED:
                    if was_sent and row["status"] == "cancelled":
                        return True
                    raise RunOver(run_id, row["status"])
                was_sent = True
                if await self._mark_cancelled(db, row, is_alive):
                    return not is_alive

        return await self._call(self._writing, job, run_id)

    async def wanted(self) -> Sequence[str]:
        """Which of our runs somebody wants cancelled."""
        found = await self._call(self._reading, lambda db: db.fetch(_WANTED, self.me))
        return [run_id for (run_id,) in found if run_id in self._held]

    async def repin(self, run_id: str, plan_sha256: str, parts: Mapping[str, str]) -> None:
        """Pin an owned run to another plan. Raises RunLost."""
        epoch, blobs = self._epoch(run_id), dict[str, str]()
        place = put(blobs, encode(parts), inline=0)

        async def job(db: Any) -> None:
            row = await _find(db, run_id)
            fixed = [*(row[column] for column in FIXED[:3]), plan_sha256, place, *row[5:7]]
            await db.executemany(PUT, blobs.items())
            change = (run_id, epoch, self.me, plan_sha256, place, digest_of(fixed))
            if await db.fetchval(_REPIN, *change) is None:
                raise RunLost(run_id)

        await self._call(self._writing, job, run_id)

    async def record(self, row: NodeRow) -> None:
        """Add a row, or close the open row of the same attempt. Raises AlreadyRecorded, RunLost."""
        blobs: dict[str, str] = {}
        values = of_node(row, blobs)
        await self._write("note", (*values, self._epoch(row.run)), blobs)

    async def run(self, run_id: str) -> RunRow:
        """One run."""

        async def job(db: Any) -> RunRow:
            return (await self._read_runs(db, [await _find(db, run_id)]))[0]

        return await self._call(self._reading, job, run_id)

    async def rows(self, run_id: str) -> Sequence[NodeRow]:
        """All rows of a run, attempts of a node in order."""

        async def job(db: Any) -> list[NodeRow]:
            await _find(db, run_id)
            query = f"SELECT {', '.join(NODE)} FROM shoal.nodes WHERE run = $1 ORDER BY started, attempt"
            found = await db.fetch(query, run_id)
            place = self._reading.place
            values = await values_at(db, {row["output"]: run_id for row in found}, place)
            # A clock that was set back must not put a second attempt before the first.
            return sorted((read_node(row, values, place) for row in found), key=lambda row: row.attempt)

        return await self._call(self._reading, job, run_id)

    async def runs(
        self,
        limit: int = 50,
        *,
        status: RunStatus | None = None,
        graph: str | None = None,
        before: float | None = None,
    ) -> Sequence[RunRow]:
        """The newest runs of a status, of a graph, created before a time; newest first."""

        async def job(db: Any) -> list[RunRow]:
            given = (self.me, [*self._held], limit, status, graph, before)
            return await self._read_runs(db, await db.fetch(_RUNS, *given))

        return await self._call(self._reading, job)

    async def find(
        self, statuses: Collection[RunStatus], *, graph: str | None = None, before: float | None = None
    ) -> Sequence[Found]:
        """Which runs have one of these statuses, newest first."""
        return await self._prune(self._reading, lambda pruning: pruning.find(statuses, graph, before))

    async def delete(
        self,
        run_ids: Sequence[str],
        *,
        only: Collection[RunStatus] | None = None,
        tell: Callable[[int], None] | None = None,
    ) -> int:
        """Remove runs that nobody executes, and values that no run refers to any more."""
        return await self._prune(self._writing, lambda pruning: pruning.delete(run_ids, only, tell))

    async def compact(self) -> int:
        """Nothing is given back: the server's own vacuum lets new rows have the space."""
        return 0

    async def close(self) -> None:
        """Write what waits, let others have what is still ours, and hang up."""
        await self._writes.drain()
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.wait([self._beating])
        with suppress(*FAULTS):
            await self._reading.call(lambda db: db.execute("DELETE FROM shoal.owners WHERE id = $1", self.me))
        await self._hang_up()

    async def _begin(self) -> None:
        await self._writing.open()
        await self._reading.open()
        await self._reading.call(lambda db: make_tables(db, self._reading.place))
        await self._reading.call(lambda db: db.execute(_FORGET))
        await self._beat()
        self._beating = asyncio.create_task(self._keep_beating())

    async def _hang_up(self) -> None:
        await self._writing.close()
        await self._reading.close()

    async def _keep_beating(self) -> None:
        while True:
            await asyncio.sleep(self._lease_s / 4)
            with suppress(*FAULTS):  # whoever writes or reads is told; the next beat tries again
                await self._beat()
                self._writes.send_owed()

    async def _beat(self) -> None:
        await self._reading.call(lambda db: db.execute(_BEAT, self.me, self._lease_s))

    async def _claim(self, run_id: str, only: Collection[RunStatus] | None) -> None:
        try:
            self._held[run_id] = await self._call(
                self._writing, lambda db: self._take(db, run_id, only), run_id
            )
        except BaseException:
            del self._held[run_id]
            raise

    async def _take(self, db: Any, run_id: str, only: Collection[RunStatus] | None) -> int:
        """The epoch in which the run is ours; what says so is ours too after a break in between."""
        while True:
            row = await _find(db, run_id)
            if row["is_alive"] and row["owner"] != self.me:
                raise RunBusy(run_id, row["owner"])
            check_standing(run_id, row["status"], only)
            digest = digest_of((run_id, "running", row["output"], None))
            seen = (row["outcome_digest"], row["owner"])
            epoch: int | None = await db.fetchval(_CLAIM, run_id, row["epoch"], self.me, digest, *seen)
            if epoch is not None:
                return epoch

    async def _create_whole(
        self, run: Sequence[Any], rows: Sequence[NodeRow], blobs: dict[str, str], owner: str | None
    ) -> None:
        values, was_sent = [of_node(row, blobs) for row in rows], False

        async def job(db: Any) -> None:
            nonlocal was_sent
            is_again, was_sent = was_sent, True
            await create_whole(db, owner, run, values, blobs, is_again)

        await self._call(self._writing, job)

    async def _mark_cancelled(self, db: Any, row: Any, is_alive: bool) -> bool:
        """Cancel a run, unless it changed since it was read; a living owner keeps it."""
        run_id, epoch, owner = row["id"], row["epoch"], row["owner"]
        error = cancelled_error([path for (path,) in await db.fetch(_UNCERTAIN, run_id)])
        digest = digest_of((run_id, "cancelled", row["output"], error))
        left = (owner, epoch) if is_alive else (None, epoch + 1)
        seen = (row["outcome_digest"], owner)
        return await db.fetchval(_CANCEL, run_id, epoch, error, digest, *left, *seen) is not None

    def _is_alive(self, row: Any) -> bool:
        # What we failed to release when the server was away is not running, though we live.
        is_alive: bool = row["id"] in self._held if row["owner"] == self.me else row["is_alive"]
        return is_alive

    def _give_back(self, run_id: str, epoch: int | None = None) -> None:
        """Release a run for a caller that is gone."""
        if epoch := self._held.pop(run_id, epoch):
            released = self._writes.put("release", (run_id, None, None, None, None, epoch), {})
            released.add_done_callback(asyncio.Future.exception)  # nobody else asks for it

    async def _write(self, kind: str, values: Sequence[Any], blobs: Mapping[str, str]) -> None:
        try:
            await self._writes.put(kind, values, blobs)
        except RunLost as error:
            self._held.pop(values[0], None)
            raise error from None

    async def _prune(self, link: Link, job: Callable[[Pruning], Awaitable[T]]) -> T:
        try:
            return await job(Pruning(link.call, self.me, self._held))
        except FAULTS as error:
            raise explain(link.place, error) from error

    async def _call(self, link: Link, job: Callable[[Any], Awaitable[T]], run_id: str | None = None) -> T:
        try:
            return await link.call(job)
        except FAULTS as error:
            raise explain(link.place, error, run_id) from error

    def _epoch(self, run_id: str) -> int:
        epoch = self._held.get(run_id)
        if not epoch:
            raise RunLost(run_id)
        return epoch

    async def _read_runs(self, db: Any, found: Sequence[Any]) -> list[RunRow]:
        places = {row[column]: row["id"] for row in found for column in ("parts", "inputs", "output")}
        values = await values_at(db, places, self._reading.place)
        return [read_run(row, values, self._is_alive(row), self._reading.place) for row in found]


async def _find(db: Any, run_id: str) -> Any:
    row = await db.fetchrow(f"{_SELECT} WHERE id = $1", run_id)
    if row is None:
        raise RunNotFound(run_id)
    return row
