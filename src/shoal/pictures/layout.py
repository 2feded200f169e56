"""A layered layout: boxes in rows from top to bottom, lines that pass between them.

Rows come from the longest way to each node (networkx); a line that skips rows gets a narrow slot in each of
them, so that no line crosses a box. The order within a row follows the middle of the neighbours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean

import networkx as nx

SLOT = 18.0
"""Width kept for a line that passes a row."""
GAP_X = 26.0
GAP_Y = 62.0
_SWEEPS = 12
_HANG = 12.0
"""How far a box hangs below the top of its row at most, beside a frame that is higher."""

Edge = tuple[str, str]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A placed node; x and y are its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """The x of its middle."""
        return self.x + self.width / 2


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything goes."""

    boxes: Mapping[str, Box]
    routes: Mapping[Edge, tuple[Point, ...]]
    """From the lower side of the source to the upper side of the target; points come in pairs, each the
    straight way through one row; the gaps between rows lie in between."""
    width: float
    height: float


def arrange(sizes: Mapping[str, tuple[float, float]], edges: Iterable[Edge]) -> Layout:
    """Place boxes of the given sizes; the edges must not form a cycle."""
    return _Arrangement(sizes, list(edges)).layout()


class _Arrangement:
    def __init__(self, sizes: Mapping[str, tuple[float, float]], edges: list[Edge]) -> None:
        self.sizes = sizes
        self.edges = edges
        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.add_nodes_from(sizes)
        graph.add_edges_from(edges)
        self.rows: list[list[str]] = [list(row) for row in nx.topological_generations(graph)]
        self.row_of = {name: i for i, row in enumerate(self.rows) for name in row}
        self.chains = {edge: self._chain(edge) for edge in edges}
        self.up: dict[str, list[str]] = {name: [] for row in self.rows for name in row}
        self.down: dict[str, list[str]] = {name: [] for row in self.rows for name in row}
        for chain in self.chains.values():
            for above, below in zip(chain, chain[1:], strict=False):
                self.down[above].append(below)
                self.up[below].append(above)
        self.x: dict[str, float] = {}

    def _chain(self, edge: Edge) -> list[str]:
        """The edge's ends, and a slot in every row between them."""
        source, target = edge
        slots = [
            f"{source} > {target} @ {row}" for row in range(self.row_of[source] + 1, self.row_of[target])
        ]
        for slot, row in zip(slots, self.rows[self.row_of[source] + 1 :], strict=False):
            row.append(slot)
        return [source, *slots, target]

    def layout(self) -> Layout:
        self._order()
        self._place()
        left = min(self.x[name] - self._width(name) / 2 for name in self.x)
        heights = [max(self._height(name) for name in row) for row in self.rows]
        tops = [sum(heights[:i]) + GAP_Y * i for i in range(len(self.rows))]
        boxes = {
            name: Box(
                self.x[name] - width / 2 - left,
                tops[row] + min((heights[row] - height) / 2, _HANG),
                width,
                height,
            )
            for row, names in enumerate(self.rows)
            for name in names
            if name in self.sizes
            for width, height in [self.sizes[name]]
        }
        routes = {edge: self._route(edge, boxes, left, tops, heights) for edge in self.edges}
        right = max(self.x[name] + self._width(name) / 2 for name in self.x) - left
        return Layout(boxes, routes, right, tops[-1] + heights[-1])

    def _width(self, name: str) -> float:
        return self.sizes[name][0] if name in self.sizes else SLOT

    def _height(self, name: str) -> float:
        return self.sizes[name][1] if name in self.sizes else 0.0

    def _order(self) -> None:
        """Sort rows by the middle of their neighbours, down and up; keep what crosses least."""
        best, fewest = [list(row) for row in self.rows], self._num_crossings()
        for sweep in range(_SWEEPS):
            neighbours = self.up if sweep % 2 == 0 else self.down
            for row in self.rows if sweep % 2 == 0 else reversed(self.rows):
                place = {name: i for each in self.rows for i, name in enumerate(each)}
                middle = {
                    name: fmean(place[other] for other in neighbours[name])
                    if neighbours[name]
                    else place[name]
                    for name in row
                }
                row.sort(key=middle.__getitem__)
            if (crossings := self._num_crossings()) < fewest:
                best, fewest = [list(row) for row in self.rows], crossings
        self.rows = best

    def _num_crossings(self) -> int:
        total = 0
        for above, below in zip(self.rows, self.rows[1:], strict=False):
            place = {name: i for i, name in enumerate(below)}
            ends = [
                place[other] for name in above for other in sorted(self.down[name], key=place.__getitem__)
            ]
            total += sum(a > b for i, a in enumerate(ends) for b in ends[i + 1 :])
        return total

    def _place(self) -> None:
        """Move every box towards the middle of its neighbours, keeping order and distance."""
        for row in self.rows:
            self._spread(row, {name: 0.0 for name in row})
        both = {name: self.up[name] + self.down[name] for name in self.up}
        for _ in range(4 * _SWEEPS):
            for rows, sides in ((self.rows, self.up), (self.rows[::-1], self.down), (self.rows, both)):
                for row in rows:
                    self._spread(row, {name: self._pulled(name, sides[name]) for name in row})

    def _pulled(self, name: str, others: list[str]) -> float:
        """Where neighbours pull a box or slot: lines straight, boxes below what they read."""
        if not others:
            return self.x[name]
        is_slot = name not in self.sizes
        weights = [(12.0 if is_slot else 0.25) if other not in self.sizes else 1.0 for other in others]
        return fmean((self.x[other] for other in others), weights)

    def _spread(self, row: list[str], wanted: Mapping[str, float]) -> None:
        """Put a row as near to where it wants to be as its widths allow."""
        steps = [0.0]
        for left, right in zip(row, row[1:], strict=False):
            steps.append(steps[-1] + (self._width(left) + self._width(right)) / 2 + GAP_X)
        # Without the steps, keeping distance is keeping order: pool neighbours that are out of it.
        pools: list[list[float]] = []
        for name, step in zip(row, steps, strict=True):
            pools.append([wanted[name] - step])
            while len(pools) > 1 and fmean(pools[-2]) >= fmean(pools[-1]):
                pools[-2].extend(pools.pop())
        level = [fmean(pool) for pool in pools for _ in pool]
        self.x.update({name: at + step for name, at, step in zip(row, level, steps, strict=True)})

    def _route(
        self, edge: Edge, boxes: Mapping[str, Box], left: float, tops: list[float], heights: list[float]
    ) -> tuple[Point, ...]:
        source, *slots, target = self.chains[edge]
        start, end = boxes[source], boxes[target]
        x, row = self._port(edge, source, self.down) - left, self.row_of[source]
        points = [(x, start.y + start.height), (x, tops[row] + heights[row])]
        for slot, row in zip(slots, range(self.row_of[source] + 1, len(tops)), strict=False):
            x = self.x[slot] - left
            points += [(x, tops[row]), (x, tops[row] + heights[row])]
        x = self._port(edge, target, self.up) - left
        return (*points, (x, tops[self.row_of[target]]), (x, end.y))

    def _port(self, edge: Edge, name: str, side: Mapping[str, list[str]]) -> float:
        """Where a line leaves or enters a box: side by side, in the order of where they go."""
        chain = self.chains[edge]
        own = chain[1] if side is self.down else chain[-2]
        others = sorted(side[name], key=self.x.__getitem__)
        share = (others.index(own) + 1) / (len(others) + 1) - 0.5
        return self.x[name] + share * min(self._width(name) * 0.8, 44.0 * len(others))
