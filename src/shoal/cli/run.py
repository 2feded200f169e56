"""agentctl run: execute a graph, once or for each line of a file."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, aclosing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer
from typer.core import TyperCommand

from shoal.cli.session import ENGINE_HELP
from shoal.errors import InvalidInput

if TYPE_CHECKING:
    from shoal.graphs.plan import Plan
    from shoal.runs.events import OnEvent
    from shoal.runs.results import RunResult
    from shoal.runs.runner import Runner
    from shoal.telemetry.metrics import Metrics

_INPUT_HELP = "name=value, @file.json, or - for a JSON object on standard input. May be repeated."
_QUEUE = "default"
_QUEUE_HELP = "Leave it to a worker, by way of this queue or of `default`; print the id of the run."
_METRICS_HELP = "Write Prometheus metrics to this file at the end."


class RunCommand(TyperCommand):
    """Lets --queue stand alone, which Typer does not."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Name the default queue where none is named."""
        bare = [n for n, arg in enumerate(args) if arg == "--queue" and not _is_value(args[n + 1 : n + 2])]
        return super().parse_args(
            ctx, [f"--queue={_QUEUE}" if n in bare else arg for n, arg in enumerate(args)]
        )


def _is_value(rest: list[str]) -> bool:
    return bool(rest) and not rest[0].startswith("-")


def run(
    graph: Annotated[str, typer.Argument(help="The name of a graph, or its file.")],
    text: Annotated[str | None, typer.Argument(help="Fills the first text input.")] = None,
    inputs: Annotated[list[str] | None, typer.Option("--input", "-i", help=_INPUT_HELP)] = None,
    each: Annotated[Path | None, typer.Option("--each", help="A JSON Lines file; one run a line.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a run.")] = False,
    stream: Annotated[bool, typer.Option("--stream", help="Print events as lines of JSON.")] = False,
    metrics: Annotated[Path | None, typer.Option("--metrics", help=_METRICS_HELP)] = None,
    engine: Annotated[str, typer.Option("--engine", help=ENGINE_HELP)] = "auto",
    queue: Annotated[str | None, typer.Option("--queue", metavar="[NAME]", help=_QUEUE_HELP)] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="With --queue: wait for the end, and print it.")
    ] = False,
) -> None:
    """Run a graph; exit 0 when it is done or waits for a person, 1 when it failed."""
    from shoal.agents.manifest import find_root
    from shoal.cli.inputs import collect
    from shoal.cli.queue import check_name, queue_runs
    from shoal.cli.session import exit_code
    from shoal.graphs.check import load_plan

    if stream and (as_json or each is not None):
        raise InvalidInput("--stream tells of one run, as JSON: leave out --json and --each")
    if wait and queue is None:
        raise InvalidInput("--wait goes with --queue: other runs are waited for anyway")
    root = find_root(Path())
    plan = load_plan(root, graph)
    if queue is not None:
        if stream or metrics is not None or engine != "auto":
            raise InvalidInput("a worker executes queued runs: give --engine and --metrics to the worker")
        check_name(queue)
        if each is None:
            many = [collect(plan.input, text, inputs or [], plan.name)]
        else:
            many = _lines(plan, each, text, inputs or [])
        queued = asyncio.run(queue_runs(root, plan, many, queue, waits=wait, as_json=as_json))
        raise typer.Exit(exit_code(queued))
    with _counted(metrics) as counted:
        session = Session(root, plan, engine, counted)
        if each is not None:
            results = asyncio.run(_run_each(session, _lines(plan, each, text, inputs or []), as_json))
        else:
            how = _run_streamed if stream else _run_quietly if as_json else _run_in_tree
            results = [asyncio.run(how(session, collect(plan.input, text, inputs or [], plan.name)))]
    raise typer.Exit(exit_code(results))


@dataclass(frozen=True, slots=True)
class Session:
    """What runs of this command are made with."""

    root: Path
    plan: Plan
    engine: str
    metrics: Metrics | None

    def opened(self, on_event: OnEvent | None = None) -> AbstractAsyncContextManager[Runner]:
        """A runner."""
        from shoal.cli.session import opened_runner

        return opened_runner(self.root, self.plan, self.engine, on_event, self.metrics)


@contextmanager
def _counted(file: Path | None) -> Iterator[Metrics | None]:
    """Metrics that are written to a file at the end, however it comes."""
    if file is None:
        yield None
        return
    from shoal.telemetry.export import make_metrics

    metrics = make_metrics()
    try:
        yield metrics
    finally:
        metrics.write(file)


def _lines(plan: Plan, file: Path, text: str | None, items: list[str]) -> list[dict[str, Any]]:
    from shoal.cli.inputs import parse_items, read_lines

    if text is not None:
        raise InvalidInput("TEXT and --each cannot be given together: every line of the file brings its own.")
    return read_lines(file, plan.input, parse_items(plan.input, items), plan.name)


async def _run_quietly(session: Session, values: dict[str, Any]) -> RunResult:
    from shoal.cli.session import as_record, own_stdout

    with own_stdout():
        async with session.opened() as runner:
            result = await runner.start(session.plan, values)
    typer.echo(json.dumps(as_record(result), ensure_ascii=False))
    return result


async def _run_streamed(session: Session, values: dict[str, Any]) -> RunResult:
    from shoal.cli.session import own_stdout
    from shoal.runs.events import RunFinished, to_json

    result: RunResult | None = None
    with own_stdout() as out:
        async with session.opened() as runner, runner.stream(session.plan, values, cancels=True) as events:
            async for event in events:
                print(json.dumps(to_json(event), ensure_ascii=False), file=out, flush=True)
                if isinstance(event, RunFinished):
                    result = event.result
    assert result is not None, "a stream that raised nothing ends with its run"
    return result


async def _run_in_tree(session: Session, values: dict[str, Any]) -> RunResult:
    from rich.console import Console

    from shoal.cli.tree import RunTree, print_result

    began, plan = time.monotonic(), session.plan
    console = Console(highlight=False)
    tree = RunTree(plan, console, values)
    async with session.opened(tree.on_event) as runner:
        with tree:
            result = await runner.start(plan, values)
    print_result(plan, result, console, time.monotonic() - began)
    return result


async def _run_each(session: Session, lines: list[dict[str, Any]], as_json: bool) -> list[RunResult]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from shoal.cli.session import own_stdout
    from shoal.runs.events import Event, RunFinished

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    results: list[RunResult] = []
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(session.plan.name, total=len(lines))

        def on_event(event: Event) -> None:
            if isinstance(event, RunFinished):
                progress.advance(task)

        # Closed before the journal: when printing fails, runs under way are given up first.
        with own_stdout() as out:
            async with (
                session.opened(on_event) as runner,
                aclosing(runner.each(session.plan, lines)) as done,
            ):
                async for result in done:
                    if isinstance(result, InvalidInput):
                        raise result
                    results.append(result)
                    print_line(result, as_json, out)
    return results


def print_line(result: RunResult, as_json: bool, out: TextIO | None) -> None:
    """One run as one line."""
    from shoal.cli.session import as_record
    from shoal.cli.tree import brief

    if as_json:
        typer.echo(json.dumps(as_record(result), ensure_ascii=False), out)
    else:
        text = result.error or brief(result.output, limit=160)
        typer.echo(f"{result.run}  {result.status:<8}  {text}", out)
