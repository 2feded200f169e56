"""The SVG of a graph: rounded boxes with an icon of their kind, frames around boxes, and labelled lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape

import networkx as nx

from shoal.graphs.plan import Plan
from shoal.pictures.glyphs import GLYPHS, STYLE, shortened, width_of
from shoal.pictures.layout import Box, Edge, Layout, Point, arrange
from shoal.pictures.sketch import Link, Shape, Sketch, sketch

_MARGIN = 28.0
_PADDING = 20.0
"""Between a frame and what is in it."""
_ICON = 34.0
_MAX_TEXT = 48
_LINE = 15.0
_TIP = 8.0
_IN_THE_MIDDLE = (0.5, 0.34, 0.66, 0.22, 0.78)
_AT_CASES = (0.68, 0.55, 0.42, 0.3, 0.22)
"""Where on a gap a label is put: lines from a diamond lie close together at its side."""
_NAME, _SMALL, _WHEN = 14.0, 11.0, 10.5
"""Sizes of letters."""


@dataclass(frozen=True, slots=True)
class _Placed:
    """A box with its size, and with what is inside of it already placed."""

    shape: Shape
    width: float
    height: float
    inside: _Group | None = None

    @property
    def lines(self) -> list[tuple[str, str]]:
        """Its texts and their classes, from top to bottom."""
        shape = self.shape
        name_class = "when" if shape.kind == "choice" else "name"
        small = [("small", _short(text)) for text in (shape.below, shape.marks) if text]
        return [
            (name_class, _short(shape.name)),
            *small,
            *([("when", _short(shape.when))] if shape.when else []),
        ]


@dataclass(frozen=True, slots=True)
class _Group:
    """Boxes of one level, arranged, and the lines between them."""

    boxes: Mapping[str, _Placed]
    edges: Mapping[Edge, Link]
    layout: Layout


def svg(plan: Plan, *, expand: bool = False) -> str:
    """The graph as an SVG picture, readable on light and dark pages; see `sketch` for `expand`."""
    group = _arranged(sketch(plan, expand=expand))
    width, height = group.layout.width + 2 * _MARGIN, group.layout.height + 2 * _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" aria-label="graph {escape(plan.name)}">',
        f"<title>graph {escape(plan.name)}</title><style>{STYLE}</style>",
        _tips(),
        f'<rect class="page" x=".5" y=".5" width="{width - 1:.0f}" height="{height - 1:.0f}" rx="14"/>',
        *_drawn(group, _MARGIN, _MARGIN),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


# -- Sizes, from the inside to the outside -------------------------------------------------------------------


def _arranged(inner: Sketch) -> _Group:
    boxes = {shape.path: _placed(shape) for shape in inner.shapes}
    edges = {(link.source, link.target): link for link in inner.links if link.source in boxes}
    return _Group(
        boxes, edges, arrange({path: (box.width, box.height) for path, box in boxes.items()}, edges)
    )


def _placed(shape: Shape) -> _Placed:
    header = _Placed(shape, 0.0, 0.0)
    if shape.kind == "choice":
        # Of a diamond, text has three quarters of the width.
        return _Placed(shape, width_of(header.lines[0][1], _WHEN, is_mono=True) / 0.75 + 40, 60.0)
    width = _ICON + max(100.0, *(_line_width(*line) for line in header.lines)) + 30.0
    height = max(48.0, 18.0 + _LINE * len(header.lines))
    if shape.inside is None:
        return _Placed(shape, width, height)
    inside = _arranged(shape.inside)
    return _Placed(
        shape,
        max(width, inside.layout.width + 2 * _PADDING),
        height + inside.layout.height + _PADDING,
        inside,
    )


def _line_width(style: str, text: str) -> float:
    if style == "name":
        return width_of(text, _NAME, is_bold=True)
    return width_of(text, _WHEN, is_mono=True) if style == "when" else width_of(text, _SMALL)


def _short(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1].rstrip() + "…"


# -- Drawing -------------------------------------------------------------------------------------------------


def _drawn(group: _Group, x: float, y: float) -> Iterator[str]:
    near = _near(group.edges)
    yield f'<g transform="translate({x:.1f} {y:.1f})">'
    for edge, link in sorted(group.edges.items(), key=lambda item: item[0] in near):
        yield _line(_from_edge(group, edge), link, edge in near)
    for path, placed in group.boxes.items():
        yield from _box(group.layout.boxes[path], placed)
    yield from _labels(group, {edge: link for edge, link in group.edges.items() if edge in near})
    yield "</g>"


def _from_edge(group: _Group, edge: Edge) -> tuple[Point, ...]:
    """The way of a line, which begins on the slanted side where it comes from a diamond."""
    (x, y), *others = group.layout.routes[edge]
    box = group.layout.boxes[edge[0]]
    if group.boxes[edge[0]].shape.kind == "choice":
        y -= abs(x - box.middle) / box.width * box.height
    return ((x, y), *others)


def _near(edges: Mapping[Edge, Link]) -> set[Edge]:
    """The edges that no other way replaces: they carry the picture, the others stay in the background."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_edges_from(edges)
    return set(nx.transitive_reduction(graph).edges)


def _tips() -> str:
    tips = "".join(
        f'<marker id="{name}" viewBox="0 0 10 10" refX="8.5" refY="5" markerWidth="7" markerHeight="7" '
        f'orient="auto-start-reverse"><path class="{name}" d="M0 .8 9.5 5 0 9.2 2 5z"/></marker>'
        for name in ("tip", "far-tip", "condition-tip")
    )
    return f"<defs>{tips}</defs>"


