"""What comes next in a run: a pure reading of (plan, journal rows).

It knows nothing of models, disks, clocks or tasks. The runner applies every row it has recorded and asks
what is due; a resume applies the rows of the journal and asks the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from shoal.errors import NodeFailed
from shoal.graphs.plan import (
    AgentCall,
    Expression,
    ExpressionFailed,
    HumanQuestion,
    Node,
    Plan,
    Scope,
    ToolCall,
)
from shoal.journal.journal import NodeRow, RunStatus
from shoal.workspace.types import Nullable, ValueMismatch, plain, read


@dataclass(frozen=True, slots=True)
class Start:
    """The node's work can begin."""

    node: Node
    attempt: int
    num_rejected: int
    """Attempts that were rejected since the node was last given up, 0 on a fresh one."""
    inputs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ask:
    """A person is to be asked."""

    node: Node
    attempt: int
    question: str


@dataclass(frozen=True, slots=True)
class Skip:
    """The node is not needed."""

    node: Node
    attempt: int
    reason: str


@dataclass(frozen=True, slots=True)
class Fail:
    """The node's own expressions fail on these values."""

    node: Node
    attempt: int
    reason: str


Step: TypeAlias = Start | Ask | Skip | Fail


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a run stands when nothing is due and nothing is under way."""

    status: RunStatus
    output: Mapping[str, Any] | None
    error: str | None


class Progress:
    """How far one run has come."""

    def __init__(self, plan: Plan, inputs: Mapping[str, Any]) -> None:
        self.plan = plan
        self.scope: dict[str, Any] = {"input": inputs}
        self._settled: set[str] = set()
        self._skipped: set[str] = set()
        self._open: dict[str, NodeRow] = {}
        self._attempts: dict[str, int] = {}
        self._rejected: dict[str, int] = {}
        self._dependents: dict[str, list[str]] = {name: [] for name in plan.block.nodes}
        self._missing: dict[str, int] = {}
        for name, node in plan.block.nodes.items():
            needed = node.reads | node.asks
            self._missing[name] = len(needed)
            for other in needed:
                self._dependents[other].append(name)
        self._ready = [name for name, count in self._missing.items() if count == 0]

    @classmethod
    def replay(cls, plan: Plan, inputs: Mapping[str, Any], rows: Iterable[NodeRow]) -> Progress:
        """The progress that a journal tells of; attempts of a node come in order."""
        progress = cls(plan, inputs)
        for row in rows:
            progress.apply(row)
        return progress

    def apply(self, row: NodeRow) -> None:
        """Take in what was recorded. Rows of nodes that the plan no longer has are passed over."""
        name = row.path
        node = self.plan.block.nodes.get(name)
        if node is None:
            return
        self._attempts[name] = row.attempt
        match row.kind:
            case "done" | "fallback" | "answered":
                self.scope[name] = value_of(node, row.output, row.confidence)
                self._settle(name)
            case "skipped":
                self._skipped.add(name)
                self._settle(name)
            case "rejected":
                self._open.pop(name, None)
                self._rejected[name] = self._rejected.get(name, 0) + 1
            case "failed":
                self._open[name] = row
                self._rejected[name] = 0
            case "intent" | "unknown" | "waiting":
                self._open[name] = row

    def reopen(self) -> None:
        """Give failed nodes another go: their cause may be mended."""
        for name, row in list(self._open.items()):
            if row.kind == "failed":
                del self._open[name]
                if self._missing[name] == 0 and name not in self._ready:
                    self._ready.append(name)

    def due(self) -> list[Step]:
        """What became possible since the last call, each step once."""
        ready, self._ready = self._ready, []
        return [
            self._judge(self.plan.block.nodes[name])
            for name in ready
            if name not in self._settled and name not in self._open
        ]

    def open_row(self, name: str) -> NodeRow | None:
        """The row of a node that failed, is uncertain or waits for a person."""
        return self._open.get(name)

    def refusal(self, node: Node, value: Any) -> str | None:
        """Why a node's `accept` refuses a value, or None."""
        if node.accept is None:
            return None
        try:
            is_accepted = _is_true(node.accept, {**self.scope, node.name: value})
        except ExpressionFailed as error:
            return f"its `accept` fails on this output: {error}"
        return None if is_accepted else "its output was not accepted"

    def fallback(self, node: Node) -> dict[str, Any]:
        """The output of a node whose attempts were all rejected. Raises ExpressionFailed, ValueMismatch."""
        assert node.fallback is not None
        values = {name: expression.evaluate(self.scope) for name, expression in node.fallback.items()}
        kind = node.work.agent.output if isinstance(node.work, AgentCall) else node.output
        result: dict[str, Any] = read(kind, values, "fallback")
        return result

    def outcome(self) -> Outcome:
        """How the run stands now that nothing is due and nothing is under way."""
        output, fault = self._output()
        by_kind: dict[str, NodeRow] = {}
        for (
            name
        ) in self.plan.block.nodes:  # of several, the first in the graph is told of, whichever came first
            if row := self._open.get(name):
                by_kind.setdefault("unknown" if row.kind == "intent" else row.kind, row)
        if unknown := by_kind.get("unknown"):
            return Outcome("unknown", output, uncertain(unknown))
        if failed := by_kind.get("failed"):
            return Outcome("failed", output, str(NodeFailed(failed.path, failed.message or "")))
        if fault is not None:
            return Outcome("failed", None, fault)
        if "waiting" in by_kind:
            return Outcome("waiting", output, None)
        assert len(self._settled) == len(self.plan.block.nodes), "a node is neither settled, open nor due"
        return Outcome("done", output, None)

    def _settle(self, name: str) -> None:
        self._open.pop(name, None)
        self._settled.add(name)
        for other in self._dependents[name]:
            self._missing[other] -= 1
            if self._missing[other] == 0:
                self._ready.append(other)

    def _judge(self, node: Node) -> Step:
        attempt = self._attempts.get(node.name, 0) + 1
        if not node.reads.isdisjoint(self._skipped):
            gone = min(node.reads & self._skipped)
            return Skip(node, attempt, f"'{gone}' was skipped")
        try:
            if node.when is not None and not _is_true(node.when, self.scope):
                return Skip(node, attempt, "`when` is false")
            if isinstance(node.work, HumanQuestion):
                return Ask(node, attempt, str(node.work.question.evaluate(self.scope)))
            inputs = _read_inputs(
                node, {name: given.evaluate(self.scope) for name, given in node.inputs.items()}
            )
        except (ExpressionFailed, ValueMismatch) as error:
            return Fail(node, attempt, str(error))
        return Start(node, attempt, self._rejected.get(node.name, 0), inputs)

    def _output(self) -> tuple[dict[str, Any] | None, str | None]:
        """The output, once all it reads is settled, and why it cannot be had."""
        values: dict[str, Any] = {}
        for field, expression in self.plan.block.output.items():
            if not (expression.reads | expression.asks) <= self._settled:
                return None, None
            gone = expression.reads & self._skipped
            if gone and isinstance(plain(self.plan.block.output_type.fields[field]), Nullable):
                values[field] = None
            elif gone:
                return None, f"output '{field}' reads node '{min(gone)}', which was skipped"
            else:
                try:
                    values[field] = expression.evaluate(self.scope)
                except ExpressionFailed as error:
                    return None, f"output '{field}' has no value: {error}"
        try:
            return read(self.plan.block.output_type, values, "output"), None
        except ValueMismatch as error:
            return None, str(error)


