"""An evaluation as one HTML file: figures, plots, slices, gains, every case. It loads nothing."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

from shoal.evals.comparison import Side, compare, side_of
from shoal.evals.report.data import page_data
from shoal.evals.report.plots import calibration_plot, histogram, pass_plot, score_plot
from shoal.evals.results import Result
from shoal.workspace.store import write_atomic

_MOST_CHOICES = 12
"""Of a table of choices; where there are more the most frequent mistakes are listed."""
_MOST_ERRORS = 10


def write_page(result: Result, file: Path, against: Side | None = None) -> None:
    """Write an evaluation that is finished, and how it differs from another one."""
    about, summary = result.about(), result.summary()
    if against is not None:
        summary["against"] = compare(against, side_of(result))
    data = json.dumps(page_data(result, against), ensure_ascii=False, separators=(",", ":"))
    parts = {
        "title": escape(f"{about['suite']} {result.id}"),
        "style": _text("page.css"),
        "top": "\n".join(_top(result, about, summary)),
        "script": _text("page.js"),
        # Nothing in the data may end the element that holds it.
        "data": data.replace("<", "\\u003c"),
    }
    page = re.sub(r"\{([a-z]+)\}", lambda place: parts[place[1]], _text("page.html"))
    write_atomic(file, page.encode())


def _text(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8").rstrip()


def _top(result: Result, about: Mapping[str, Any], summary: Mapping[str, Any]) -> Iterator[str]:
    """All that stands above the list of cases."""
    ((kind, name),) = about["target"].items()
    made = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(about["created"]))
    repeats = f", {about['repeats']} times each" if about["repeats"] > 1 else ""
    yield f"<h1>{escape(about['suite'])}</h1>"
    yield f"<p>{escape(about['about'])}</p>" if about["about"] else ""
    yield (
        f'<p class="dim">{summary["cases"]:,} cases{repeats} on {kind} {escape(name)}, engine '
        f"{escape(about['engine'][:40])}, {summary['seconds']:,.1f} s, {made}, evaluation {result.id}</p>"
    )
    if gate := summary.get("gate"):
        yield from _verdict(gate)
    yield from _errors(summary)
    yield from _scores(summary)
    if against := summary.get("against"):
        yield from _gains(against)
    yield from _slices(summary)
    yield from _plots(result, summary)
    for score, figures in summary["scores"].items():
        if figures["choices"]:
            yield _choices(score, figures["choices"])


def _verdict(gate: Mapping[str, Any]) -> Iterator[str]:
    style = gate["answer"].lower().replace(" ", "-")
    yield f'<div class="verdict {style}"><b>{escape(gate["verdict"])}</b>{escape(gate["reason"])}</div>'
    yield '<details><summary>What the gate asked</summary><table class="figures">'
    yield _row("th", ["score", "slice", "asked", "found", "sure", "cases", "answer"])
    for each in gate["findings"]:
        sure = "" if each["low"] is None else f"{each['low']:.3f} to {each['high']:.3f}"
        found = "" if each["estimate"] is None else f"{each['estimate']:.3f}"
        asked = f"{each['kind']} {each['limit']:g}" + (f" (pass^{each['passes']})" if each["passes"] else "")
        answer = each["answer"] if not each["more"] else f"NEEDS {each['more']:,} MORE"
        yield _row("td", [each["score"], each["slice"] or "", asked, found, sure, f"{each['num']:,}", answer])
    yield "</table></details>"


def _errors(summary: Mapping[str, Any]) -> Iterator[str]:
    if not summary["errors"]:
        return
    yield f'<h2 class="ill">{summary["errors"]:,} of {summary["asked"]:,} have no answer</h2><table>'
    for reason, count in summary["error_kinds"][:_MOST_ERRORS]:
        yield _row("td", [f"{count:,}", reason])
    yield "</table>"


def _scores(summary: Mapping[str, Any]) -> Iterator[str]:
    limits = {
        each["score"]: each["limit"]
        for each in summary.get("gate", {}).get("findings", ())
        if each["kind"] == "at_least" and each["slice"] is None and not each["passes"]
    }
    gains = summary.get("against", {}).get("scores", {})
    old = {name: each["old"] for name, each in gains.items()}
    yield "<h2>Scores</h2>"
    yield score_plot(summary["scores"], limits, old)
    yield '<table class="figures">' + _row(
        "th", ["score", "right", "95 % interval", "cases", "not scored", "ECE", "Brier"]
    )
    for name, each in summary["scores"].items():
        sure = each["calibration"] or {}
        interval = "" if each["low"] is None else f"{each['low']:.1%} to {each['high']:.1%}"
        failed = "; ".join(f"{count:,}: {reason}" for reason, count in each["failed"])
        calibration = [f"{sure[key]:.3f}" if key in sure else "" for key in ("ece", "brier")]
        mean = "-" if each["mean"] is None else f"{each['mean']:.1%}"
        yield _row("td", [name, mean, interval, f"{each['cases']:,}", failed, *calibration])
    yield "</table>"


def _gains(against: Mapping[str, Any]) -> Iterator[str]:
    yield f'<h2>Against {escape(against["old"])}</h2><table class="figures">'
    yield _row("th", ["score", "old", "new", "gain", "95 % interval", "better", "worse", "p (Holm)", "cases"])
    for name, each in against["scores"].items():
        style = "" if each["p_holm"] >= 0.05 else "well" if each["gain"] > 0 else "ill"
        figures = [
            f"{each['old']:.1%}",
            f"{each['new']:.1%}",
            f"{100 * each['gain']:+.1f}",
            f"{100 * each['low']:+.1f} to {100 * each['high']:+.1f}",
            f"{len(each['better']):,}",
            f"{len(each['worse']):,}",
            f"{each['p_holm']:.3g}",
            f"{each['cases']:,}",
        ]
        yield _row("td", [name, *figures], style)
    yield "</table>"
    for number, whose in ((against["only_old"], "old"), (against["only_new"], "new")):
        if number:
            yield f'<p class="dim">{number:,} cases are only in the {whose} one, or are others there.</p>'


def _slices(summary: Mapping[str, Any]) -> Iterator[str]:
    if not summary["slices"]:
        return
    names = [*summary["scores"]]
    gains = summary.get("against", {}).get("slices", {})
    yield '<h2>Slices</h2><div class="wide"><table class="heat">' + _row("th", ["slice", "cases", *names])
    for slice_name, each in summary["slices"].items():
        cells = [
            _heat(each["scores"][name], gains.get(slice_name, {}).get(name, {}).get("gain")) for name in names
        ]
        head = f"<td>{escape(slice_name)}</td><td class='number'>{each['cases']:,}</td>"
        yield f"<tr>{head}{''.join(cells)}</tr>"
    yield "</table></div>"


def _heat(figures: Mapping[str, Any], gain: float | None) -> str:
    """A cell, the redder the more is wrong."""
    if figures["mean"] is None:
        return "<td></td>"
    share = round(100 * (1 - figures["mean"]))
    title = f"{figures['cases']:,} cases"
    if figures["low"] is not None:
        title += f", {figures['low']:.1%} to {figures['high']:.1%}"
    gained = "" if not gain else f' <span class="dim">{100 * gain:+.1f}</span>'
    colour = f"background:color-mix(in srgb, var(--ill) {share}%, transparent)"
    return f'<td class="number" style="{colour}" title="{title}">{figures["mean"]:.1%}{gained}</td>'


def _plots(result: Result, summary: Mapping[str, Any]) -> Iterator[str]:
    figures = [
        calibration_plot(name, each["calibration"])
        for name, each in summary["scores"].items()
        if each["calibration"]
    ]
    times = [line["ms"] for line in result.lines() if line["ms"] is not None]
    if times:
        told = summary["ms"]
        title = f"Milliseconds a case: half below {told['p50']:,.0f}, 95 % below {told['p95']:,.0f}"
        figures.append(histogram(times, title, "ms"))
    passes = {name: each["pass"] for name, each in summary["scores"].items() if each["pass"]}
    if passes:
        figures.append(pass_plot(passes))
    if figures:
        yield "<h2>Calibration and time</h2>" + "".join(figures)


def _choices(score: str, choices: Sequence[tuple[str, str, int]]) -> str:
    """Which answer was given for which; the rows are what is right."""
    words = sorted({word for gold, made, _ in choices for word in (gold, made)})
    if len(words) > _MOST_CHOICES:
        wrong = sorted(((count, gold, made) for gold, made, count in choices if gold != made), reverse=True)
        rows = [_row("td", [gold, made, f"{count:,}"]) for count, gold, made in wrong[:_MOST_CHOICES]]
        head = _row("th", ["right is", "given was", "cases"])
        return f"<h3>{escape(score)}: frequent mistakes</h3><table class='heat'>{head}{''.join(rows)}</table>"
    counts = {(gold, made): count for gold, made, count in choices}
    rows = []
    for gold in words:
        cells = [_count(counts.get((gold, made), 0), gold == made) for made in words]
        rows.append(f"<tr><th>{escape(gold)}</th>{''.join(cells)}</tr>")
    head = "".join(f'<th class="number">{escape(word)}</th>' for word in words)
    return (
        f"<h3>{escape(score)}: what was given (columns) for what is right (rows)</h3>"
        f'<div class="wide"><table class="heat"><tr><th></th>{head}</tr>{"".join(rows)}</table></div>'
    )


def _count(count: int, is_right: bool) -> str:
    style = "well" if is_right else "ill"
    return f'<td class="number {style}">{count:,}</td>' if count else "<td></td>"


def _row(kind: str, cells: Sequence[str], style: str = "") -> str:
    """A row of texts."""
    made = [f'<{kind} class="{style}">{escape(cell)}</{kind}>' for cell in cells]
    return f"<tr>{''.join(made)}</tr>"
