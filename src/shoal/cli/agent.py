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
    help="Make agents from ten examples: new, data, list.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_Name = Annotated[str, typer.Argument(metavar="NAME", help="An agent of agents.yaml.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Map = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="COLUMN=FIELD", help="Which column of a table is which field. Repeat it."),
]


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
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the agent, and of its folder in agents/.")],
    kind: Annotated[
        str | None,
        typer.Option("--kind", help="label (if left out), extract, write, grounded or knowledge."),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="A qna.yaml of InstructLab, or a table: .jsonl, .csv."),
    ] = None,
    base: Annotated[str | None, typer.Option("--base", help="A base of agents.yaml.")] = None,
    labels: Annotated[
        bool, typer.Option("--labels", help="The answers of the qna.yaml are labels, not texts.")
    ] = False,
    columns: _Map = None,
    as_json: _Json = False,
) -> None:
    """Make an agent: a folder with seeds that work, and its entry in agents.yaml."""
    from shoal.agents.manifest import find_root
    from shoal.cli import agent_new

    agent_new.new(
        find_root(Path()),
        name,
        kind=kind,
        source=source,
        base=base,
        is_label=labels,
        columns=columns or (),
        as_json=as_json,
    )


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
    table: Annotated[
        Path | None,
        typer.Option("--import", metavar="FILE", help="Rows that are there: .jsonl, .csv, also with .gz."),
    ] = None,
    dev: Annotated[
        Path | None, typer.Option("--dev", metavar="FILE", help="With --import: rows to calibrate by.")
    ] = None,
    heldout: Annotated[
        Path | None, typer.Option("--heldout", metavar="FILE", help="With --import: rows to measure on.")
    ] = None,
    columns: _Map = None,
    licence: Annotated[
        str, typer.Option("--license", metavar="NAME", help="With --import: the licence of the rows.")
    ] = "unknown",
    drop_bad: Annotated[
        bool, typer.Option("--drop-bad", help="With --import: leave out lines that do not fit.")
    ] = False,
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
    """Make a data set for an agent from its seeds, documents and templates, or from a table.

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
    elif table is not None:
        files = {"train": table, "dev": dev, "heldout": heldout}
        agent_data.import_table(root, name, files, columns or (), licence, flow, as_json, drop_bad=drop_bad)
    elif dev or heldout or columns or drop_bad:
        raise InvalidInput("--dev, --heldout, --map and --drop-bad go with --import FILE")
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
