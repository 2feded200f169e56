"""Two runs side by side, node by node: what only one of them has, and what each node gave and took."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from shoal.runs.differing import NOTHING, Place, differing
from shoal.runs.results import NodeSummary, RunResult


@dataclass(frozen=True)
class NodeDifference:
    """A node that is not the same in both; None where a run does not have it."""

    path: str
    first: NodeSummary | None
    second: NodeSummary | None

    @cached_property
    def places(self) -> Sequence[Place]:
        """Where its outputs differ."""
        return [*differing(_output_of(self.first), _output_of(self.second))]

    @property
    def is_other(self) -> bool:
        """Whether it came out otherwise; else it only took another way, or more."""
        first, second = self.first, self.second
        return first is None or second is None or first.status != second.status or bool(self.places)

    @property
    def kind(self) -> str:
        """Its path without the numbers of items, rounds and goes: what many have in common."""
        return re.sub(r"\[\d+\]", "[]", re.sub(r"#\d+", "", self.path))


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What is not the same in two runs. Time alone is no difference."""

    first: RunResult
    second: RunResult
    inputs: Sequence[Place]
    output: Sequence[Place]
    nodes: Sequence[NodeDifference]
    num_nodes: Mapping[str, int]
    """How many nodes there are in both together, by kind."""

    @property
    def is_same(self) -> bool:
        """Whether both ended alike, and every node gave the same in both."""
        is_alike = self.first.status == self.second.status and not self.output
        return is_alike and not any(each.is_other for each in self.nodes)

    def by_kind(self) -> Mapping[str, Sequence[NodeDifference]]:
        """The nodes that differ, those of one kind together, in the order in which they began."""
        found: dict[str, list[NodeDifference]] = {}
        for each in self.nodes:
            found.setdefault(each.kind, []).append(each)
        return found


def compare(first: RunResult, second: RunResult) -> Comparison:
    """Put two runs side by side."""
    paths = {**first.nodes, **second.nodes}
    pairs = [NodeDifference(path, first.nodes.get(path), second.nodes.get(path)) for path in paths]
    num_nodes: dict[str, int] = {}
    for pair in pairs:
        num_nodes[pair.kind] = num_nodes.get(pair.kind, 0) + 1
    return Comparison(
        first=first,
        second=second,
        inputs=[*differing(first.inputs, second.inputs)],
        output=[*differing(_plain(first.output), _plain(second.output))],
        nodes=[pair for pair in pairs if pair.is_other or _spent(pair.first) != _spent(pair.second)],
        num_nodes=num_nodes,
    )


def _output_of(node: NodeSummary | None) -> Any:
    has_one = node is not None and node.status in {"done", "fallback"}
    return node.output if has_one and node is not None else NOTHING


def _plain(output: Mapping[str, Any] | None) -> Any:
    return NOTHING if output is None else output


def _spent(node: NodeSummary | None) -> Any:
    return node and (node.attempts, node.prompt_tokens + node.completion_tokens)
