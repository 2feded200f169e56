"""What a run gave, node by node: read from journal rows, at its end and by `runs show` later."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from shoal.journal.journal import Journal, NodeRow, RunRow, RunStatus
from shoal.runs.pins import Origin, origin_of

NodeStatus = Literal["done", "fallback", "skipped", "failed", "retrying", "unknown", "waiting"]

_STATUS: Mapping[str, NodeStatus] = {
    "done": "done",
    "answered": "done",
    "fallback": "fallback",
    "skipped": "skipped",
    "rejected": "retrying",
    "escalated": "retrying",
    "failed": "failed",
    "intent": "unknown",
    "unknown": "unknown",
    "waiting": "waiting",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSummary:
    """What became of one node, all its attempts together."""

    path: str
    status: NodeStatus
    output: Any = None
    attempts: int = 0
    """How often its work was tried."""
    ms: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    confidence: float | None = None
    question: str | None = None
    """What a person is or was asked."""
    reason: str | None = None
    """Why it was skipped, failed, is uncertain or fell back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """Where a run stands, and what it gave so far."""

    run: str
    graph: str
    status: RunStatus
    inputs: Mapping[str, Any]
    output: Mapping[str, Any] | None
    error: str | None
    nodes: Mapping[str, NodeSummary]
    """By path, in the order in which they began."""
    origin: Origin | None = None
    """What it is a fork of."""

    @property
    def prompt_tokens(self) -> int:
        """Tokens read by all models."""
        return sum(node.prompt_tokens for node in self.nodes.values())

    @property
    def completion_tokens(self) -> int:
        """Tokens written by all models."""
        return sum(node.completion_tokens for node in self.nodes.values())


def summarize(rows: Iterable[NodeRow]) -> dict[str, NodeSummary]:
    """The attempts of each node as one summary."""
    by_path: dict[str, list[NodeRow]] = {}
    for row in rows:
        by_path.setdefault(row.path, []).append(row)
    in_order = sorted(by_path.items(), key=lambda item: item[1][0].started)
    return {path: summarize_node(path, attempts) for path, attempts in in_order}


class Summaries(Mapping[str, NodeSummary]):
    """Nodes by path, summed up when they are first looked at: most runs are asked for their output alone."""

    def __init__(self, rows: Iterable[NodeRow]) -> None:
        self._rows = rows
        self._made: dict[str, NodeSummary] | None = None

    def __getitem__(self, path: str) -> NodeSummary:
        return self._all()[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __repr__(self) -> str:
        return repr(self._all())

    def _all(self) -> dict[str, NodeSummary]:
        if self._made is None:
            self._made = summarize(self._rows)
        return self._made


async def result_of(journal: Journal, run_id: str) -> RunResult:
    """What the journal tells of a run. Raises RunNotFound."""
    return make_result(await journal.run(run_id), await journal.rows(run_id))


def make_result(run: RunRow, rows: Iterable[NodeRow]) -> RunResult:
    """A run and its rows as one value."""
    return RunResult(
        run=run.id,
        graph=run.graph,
        status=run.status,
        inputs=run.inputs,
        output=run.output,
        error=run.error,
        nodes=Summaries(rows),
        origin=origin_of(run),
    )


def summarize_node(path: str, rows: list[NodeRow]) -> NodeSummary:
    """The attempts of one node, in order, as one summary."""
    last = rows[-1]
    is_question = last.kind in {"waiting", "answered"}
    reason = last.message
    if last.kind == "fallback" and reason is None:
        reason = next((row.message for row in reversed(rows) if row.kind == "rejected"), None)
    return NodeSummary(
        path=path,
        status=_STATUS[last.kind],
        output=last.output,
        attempts=sum(row.kind not in {"fallback", "skipped"} for row in rows),
        ms=sum(row.ms for row in rows),
        prompt_tokens=sum(row.prompt_tokens for row in rows),
        completion_tokens=sum(row.completion_tokens for row in rows),
        confidence=last.confidence,
        question=last.message if is_question else None,
        reason=None if is_question else reason,
    )
