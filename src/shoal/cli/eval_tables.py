"""Evaluations in the terminal."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from shoal.cli.tree import visible
from shoal.evals.results import Result

_MOST_ERRORS = 5
_MOST_IDS = 10
_SURE = 0.05


def line_of(result: Result) -> str:
    """One evaluation in a list."""
    about = result.about()
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(about["created"]))
    if not result.is_finished:
        state = "running" if result.is_alive else "interrupted"
        return f"{result.id}  {when}  {about['suite']:<20}  {state}"
    summary = result.summary()
    scores = ", ".join(f"{name} {share(each['mean'])}" for name, each in list(summary["scores"].items())[:4])
    errors = f", {summary['errors']:,} errors" if summary["errors"] else ""
    return f"{result.id}  {when}  {about['suite']:<20}  {summary['cases']:>6,} cases  {scores}{errors}"


def print_summary(result: Result) -> None:
    """The figures of an evaluation."""
    console = Console(highlight=False)
    about, summary = result.about(), result.summary()
    ((kind, name),) = about["target"].items()
    console.print(
        f"[bold]{about['suite']}[/]: {summary['cases']:,} cases on {kind} {name}, {_how(about, summary)}"
    )
    console.print(_scores(summary))
    for slice_name, each in summary["slices"].items():
        console.print(_slice(slice_name, each))
    _print_errors(summary, console)
    if "against" in summary:
        _print_gains(summary["against"], console)
    if "gate" in summary:
        _print_verdict(summary["gate"], console)
    console.print(Text(f"\nevaluation {result.id}", "dim"))


def print_comparison(found: Mapping[str, Any]) -> None:
    """What got better and what got worse."""
    console = Console(highlight=False)
    _print_gains(found, console)
    for name, each in found["scores"].items():
        for word in ("better", "worse"):
            if ids := each[word]:
                more = f" and {len(ids) - _MOST_IDS:,} more" if len(ids) > _MOST_IDS else ""
                console.print(Text(f"{name} {word}: {', '.join(ids[:_MOST_IDS])}{more}"), soft_wrap=True)


def share(value: float | None) -> str:
    """A share in per cent."""
    return "-" if value is None else f"{100 * value:.1f} %"


def _how(about: Mapping[str, Any], summary: Mapping[str, Any]) -> str:
    repeats = f"{about['repeats']} times each, " if about["repeats"] > 1 else ""
    cached = f", {summary['cached']:,} of {summary['asked']:,} from the cache" if summary["cached"] else ""
    left = f", {about['num_left_out']:,} cases left out" if about["num_left_out"] else ""
    return f"{repeats}engine {about['engine'][:20]}, {summary['seconds']:.1f} s{cached}{left}"


def _scores(summary: Mapping[str, Any]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for header in ("score", "right", "95 % interval", "cases", "ECE", ""):
        table.add_column(header, justify="left" if header in {"score", ""} else "right")
    for name, each in summary["scores"].items():
        sure = each["calibration"]
        failed = sum(count for _, count in each["failed"])
        table.add_row(
            name,
            share(each["mean"]),
            _interval(each),
            f"{each['cases']:,}",
            f"{sure['ece']:.3f}" if sure else "",
            Text(f"{failed:,} not scored: {visible(each['failed'][0][0])}", "red") if failed else "",
        )
    return table


def _slice(name: str, each: Mapping[str, Any]) -> Text:
    scores = ", ".join(f"{score} {share(figures['mean'])}" for score, figures in each["scores"].items())
    errors = f", {each['errors']:,} errors" if each["errors"] else ""
    return Text(f"slice {name}: {each['cases']:,} cases, {scores}{errors}")


def _print_gains(found: Mapping[str, Any], console: Console) -> None:
    console.print(f"\n{found['old']} -> {found['new']}")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for header in ("score", "old", "new", "gain", "95 % interval", "better", "worse", "p (Holm)", "cases"):
        table.add_column(header, justify="left" if header == "score" else "right")
    for name, each in found["scores"].items():
        style = ("green" if each["gain"] > 0 else "red") if each["p_holm"] < _SURE else ""
        table.add_row(
            name,
            share(each["old"]),
            share(each["new"]),
            Text(f"{100 * each['gain']:+.1f}", style),
            f"{100 * each['low']:+.1f} to {100 * each['high']:+.1f}",
            f"{len(each['better']):,}",
            f"{len(each['worse']):,}",
            f"{each['p_holm']:.3g}",
            f"{each['cases']:,}",
        )
    console.print(table)
    for number, whose in ((found["only_old"], "old"), (found["only_new"], "new")):
        if number:
            console.print(f"{number:,} cases are only in the {whose} one, or are others there.")


def _print_verdict(gate: Mapping[str, Any], console: Console) -> None:
    style = {"GO": "bold green", "NO-GO": "bold red"}.get(gate["answer"], "bold yellow")
    console.print(
        Text.assemble("\n", (gate["verdict"], style), f"  {visible(gate['reason'])}"), soft_wrap=True
    )


def _interval(each: Mapping[str, Any]) -> str:
    return "" if each["low"] is None else f"{100 * each['low']:.1f} to {100 * each['high']:.1f} %"


def _print_errors(summary: Mapping[str, Any], console: Console) -> None:
    if not summary["errors"]:
        return
    noun = "case has" if summary["errors"] == 1 else "cases have"
    console.print(Text(f"{summary['errors']:,} {noun} no answer:", "red"))
    for reason, count in summary["error_kinds"][:_MOST_ERRORS]:
        console.print(Text(f"  {count:>6,} x {visible(reason)}", "red"))