def value_of(node: Node, output: Any, confidence: float | None) -> Any:
    """What expressions read under a node's name: agents add their confidence."""
    if isinstance(node.work, AgentCall):
        return {**output, "confidence": confidence}
    return output


def _is_true(condition: Expression, scope: Scope) -> bool:
    """Whether a condition holds; of type `any`, it may turn out to be none. Raises ExpressionFailed."""
    found = condition.evaluate(scope)
    if not isinstance(found, bool):
        raise ExpressionFailed(f"a condition gave {json.dumps(found)[:60]}, expected true or false")
    return found


def _read_inputs(node: Node, values: Mapping[str, Any]) -> Mapping[str, Any]:
    match node.work:
        case AgentCall(agent=agent):
            result: Mapping[str, Any] = read(agent.input, values, "input")
            return result
        case ToolCall(tool=tool):
            # One by one: a parameter that is not given keeps the default of the function.
            return {
                name: read(tool.input.fields[name], value, f"input.{name}") for name, value in values.items()
            }
        case _:
            return values


def uncertain(row: NodeRow) -> str:
    """What to tell a person about a tool that may have acted."""
    reason = row.message or "the process stopped between its intent and its result"
    return (
        f"node '{row.path}' may have acted or not: {reason}. Look whether it did, then run "
        f"`agentctl runs answer {row.run} {row.path} RESULT`, or with --not-done instead of the result"
    )
