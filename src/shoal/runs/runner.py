"""Runs graphs: starts, resumes and answers runs, and keeps them in the journal.

    runner = Runner(engine, journal)
    result = await runner.start(plan, {"message": "..."})
    await runner.answer(result.run, plan, "approve", "yes")
    result = await runner.resume(result.run, plan)

A run that fails, waits or is uncertain is a result like any other; exceptions are for wrong input, for runs
that may not be touched, and for a journal that cannot be written.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from shoal.agents.engine import Engine
from shoal.errors import InvalidInput
from shoal.graphs.plan import Plan
from shoal.journal.failpoints import failpoint
from shoal.journal.journal import (
    UNCERTAIN_KINDS,
    Journal,
    JournalError,
    NodeRow,
    RunBusy,
    RunCancelled,
    RunChanged,
    RunExists,
    RunRow,
    RunStatus,
    cancelled_error,
)
from shoal.runs import settling
from shoal.runs.cache import Cache
from shoal.runs.cancelling import Cancelling
from shoal.runs.events import Event, OnEvent, RunFinished, RunStarted, RunStopped
from shoal.runs.execution import Execution, Means
from shoal.runs.forks import ABSENT, ForkPoint, rows_for_fork
from shoal.runs.interpreter import Progress
from shoal.runs.migration import check_rows
from shoal.runs.pins import Origin, check_pin, origin_of, parts_of, with_origin
from shoal.runs.results import RunResult, Summaries, result_of
from shoal.runs.slots import Slots, Turns
from shoal.runs.steps import Outcome
from shoal.runs.streams import EventStream, Hub
from shoal.runs.work import sentence
from shoal.workspace.redaction import redact, secrets_in
from shoal.workspace.types import ValueMismatch, read

_BEGUN_IN_A_TURN = 32
"""Runs that are begun, answered or taken up again in one turn of the event loop: some 10 ms."""
_LOOK_S = 0.05
_ID_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
"""Sorted, and without letters that are read as digits."""


def tool_backoff_s(num_rejected: int) -> float:
    """Seconds before a tool is tried again: random, up to 0.2, 0.4, 0.8 ... 20."""
    from tenacity import RetryCallState, Retrying, wait_random_exponential

    state = RetryCallState(Retrying(), None, (), {})
    state.attempt_number = num_rejected
    return wait_random_exponential(multiplier=0.2, max=20)(state)


class Runner:
    """Executes runs, many at once, with one engine and one journal."""

    def __init__(
        self,
        engine: Engine,
        journal: Journal,
        *,
        on_event: OnEvent | None = None,
        nodes_at_once: int = 1024,
        threads_at_once: int = 64,
        backoff_s: Callable[[int], float] = tool_backoff_s,
        cache: Cache | None = None,
        identity: str = "",
    ) -> None:
        """A runner.

        Args:
            engine: Answers for agents.
            journal: Keeps what happened.
            on_event: Is told what happens, at once.
            nodes_at_once: How many agents and async tools may be under way.
            threads_at_once: How many tools that are not async may be.
            backoff_s: How long to wait before a tool is tried again, by how often it was rejected.
            cache: Of answers, for nodes that ask for it.
            identity: Names the engine, so that the cache never gives one engine's answer for another's.
        """
        self._journal = journal
        self._hub = Hub(on_event)
        self._turns = Turns(_BEGUN_IN_A_TURN)
        self._cancelling = Cancelling(journal)
        self._known_parts: dict[str, Mapping[str, str]] = {}
        self._means = Means(
            engine=engine,
            journal=journal,
            slots=Slots(nodes_at_once),
            threads=Slots(threads_at_once),
            backoff_s=backoff_s,
            hub=self._hub,
            cache=cache,
            identity=identity,
        )

    async def start(self, plan: Plan, inputs: Mapping[str, Any]) -> RunResult:
        """Begin a run and go as far as it goes. Raises InvalidInput, JournalError."""
        return await self._execute(await self._begin(plan, inputs), plan)

    def stream(self, plan: Plan, inputs: Mapping[str, Any], *, cancels: bool = False) -> EventStream:
        """Begin a run, and read what happens in it, to RunFinished.

        The reader raises what `start` raises. The run goes on when the reader is closed, unless `cancels`.
        """
        reader = EventStream(self._hub)
        return reader.follow(self._start_read(plan, inputs, reader), cancels=cancels)

    def stream_resume(
        self, run_id: str, plan: Plan, *, migrate: bool = False, cancels: bool = False
    ) -> EventStream:
        """Go on with a run, and read what happens in it; the reader raises what `resume` raises."""
        reader = EventStream(self._hub)
        self._hub.add(reader, run_id)
        return reader.follow(self.resume(run_id, plan, migrate=migrate), cancels=cancels)

    def listen(self, run_id: str | None = None) -> EventStream:
        """Read what happens from now on in a run that is under way here, or in all runs."""
        reader = EventStream(self._hub, ends=run_id is not None)
        self._hub.add(reader, run_id)
        return reader

    async def each(
        self, plan: Plan, many_inputs: Iterable[Mapping[str, Any]], *, runs_at_once: int = 64
    ) -> AsyncGenerator[RunResult | InvalidInput, None]:
        """One run for each of many inputs, at once within limits; results come in the order of the inputs."""
        free = asyncio.Semaphore(runs_at_once)

        async def one(inputs: Mapping[str, Any]) -> RunResult | InvalidInput:
            async with free:
                try:
                    return await self.start(plan, inputs)
                except InvalidInput as error:
                    return error

        tasks = [asyncio.create_task(one(inputs)) for inputs in many_inputs]
        try:
            for task in tasks:
                yield await task
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def resume(
        self, run_id: str, plan: Plan, *, migrate: bool = False, only: Collection[RunStatus] | None = None
    ) -> RunResult:
        """Go on with a run that stopped, failed or waited. Recorded nodes never run again.

        With `only` it is left alone, with RunChanged, if it stands elsewhere.

        Raises:
            RunNotFound, RunBusy, RunCancelled, JournalError
            PlanChanged: the plan is not the one the run started with, unless `migrate`.
            MigrationRefused: it is not, and what is recorded does not fit it.
        """
        await self._turns.come()
        run = await self._journal.run(run_id)
        if run.status == "done" and only is None:
            return await result_of(self._journal, run_id)
        if run.status == "cancelled":
            raise RunCancelled(run_id)
        check_pin(run, plan, migrate, f"resume {run_id}")
        if run.plan_sha256 != plan.sha256:
            check_rows(run, plan, await self._journal.rows(run_id))
        await self._journal.claim(run_id, only)
        return await self._execute(run, plan, is_resumed=True)

    async def resume_answered(self, run_id: str, plan: Plan, *, migrate: bool = False) -> RunResult:
        """Go on with a run that was just answered; or wait for whoever answered it too and goes on with it.

        Raises:
            RunNotFound, RunCancelled, PlanChanged, JournalError
        """
        while True:
            try:
                return await self.resume(run_id, plan, migrate=migrate, only={"interrupted"})
            except RunChanged:
                return await result_of(self._journal, run_id)
            except RunBusy:
                await asyncio.sleep(_LOOK_S)

    async def fork(
        self,
        run_id: str,
        plan: Plan,
        *,
        at: str,
        output: object = ABSENT,
        again: bool = False,
        migrate: bool = False,
    ) -> RunResult:
        """A new run that begins with what another has recorded but of one node, and of what follows from it.

        With an `output` the node gives that and is not called. What is kept never runs again.

        Raises:
            InvalidInput: there is no such node, nothing is recorded of it, or the output does not fit it.
            ActsAgain: a tool that acts once would act again, unless `again`.
            RunNotFound, PlanChanged, MigrationRefused, JournalError
        """
        run = await self._journal.run(run_id)
        point = ForkPoint(at=at, output=output, again=again, migrate=migrate)
        kept = rows_for_fork(plan, run, await self._journal.rows(run_id), point)
        inputs = _inputs(plan, run.inputs)
        fork, rows = await self._insert(plan, inputs, kept, Origin(run_id, at))
        return await self._execute(fork, plan, rows)

    async def cancel(self, run_id: str) -> bool:
        """Give a run up for good: True if that is done, False if whoever executes it is told to.

        One that is under way here ends as `cancelled`. Raises RunNotFound, RunOver, JournalError.
        """
        is_over = await self._journal.cancel(run_id)
        if not is_over:
            self._cancelling.give_up(run_id)
        return is_over

    async def answer(
        self, run_id: str, plan: Plan, path: str, given: object, *, migrate: bool = False
    ) -> None:
        """Answer a question of a run, or tell the result of a tool that may have acted; then resume it.

        Raises:
            InvalidInput: the answer does not fit, or the node does not wait for one.
            RunNotFound, RunBusy, PlanChanged, JournalError
        """
        await self._turns.come()
        await settling.answer(self._journal, run_id, plan, path, given, migrate=migrate)

    async def settle_undone(self, run_id: str, plan: Plan, path: str, *, migrate: bool = False) -> None:
        """Say that a tool which may have acted did not; the next resume calls it again."""
        await settling.settle_undone(self._journal, run_id, plan, path, migrate=migrate)

    def pause(self) -> None:
        """Begin no more attempts at nodes, for good; those under way go on. A run can be cancelled then."""
        for slots in (self._means.slots, self._means.threads):
            slots.close()

    async def still(self) -> None:
        """Wait until nothing is under way in any node, once it is paused."""
        while not (self._means.slots.is_empty and self._means.threads.is_empty):
            await asyncio.sleep(_LOOK_S)

    async def _start_read(self, plan: Plan, inputs: Mapping[str, Any], reader: EventStream) -> RunResult:
        run = await self._begin(plan, inputs)
        self._hub.add(reader, run.id)
        return await self._execute(run, plan)

    async def _begin(self, plan: Plan, inputs: Mapping[str, Any]) -> RunRow:
        """A new run in the journal, owned by this process."""
        await self._turns.come()
        run, _ = await self._insert(plan, _inputs(plan, inputs))
        return run

    async def _insert(
        self,
        plan: Plan,
        inputs: Mapping[str, Any],
        rows: Sequence[NodeRow] = (),
        origin: Origin | None = None,
    ) -> tuple[RunRow, Sequence[NodeRow]]:
        """A run under a new id, and the rows that it begins with."""
        parts = with_origin(self._parts(plan), origin)
        while True:
            now = time.time()
            run = RunRow(
                id=new_run_id(now),
                graph=plan.name,
                file=plan.file,
                plan_sha256=plan.sha256,
                parts=parts,
                inputs=inputs,
                created=now,
            )
            failpoint("run_insert.before")
            taken_over = [replace(row, run=run.id) for row in rows]
            try:
                await self._journal.create(run, taken_over)
                failpoint("run_insert.after")
            except RunExists:
                continue
            except BaseException:
                await self._give_up(run.id)  # it may be written all the same
                raise
            return run, taken_over

    async def _execute(
        self, run: RunRow, plan: Plan, rows: Sequence[NodeRow] = (), *, is_resumed: bool = False
    ) -> RunResult:
        """Carry an owned run on; it is given up again whatever happens."""
        try:
            if run.plan_sha256 != plan.sha256:
                parts = with_origin(self._parts(plan), origin_of(run))
                await self._journal.repin(run.id, plan.sha256, parts)
            if is_resumed:
                rows = await self._journal.rows(run.id)
            progress = Progress(plan, run.inputs, rows)
            if is_resumed:
                progress.reopen()
            execution = Execution(run, progress, rows, self._means)
            self._emit(RunStarted, run.id, plan.name, is_resumed, run.inputs)
            outcome, rows = await self._advance(run.id, execution)
            error = outcome.error and redact(outcome.error, secrets_in(run.inputs))
            failpoint("run_finish.before")
            await self._journal.finish(run.id, outcome.status, outcome.output, error)
            failpoint("run_finish.after")
        except BaseException as stop:
            await self._give_up(run.id)
            self._emit(RunStopped, run.id, sentence(str(stop)) or type(stop).__name__)
            raise
        result = RunResult(
            run=run.id,
            graph=run.graph,
            status=outcome.status,
            inputs=run.inputs,
            output=outcome.output,
            error=error,
            nodes=Summaries(rows),
            origin=origin_of(run),
        )
        self._emit(RunFinished, run.id, result)
        return result

    async def _advance(self, run_id: str, execution: Execution) -> tuple[Outcome, Sequence[NodeRow]]:
        """Go as far as it goes, or until the run is cancelled; with all that is recorded then."""
        outcome = await self._cancelling.carry(run_id, execution.advance())
        if outcome is not None:
            return outcome, execution.rows
        rows = await self._journal.rows(run_id)
        uncertain = [row.path for row in rows if row.kind in UNCERTAIN_KINDS]
        return Outcome("cancelled", None, cancelled_error(uncertain)), rows

    async def _give_up(self, run_id: str) -> None:
        with suppress(JournalError):  # the error that led here says more
            await self._journal.release(run_id)

    def _parts(self, plan: Plan) -> Mapping[str, str]:
        # Hashing prompts and knowledge once is enough for ten thousand runs.
        if plan.sha256 not in self._known_parts:
            self._known_parts[plan.sha256] = parts_of(plan)
        return self._known_parts[plan.sha256]

    def _emit(self, event: Callable[..., Event], *fields: object) -> None:
        if self._hub.emit is not None:
            self._hub.emit(event(*fields))


def _inputs(plan: Plan, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        values: Mapping[str, Any] = read(plan.input, inputs, "input")
    except ValueMismatch as error:
        raise InvalidInput(f"graph '{plan.name}': {error}") from error
    return values


def new_run_id(now: float) -> str:
    """Short, and sorted by second: the day in UTC, then second of the day and chance, in base 32."""
    number = int(now % 86400) << 18 | secrets.randbits(18)
    letters = "".join(_ID_LETTERS[number >> shift & 31] for shift in range(30, -1, -5))
    return f"{time.strftime('%Y%m%d', time.gmtime(now))}-{letters}"
