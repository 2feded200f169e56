"""Colours, icons and widths of letters for pictures of graphs."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from shoal.pictures.sketch import Kind

_COLORS: Mapping[Kind, str] = {
    "agent": "#0f8b8d",
    "tool": "#4a63d2",
    "human": "#d97a08",
    "graph": "#8a4fbe",
    "nodes": "#64748b",
    "switch": "#c2436f",
    "choice": "#c2436f",
    "map": "#2f855a",
    "repeat": "#2f855a",
    "vote": "#2f855a",
    "input": "#8695a5",
    "output": "#8695a5",
}

STYLE = (
    """
  svg { font-family: Inter, 'Segoe UI', 'Helvetica Neue', Helvetica, Arial, sans-serif; }
  .page { fill: #fbfcfd; stroke: #e3e8ee; }
  .box { fill: #ffffff; stroke-width: 1.5; }
  .frame { fill: #fbfcfd; stroke-width: 1.3; }
  .skips { stroke-dasharray: 6 4; }
  .second { fill: none; stroke-width: 1; }
  .name { font-size: 14px; font-weight: 650; fill: #17212b; }
  .small { font-size: 11px; fill: #5b6977; }
  .when { font-size: 10.5px; fill: #8a6d3b; font-family: 'SF Mono', Menlo, Consolas, monospace; }
  .line { fill: none; stroke: #72808f; stroke-width: 1.6; }
  .far { stroke: #c3ccd5; stroke-width: 1.2; }
  .condition { stroke: #d08a2e; stroke-dasharray: 2 4; stroke-linecap: round; }
  .label { font-size: 10.5px; fill: #46535f; }
  .behind { fill: #fbfcfd; }
  .tip { fill: #72808f; } .far-tip { fill: #b4bec9; } .condition-tip { fill: #d08a2e; }
"""
    + "".join(
        f"  .{kind} {{ stroke: {color}; }} .i-{kind} {{ fill: {color}; }}\n"
        for kind, color in _COLORS.items()
    )
    + """\
  .glyph { fill: none; stroke: #ffffff; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; }
  .solid { fill: #ffffff; stroke: none; }
  @media (prefers-color-scheme: dark) {
    .page { fill: #11171d; stroke: #29323b; }
    .box { fill: #1a222a; } .frame { fill: #11171d; }
    .name { fill: #eef3f7; } .small { fill: #9fb0bf; } .when { fill: #d9b87c; }
    .line { stroke: #8fa0b0; } .far { stroke: #3c4853; } .condition { stroke: #e0a04a; }
    .tip { fill: #8fa0b0; } .far-tip { fill: #4a5763; } .condition-tip { fill: #e0a04a; }
    .label { fill: #b9c6d2; } .behind { fill: #11171d; }
  }
"""
)

GLYPHS: Mapping[Kind, str] = {
    # In 20 x 20. A fish for an agent of the shoal, a spanner, a person, a flow, brackets, a fork, a pile, a
    # circle, three hands up, and arrows in and out.
    "agent": '<path class="solid" d="M2 10c3-5 9-6 13-1l4-3.2v8.4L15 11c-4 5-10 4-13-1z"/>'
    '<circle cx="6.2" cy="9" r="1.1" class="i-agent"/>',
    "tool": '<path class="glyph" d="M12.5 3.2a4.6 4.6 0 0 0-5.3 6L2.8 13.6a1.9 1.9 0 0 0 2.7 2.7l4.4-4.4'
    'a4.6 4.6 0 0 0 6-5.3l-2.8 2.6-2.7-.7-.6-2.6z"/>',
    "human": '<circle class="glyph" cx="10" cy="6.4" r="3.4"/>'
    '<path class="glyph" d="M3.6 17c.6-4 3-5.8 6.4-5.8s5.8 1.8 6.4 5.8"/>',
    "graph": '<path class="glyph" d="M7 3h6v4H7zM3 13h5v4H3zM12 13h5v4h-5zM10 7v3M5.5 13v-3h9v3"/>',
    "nodes": '<path class="glyph" d="M7 4H4v12h3M13 4h3v12h-3"/>',
    "switch": '<path class="glyph" d="M10 17v-6L4 5m6 6 6-6M4 8.5V5h3.5M16 8.5V5h-3.5"/>',
    "map": '<path class="glyph" d="M4 4h9v3H4zM4 8.5h9v3H4zM4 13h9v3H4zM16.5 5v10"/>',
    "repeat": '<path class="glyph" d="M15.5 7A6.3 6.3 0 1 0 16.3 11M16 3v4.2h-4.2"/>',
    "vote": '<path class="glyph" d="M4 16v-5M10 16V4M16 16V8"/>',
    "input": '<path class="glyph" d="M10 3v10m-4-4 4 4 4-4M4 17h12"/>',
    "output": '<path class="glyph" d="M10 13V3m-4 4 4-4 4 4M4 17h12"/>',
}


def width_of(text: str, size: float, *, is_bold: bool = False, is_mono: bool = False) -> float:
    """How wide a text is at most, in the widest of the fonts that a reader may have."""
    width = sum(0.61 if is_mono and ord(char) < 128 else _width(char) for char in text)
    return width * size * (1.12 if is_bold else 1.0)


def _width(char: str) -> float:
    if unicodedata.east_asian_width(char) in "WF":
        return 1.05
    if char in "fijltrI.,:;'|!()[] ":
        return 0.42
    if char in "mwMW@%—…":
        return 0.98
    return 0.77 if char.isupper() or char in "+<>=~&#" else 0.64


def shortened(text: str, width: float, size: float) -> str:
    """A text with an ellipsis where it would be wider."""
    if width_of(text, size) <= width:
        return text
    while text and width_of(text + "…", size) > width:
        text = text[:-1].rstrip()
    return f"{text}…" if text else ""
