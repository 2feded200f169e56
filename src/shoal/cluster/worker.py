"""A worker: executes queued runs, many at once, in one event loop with one engine.

What it does with a run the journal decides: it executes what is `queued` or `interrupted`, and leaves alone
what is over, waits for a person, or is in other hands. So a run that DBOS hands out twice is executed once.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from shoal.cluster.carrier import Carrier
from shoal.cluster.plans import Plans
from shoal.cluster.queues import Queues
from shoal.cluster.sweep import Sweep, Swept
from shoal.errors import ShoalError, one_line
from shoal.journal.journal import (
    JournalCorrupt,
    JournalError,
    RunBusy,
    RunCancelled,
    RunChanged,
    RunLost,
    RunNotFound,
    RunRow,
    RunStatus,
)
from shoal.journal.postgres import PostgresJournal
from shoal.journal.postgres_link import FAULTS, explain
from shoal.runs.results import RunResult
from shoal.runs.runner import Runner

PATIENCE_S = 3600.0
"""How long a run waits for a server that went away; after that it is tried again from outside."""
_OURS: frozenset[RunStatus] = frozenset({"queued", "interrupted"})
"""What a worker goes on with; a run that failed or waits is left to a person."""
_WRITTEN_S = 5.0
"""How long whoever queued a run may take to write it."""
_STUCK_S = 10.0
STILL_S = 10.0
"""How long a worker that is stopped waits for what is under way in nodes, after its patience with runs."""
_AGAIN_S = 2.0
_TROUBLE_S, _CALM_S, _QUIET_S = 5.0, 15.0, 60.0
"""How soon trouble is told, how long after the server was away it is not, and how long not again."""


Kind = Literal[
    "ready",
    "run",
    "blocked",
    "lost",
    "adopted",
    "given_up",
    "put_back",
    "away",
    "back",
    "trouble",
    "draining",
    "pausing",
    "left",
]
"""
blocked    it cannot be executed here; the text says why
lost       another process took a run over while this one stood still
adopted    runs of a dead worker are given to others; given_up: after too many times
put_back   runs that were in no queue are in one again
away, back the server does not answer, or answers again
trouble    the queue could not do something; it tries again
left       the worker gave up what it had
"""


@dataclass(frozen=True, slots=True)
class Line:
    """Something that a worker did."""

    kind: Kind
    text: str
    run: str | None = None
    result: RunResult | None = None
    seconds: float = 0.0


Tell = Callable[[Line], None]


class Worker:
    """Carries runs of some queues from `serve` until it is drained."""

    def __init__(
        self,
        runner: Runner,
        journal: PostgresJournal,
        queues: Queues,
        plans: Plans,
        sweep: Sweep,
        tell: Tell,
    ) -> None:
        self._runner = runner
        self._journal = journal
        self._queues = queues
        self._plans = plans
        self._sweep = sweep
        self._tell = tell
        self._carrier = Carrier(queues, journal.me, self._carry, self._hear)
        self._troubles: dict[str, float] = {}
        self._active: dict[str, asyncio.Task[Any]] = {}
        self._left: dict[str, float] = {}
        """When we were through with a run whose outcome DBOS may just be writing."""
        self._blocked: dict[str, str] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self._is_draining = False
        self._is_away = False
        self._away_at = -_CALM_S

    async def serve(
        self, names: Sequence[str], drain: asyncio.Event, stop: asyncio.Event, drain_s: float
    ) -> bool:
        """Execute runs until told to drain, or to stop at once. Returns whether it was drained in peace."""
        self._carrier.start(names)
        self._tell(Line("ready", f"takes runs of {', '.join(names)} as process {self._journal.me}"))
        if num_strange := await self._queues.num_strange():
            self._tell(Line("blocked", f"{num_strange} runs wait for workers of another version of Shoal"))
        sweeping = asyncio.create_task(self._keep_sweeping())
        told, stopping = asyncio.create_task(drain.wait()), asyncio.create_task(stop.wait())
        await asyncio.wait([told, stopping], return_when=asyncio.FIRST_COMPLETED)
        self._is_draining = True
        self._carrier.stop(drain_s + 2 * STILL_S)
        draining = asyncio.create_task(self._drain(drain_s))
        await asyncio.wait([draining, stopping], return_when=asyncio.FIRST_COMPLETED)
        is_peaceful = not stopping.done()
        for task in (sweeping, draining, told, stopping):
            task.cancel()
        await self._leave()
        await self._carrier.stopped()
        return is_peaceful

    # Runs.

    async def _carry(self, run_id: str) -> str:
        """Called by DBOS, in a task of its own for each run."""
        if self._is_draining:
            raise asyncio.CancelledError
        task = asyncio.current_task()
        assert task is not None
        self._active[run_id] = task
        self._idle.clear()
        try:
            status = await self._advance(run_id)
        except (RunBusy, RunLost) as error:
            # Others have it. What DBOS has for us of it, if anything, `_free_stuck` gives back.
            if isinstance(error, RunLost):
                self._tell(Line("lost", str(error), run_id))
            raise asyncio.CancelledError from error
        except Exception as error:
            status = await self._fail(run_id, error)
        finally:
            del self._active[run_id]
            if not self._active:
                self._idle.set()
        self._left[run_id] = time.monotonic()
        return status

    async def _advance(self, run_id: str) -> str:
        while True:
            try:
                return await self._try(run_id)
            except RunChanged as error:
                return error.status
            except RunCancelled:
                return "cancelled"
            except (JournalCorrupt, RunLost):
                raise
            except JournalError as error:
                self._notice_away(str(error))
                await asyncio.sleep(_AGAIN_S)

    async def _try(self, run_id: str) -> str:
        run = await self._find(run_id)
        if run is None:
            self._tell(Line("blocked", "whoever queued it did not write it: it is dropped", run_id))
            return "nothing"
        if run.status == "running":
            raise RunBusy(run_id, "another")
        if run.status not in _OURS:
            return run.status
        try:
            plan = await self._plans.of(run)
        except ShoalError as error:
            return await self._block(run, str(error))
        began = time.monotonic()
        result = await self._runner.resume(run_id, plan, only=_OURS)
        self._blocked.pop(run_id, None)
        self._tell(Line("run", "", run_id, result, time.monotonic() - began))
        return result.status

    async def _find(self, run_id: str) -> RunRow | None:
        """A run, which may just be being written."""
        last = time.monotonic() + _WRITTEN_S
        while True:
            try:
                return await self._journal.run(run_id)
            except RunNotFound:
                if time.monotonic() > last:
                    return None
                await asyncio.sleep(0.05)

    async def _fail(self, run_id: str, error: Exception) -> str:
        """End a run that we cannot go on with, so that nobody tries for ever."""
        known = isinstance(error, ShoalError)
        reason = str(error) if known else f"internal error, please report it: {type(error).__name__}: {error}"
        with suppress(ShoalError):
            await self._journal.claim(run_id, _OURS)
            await self._journal.finish(run_id, "failed", None, reason)
        self._tell(Line("blocked", reason, run_id))
        return "failed"

    async def _block(self, run: RunRow, reason: str) -> str:
        """Say why a run cannot be executed here; it stays queued, and is tried again later."""
        if run.error != reason:
            await self._journal.claim(run.id, _OURS)
            await self._journal.finish(run.id, "queued", None, reason)
        if self._blocked.get(run.id) != reason:
            self._blocked[run.id] = reason
            self._tell(Line("blocked", reason, run.id))
        return "blocked"

    # The end.

    async def _drain(self, drain_s: float) -> None:
        """Let runs finish; then let what is under way in nodes finish, and begin no more."""
        self._tell(Line("draining", f"takes no more runs, {len(self._active)} are under way"))
        with suppress(TimeoutError):
            async with asyncio.timeout(drain_s):
                await self._idle.wait()
        if not self._active:
            return
        self._tell(Line("pausing", f"begins no more nodes, {len(self._active)} runs are under way"))
        self._runner.pause()
        with suppress(TimeoutError):
            async with asyncio.timeout(STILL_S):
                await self._runner.still()

    async def _leave(self) -> None:
        """Give up all runs, so that others can go on with them at once."""
        tasks = dict(self._active)
        for task in tasks.values():
            task.cancel()
        if tasks:
            await asyncio.wait(tasks.values())
        try:
            taken = [each.run for each in await self._queues.taken_by(self._journal.me)]
            await self._queues.hand_over(taken)
            self._tell(Line("left", f"{len(taken)} runs are left to others"))
        except JournalError as error:
            self._tell(Line("left", f"others have to find out by themselves: {error}"))

    # Upkeep.

    async def _keep_sweeping(self) -> None:
        while True:
            await asyncio.sleep(self._sweep.every_s)
            try:
                await self._sweep.sweep(self._tell_swept)
                await self._free_stuck()
            except FAULTS as error:
                self._notice_away(str(explain(self._queues.place, error)))
            except Exception as error:  # whatever it is, the next time may be better
                self._notice_away(str(error) or type(error).__name__)
            else:
                self._notice_back()

    async def _free_stuck(self) -> None:
        """Hand over what DBOS believes we have: given up for others, or lost on the way between it and us."""
        now = time.monotonic()
        self._left = {run: left for run, left in self._left.items() if now - left < 3 * _STUCK_S}
        stuck = await self._sweep.stuck(self._journal.me, _STUCK_S)
        stuck = [run for run in stuck if run not in self._active and run not in self._left]
        await self._queues.hand_over(stuck)

    def _tell_swept(self, swept: Swept) -> None:
        shown = ", ".join(swept.runs[:5]) + (
            f" and {len(swept.runs) - 5} more" if len(swept.runs) > 5 else ""
        )
        self._tell(Line(swept.kind, f"{shown}: {swept.message}"))

    def _hear(self, text: str) -> None:
        """What DBOS could not do is told, unless that is because the server is away."""
        asyncio.get_running_loop().call_later(_TROUBLE_S, self._tell_trouble, text)

    def _tell_trouble(self, text: str) -> None:
        now, kind = time.monotonic(), re.sub(r"[0-9a-f-]{8,}|\d+", "", text)[:80]
        is_calm = not self._is_draining and now - self._away_at > _CALM_S
        if is_calm and now - self._troubles.get(kind, -_QUIET_S) >= _QUIET_S:
            self._troubles[kind] = now
            self._tell(Line("trouble", one_line(text)))

    def _notice_away(self, message: str) -> None:
        self._away_at = time.monotonic()
        if not self._is_away:
            self._is_away = True
            self._tell(Line("away", message))

    def _notice_back(self) -> None:
        if self._is_away:
            self._is_away = False
            self._tell(Line("back", "the server answers again"))
