"""agentctl runs fork and replay: a new run from what another recorded, and the same run read again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shoal.cli.runs import AsJson, EngineName, Migrate, RunId, opened_run, print_and_exit

if TYPE_CHECKING:
    from shoal.graphs.plan import Plan
    from shoal.runs.forks import ForkPoint
    from shoal.runs.replay import Replayed
    from shoal.runs.results import RunResult

_MOST_SHOWN = 30
_MOST_NAMED = 5
_AT_HELP = "The node to go back to; quote 'ask[2]'. handle#2 is its second go, after the first was rejected."
_OUTPUT_HELP = "What NODE gives, as JSON, instead of being called."
_AGAIN_HELP = "Let tools act again that act once and have acted."


def fork(
    run: RunId,
    at: Annotated[str, typer.Option("--at", metavar="NODE", help=_AT_HELP)],
    output: Annotated[str | None, typer.Option("--output", metavar="JSON", help=_OUTPUT_HELP)] = None,
    again: Annotated[bool, typer.Option("--again", help=_AGAIN_HELP)] = False,
    engine: EngineName = "auto",
    migrate: Migrate = False,
    as_json: AsJson = False,
) -> None:
    """Start a run from what another recorded: NODE and what follows from it run anew, the rest is kept."""
    print_and_exit(*asyncio.run(_fork(run, Wish(at, output, again, migrate), engine)), as_json)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person typed."""

    at: str
    output: str | None
    again: bool
    migrate: bool

    def point(self, plan: Plan) -> ForkPoint:
        """The same in the types of the graph."""
        from shoal.runs.answers import typed_output
        from shoal.runs.forks import ABSENT, ForkPoint
        from shoal.runs.paths import node_at

        node = node_at(plan, self.at)
        output = ABSENT if self.output is None or node is None else typed_output(self.at, node, self.output)
        return ForkPoint(at=self.at, output=output, again=self.again, migrate=self.migrate)


def replay(run: RunId, as_json: AsJson = False) -> None:
    """Read a run again under the files as they are now, calling nobody; exit 1 at a difference."""
    found = asyncio.run(_replay(run))
    if as_json:
        typer.echo(json.dumps(_record(found), ensure_ascii=False))
    else:
        _print(found)
    raise typer.Exit(1 if found.differences else 0)


async def _replay(run: str) -> Replayed:
    from shoal.runs.replay import replay

    async with opened_run(run) as (journal, plan, _):
        return replay(plan, await journal.run(run), await journal.rows(run))


def _print(found: Replayed) -> None:
    from shoal.cli.tree import visible

    for change in found.changes:
        typer.echo(f"since run {found.run} began: {visible(change)}")
    for difference in found.differences[:_MOST_SHOWN]:
        typer.echo(visible(str(difference)))
    if (more := len(found.differences) - _MOST_SHOWN) > 0:
        typer.echo(f"... and {more:,} more. See all: agentctl runs replay {found.run} --json")
    rows = f"{found.num_rows:,} recorded row{'' if found.num_rows == 1 else 's'}"
    count = len(found.differences)
    end = f"{count:,} difference{'' if count == 1 else 's'}" if count else "the same comes out"
    due = f"; next: {_listed(found.next)}" if found.next else ""
    typer.echo(f"run {found.run}: {rows}, {end}{due}")


def _listed(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _MOST_NAMED:,} more" if len(paths) > _MOST_NAMED else ""
    return ", ".join(paths[:_MOST_NAMED]) + more


def _record(found: Replayed) -> dict[str, Any]:
    return {
        "run": found.run,
        "rows": found.num_rows,
        "same": not found.differences,
        "differences": [{**asdict(each), "text": str(each)} for each in found.differences],
        "next": found.next,
        "changes": found.changes,
    }


async def _fork(run: str, wish: Wish, engine: str) -> tuple[Plan, RunResult]:
    from shoal.cli.session import check_engine, opened_runner, own_stdout
    from shoal.runs.forks import rows_for_fork

    check_engine(engine)
    async with opened_run(run) as (journal, plan, root):
        point = wish.point(plan)
        # What is wrong is said before any model is loaded.
        rows_for_fork(plan, await journal.run(run), await journal.rows(run), point)
    with own_stdout():
        async with opened_runner(root, plan, engine) as runner:
            made = await runner.fork(
                run, plan, at=point.at, output=point.output, again=point.again, migrate=point.migrate
            )
    return plan, made
