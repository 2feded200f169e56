"""How a node's own rules are applied: what it is given, whether its output is good enough, what stands in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shoal.expressions.expression import ExpressionFailed
from shoal.expressions.values import trimmed
from shoal.graphs.plan import AgentCall, Block, GraphCall, HumanQuestion, Node, ToolCall, bodies
from shoal.journal.journal import RowKind
from shoal.runs.activities import is_true
from shoal.runs.frames import Instance, Result, value_of
from shoal.runs.steps import Close
from shoal.workspace.types import Type, ValueMismatch, read


def refusal(instance: Instance, value: Any) -> str | None:
    """Why a node's `accept` refuses a value, or None."""
    node = instance.node
    if node.accept is None:
        return None
    try:
        is_accepted = is_true(node.accept, {**instance.scope, node.name: value})
    except ExpressionFailed as error:
        return f"its `accept` fails on this output: {error}"
    return None if is_accepted else "its output was not accepted"


def verdict(
    instance: Instance, output: Any, confidence: float | None, reason: str | None
) -> tuple[RowKind, str | None]:
    """What an attempt is recorded as that gave an output, or for a reason nothing."""
    node, is_made = instance.node, reason is None
    if is_made and not node.is_judged:
        return "done", None
    if is_made:
        value = value_of(node, output, confidence)
        if node.escalate is not None and instance.escalated is None:
            try:
                if is_true(node.escalate.when, {**instance.scope, node.name: value}):
                    return "escalated", "its `escalate` holds"
            except ExpressionFailed as error:
                reason = f"its `escalate` fails on this output: {error}"
        reason = reason or refusal(instance, value)
    if reason is None:
        return "done", None
    stands_in = node.fallback is not None or (node.escalate is not None and instance.escalated is None)
    is_known = is_made or instance.escalated is not None
    if node.acts_once and not (is_known and stands_in):
        return "unknown", reason  # it may have acted before it raised: neither tried again nor papered over
    if _can_retry(instance):
        return "rejected", reason
    if node.escalate is not None and instance.escalated is None:
        return "escalated", reason
    return ("failed" if node.fallback is None else "rejected"), reason


def can_go_on(instance: Instance) -> bool:
    """Whether anything is left to a node whose attempt fails now."""
    node = instance.node
    if node.fallback is not None:
        return True
    return _can_retry(instance) or (node.escalate is not None and instance.escalated is None)


def is_handled(instance: Instance) -> bool:
    """Whether a node around it has something left for when this one fails."""
    owner = instance.parent.owner
    while owner is not None:
        if can_go_on(owner):
            return True
        owner = owner.parent.owner
    return False


def num_retries(instance: Instance) -> int:
    """How often its work may be tried again."""
    node = instance.node
    if node.retry == 0:
        return 0
    work_alone = replace(node, escalate=None)  # that is not repeated
    return 0 if _holds_once(work_alone, instance.inside.graphs, set()) else node.retry


def is_given_up(instance: Instance) -> bool:
    """Whether an attempt was rejected and no other follows."""
    if instance.num_rejected == 0:
        return False
    if instance.node.fallback is not None and _is_broke(instance):
        return True
    return instance.num_rejected > num_retries(instance)


def _can_retry(instance: Instance) -> bool:
    has_left = instance.num_rejected < num_retries(instance)
    return has_left and instance.escalated is None and not _is_broke(instance)


def _is_broke(instance: Instance) -> bool:
    return any(purse.is_used_up for purse in instance.inside.purse.all())


def _holds_once(node: Node, graphs: Mapping[str, Block], seen: set[str]) -> bool:
    """Whether another attempt could repeat what must never be repeated."""
    inner = [*bodies(node).values()]
    if isinstance(node.work, GraphCall) and node.work.graph not in seen:
        seen.add(node.work.graph)
        inner += graphs[node.work.graph].nodes.values()
    return node.acts_once or any(_holds_once(each, graphs, seen) for each in inner)


def of_escalation(node: Node, result: Result) -> tuple[Any, float | None, str | None]:
    """What an escalation gave, in the type of the node that it answers for, or why it does not fit."""
    given = result.output
    try:
        output = read(node.output, trimmed(node.output, given), "its escalation")
    except ValueMismatch as error:
        return None, None, str(error)
    if not node.adds_confidence:
        return output, result.confidence, None
    own = given.get("confidence") if isinstance(given, Mapping) else None
    is_sure = isinstance(own, int | float) and not isinstance(own, bool)
    sure = float(own) if is_sure else 1.0  # type: ignore[arg-type]  # a person, or a tool, is sure
    return output, sure if result.confidence is None else result.confidence, None


def pass_over(instance: Instance) -> Close | None:
    """The end of a node that need not run; None for one that does."""
    node, attempt = instance.node, instance.attempt + 1
    if not node.reads <= instance.scope.keys():
        gone = [name for name in node.reads if name not in instance.scope]
        return Close(instance, attempt, "skipped", f"'{min(gone)}' was skipped")
    try:
        if node.when is not None and not is_true(node.when, instance.scope):
            return Close(instance, attempt, "skipped", "`when` is false")
    except ExpressionFailed as error:
        return Close(instance, attempt, "failed", str(error))
    return None


def fall_back(instance: Instance, reason: str | None) -> Close:
    """The node's fallback, or its failure if it has none."""
    node, attempt = instance.node, instance.attempt + 1
    if node.fallback is None:
        return Close(instance, attempt, "failed", reason)
    try:
        kind = node.work.agent.output if isinstance(node.work, AgentCall) else node.output
        output = read(kind, node.fallback.evaluate(instance.scope), "fallback")
    except (ExpressionFailed, ValueMismatch) as error:
        return Close(instance, attempt, "failed", f"its fallback fails: {error}")
    confidence = 0.0 if node.adds_confidence else None  # nobody stands behind it
    return Close(instance, attempt, "fallback", reason, output, confidence)


def inputs_of(instance: Instance) -> Mapping[str, Any]:
    """What a node is given, in the types that its work expects. Raises ExpressionFailed, ValueMismatch."""
    work, scope = instance.node.work, instance.scope
    given = instance.node.inputs
    if isinstance(work, ToolCall):
        # One by one: a parameter that is not given keeps the default of the function.
        fields = work.tool.input.fields
        return {name: _argument(fields[name], each.evaluate(scope), name) for name, each in given.items()}
    values = {name: each.evaluate(scope) for name, each in given.items()}
    if isinstance(work, AgentCall | GraphCall):
        kind = work.agent.input if isinstance(work, AgentCall) else work.input
        made: Mapping[str, Any] = read(kind, values, "input")
        return made
    return values


def _argument(kind: Type, value: Any, name: str) -> Any:
    try:
        return read(kind, value)
    except ValueMismatch:
        return read(kind, value, f"input.{name}")  # says where


def question_of(instance: Instance, work: HumanQuestion) -> Close:
    """A question for a person. Raises ExpressionFailed."""
    text = str(work.question.evaluate(instance.scope))
    return Close(instance, instance.attempt + 1, "waiting", text)
