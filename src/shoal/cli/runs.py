"""agentctl runs: what was run, and what it waits for."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shoal.cli.session import ENGINE_HELP
from shoal.errors import InvalidInput, ShoalError

if TYPE_CHECKING:
    from shoal.graphs.plan import Plan
    from shoal.journal.journal import Journal, RunRow
    from shoal.runs.results import RunResult

_ALL = 1_000_000

app = typer.Typer(help="List, show, answer and end runs.", no_args_is_help=True, rich_markup_mode=None)

RunId = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, as `runs list` prints it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
EngineName = Annotated[str, typer.Option("--engine", help=ENGINE_HELP)]
Migrate = Annotated[bool, typer.Option("--migrate", help="Go on although files changed since the run began.")]


@app.command("list")
def list_runs(
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many, newest first.")] = 20,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only runs that wait for a person.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the newest runs."""
    rows = asyncio.run(_list(limit, waiting))
    if as_json:
        for row in rows:
            typer.echo(
                json.dumps({"run": row.id, "graph": row.graph, "status": row.status, "created": row.created})
            )
        return
    if not rows:
        typer.echo("No run waits for a person." if waiting else "No runs yet. Start one: agentctl run GRAPH")
    for row in rows:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(row.created))
        typer.echo(f"{row.id}  {when}  {row.status:<8}  {row.graph}")


@app.command()
def show(
    run: RunId,
    as_json: AsJson = False,
    svg: Annotated[Path | None, typer.Option("--svg", help="Write the picture to this file.")] = None,
) -> None:
    """Show one run, node by node."""
    plan, result = asyncio.run(_look(run))
    if svg is None:
        _print(plan, result, as_json)
        return
    from shoal.cli.tree import picture
    from shoal.workspace.store import write_atomic

    write_atomic(svg, picture(plan, result).encode())
    typer.echo(f"{svg} shows run {run}.")


@app.command()
def resume(
    run: RunId, engine: EngineName = "auto", migrate: Migrate = False, as_json: AsJson = False
) -> None:
    """Go on with a run that was killed, failed or waits; what is recorded never runs again."""
    print_and_exit(*asyncio.run(_resume(run, engine, migrate)), as_json)


@app.command()
def answer(
    run: RunId,
    node: Annotated[str, typer.Argument(metavar="NODE", help="The node that waits; quote 'ask[2]'.")],
    value: Annotated[str | None, typer.Argument(help="yes, no, or JSON of what the node expects.")] = None,
    not_done: Annotated[
        bool, typer.Option("--not-done", help="A tool that may have acted did not: call it again.")
    ] = False,
    engine: EngineName = "auto",
    migrate: Migrate = False,
    as_json: AsJson = False,
) -> None:
    """Answer a question of a run, or settle what a tool did, and go on with the run."""
    if (value is None) != not_done:
        raise InvalidInput(f"give either a VALUE for node '{node}' or --not-done")
    print_and_exit(*asyncio.run(_settle(run, engine, migrate, Settlement(node, value))), as_json)


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a person says of a node; `value` is None where a tool did not act."""

    node: str
    value: str | None


async def _list(limit: int, waiting: bool) -> list[RunRow]:
    from shoal.agents.manifest import find_root
    from shoal.cli.session import opened_journal

    async with opened_journal(find_root(Path())) as journal:
        rows = await journal.runs(_ALL if waiting else limit)
    return [row for row in rows if not waiting or row.status == "waiting"][:limit]


async def _look(run: str) -> tuple[Plan | None, RunResult]:
    """A run as the journal has it, with its graph unless that no longer checks."""
    from shoal.agents.manifest import find_root
    from shoal.cli.session import opened_journal
    from shoal.graphs.check import load_plan
    from shoal.runs.results import result_of

    root = find_root(Path())
    async with opened_journal(root) as journal:
        row = await journal.run(run)
        result = await result_of(journal, run)
    try:
        return load_plan(root, row.file), result
    except ShoalError:
        return None, result


async def _settle(run: str, engine: str, migrate: bool, settlement: Settlement) -> tuple[Plan, RunResult]:
    """Put what a person says into the journal, before any model is loaded; then go on, or let a worker."""
    from shoal.cli.queue import queue_of
    from shoal.cli.session import check_engine
    from shoal.runs import settling
    from shoal.runs.results import result_of

    async with opened_run(run) as (journal, plan, root), queue_of(root, run) as queue:
        how = {"migrate": migrate, "is_queued": queue is not None}
        if queue is None:
            check_engine(engine)
        if settlement.value is None:
            await settling.settle_undone(journal, run, plan, settlement.node, **how)
        else:
            await settling.answer(journal, run, plan, settlement.node, settlement.value, **how)
        if queue is not None:
            await queue.put_back()
            return plan, await result_of(journal, run)
    return plan, await _go_on(run, root, plan, engine, migrate, is_answered=True)


async def _resume(run: str, engine: str, migrate: bool) -> tuple[Plan, RunResult]:
    async with opened_run(run) as (_, plan, root):
        pass
    return plan, await _go_on(run, root, plan, engine, migrate)


async def _go_on(
    run: str, root: Path, plan: Plan, engine: str, migrate: bool, *, is_answered: bool = False
) -> RunResult:
    from shoal.cli.session import opened_runner, own_stdout

    with own_stdout():
        async with opened_runner(root, plan, engine) as runner:
            resume = runner.resume_answered if is_answered else runner.resume
            return await resume(run, plan, migrate=migrate)


@asynccontextmanager
async def opened_run(run: str) -> AsyncIterator[tuple[Journal, Plan, Path]]:
    """The journal of this workspace, the graph of a run as it is now, and where they are."""
    from shoal.agents.manifest import find_root
    from shoal.cli.session import opened_journal
    from shoal.graphs.check import load_plan

    root = find_root(Path())
    async with opened_journal(root) as journal:
        row = await journal.run(run)
        yield journal, load_plan(root, row.file), root


def _print(plan: Plan | None, result: RunResult, as_json: bool) -> None:
    from rich.console import Console

    from shoal.cli.session import as_record
    from shoal.cli.tree import print_run

    if as_json:
        typer.echo(json.dumps(as_record(result), ensure_ascii=False))
        return
    console = Console(highlight=False)
    print_run(plan, result, console)


def print_and_exit(plan: Plan, result: RunResult, as_json: bool) -> None:
    """How a run went, and 0 if that is well."""
    from shoal.cli.session import exit_code

    _print(plan, result, as_json)
    raise typer.Exit(exit_code([result]))
