"""Plots of evaluations as inline SVG; colours are those of the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

_ROW = 26
_LEFT, _WIDTH, _RIGHT = 190, 360, 90
_SIDE = 220
"""Of a square plot."""
_PAD = 34


def score_plot(
    scores: Mapping[str, Mapping[str, Any]], limits: Mapping[str, float], old: Mapping[str, float]
) -> str:
    """Shares with their intervals; a bar where the gate wants one to be, a ring where it was before."""
    rows = [(name, each) for name, each in scores.items() if each["mean"] is not None]
    height = _ROW * len(rows) + 30
    parts = [_grid(height)]
    for at, (name, each) in enumerate(rows):
        y = 14 + _ROW * at
        low, high = each["low"], each["high"]
        parts.append(f'<text x="{_LEFT - 10}" y="{y + 4}" class="end">{escape(name)}</text>')
        if low is not None:
            ends = f'x1="{_x(low)}" x2="{_x(high)}"'
            parts.append(f'<line {ends} y1="{y}" y2="{y}" class="whisker"/>')
        if name in limits:
            x = _x(limits[name])
            parts.append(
                f'<line x1="{x}" x2="{x}" y1="{y - 9}" y2="{y + 9}" class="limit"><title>asked: '
                f"{limits[name]:.1%}</title></line>"
            )
        if name in old:
            parts.append(f'<circle cx="{_x(old[name])}" cy="{y}" r="5" class="old"/>')
        title = f"{name}: {each['mean']:.1%} of {each['cases']:,}"
        parts.append(_dot(_x(each["mean"]), str(y), 4, title))
        parts.append(f'<text x="{_LEFT + _WIDTH + 12}" y="{y + 4}">{each["mean"]:.1%}</text>')
    return _svg(_LEFT + _WIDTH + _RIGHT, height, "Shares of right answers", parts)


def calibration_plot(name: str, calibration: Mapping[str, Any]) -> str:
    """How often an answer is right, by how sure it was; on the diagonal confidence is what it says."""
    inner = _SIDE - 2 * _PAD

    def at(x: float, y: float) -> str:
        return f"{_PAD + x * inner:.1f},{_SIDE - _PAD - y * inner:.1f}"

    most = max(count for *_, count in calibration["bins"])
    parts = [_square("confidence", "right"), f'<path d="M{at(0, 0)} L{at(1, 1)}" class="grid"/>']
    points = " ".join(at(sure, right) for sure, right, _ in calibration["bins"])
    parts.append(f'<polyline points="{points}" class="curve"/>')
    for sure, right, count in calibration["bins"]:
        x, y = at(sure, right).split(",")
        radius = 2.5 + 5 * math.sqrt(count / most)
        title = f"{count:,} answers with {sure:.0%} confidence: {right:.0%} right"
        parts.append(_dot(x, y, radius, title))
    caption = f"{name}: ECE {calibration['ece']:.3f}, Brier {calibration['brier']:.3f}"
    return _figure(_svg(_SIDE, _SIDE, f"Calibration of {name}", parts), caption)


def histogram(values: Sequence[float], title: str, unit: str) -> str:
    """How many of which size, on a logarithmic scale."""
    sizes = [max(value, 1e-3) for value in values]
    low, high = math.log10(min(sizes)), math.log10(max(sizes))
    span = max(high - low, 0.1)
    counts = [0] * 24
    for size in sizes:
        counts[min(int((math.log10(size) - low) / span * len(counts)), len(counts) - 1)] += 1
    width, height = 2 * _SIDE, _SIDE
    step, most = (width - 2 * _PAD) / len(counts), max(counts)
    parts = []
    for at, count in enumerate(counts):
        tall = (height - 2 * _PAD) * count / most
        begin, end = (10 ** (low + span * each / len(counts)) for each in (at, at + 1))
        parts.append(
            f'<rect x="{_PAD + step * at:.1f}" y="{height - _PAD - tall:.1f}" width="{step - 1:.1f}" '
            f'height="{tall:.1f}" class="bar"><title>{begin:,.3g} to {end:,.3g} {unit}: {count:,}'
            "</title></rect>"
        )
    for share in (0.0, 0.5, 1.0):
        x = _PAD + share * (width - 2 * _PAD)
        label = f"{10 ** (low + span * share):,.3g} {unit}"
        parts.append(f'<text x="{x:.1f}" y="{height - _PAD + 18}" class="middle">{label}</text>')
    return _figure(_svg(width, height, title, parts), title)


def pass_plot(passes: Mapping[str, Sequence[float]]) -> str:
    """pass^k of each score: the share of cases of which k repeats are all right."""
    inner, most = _SIDE - 2 * _PAD, max(map(len, passes.values()))
    parts = [_square("repeats k", "pass^k")]
    for name, values in passes.items():
        points = [
            f"{_PAD + inner * (k / max(1, most - 1)):.1f},{_SIDE - _PAD - inner * value:.1f}"
            for k, value in enumerate(values)
        ]
        title = escape(f"{name}: " + ", ".join(f"{value:.1%}" for value in values))
        parts.append(f'<polyline points="{" ".join(points)}" class="curve"><title>{title}</title></polyline>')
    return _figure(_svg(_SIDE, _SIDE, "pass^k", parts), f"pass^1 to pass^{most}")


def _dot(x: str, y: str, radius: float, title: str) -> str:
    return f'<circle cx="{x}" cy="{y}" r="{radius:.1f}" class="dot"><title>{escape(title)}</title></circle>'


def _x(share: float) -> str:
    return f"{_LEFT + _WIDTH * share:.1f}"


def _grid(height: int) -> str:
    lines = [
        f'<line x1="{_x(share)}" x2="{_x(share)}" y1="2" y2="{height - 24}" class="grid"/>'
        f'<text x="{_x(share)}" y="{height - 8}" class="middle">{share:.0%}</text>'
        for share in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    return "".join(lines)


def _square(x_label: str, y_label: str) -> str:
    end = _SIDE - _PAD
    return (
        f'<rect x="{_PAD}" y="{_PAD}" width="{end - _PAD}" height="{end - _PAD}" class="frame"/>'
        f'<text x="{_SIDE / 2}" y="{_SIDE - 10}" class="middle">{x_label}</text>'
        f'<text x="12" y="{_SIDE / 2}" class="middle" transform="rotate(-90 12 {_SIDE / 2})">{y_label}</text>'
    )


def _svg(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    label = escape(title, quote=True)
    head = f'<svg role="img" aria-label="{label}" viewBox="0 0 {width} {height}" width="{width}">'
    return head + "".join(parts) + "</svg>"


def _figure(svg: str, caption: str) -> str:
    return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"