def _line(points: tuple[Point, ...], link: Link, is_near: bool) -> str:
    (x0, y0), *others, (end_x, end_y) = points
    if end_y - others[-1][1] < _TIP:  # too short to point anywhere: the curve itself ends in the tip
        others.pop()
    path = f"M{x0:.1f} {y0:.1f}"
    for i, (x, y) in enumerate([*others, (end_x, end_y - 2.0)]):
        middle = (y0 + y) / 2
        if i % 2:
            path += f"C{x0:.1f} {middle:.1f} {x:.1f} {middle:.1f} {x:.1f} {y:.1f}"
        elif y - y0 > 0.1:
            path += f"L{x:.1f} {y:.1f}"
        x0, y0 = x, y
    style, tip = ("line", "tip") if is_near else ("line far", "far-tip")
    if link.is_condition:
        style, tip = "line condition", "condition-tip"
    back = f' marker-start="url(#{tip})"' if link.is_escalation else ""
    return f'<path class="{style}" d="{path}" marker-end="url(#{tip})"{back}/>'


def _box(box: Box, placed: _Placed) -> Iterator[str]:
    shape = placed.shape
    style = f"{shape.kind}{' skips' if shape.when else ''}"
    if shape.kind == "choice":
        yield _diamond(box, placed)
        return
    yield _outline(box, f"{'box' if placed.inside is None else 'frame'} {style}", 0, 12)
    if shape.kind == "graph":
        yield _outline(box, f"second {style}", 3.5, 9)
    header = box.height if placed.inside is None else max(48.0, 18.0 + _LINE * len(placed.lines))
    yield _header(box.x, box.y + header / 2, placed)
    if placed.inside is not None:
        spare = box.width - placed.inside.layout.width
        yield from _drawn(placed.inside, box.x + spare / 2, box.y + header)


def _outline(box: Box, style: str, inset: float, radius: float) -> str:
    return (
        f'<rect class="{style}" x="{box.x + inset:.1f}" y="{box.y + inset:.1f}" '
        f'width="{box.width - 2 * inset:.1f}" height="{box.height - 2 * inset:.1f}" rx="{radius:g}"/>'
    )


def _diamond(box: Box, placed: _Placed) -> str:
    x, y, width, height = box.x, box.y, box.width, box.height
    corners = (
        (x + width / 2, y),
        (x + width, y + height / 2),
        (x + width / 2, y + height),
        (x, y + height / 2),
    )
    return (
        f'<polygon class="box choice" points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in corners)}"/>'
        f'<text class="when" text-anchor="middle" x="{box.middle:.1f}" y="{y + height / 2 + 3.6:.1f}">'
        f"{escape(placed.lines[0][1])}</text>"
    )


def _header(x: float, middle: float, placed: _Placed) -> str:
    """Icon and texts of a box, or at the head of a frame."""
    kind, lines = placed.shape.kind, placed.lines
    first = middle + 4.5 - (len(lines) - 1) * _LINE / 2
    parts = [
        f'<circle class="i-{kind}" cx="{x + 24:.1f}" cy="{middle:.1f}" r="15"/>',
        f'<g transform="translate({x + 14:.1f} {middle - 10:.1f})">{GLYPHS[kind]}</g>',
    ]
    for number, (style, text) in enumerate(lines):
        y = first + number * _LINE
        parts.append(f'<text class="{style}" x="{x + _ICON + 14:.1f}" y="{y:.1f}">{escape(text)}</text>')
    return "".join(parts)


def _labels(group: _Group, edges: Mapping[Edge, Link]) -> Iterator[str]:
    """What each line carries, on the line, where no other label is."""
    layout, taken = group.layout, list[tuple[float, float, float]]()
    for edge, link in edges.items():
        text = shortened(", ".join(link.fields), min(220.0, layout.width - 12), _WHEN)
        half = width_of(text, _WHEN) / 2 + 5
        shares = _AT_CASES if group.boxes[edge[0]].shape.kind == "choice" else _IN_THE_MIDDLE
        place = _free_place(layout.routes[edge], half, layout.width, taken, shares) if text else None
        if place is None:
            continue
        x, y = place
        taken.append((x, y, half))
        left, width = x - half, 2 * half
        yield (
            f'<rect class="behind" x="{left:.1f}" y="{y - 7:.1f}" width="{width:.1f}" height="14" rx="5"/>'
            f'<text class="label" text-anchor="middle" x="{x:.1f}" y="{y + 3.6:.1f}">{escape(text)}</text>'
        )


def _free_place(
    points: tuple[Point, ...],
    half: float,
    width: float,
    taken: list[tuple[float, float, float]],
    shares: tuple[float, ...],
) -> Point | None:
    """Somewhere on the last gap that a line crosses, or on the first; None where all is taken.

    `shares` of the gap are tried in turn.
    """
    for (x0, y0), (x1, y1) in ((points[-3], points[-2]), (points[1], points[2])):
        for share in shares:
            # The curve of `_line`: its ends are vertical, its middle is steepest.
            bend = 3 * share**2 - 2 * share**3
            x = min(max(x0 + (x1 - x0) * bend, half), width - half)
            y = y0 + (y1 - y0) * share
            if all(abs(x - a) > half + other or abs(y - b) > 13 for a, b, other in taken):
                return x, y
    return None
