"""Whether a recorded row is what the interpreter would make of a step now; if not, what it would make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import takewhile
from typing import Any

from shoal.graphs.plan import AgentCall, HumanQuestion, Node
from shoal.journal.journal import NodeRow, RowKind
from shoal.runs.budgets import FROM_CACHE, Limit
from shoal.runs.frames import Instance
from shoal.runs.judging import refusal, verdict
from shoal.runs.settling import SETTLED, UNDONE
from shoal.runs.steps import Close, Start, Step
from shoal.runs.told import CALLED, Told, told_by
from shoal.runs.work import recorded
from shoal.workspace.types import Type, ValueMismatch, read

_BY_CALL = frozenset({"done", "rejected", "escalated", "failed", "unknown"})
_FOR_WANT = frozenset({"called", "rejected", "failed", "fallback"})
"""What becomes of nodes where a budget is used up, and what would have without."""


class Recount:
    """Compares the rows of one run."""

    def __init__(self, inputs: Mapping[str, Any], rows: Iterable[NodeRow]) -> None:
        self._inputs = inputs
        messages = {row.message or "" for row in rows}
        self._shortages = [message for message in messages if "is used up" in message]

    def now(self, step: Step, row: NodeRow) -> Told | None:
        """What would be recorded now; None if that is what the row says."""
        told = self._called(step, row) if isinstance(step, Start) else self._closed(step, row)
        if told is None or _is_by_clock(step.instance, row) or self._is_for_want(step.instance, row, told):
            return None
        return told

    def told(self, close: Close) -> Told:
        """What would be recorded of a node that nobody is called for."""
        return self._told(close.instance, close.kind, close.message, close.output, close.confidence)

    def note_shortage(self, instance: Instance, row: NodeRow) -> None:
        """Let a budget be used up from here on if a row says so: others go on otherwise then."""
        message = row.message or ""
        for purse in instance.inside.purse.all():
            if purse.refused(message):
                purse.is_used_up = True
                purse.is_out_of_steps |= message.endswith(" steps")

    def lacks_budget(self, instance: Instance) -> bool:
        """Whether a budget around an instance was used up at some time."""
        return any(purse.refused(each) for purse in instance.inside.purse.all() for each in self._shortages)

    def _called(self, start: Start, row: NodeRow) -> Told | None:
        instance, node = start.instance, start.instance.node
        if row.kind == "intent" or row.message == UNDONE or (row.kind == "unknown" and row.ms == 0):
            return None if node.acts_once else CALLED
        if row.kind not in _BY_CALL or (row.kind == "failed" and row.ms == 0):
            return CALLED
        misfit = _misfit(_output_of(node), row)
        if misfit is None and row.message == SETTLED:
            return None
        given = told_by(row) if misfit else self._judged(instance, row)
        if misfit is None and (given == told_by(row) or (given.kind, row.message) == ("done", FROM_CACHE)):
            return None
        if row.kind == "done" or row.output is not None:
            return Told("rejected", row.output, misfit) if misfit else given
        kind, _ = verdict(instance, None, None, row.message or "")  # it gave nothing
        return None if kind == row.kind else Told(kind, None, row.message)

    def _judged(self, instance: Instance, row: NodeRow) -> Told:
        """What becomes of an attempt that gave this."""
        verdict_now = verdict(instance, row.output, row.confidence, None)
        return self._told(instance, *verdict_now, row.output, row.confidence)

    def _told(
        self, instance: Instance, kind: RowKind, message: str | None, output: Any, confidence: float | None
    ) -> Told:
        if message:
            message = recorded(kind, message, self._inputs, instance.inputs)
        return Told(kind, output, message, confidence)

    def _closed(self, close: Close, row: NodeRow) -> Told | None:
        told = self.told(close)
        if row.kind == "answered" and told.kind == "waiting" and told.message == row.message:
            return _answered(close.instance, row)
        return None if told == told_by(row) else told

    def _is_for_want(self, instance: Instance, row: NodeRow, told: Told) -> bool:
        """Whether a difference is one of budgets, which are spent in the order in which things happened."""
        if any(purse.refused(row.message or "") for purse in instance.inside.purse.all()):
            return True
        is_same = row.kind != told.kind or row.output == told.output
        return {row.kind, told.kind} <= _FOR_WANT and is_same and self.lacks_budget(instance)


def own_limits(instance: Instance) -> list[Limit]:
    """The limits of time that a node itself sets."""
    around = instance.parent.inside.limit
    innermost = instance.activity.inside.limit if instance.activity else instance.inside.limit
    return [] if innermost is None else [*takewhile(lambda each: each is not around, innermost.all())]


def _is_by_clock(instance: Instance, row: NodeRow) -> bool:
    """Whether a row is there because time was over."""
    return any(row.message == limit.reason for limit in own_limits(instance))


def _answered(instance: Instance, row: NodeRow) -> Told | None:
    """What becomes of a question whose answer does not do any more."""
    work = instance.node.work
    assert isinstance(work, HumanQuestion), "only people are asked"
    misfit = _misfit(work.answer, row)
    reason = misfit or refusal(instance, row.output)
    return None if reason is None else Told("unanswered", message=reason)


def _output_of(node: Node) -> Type:
    return node.work.agent.output if isinstance(node.work, AgentCall) else node.output


def _misfit(kind: Type, row: NodeRow) -> str | None:
    try:
        read(kind, row.output, "its output")
    except ValueMismatch as error:
        return str(error)
    return None
