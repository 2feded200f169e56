"""The SVG of a graph: rounded boxes with an icon of their kind, and labelled lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape

import networkx as nx

from shoal.graphs.draw import INPUT, OUTPUT, Kind, Link, caption, kind_of, links
from shoal.graphs.layout import Box, Edge, Layout, Point, arrange
from shoal.graphs.plan import Plan
from shoal.graphs.values import condition_text

_MARGIN = 28.0
_ICON = 34.0
_MAX_TEXT = 42

_STYLE = """
  svg { font-family: Inter, 'Segoe UI', 'Helvetica Neue', Helvetica, Arial, sans-serif; }
  .page { fill: #fbfcfd; stroke: #e3e8ee; }
  .box { fill: #ffffff; stroke-width: 1.5; }
  .box.skips { stroke-dasharray: 6 4; }
  .name { font-size: 14px; font-weight: 650; fill: #17212b; }
  .small { font-size: 11px; fill: #5b6977; }
  .when { font-size: 10.5px; fill: #8a6d3b; font-family: 'SF Mono', Menlo, Consolas, monospace; }
  .line { fill: none; stroke: #72808f; stroke-width: 1.6; }
  .far { stroke: #c3ccd5; stroke-width: 1.2; }
  .condition { stroke: #d08a2e; stroke-dasharray: 2 4; stroke-linecap: round; }
  .label { font-size: 10.5px; fill: #46535f; }
  .behind { fill: #fbfcfd; }
  .tip { fill: #72808f; } .far-tip { fill: #b4bec9; } .condition-tip { fill: #d08a2e; }
  .agent { stroke: #0f8b8d; } .tool { stroke: #4a63d2; } .human { stroke: #d97a08; }
  .input, .output { stroke: #8695a5; }
  .i-agent { fill: #0f8b8d; } .i-tool { fill: #4a63d2; } .i-human { fill: #d97a08; }
  .i-input, .i-output { fill: #8695a5; }
  .glyph { fill: none; stroke: #ffffff; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; }
  .solid { fill: #ffffff; stroke: none; }
  @media (prefers-color-scheme: dark) {
    .page { fill: #11171d; stroke: #29323b; }
    .box { fill: #1a222a; }
    .name { fill: #eef3f7; } .small { fill: #9fb0bf; } .when { fill: #d9b87c; }
    .line { stroke: #8fa0b0; } .far { stroke: #3c4853; } .condition { stroke: #e0a04a; }
    .tip { fill: #8fa0b0; } .far-tip { fill: #4a5763; } .condition-tip { fill: #e0a04a; }
    .label { fill: #b9c6d2; } .behind { fill: #11171d; }
  }
"""

_GLYPHS: Mapping[Kind, str] = {
    # A fish for an agent of the shoal, a spanner, a person, and arrows in and out; drawn in 20 x 20.
    "agent": '<path class="solid" d="M2 10c3-5 9-6 13-1l4-3.2v8.4L15 11c-4 5-10 4-13-1z"/>'
    '<circle cx="6.2" cy="9" r="1.1" class="i-agent"/>',
    "tool": '<path class="glyph" d="M12.5 3.2a4.6 4.6 0 0 0-5.3 6L2.8 13.6a1.9 1.9 0 0 0 2.7 2.7l4.4-4.4'
    'a4.6 4.6 0 0 0 6-5.3l-2.8 2.6-2.7-.7-.6-2.6z"/>',
    "human": '<circle class="glyph" cx="10" cy="6.4" r="3.4"/>'
    '<path class="glyph" d="M3.6 17c.6-4 3-5.8 6.4-5.8s5.8 1.8 6.4 5.8"/>',
    "input": '<path class="glyph" d="M10 3v10m-4-4 4 4 4-4M4 17h12"/>',
    "output": '<path class="glyph" d="M10 13V3m-4 4 4-4 4 4M4 17h12"/>',
}


@dataclass(frozen=True, slots=True)
class _Node:
    kind: Kind
    name: str
    below: str
    when: str | None = None

    @property
    def size(self) -> tuple[float, float]:
        widths = (len(self.name) * 8.6, len(self.below) * 6.2, len(self.when or "") * 6.4)
        return _ICON + max(100.0, *widths) + 30.0, 62.0 if self.when else 48.0


def svg(plan: Plan) -> str:
    """The graph as an SVG picture, readable on light and dark pages."""
    nodes = _nodes(plan)
    arrows = links(plan)
    edges = {(link.source, link.target): link for link in arrows if link.source in nodes}
    layout = arrange({name: node.size for name, node in nodes.items()}, edges)
    near = _near(edges)
    width, height = layout.width + 2 * _MARGIN, layout.height + 2 * _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" aria-label="graph {escape(plan.name)}">',
        f"<title>graph {escape(plan.name)}</title><style>{_STYLE}</style>",
        _tips(),
        f'<rect class="page" x=".5" y=".5" width="{width - 1:.0f}" height="{height - 1:.0f}" rx="14"/>',
        f'<g transform="translate({_MARGIN:.0f} {_MARGIN:.0f})">',
        *(_line(layout.routes[edge], link, edge in near) for edge, link in _far_first(edges, near)),
        *(_box(layout.boxes[name], node) for name, node in nodes.items()),
        *_labels(layout, {edge: link for edge, link in edges.items() if edge in near}),
        "</g>",
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _nodes(plan: Plan) -> dict[str, _Node]:
    nodes = {INPUT: _Node("input", INPUT, _short(", ".join(plan.input.fields)))} if plan.input.fields else {}
    for name, node in plan.block.nodes.items():
        when = _short(f"if {condition_text(node.when)}") if node.when else None
        nodes[name] = _Node(kind_of(node), name, _short(caption(node)), when)
    return nodes | {OUTPUT: _Node("output", OUTPUT, _short(", ".join(plan.block.output)))}


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1].rstrip() + "…"


def _near(edges: Mapping[Edge, Link]) -> set[Edge]:
    """The edges that no other way replaces: they carry the picture, the others stay in the background."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_edges_from(edges)
    return set(nx.transitive_reduction(graph).edges)


def _far_first(edges: Mapping[Edge, Link], near: set[Edge]) -> list[tuple[Edge, Link]]:
    return sorted(edges.items(), key=lambda item: item[0] in near)


def _tips() -> str:
    tips = "".join(
        f'<marker id="{name}" viewBox="0 0 10 10" refX="8.5" refY="5" markerWidth="7" markerHeight="7" '
        f'orient="auto-start-reverse"><path class="{name}" d="M0 .8 9.5 5 0 9.2 2 5z"/></marker>'
        for name in ("tip", "far-tip", "condition-tip")
    )
    return f"<defs>{tips}</defs>"


def _line(points: tuple[Point, ...], link: Link, is_near: bool) -> str:
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for i in range(1, len(points)):
        (x0, y0), (x1, y1) = points[i - 1], points[i]
        y1 -= 2.0 if i == len(points) - 1 else 0.0
        middle = (y0 + y1) / 2
        path += (
            f"L{x1:.1f} {y1:.1f}"
            if i % 2 == 0
            else f"C{x0:.1f} {middle:.1f} {x1:.1f} {middle:.1f} {x1:.1f} {y1:.1f}"
        )
    style, tip = ("line", "tip") if is_near else ("line far", "far-tip")
    if link.is_condition:
        style, tip = "line condition", "condition-tip"
    return f'<path class="{style}" d="{path}" marker-end="url(#{tip})"/>'


def _box(box: Box, node: _Node) -> str:
    x, y, middle = box.x, box.y, box.y + box.height / 2
    text_x = x + _ICON + 14
    first = middle - (10.5 if node.when else 3.5)
    lines = [
        f'<rect class="box {node.kind}{" skips" if node.when else ""}" x="{x:.1f}" y="{y:.1f}" '
        f'width="{box.width:.1f}" height="{box.height:.1f}" rx="12"/>',
        f'<circle class="i-{node.kind}" cx="{x + 24:.1f}" cy="{middle:.1f}" r="15"/>',
        f'<g transform="translate({x + 14:.1f} {middle - 10:.1f})">{_GLYPHS[node.kind]}</g>',
        f'<text class="name" x="{text_x:.1f}" y="{first:.1f}">{escape(node.name)}</text>',
        f'<text class="small" x="{text_x:.1f}" y="{first + 15:.1f}">{escape(node.below)}</text>',
    ]
    if node.when:
        lines.append(f'<text class="when" x="{text_x:.1f}" y="{first + 30:.1f}">{escape(node.when)}</text>')
    return "".join(lines)


def _labels(layout: Layout, edges: Mapping[Edge, Link]) -> Iterator[str]:
    """What each line carries, on the line, where no other label is."""
    taken: list[tuple[float, float, float]] = []
    for edge, link in edges.items():
        text = _short(", ".join(link.fields))
        if not text:
            continue
        half = len(text) * 3.0 + 5
        x, y = _free_place(layout.routes[edge], half, taken)
        taken.append((x, y, half))
        left, width = x - half, 2 * half
        yield (
            f'<rect class="behind" x="{left:.1f}" y="{y - 7:.1f}" width="{width:.1f}" height="14" rx="5"/>'
            f'<text class="label" text-anchor="middle" x="{x:.1f}" y="{y + 3.6:.1f}">{escape(text)}</text>'
        )


def _free_place(points: tuple[Point, ...], half: float, taken: list[tuple[float, float, float]]) -> Point:
    (x0, y0), (x1, y1) = points[-2], points[-1]
    places = []
    for share in (0.5, 0.34, 0.66, 0.22, 0.78):
        # The curve of `_line`: its ends are vertical, its middle is steepest.
        bend = 3 * share**2 - 2 * share**3
        places.append((x0 + (x1 - x0) * bend, y0 + (y1 - y0) * share))
    for x, y in places:
        if all(abs(x - other_x) > half + other or abs(y - other_y) > 12 for other_x, other_y, other in taken):
            return x, y
    return places[0]
