"""agentctl run: execute a graph, once or for each line of a file."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from shoal.cli.session import ENGINE_HELP
from shoal.errors import InvalidInput

if TYPE_CHECKING:
    from shoal.graphs.plan import Plan
    from shoal.runs.results import RunResult

_INPUT_HELP = "name=value, @file.json, or - for a JSON object on standard input. May be repeated."


def run(
    graph: Annotated[str, typer.Argument(help="The name of a graph, or its file.")],
    text: Annotated[str | None, typer.Argument(help="Fills the first text input.")] = None,
    inputs: Annotated[list[str] | None, typer.Option("--input", "-i", help=_INPUT_HELP)] = None,
    each: Annotated[Path | None, typer.Option("--each", help="A JSON Lines file; one run a line.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a run.")] = False,
    engine: Annotated[str, typer.Option("--engine", help=ENGINE_HELP)] = "auto",
) -> None:
    """Run a graph; exit 0 when it is done or waits for a person, 1 when it failed."""
    from shoal.agents.manifest import find_root
    from shoal.cli.inputs import collect
    from shoal.cli.session import exit_code
    from shoal.graphs.check import load_plan

    root = find_root(Path())
    plan = load_plan(root, graph)
    if each is not None:
        results = asyncio.run(_run_each(root, plan, _lines(plan, each, text, inputs or []), engine, as_json))
    elif as_json:
        results = [
            asyncio.run(_run_quietly(root, plan, collect(plan.input, text, inputs or [], plan.name), engine))
        ]
    else:
        results = [
            asyncio.run(_run_in_tree(root, plan, collect(plan.input, text, inputs or [], plan.name), engine))
        ]
    raise typer.Exit(exit_code(results))


def _lines(plan: Plan, file: Path, text: str | None, items: list[str]) -> list[dict[str, Any]]:
    from shoal.cli.inputs import parse_items, read_lines

    if text is not None:
        raise InvalidInput("TEXT and --each cannot be given together: every line of the file brings its own.")
    return read_lines(file, plan.input, parse_items(plan.input, items), plan.name)


async def _run_quietly(root: Path, plan: Plan, values: dict[str, Any], engine: str) -> RunResult:
    from shoal.cli.session import as_record, opened_runner, own_stdout

    with own_stdout():
        async with opened_runner(root, plan, engine, lambda _: None) as runner:
            result = await runner.start(plan, values)
    typer.echo(json.dumps(as_record(result), ensure_ascii=False))
    return result


async def _run_in_tree(root: Path, plan: Plan, values: dict[str, Any], engine: str) -> RunResult:
    from rich.console import Console

    from shoal.cli.session import opened_runner
    from shoal.cli.tree import RunTree, print_result

    began = time.monotonic()
    console = Console(highlight=False)
    tree = RunTree(plan, console, values)
    async with opened_runner(root, plan, engine, tree.on_event) as runner:
        with tree:
            result = await runner.start(plan, values)
    print_result(plan, result, console, time.monotonic() - began)
    return result


async def _run_each(
    root: Path, plan: Plan, lines: list[dict[str, Any]], engine: str, as_json: bool
) -> list[RunResult]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from shoal.cli.session import opened_runner, own_stdout
    from shoal.runs.events import Event, RunFinished

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    results: list[RunResult] = []
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(plan.name, total=len(lines))

        def on_event(event: Event) -> None:
            if isinstance(event, RunFinished):
                progress.advance(task)

        # Closed before the journal: when printing fails, runs under way are given up first.
        with own_stdout() as out:
            async with (
                opened_runner(root, plan, engine, on_event) as runner,
                aclosing(runner.each(plan, lines)) as done,
            ):
                async for result in done:
                    if isinstance(result, InvalidInput):
                        raise result
                    results.append(result)
                    _print_line(result, as_json, out)
    return results


def _print_line(result: RunResult, as_json: bool, out: TextIO) -> None:
    from shoal.cli.session import as_record
    from shoal.cli.tree import brief

    if as_json:
        typer.echo(json.dumps(as_record(result), ensure_ascii=False), out)
    else:
        text = result.error or brief(result.output, limit=160)
        typer.echo(f"{result.run}  {result.status:<8}  {text}", out)
