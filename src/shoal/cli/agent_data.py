"""What `agentctl agent data` does: makes a data set with its progress, and shows what there is."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from shoal.errors import InvalidInput, ShoalError, one_line

if TYPE_CHECKING:
    from shoal.agents.agent import Agent
    from shoal.agents.engine import Engine
    from shoal.datasets.made import Progress
    from shoal.datasets.store import DataSet

_MAX_EXAMPLES = 3
_MAX_SHOWN = 200


def teacher_of(teacher: str | None, model: str | None) -> Any:
    """What a flow says where a user says --teacher and --model."""
    if teacher is None or teacher == "grammar":
        if model is not None:
            raise InvalidInput("--model goes with the URL of a server: --teacher URL --model NAME")
        return teacher
    if teacher.startswith("agent:"):
        return {"agent": teacher.removeprefix("agent:")}
    if not teacher.startswith(("http://", "https://")):
        raise InvalidInput(f"'{teacher}' is no teacher. Give grammar, agent:NAME, or a URL (http://...)")
    if model is None:
        raise InvalidInput(f"which model of {teacher} is to teach? Give --model NAME")
    return {"url": teacher, "model": model}


def make(
    root: Path, name: str, flow: str | None, overrides: Mapping[str, Any], engine: str, as_json: bool
) -> None:
    """Make a data set, with its progress, and say what became of it."""
    made = asyncio.run(_make(root, name, flow, overrides, engine))
    _print(made, root, as_json)


async def _make(
    root: Path, name: str, flow: str | None, overrides: Mapping[str, Any], engine: str
) -> DataSet:
    from shoal.cli.session import make_engine
    from shoal.datasets.flows import Wishes, make_data

    opened: list[Engine] = []

    def engines(agent: Agent) -> Engine:
        if not opened:
            opened.append(make_engine(engine, root, []))
        return opened[0]

    try:
        with progress(name) as on_progress:
            return await make_data(root, name, Wishes(flow=flow, overrides=overrides), on_progress, engines)
    finally:
        for each in opened:
            await each.close()


def import_table(
    root: Path,
    name: str,
    files: Mapping[str, Path | None],
    columns: Sequence[str],
    licence: str,
    flow: str | None,
    as_json: bool,
    *,
    drop_bad: bool,
) -> None:
    """Make a data set of tables; of an agent that is not there yet, too, whose types follow from them."""
    from shoal.agents.manifest import load_workspace
    from shoal.datasets.importing import ImportWish, import_data

    there: dict[Any, Path] = {part: path for part, path in files.items() if path is not None}
    if name not in load_workspace(root, with_adapters=False).agents:
        _introduce(root, name, there["train"], columns, as_json)
    wish = ImportWish(files=there, columns=columns, licence=licence, drops_bad=drop_bad, flow=flow)
    with progress(name) as on_progress:
        made = asyncio.run(import_data(root, name, wish, on_progress))
    _print(made, root, as_json)


def _introduce(root: Path, name: str, table: Path, columns: Sequence[str], as_json: bool) -> None:
    from shoal.cli.agent_new import of_file, tell
    from shoal.datasets.new_agents import introduce

    agent = of_file(root, name, table, None, columns)
    written = introduce(root, agent)
    if not as_json:
        tell(agent, written)


@contextmanager
def progress(name: str) -> Iterator[Callable[[Progress], None]]:
    """A bar on stderr: rows that are there, what was dropped, an estimate."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
    )
    bar = Bar(*columns, console=Console(stderr=True, highlight=False))
    task = bar.add_task(name, total=None, note="")

    def on_progress(now: Progress) -> None:
        if not bar.live.is_started:  # not before there is something to show
            bar.start()
        left = f"about {_time(now.seconds_left)} left"
        note = f"{now.part}; asked for {now.asked:,}, dropped {sum(now.dropped.values()):,}; {left}"
        bar.update(task, completed=now.kept, total=now.wanted, note=note)

    try:
        yield on_progress
    finally:
        bar.stop()


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def show(root: Path, name: str, as_json: bool) -> None:
    """Show the newest data set."""
    _print(_sets(root, name).get(name), root, as_json)


