"""agentctl eval: run suites, and look at what came of them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shoal.cli.session import ENGINE_HELP

if TYPE_CHECKING:
    from shoal.evals.comparison import Side
    from shoal.evals.results import Result

app = typer.Typer(
    help="Run suites of cases, and show what came of them.", no_args_is_help=True, rich_markup_mode=None
)

_AGAINST_HELP = "An evaluation to compare with: its id, a file of lines, or `baseline`."
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Html = Annotated[Path | None, typer.Option("--html", help="Write a page for browsers to this file.")]
_Junit = Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML to this file.")]
_Run = Annotated[
    str, typer.Argument(metavar="RUN", help="An evaluation's id; or `last`, or a suite for its last one.")
]


@app.command()
def run(
    suite: Annotated[str, typer.Argument(help="The name of a suite, or its file.")],
    against: Annotated[
        str | None, typer.Option("--against", metavar="RUN|baseline", help=_AGAINST_HELP)
    ] = None,
    gate: Annotated[
        bool, typer.Option("--gate", help="Judge, and exit 0 GO, 1 NO-GO, 3 NEEDS MORE.")
    ] = False,
    html: _Html = None,
    junit: _Junit = None,
    as_json: _Json = False,
    engine: Annotated[str, typer.Option("--engine", help=ENGINE_HELP)] = "auto",
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only the first cases.")] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Ask everything again, whatever was asked before.")
    ] = False,
) -> None:
    """Run a suite. What was asked before, also by a run that was killed, is not asked again."""
    from shoal.agents.manifest import find_root
    from shoal.cli.evaluating import Wish, run_suite
    from shoal.cli.session import own_stdout
    from shoal.evals.conclusion import other_side
    from shoal.evals.loading import load_suite

    root = find_root(Path())
    with own_stdout():
        loaded = load_suite(root, suite)
        side = other_side(root, loaded, against, has_gate=gate)
        wish = Wish(engine=engine, limit=limit, is_fresh=fresh, is_quiet=as_json, against=side, has_gate=gate)
        result = asyncio.run(run_suite(root, loaded, wish))
        _write(result, side, html, junit)
    _show(result, as_json)
    raise typer.Exit(_exit_code(result.summary()))


@app.command("list")
def list_results(
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many, newest first.")] = 20,
    as_json: _Json = False,
) -> None:
    """List the newest evaluations."""
    from shoal.agents.manifest import find_root
    from shoal.cli.eval_tables import line_of
    from shoal.evals.results import results

    found = results(find_root(Path()))[:limit]
    if as_json:
        for result in found:
            typer.echo(json.dumps(_entry(result)))
        return
    if not found:
        typer.echo("No evaluations yet. Make one: agentctl eval run SUITE")
    for result in found:
        typer.echo(line_of(result))


@app.command()
def show(
    run: _Run,
    case: Annotated[str | None, typer.Option("--case", help="Show one case in full, with its run.")] = None,
    html: _Html = None,
    junit: _Junit = None,
    as_json: _Json = False,
) -> None:
    """Show the figures of an evaluation, or one of its cases."""
    from shoal.agents.manifest import find_root
    from shoal.cli.eval_case import show_case
    from shoal.evals.results import find_result

    root = find_root(Path())
    if case is not None:
        show_case(root, find_result(root, run, finished=False), case, as_json)
        return
    result = find_result(root, run)
    _write(result, None, html, junit)
    _show(result, as_json)


@app.command()
def compare(
    old: Annotated[str, typer.Argument(metavar="OLD", help="An evaluation's id, or a file of its lines.")],
    new: _Run,
    html: _Html = None,
    as_json: _Json = False,
) -> None:
    """Show what got better and what got worse from one evaluation to another, and whether that is chance."""
    from shoal.agents.manifest import find_root
    from shoal.cli.eval_tables import print_comparison
    from shoal.errors import MissingExtra
    from shoal.evals.comparison import compare, open_side
    from shoal.evals.results import find_result
    from shoal.evals.summary import has_statistics

    root = find_root(Path())
    if not has_statistics():
        raise MissingExtra("to compare evaluations", "eval")
    after = open_side(root, new)
    before = open_side(root, old, after.suite)
    found = compare(before, after)
    if html is not None:
        _write(find_result(root, new), before, html, None)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
    else:
        print_comparison(found)


@app.command()
def baseline(run: _Run) -> None:
    """Keep an evaluation in evals/baselines/, for gates to compare with and to be committed."""
    from shoal.agents.manifest import find_root
    from shoal.evals.comparison import keep_baseline

    root = find_root(Path())
    file = keep_baseline(root, run)
    typer.echo(f"{file.relative_to(root)} is what gates of this suite compare with now.")


def _write(result: Result, against: Side | None, html: Path | None, junit: Path | None) -> None:
    """The files that are asked for."""
    if html is not None:
        from shoal.evals.report.page import write_page

        write_page(result, html, against)
    if junit is not None:
        from shoal.evals.report.junit import write_junit

        write_junit(result, junit)


def _exit_code(summary: dict[str, Any]) -> int:
    """That of the verdict; without a gate 1 where no case has an answer."""
    if "gate" in summary:
        return int(summary["gate"]["exit_code"])
    return 1 if summary["errors"] == summary["asked"] else 0


def _show(result: Result, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({**_entry(result), "summary": result.summary()}, ensure_ascii=False))
        return
    from shoal.cli.eval_tables import print_summary

    print_summary(result)


def _entry(result: Result) -> dict[str, object]:
    about = result.about()
    status = "done" if result.is_finished else "running" if result.is_alive else "interrupted"
    keys = ("suite", "target", "engine", "created")
    return {"run": result.id, "status": status, **{key: about[key] for key in keys}}
