"""agentctl agent: the life of an agent: seeds, data, and what there is of each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shoal.cli.session import ENGINE_HELP
from shoal.errors import InvalidInput

if TYPE_CHECKING:
    from shoal.agents.manifest import Workspace
    from shoal.datasets.store import DataSet

app = typer.Typer(
    help="List agents, and make their data from seeds.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_Name = Annotated[str, typer.Argument(metavar="NAME", help="An agent of agents.yaml.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_agents(as_json: _Json = False) -> None:
    """List the agents with base, adapter, seeds and data sets."""
    from shoal.agents.manifest import find_root, load_workspace

    workspace = load_workspace(find_root(Path()), with_adapters=False)
    records = [_record(workspace, name) for name in workspace.agents]
    if as_json:
        for record in records:
            typer.echo(json.dumps(record, ensure_ascii=False))
        return
    if not records:
        typer.echo("agents.yaml names no agents yet.")
    for line in _table(["agent", "base", "adapter", "seeds", "data sets"], map(_cells, records)):
        typer.echo(line)


@app.command()
def data(
    name: _Name,
    flow: Annotated[
        str | None,
        typer.Option("--flow", metavar="FLOW", help="A flow of finetune/flows/, or one that is built in."),
    ] = None,
    rows: Annotated[int | None, typer.Option("--rows", min=1, help="How many rows are wanted.")] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="The same seed makes the same rows.")
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option("--teacher", help="grammar, agent:NAME, or the URL of an OpenAI-compatible server."),
    ] = None,
    model: Annotated[str | None, typer.Option("--model", help="The model's name at the URL.")] = None,
    show: Annotated[bool, typer.Option("--show", help="Show the newest data set, and make none.")] = False,
    rejects: Annotated[
        bool, typer.Option("--rejects", help="Show what the last flow dropped and why, and make none.")
    ] = False,
    prune: Annotated[
        int | None,
        typer.Option(
            "--prune", metavar="KEEP", min=0, help="Remove all but the newest KEEP data sets, and make none."
        ),
    ] = None,
    engine: Annotated[str, typer.Option("--engine", help=f"Of agents that teach: {ENGINE_HELP}")] = "auto",
    as_json: _Json = False,
) -> None:
    """Make a data set for an agent from its seeds, documents and templates.

    It can be stopped at any time: what teachers answered is kept, and the same command goes on.
    """
    from shoal.agents.manifest import find_root
    from shoal.cli import agent_data

    root = find_root(Path())
    if sum([show, rejects, prune is not None]) > 1:
        raise InvalidInput("--show, --rejects and --prune stand alone. Give one of them")
    if show:
        agent_data.show(root, name, as_json)
    elif rejects:
        agent_data.show_rejects(root, name, as_json)
    elif prune is not None:
        agent_data.prune(root, name, prune, as_json)
    else:
        overrides = {"rows": rows, "seed": seed, "teacher": agent_data.teacher_of(teacher, model)}
        wanted = {key: value for key, value in overrides.items() if value is not None}
        agent_data.make(root, name, flow, wanted, engine, as_json)


def _record(workspace: Workspace, name: str) -> dict[str, Any]:
    """What there is of an agent."""
    from shoal.datasets.store import DataSets

    agent = workspace.agents[name]
    entry = workspace.document.data["agents"][name]
    return {
        "agent": name,
        "about": agent.about,
        "base": agent.base.name,
        "kind": agent.base.kind,
        "adapter": entry.get("adapter"),
        "seeds": (workspace.root / "agents" / name / "qna.yaml").is_file(),
        "datasets": [_brief(each) for each in DataSets(workspace.store).all(name)],
    }


def _brief(made: DataSet) -> dict[str, Any]:
    return {"dataset": made.sha, "made": made.card.get("made"), "counts": made.card.get("counts")}


def _cells(record: dict[str, Any]) -> list[str]:
    sets = record["datasets"]
    newest = f"{sets[0]['dataset']} ({sum(sets[0]['counts'].values()):,} rows)" if sets else "-"
    more = f" and {len(sets) - 1} more" if len(sets) > 1 else ""
    has_seeds = "yes" if record["seeds"] else "-"
    return [record["agent"], record["base"], record["adapter"] or "-", has_seeds, newest + more]


def _table(head: list[str], rows: Any) -> list[str]:
    """Lines in columns."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
