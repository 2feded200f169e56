"""What happens in a run, as it happens: the terminal tree, `--stream` and the telemetry read these.

Of a node come `NodeStarted` for every attempt, `AttemptRejected` for every attempt that gave nothing that
counts, then NodeFinished, NodeSkipped or NodeWaiting. What is settled without an attempt (from the cache,
skipped, asked) has no NodeStarted. A run ends with RunFinished, or with RunStopped.

Fields that take no part in comparisons (`of`, `row`, `inputs`) are for readers in this process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from shoal.graphs.plan import Node
from shoal.journal.journal import NodeRow
from shoal.runs.results import NodeSummary, RunResult
from shoal.workspace.redaction import redact_value


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run began or was resumed."""

    run: str
    graph: str
    is_resumed: bool
    inputs: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class NodeStarted:
    """An attempt at a node began, or the first node inside of it."""

    run: str
    path: str
    attempt: int
    of: Node | None = field(default=None, compare=False, repr=False)
    """What the plan says of the node."""
    inputs: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)
    """None where nobody is called, but others inside of it."""


@dataclass(frozen=True, slots=True)
class TokensWritten:
    """An agent wrote on at a free text. If AttemptRejected follows, what the attempt wrote does not count."""

    run: str
    path: str
    attempt: int
    text: str
    field: str
    """Of the agent's output."""


@dataclass(frozen=True, slots=True)
class TokensDropped:
    """A reader was slow, and did not get this many TokensWritten; the whole text comes with NodeFinished."""

    run: str
    count: int


@dataclass(frozen=True, slots=True)
class AttemptRejected:
    """An attempt failed or was not accepted; another one, an escalation or the fallback follows."""

    run: str
    path: str
    attempt: int
    reason: str
    of: Node | None = field(default=None, compare=False, repr=False)
    row: NodeRow | None = field(default=None, compare=False, repr=False)
    """Of this attempt alone."""


@dataclass(frozen=True, slots=True)
class NodeFinished:
    """A node is done, fell back, failed, or may or may not have acted: see `node.status`."""

    run: str
    path: str
    node: NodeSummary
    """All its attempts together."""
    of: Node | None = field(default=None, compare=False, repr=False)
    row: NodeRow | None = field(default=None, compare=False, repr=False)
    """Of the last attempt alone."""


@dataclass(frozen=True, slots=True)
class NodeSkipped:
    """A node is not needed; after NodeStarted, not any more: what is around it ended without it."""

    run: str
    path: str
    reason: str
    of: Node | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class NodeWaiting:
    """A person is asked."""

    run: str
    path: str
    question: str
    of: Node | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The run ended, or nothing more can happen until somebody does something."""

    run: str
    result: RunResult


@dataclass(frozen=True, slots=True)
class RunStopped:
    """This process gave the run up: it was cancelled, or its journal cannot be written. It can be resumed."""

    run: str
    reason: str


Event: TypeAlias = (
    RunStarted
    | NodeStarted
    | TokensWritten
    | TokensDropped
    | AttemptRejected
    | NodeFinished
    | NodeSkipped
    | NodeWaiting
    | RunFinished
    | RunStopped
)
OnEvent: TypeAlias = Callable[[Event], None]


def to_json(event: Event) -> dict[str, Any]:
    """An event as a line of `agentctl run --stream`, redacted; docs/observability.md has the shapes."""
    head: dict[str, Any] = {"type": _TYPES[type(event)], "run": event.run}
    match event:
        case RunStarted():
            body: dict[str, Any] = {"graph": event.graph, "is_resumed": event.is_resumed}
        case NodeStarted():
            body = {"path": event.path, "attempt": event.attempt}
        case TokensWritten():
            # Redacted where the pieces come together, or a secret in two of them would pass.
            return head | {
                "path": event.path,
                "attempt": event.attempt,
                "field": event.field,
                "text": event.text,
            }
        case TokensDropped():
            body = {"count": event.count}
        case AttemptRejected():
            body = {"path": event.path, "attempt": event.attempt, "reason": event.reason}
        case NodeFinished():
            body = {"path": event.path, **_of_node(event.node)}
        case NodeSkipped():
            body = {"path": event.path, "reason": event.reason}
        case NodeWaiting():
            body = {"path": event.path, "question": event.question}
        case RunFinished():
            body = _of_result(event.result)
        case RunStopped():
            body = {"reason": event.reason}
    redacted: dict[str, Any] = redact_value(body)
    return head | redacted


def _of_node(node: NodeSummary) -> dict[str, Any]:
    return {
        "status": node.status,
        "output": node.output,
        "confidence": node.confidence,
        "reason": node.reason,
        "attempts": node.attempts,
        "ms": round(node.ms, 2),
        "prompt_tokens": node.prompt_tokens,
        "completion_tokens": node.completion_tokens,
    }


def _of_result(result: RunResult) -> dict[str, Any]:
    return {
        "graph": result.graph,
        "status": result.status,
        "output": result.output,
        "error": result.error,
        "prompt_tokens": result.prompt_tokens,
        "completion_tokens": result.completion_tokens,
    }


_TYPES: Mapping[type, str] = {
    RunStarted: "run_started",
    NodeStarted: "node_started",
    TokensWritten: "tokens_written",
    TokensDropped: "tokens_dropped",
    AttemptRejected: "attempt_rejected",
    NodeFinished: "node_finished",
    NodeSkipped: "node_skipped",
    NodeWaiting: "node_waiting",
    RunFinished: "run_finished",
    RunStopped: "run_stopped",
}
