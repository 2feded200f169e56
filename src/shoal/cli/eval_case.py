"""One case of an evaluation in the terminal: what was asked, what is right, what came, and its run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shoal.cli.tree import RunTree, visible
from shoal.errors import InvalidInput, ShoalError, suggest
from shoal.evals.results import Result
from shoal.graphs.check import load_plan
from shoal.graphs.plan import Plan
from shoal.journal.journal import NodeRow
from shoal.runs.results import summarize


def show_case(root: Path, result: Result, case: str, as_json: bool) -> None:
    """Show all repeats of a case. Raises InvalidInput where there is no such case."""
    lines = [line for line in result.lines() if line["id"] == case]
    if not lines:
        hint = suggest(case, [line["id"] for line in result.lines()])
        raise InvalidInput(f"evaluation {result.id} has no case '{case}'. {hint}")
    rows = result.rows({line["run"] for line in lines if line["run"] is not None})
    if as_json:
        for line in lines:
            nodes = {path: node.output for path, node in summarize(rows.get(line["run"], ())).items()}
            typer.echo(json.dumps({**line, "nodes": nodes}, ensure_ascii=False))
        return
    console = Console(highlight=False)
    for line in lines:
        _print_line(line, console)
        _print_run(root, result, line, rows.get(line["run"], []), console)


def _print_line(line: Mapping[str, Any], console: Console) -> None:
    again = f", repeat {line['repeat'] + 1}" if line["repeat"] else ""
    console.print(Text(f"{line['id']}{again}", "bold"))
    grid = Table.grid(padding=(0, 2))
    for name in ("input", "gold", "output", "error"):
        if line[name] is not None:
            text = line[name] if isinstance(line[name], str) else json.dumps(line[name], ensure_ascii=False)
            grid.add_row(Text(name, "dim"), Text(visible(text), "red" if name == "error" else ""))
    notes = {**line.get("notes", {}), **line.get("failed", {})}
    for name, score in line["scores"].items():
        shown = f"{score:g}" + (f"  {visible(notes[name])}" if name in notes else "")
        grid.add_row(Text(name, "dim"), Text(shown, "green" if score == 1 else "red"))
    for name, reason in line.get("failed", {}).items():
        grid.add_row(Text(name, "dim"), Text(f"not scored: {visible(reason)}", "red"))
    console.print(grid)


def _print_run(
    root: Path, result: Result, line: Mapping[str, Any], rows: list[NodeRow], console: Console
) -> None:
    plan = _plan(root, result.about()["target"].get("graph"))
    if plan is None or not rows:
        return
    tree = RunTree(plan, console, line["input"])
    tree.show(summarize(rows))
    console.print(tree.render())
    console.print()


def _plan(root: Path, graph: str | None) -> Plan | None:
    """The graph as it is now; None where it no longer checks."""
    try:
        return None if graph is None else load_plan(root, graph)
    except ShoalError:
        return None
