"""One run being executed: every node starts the moment what it reads is there.

Each task follows one step to its end and goes on with what that made possible, so a chain is one task
and a fan-out is as many as it is wide. Nothing waits for a sibling. A row is applied only after the journal
has it, so what a node reads is always recorded.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from shoal.agents.agent import Agent
from shoal.agents.engine import Engine
from shoal.graphs.plan import AgentCall, GraphCall, Node, ToolCall
from shoal.journal.failpoints import failpoint
from shoal.journal.journal import Journal, NodeRow, RowKind, RunRow
from shoal.runs.budgets import FROM_CACHE, Limit
from shoal.runs.cache import Cache, Kept, key_of
from shoal.runs.events import (
    AttemptRejected,
    Event,
    NodeFinished,
    NodeSkipped,
    NodeStarted,
    NodeWaiting,
)
from shoal.runs.forks import uncached
from shoal.runs.frames import Instance
from shoal.runs.interpreter import Progress
from shoal.runs.judging import verdict
from shoal.runs.pins import origin_of
from shoal.runs.results import summarize_node
from shoal.runs.slots import Slots
from shoal.runs.steps import Close, Outcome, Start, Step
from shoal.runs.streams import Aloud, Hub
from shoal.runs.work import AttemptFailed, Made, ask_agent, call_tool, recorded, sentence
from shoal.workspace.redaction import secrets_in

_STEPS_IN_A_ROW = 100
"""After which a task lets others have a turn, where nothing else made it wait."""
_OPENED_IN_A_ROW = 64
"""Instances that are begun before others have a turn, and before the time is looked at."""
_NOTHING = Made(None)
_TRIED_AGAIN = frozenset({"rejected", "escalated", "failed"})


_AT_QUESTION = ("question.before", "question.after")
_AT_JOIN = ("join.before", "join.after")
_AT_RESULT = ("result_commit.before", "result_commit.after")


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What all runs of a runner share."""

    engine: Engine
    journal: Journal
    slots: Slots
    """One for each attempt that may be under way at once."""
    threads: Slots
    """Instead of these, for attempts that hold a thread."""
    backoff_s: Callable[[int], float]
    """How long to wait before a tool is tried again, by how often it was rejected."""
    hub: Hub
    cache: Cache | None
    identity: str
    """Of the engine, in the keys of the cache."""


