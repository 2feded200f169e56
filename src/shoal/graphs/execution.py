"""One run being executed: every node starts the moment what it reads is there.

Each task follows one step to its end and goes on with what that made possible, so a chain is one task
and a fan-out is as many as it is wide. Nothing waits for a sibling. A row is applied only after the journal
has it, so what a node reads is always recorded.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from shoal.agents.engine import Engine, Usage
from shoal.graphs.events import (
    AttemptRejected,
    Event,
    NodeFinished,
    NodeSkipped,
    NodeStarted,
    NodeWaiting,
    OnEvent,
)
from shoal.graphs.interpreter import Ask, Fail, Outcome, Progress, Skip, Start, Step, value_of
from shoal.graphs.plan import AgentCall, ExpressionFailed, Node, ToolCall
from shoal.graphs.results import summarize_node
from shoal.graphs.work import AttemptFailed, Made, ask_agent, call_tool, sentence
from shoal.journal.failpoints import failpoint
from shoal.journal.journal import Journal, NodeRow
from shoal.workspace.types import ValueMismatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What all runs of a runner share."""

    engine: Engine
    journal: Journal
    slots: asyncio.Semaphore
    """One for each attempt that may be under way at once."""
    backoff_s: Callable[[int], float]
    """How long to wait before a tool is tried again, by how often it was rejected."""
    on_event: OnEvent | None


class Execution:
    """The execution of one run by this process."""

    def __init__(self, run_id: str, progress: Progress, rows: Iterable[NodeRow], means: Means) -> None:
        self._run = run_id
        self._progress = progress
        self._means = means
        self._rows: dict[str, list[NodeRow]] = {}
        for row in rows:
            self._keep(row)

    @property
    def rows(self) -> list[NodeRow]:
        """All that is recorded by now."""
        return [row for rows in self._rows.values() for row in rows]

    async def advance(self) -> Outcome:
        """Do all that can be done, and say where that leads. Raises JournalError."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for step in self._progress.due():
                    tasks.create_task(self._follow(step, tasks))
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None
        return self._progress.outcome()

    async def _follow(self, step: Step, tasks: asyncio.TaskGroup) -> None:
        steps = [step]
        while steps:
            first, *others = steps
            for other in others:
                tasks.create_task(self._follow(other, tasks))
            await self._record(await self._take(first))
            steps = self._progress.due()

    async def _take(self, step: Step) -> NodeRow:
        match step:
            case Start():
                return await self._work(step)
            case Ask(node, attempt, question):
                return self._row(node, attempt, "waiting", message=sentence(question))
            case Skip(node, attempt, reason):
                return self._row(node, attempt, "skipped", message=reason)
            case Fail(node, attempt, reason):
                return self._row(node, attempt, "failed", message=sentence(reason))

    async def _work(self, start: Start) -> NodeRow:
        """The attempts at one node, up to the row that closes it."""
        node, attempt, num_rejected = start.node, start.attempt, start.num_rejected
        failpoint("node_start.before")
        self._emit(NodeStarted(self._run, node.name, attempt))
        failpoint("node_start.after")
        while num_rejected <= _num_retries(node):
            row = await self._attempt(start, attempt, num_rejected)
            if row.kind != "rejected":
                return row
            await self._record(row)
            attempt, num_rejected = attempt + 1, num_rejected + 1
            if isinstance(node.work, ToolCall) and num_rejected <= _num_retries(node):
                await asyncio.sleep(self._means.backoff_s(num_rejected))
        return self._fallback(node, attempt)

    async def _attempt(self, start: Start, attempt: int, num_rejected: int) -> NodeRow:
        node = start.node
        async with self._means.slots:
            started, begin = time.time(), time.perf_counter()
            if _acts_once(node):
                failpoint("tool_intent.before")
                await self._means.journal.record(self._row(node, attempt, "intent", started=started))
                failpoint("tool_intent.after")
            made, reason = await self._try(start, attempt, is_again=num_rejected > 0)
        if made is not None:
            reason = self._progress.refusal(node, value_of(node, made.output, made.confidence))
        usage = made.usage if made else Usage()
        return NodeRow(
            run=self._run,
            path=node.name,
            attempt=attempt,
            kind="done" if reason is None else _verdict(node, num_rejected, is_made=made is not None),
            output=made.output if made else None,
            message=reason and sentence(reason),
            confidence=made.confidence if made else None,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            started=started,
            ms=(time.perf_counter() - begin) * 1000,
        )

    async def _try(self, start: Start, attempt: int, *, is_again: bool) -> tuple[Made | None, str | None]:
        node = start.node
        try:
            async with asyncio.timeout(node.timeout_s):
                return await self._do(start, attempt, is_again), None
        except AttemptFailed as error:
            return None, str(error)
        except TimeoutError:  # ours: what the work raises comes as AttemptFailed
            return None, f"it took longer than {node.timeout_s:g} s"

    async def _do(self, start: Start, attempt: int, is_again: bool) -> Made:
        key = f"{self._run}:{start.node.name}"
        match start.node.work:
            case AgentCall(agent=agent):
                key = f"{key}:{attempt}"
                return await ask_agent(self._means.engine, agent, start.inputs, key=key, is_again=is_again)
            case ToolCall(tool=tool):
                return await call_tool(tool, start.inputs, key=key)
            case other:
                raise AssertionError(f"{type(other).__name__} is not work of ours")

    def _fallback(self, node: Node, attempt: int) -> NodeRow:
        try:
            output = self._progress.fallback(node)
        except (ExpressionFailed, ValueMismatch) as error:
            return self._row(node, attempt, "failed", message=sentence(f"its fallback fails: {error}"))
        confidence = 0.0 if isinstance(node.work, AgentCall) else None  # nobody stands behind it
        return self._row(node, attempt, "fallback", output=output, confidence=confidence)

    async def _record(self, row: NodeRow) -> None:
        place = "question" if row.kind == "waiting" else "result_commit"
        failpoint(f"{place}.before")
        await self._means.journal.record(row)
        failpoint(f"{place}.after")
        self._keep(row)
        self._progress.apply(row)
        if self._means.on_event is not None:
            self._emit(self._event(row))

    def _event(self, row: NodeRow) -> Event:
        run, path, message = row.run, row.path, row.message or ""
        match row.kind:
            case "rejected":
                return AttemptRejected(run, path, row.attempt, message)
            case "skipped":
                return NodeSkipped(run, path, message)
            case "waiting":
                return NodeWaiting(run, path, message)
            case _:
                return NodeFinished(run, path, summarize_node(path, self._rows[path]))

    def _emit(self, event: Event) -> None:
        if self._means.on_event is not None:
            self._means.on_event(event)

    def _keep(self, row: NodeRow) -> None:
        self._rows.setdefault(row.path, []).append(row)

    def _row(self, node: Node, attempt: int, kind: Any, *, started: float = 0.0, **fields: Any) -> NodeRow:
        started = started or time.time()
        return NodeRow(run=self._run, path=node.name, attempt=attempt, kind=kind, started=started, **fields)


def _acts_once(node: Node) -> bool:
    return isinstance(node.work, ToolCall) and node.work.tool.effect == "once"


def _num_retries(node: Node) -> int:
    return 0 if _acts_once(node) else node.retry


def _verdict(node: Node, num_rejected: int, *, is_made: bool) -> Any:
    """What an attempt is recorded as that gave nothing, or nothing acceptable."""
    if _acts_once(node) and not (is_made and node.fallback is not None):
        return "unknown"  # it may have acted before it raised: neither tried again nor papered over
    if num_rejected < _num_retries(node) or node.fallback is not None:
        return "rejected"
    return "failed"
