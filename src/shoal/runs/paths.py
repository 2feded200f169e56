"""Paths of nodes in a run: `handle[3].reply`, `handle#2[3].reply`, and back from them to the plan."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from shoal.graphs.plan import GraphCall, Node, Plan, bodies

_PIECE = re.compile(r"\.?([^.\[#]+)|(\[\d+\])|(#\d+)")
_MARKS = re.compile(r"[.\[#]")


def node_at(plan: Plan, path: str) -> Node | None:
    """The node of a plan that a path leads to, whether it was ever reached or not."""
    around: Mapping[str, Node] = {f".{name}": node for name, node in plan.block.nodes.items()}
    found: Node | None = None
    end = 0
    for piece in _PIECE.finditer(path):
        if piece.start() != end:
            return None
        end = piece.end()
        name, index, _ = piece.groups()
        if name or index:
            found = around.get(f".{name}" if name else "[]")
            if found is None:
                return None
            around = _inside(plan, found)
    return found if end == len(path) else None


class Piece(NamedTuple):
    """One step down a path."""

    number: int
    """Which go about what it stands in, counted from 1; of `escalate`, which escalation."""
    name: str
    """`reply` or `[3]`; empty at the end of a path that names a go: `handle#2`."""


def pieces_of(path: str) -> Iterator[Piece]:
    """The steps down a path."""
    number = 1
    for piece in _PIECE.finditer(path):
        name, index, mark = piece.groups()
        if mark:
            number = int(mark[1:])
        else:
            yield Piece(number, name or index)
            number = 1
    if path.endswith(f"#{number}"):
        yield Piece(number, "")


def enclosing(path: str) -> Iterator[str]:
    """The path itself and those of all it stands in, at last the run's own, which is empty."""
    yield path
    for mark in reversed([*_MARKS.finditer(path)]):
        # `a#2[3]` stands in `a#2`, and that is an attempt of `a`: told of as `a`.
        if path[mark.start()] == "#" or not _is_attempt(path, mark.start()):
            yield path[: mark.start()]
    yield ""


def _is_attempt(path: str, end: int) -> bool:
    return bool(re.search(r"#\d+\Z", path[:end]))


def _inside(plan: Plan, node: Node) -> Mapping[str, Node]:
    if isinstance(node.work, GraphCall):
        inner = {f".{name}": each for name, each in plan.graphs[node.work.graph].nodes.items()}
        return inner | ({".escalate": node.escalate.to} if node.escalate else {})
    return bodies(node)