class Execution:
    """The execution of one run by this process."""

    def __init__(self, run: RunRow, progress: Progress, rows: Iterable[NodeRow], means: Means) -> None:
        self._run = run.id
        self._inputs = run.inputs
        self._progress = progress
        self._means = means
        self._rows: list[NodeRow] = []
        self._earlier: dict[str, list[NodeRow]] = {}
        """Of nodes that were tried again, what came of it before."""
        self._num_steps = 0
        self._origin = origin_of(run)
        self._uncached: frozenset[str] | None = None
        """Found out when a node may have its answer from the cache."""
        for row in rows:
            self._keep(row)

    @property
    def rows(self) -> list[NodeRow]:
        """All that is recorded by now."""
        return self._rows

    async def advance(self) -> Outcome:
        """Do all that can be done, and say where that leads. Raises JournalError."""
        steps = await self._unfold([])
        while len(steps) == 1:
            steps = await self._take(steps[0])
        if steps:
            try:
                async with asyncio.TaskGroup() as tasks:
                    await self._follow(steps, tasks)
            except BaseExceptionGroup as group:
                raise group.exceptions[0] from None
        return self._progress.outcome()

    async def _follow(self, steps: list[Step], tasks: asyncio.TaskGroup) -> None:
        while steps:
            for other in steps[1:]:
                tasks.create_task(self._follow([other], tasks))
            steps = await self._take(steps[0])

    async def _take(self, step: Step) -> list[Step]:
        """Do one step, and say what that made possible."""
        instance = step.instance
        if (owner := instance.parent.owner) and not owner.started:
            self._begin_around(owner)
        if isinstance(step, Close):
            row: NodeRow | None = self._closing(step)
        elif instance.node.cache_s is None:
            row = await self._call(step)
        else:
            row = await self._call_or_recall(step)
        if row is not None:
            await self._record(row, instance)
        self._num_steps += 1
        if self._num_steps % _STEPS_IN_A_ROW == 0:
            await asyncio.sleep(0)
        steps = self._progress.due(_OPENED_IN_A_ROW)
        return await self._unfold(steps) if self._progress.is_due else steps

    async def _unfold(self, steps: list[Step]) -> list[Step]:
        """All that became possible; others have their turn while a graph unfolds, and time limits hold."""
        while self._progress.is_due:
            await asyncio.sleep(0)
            self._progress.expire(asyncio.get_running_loop().time(), _OPENED_IN_A_ROW)
            steps += self._progress.due(_OPENED_IN_A_ROW)
        return steps

    async def _call_or_recall(self, start: Start) -> NodeRow | None:
        """What the cache has of a node, or else what it gives; None where there is nothing to record."""
        instance = start.instance
        if (row := self._kept(start)) is not None:
            return row
        if isinstance(instance.node.work, GraphCall):
            self._progress.open(instance)
            return None
        if (shortage := self._progress.reserve(instance)) is not None:
            return self._closing(shortage)
        return await self._call(start)

    async def _call(self, start: Start) -> NodeRow | None:
        """Call an agent or a tool; None where it is given up and there is nothing to record."""
        instance = start.instance
        if instance.num_rejected == 0:
            failpoint("node_start.before")
        if self._means.hub.emit is not None:
            self._emit_start(instance, start.attempt, start.inputs)
        if instance.num_rejected == 0:
            failpoint("node_start.after")
        if instance.inside.limit is None:
            return await self._attempt(start)
        return await self._within(instance.inside.limit, start)

    async def _within(self, limit: Limit, start: Start) -> NodeRow | None:
        """An attempt, unless a limit of time around it ends first: then the node is given up."""
        clock, instance = asyncio.get_running_loop().time, start.instance
        first = limit.next_to_end(clock())
        assert first.ends is not None
        try:
            if clock() < first.ends and limit.one_that_is_over() is None:
                async with asyncio.timeout_at(first.ends) as scope:
                    with limit.telling(lambda: scope.reschedule(clock())):
                        return await self._attempt(start)
        except TimeoutError:  # ours: what the work raises comes as a row
            if start.is_intended:
                over = limit.one_that_is_over() or first
                return self._row(instance, start.attempt, "unknown", message=over.reason)
        over = limit.one_that_is_over() or first
        self._progress.cut(instance, over)
        if (emit := self._means.hub.emit) is not None:
            emit(NodeSkipped(self._run, instance.path, over.reason, instance.node))
        return None

    async def _attempt(self, start: Start) -> NodeRow:
        instance, attempt, means = start.instance, start.attempt, self._means
        slots = means.threads if instance.node.takes_thread else means.slots
        if instance.num_rejected and isinstance(instance.node.work, ToolCall):
            await asyncio.sleep(means.backoff_s(instance.num_rejected))
        if (turn := slots.take()) is not None:
            await slots.wait(turn)
        try:
            started, begin = time.time(), time.perf_counter()
            if instance.node.acts_once:
                start.is_intended = True
                failpoint("tool_intent.before")
                await means.journal.record(self._row(instance, attempt, "intent", started=started))
                failpoint("tool_intent.after")
            made, reason = await self._try(start)
        finally:
            slots.release()
        kind, message = verdict(instance, made.output, made.confidence, reason)
        return NodeRow(
            run=self._run,
            path=instance.path,
            attempt=attempt,
            kind=kind,
            output=made.output,
            message=message and sentence(message, self._secrets(instance)),
            confidence=made.confidence,
            prompt_tokens=made.usage.prompt_tokens,
            completion_tokens=made.usage.completion_tokens,
            started=started,
            ms=(time.perf_counter() - begin) * 1000,
        )

    async def _try(self, start: Start) -> tuple[Made, str | None]:
        """What an attempt gave, or nothing and why."""
        timeout_s = start.instance.node.timeout_s
        try:
            if timeout_s is None:
                return await self._ask(start), None
            async with asyncio.timeout(timeout_s):
                return await self._ask(start), None
        except AttemptFailed as error:
            return _NOTHING, str(error)
        except TimeoutError:  # ours: what the work raises comes as AttemptFailed
            return _NOTHING, f"it took longer than {timeout_s:g} s"

    def _ask(self, start: Start) -> Awaitable[Made]:
        instance, work = start.instance, start.instance.node.work
        key = f"{self._run}:{instance.path}"
        if isinstance(work, ToolCall):
            return call_tool(work.tool, start.inputs, key=key)
        assert isinstance(work, AgentCall), "only agents and tools are called"
        is_sampled = instance.inside.is_sampled or instance.num_rejected > 0
        key = f"{key}:{start.attempt}"
        if self._means.hub.hears_text(self._run):
            return self._ask_aloud(start, work.agent, key, is_sampled)
        return ask_agent(self._means.engine, work.agent, start.inputs, key=key, is_sampled=is_sampled)

    async def _ask_aloud(self, start: Start, agent: Agent, key: str, is_sampled: bool) -> Made:
        """Ask an agent while others read along."""
        means, instance = self._means, start.instance
        aloud = Aloud(means.hub, self._run, instance.path, start.attempt, self._secrets(instance))
        try:
            made = await ask_agent(
                means.engine, agent, start.inputs, key=key, is_sampled=is_sampled, on_text=aloud.on_text
            )
            aloud.finish()
            return made
        finally:
            aloud.stop()

    # The cache.

    def _cache_key(self, instance: Instance) -> str | None:
        if instance.node.cache_s is None or self._means.cache is None or instance.inputs is None:
            return None
        if self._uncached is None:
            self._uncached = uncached(self._origin, self.rows)
        if instance.path in self._uncached:
            return None
        place = instance.inside.sample
        return key_of(self._progress.plan, instance.node, instance.inputs, place, self._means.identity)

    def _kept(self, start: Start) -> NodeRow | None:
        """What the cache has. Where an attempt was rejected, the same answer would be rejected again."""
        instance, cache = start.instance, self._means.cache
        if cache is None or instance.num_rejected or instance.inside.is_again:
            return None
        key = self._cache_key(instance)
        kept = key and cache.get(key, instance.node.cache_s or 0.0)
        if not kept or verdict(instance, kept.output, kept.confidence, None)[0] != "done":
            return None
        return self._row(
            instance,
            start.attempt,
            "done",
            message=FROM_CACHE,
            output=kept.output,
            confidence=kept.confidence,
        )

    def _keep_answer(self, row: NodeRow, instance: Instance) -> None:
        cache = self._means.cache
        is_own = row.kind == "done" and instance.num_escalated == 0  # nobody else's answer is kept as its
        if cache is not None and is_own and row.message != FROM_CACHE:
            key = self._cache_key(instance)
            if key is not None:
                cache.put(key, Kept(row.output, row.confidence))

    # Rows.

    async def _record(self, row: NodeRow, instance: Instance) -> None:
        is_join = instance.activity is not None
        before, after = _AT_QUESTION if row.kind == "waiting" else _AT_JOIN if is_join else _AT_RESULT
        failpoint(before)
        await self._means.journal.record(row)
        failpoint(after)
        if instance.node.cache_s is not None:
            self._keep_answer(row, instance)
        self._progress.apply(row)
        if (emit := self._means.hub.emit) is not None:
            emit(self._event(row, instance.node))
        self._keep(row)

    def _closing(self, step: Close) -> NodeRow:
        """The row of a node that nobody has to be called for."""
        instance, message = step.instance, step.message
        started, ms = time.time(), 0.0
        if instance.started:  # it held others
            started, ms = instance.started, (started - instance.started) * 1000
            instance.started = 0.0
        return NodeRow(
            run=self._run,
            path=instance.path,
            attempt=step.attempt,
            kind=step.kind,
            output=step.output,
            message=message and recorded(step.kind, message, self._inputs, instance.inputs),
            confidence=step.confidence,
            started=started,
            ms=ms,
        )

    def _secrets(self, instance: Instance) -> tuple[str, ...]:
        """The values that are secret here by the names of inputs."""
        return (*secrets_in(self._inputs), *secrets_in(instance.inputs or {}))

    def _begin_around(self, owner: Instance | None) -> None:
        """Note the time for the nodes around a step that had not begun."""
        begun = []
        while owner is not None and not owner.started:
            owner.started = time.time()
            begun.append(owner)
            owner = owner.parent.owner
        if self._means.hub.emit is not None:
            for each in reversed(begun):
                self._emit_start(each, each.attempt + 1, None)

    def _event(self, row: NodeRow, node: Node) -> Event:
        run, path, message = row.run, row.path, row.message or ""
        match row.kind:
            case "rejected" | "escalated":
                return AttemptRejected(run, path, row.attempt, message, node, row)
            case "skipped":
                return NodeSkipped(run, path, message, node)
            case "waiting":
                return NodeWaiting(run, path, message, node)
            case _:
                rows = [*self._earlier.get(path, ()), row]
                return NodeFinished(run, path, summarize_node(path, rows), node, row)

    def _emit_start(self, instance: Instance, attempt: int, inputs: Mapping[str, Any] | None) -> None:
        emit = self._means.hub.emit
        assert emit is not None
        emit(NodeStarted(self._run, instance.path, attempt, instance.node, inputs))

    def _keep(self, row: NodeRow) -> None:
        self._rows.append(row)
        if row.kind in _TRIED_AGAIN:
            self._earlier.setdefault(row.path, []).append(row)

    def _row(
        self, instance: Instance, attempt: int, kind: RowKind, *, started: float = 0.0, **fields: Any
    ) -> NodeRow:
        started = started or time.time()
        return NodeRow(
            run=self._run, path=instance.path, attempt=attempt, kind=kind, started=started, **fields
        )
