"""What came of asking a target once, and how it is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from shoal.journal.journal import NodeRow
from shoal.runs.results import NodeSummary, summarize

Change = Mapping[str, Any]
"""{insert: TABLE, row: {...}}, {delete: TABLE, row: {...}}, or {update: TABLE, key, before, after: {...}}."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """An answer with all that is known of it, or the error that came instead."""

    output: Mapping[str, Any] | None = None
    error: str | None = None
    confidence: Mapping[str, float] = field(default_factory=dict)
    """Of fields of an agent's output."""
    run: str | None = None
    """The run of a graph, in the journal of the evaluation."""
    status: str = "done"
    rows: Sequence[NodeRow] = ()
    """Of the run."""
    changes: Sequence[Change] | None = None
    """Of the databases of the case; None where it has none."""
    ms: float | None = None
    """None where a part of it came from the cache, so that it was never measured as a whole."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    is_cached: bool = False
    """Nothing was asked: an earlier evaluation had."""

    @cached_property
    def nodes(self) -> Mapping[str, NodeSummary]:
        """The nodes of the run by path, in the order in which they began."""
        return summarize(self.rows)

    @property
    def tokens(self) -> int | None:
        """Read and written."""
        if self.prompt_tokens is None or self.completion_tokens is None:
            return None
        return self.prompt_tokens + self.completion_tokens

    @property
    def ran(self) -> list[str]:
        """The nodes that gave something, without those inside others, in the order in which they began."""
        return [
            path for path, node in self.nodes.items() if node.status in {"done", "fallback"} and _is_top(path)
        ]


def _is_top(path: str) -> bool:
    return not any(mark in path for mark in ".[#")


def to_json(outcome: Outcome) -> dict[str, Any]:
    """An outcome as plain data."""
    return {
        "output": outcome.output,
        "error": outcome.error,
        "confidence": dict(outcome.confidence),
        "run": outcome.run,
        "status": outcome.status,
        "rows": [row_to_json(row) for row in outcome.rows],
        "changes": None if outcome.changes is None else list(outcome.changes),
        "ms": outcome.ms,
        "prompt_tokens": outcome.prompt_tokens,
        "completion_tokens": outcome.completion_tokens,
    }


def from_json(data: Mapping[str, Any]) -> Outcome:
    """An outcome that was kept; nothing was asked for it now."""
    rows = [row_from_json(row) for row in data["rows"]]
    return Outcome(**{**data, "rows": rows, "is_cached": True})


_COLUMNS = tuple(NodeRow.__slots__)


def row_to_json(row: NodeRow) -> list[Any]:
    """The row of a run as plain data, in the order of its fields."""
    return [getattr(row, column) for column in _COLUMNS]


def row_from_json(data: Sequence[Any]) -> NodeRow:
    """A row that was kept."""
    return NodeRow(**dict(zip(_COLUMNS, data, strict=True)))