def show_rejects(root: Path, name: str, as_json: bool) -> None:
    """Show what the last flow dropped, by filter and reason, with examples."""
    sets = _sets(root, name)
    made = sets.attempt(name) or sets.get(name)
    rejects = list(made.rejects())
    if as_json:
        for each in rejects:
            typer.echo(json.dumps(each, ensure_ascii=False))
        return
    counts = {
        (step["filter"], reason): count
        for step in made.card["funnel"]
        for reason, count in step["dropped"].items()
    }
    if not counts:
        typer.echo(f"Nothing was dropped of data set {made.sha} of agent '{name}'.")
    seen: Counter[tuple[str, str]] = Counter()
    for (at, reason), count in counts.items():
        typer.echo(f"{at}: {reason}: {count:,}")
        for each in rejects:
            if (each["filter"], each["reason"]) == (at, reason) and seen[at, reason] < _MAX_EXAMPLES:
                seen[at, reason] += 1
                typer.echo(f"    {_brief(each)}")


def prune(root: Path, name: str, keep: int, as_json: bool) -> None:
    """Remove old data sets."""
    gone = _sets(root, name).prune(name, keep)
    if as_json:
        typer.echo(json.dumps({"agent": name, "removed": gone}))
    else:
        typer.echo(f"{len(gone)} data sets of agent '{name}' are removed. {', '.join(gone)}".rstrip())


def _sets(root: Path, name: str) -> Any:
    from shoal.agents.manifest import load_workspace
    from shoal.datasets.store import DataSets
    from shoal.errors import suggest

    workspace = load_workspace(root, with_adapters=False)
    if name not in workspace.agents:
        raise ShoalError(f"there is no agent '{name}'. {suggest(name, workspace.agents)}")
    return DataSets(workspace.store)


def _brief(reject: Mapping[str, Any]) -> str:
    asked = json.dumps(reject["input"], ensure_ascii=False) if reject["input"] is not None else ""
    answered = (
        f" -> {json.dumps(reject['output'], ensure_ascii=False)}" if reject["output"] is not None else ""
    )
    parts = [part for part in (asked + answered, reject["detail"], reject["source"]) if part]
    return one_line(
        "  |  ".join(part if len(part) <= _MAX_SHOWN else f"{part[:_MAX_SHOWN]}..." for part in parts)
    )


def _print(made: DataSet, root: Path, as_json: bool) -> None:
    card = made.card
    if as_json:
        typer.echo(json.dumps(dict(card), ensure_ascii=False))
        return
    counts = ", ".join(f"{count:,} {part}" for part, count in card["counts"].items())
    typer.echo(f"Data set {made.sha} of agent '{made.agent}': {counts}.")
    flow = card["flow"]
    typer.echo(
        f"Flow {flow['name']} ({flow['file']}), teacher {card['teacher']['name']}, seed {card['seed']}."
    )
    for step in card["funnel"]:
        dropped = "; ".join(f"{count:,} {reason}" for reason, count in step["dropped"].items())
        typer.echo(
            f"  {step['filter']:<14}{step['came']:>9,} came {step['kept']:>9,} kept   {dropped}".rstrip()
        )
    for field, labels in card["labels"].items():
        shown = ", ".join(f"{label} {count:,}" for label, count in list(labels.items())[:12])
        more = f" and {len(labels) - 12} more" if len(labels) > 12 else ""
        typer.echo(f"  {field}: {shown}{more}")
    for warning in card["warnings"]:
        typer.echo(f"warning: {one_line(warning)}", err=True)
    place = made.folder.relative_to(root).as_posix()
    typer.echo(f"{place}/card.json says more; what was dropped: agentctl agent data {made.agent} --rejects")
