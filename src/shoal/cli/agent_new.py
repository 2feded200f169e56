"""What `agentctl agent new` does: a folder, an entry in agents.yaml, and what to do next."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from shoal.errors import InvalidInput

if TYPE_CHECKING:
    from shoal.datasets.new_agents import NewAgent


def new(
    root: Path,
    name: str,
    *,
    kind: str | None,
    source: Path | None,
    base: str | None,
    is_label: bool,
    columns: Sequence[str],
    as_json: bool,
) -> None:
    """Introduce an agent, and say what was written and changed."""
    from shoal.datasets.new_agents import from_template, introduce

    if source is None:
        made = from_template(root, name, kind or "label", base)  # type: ignore[arg-type]
    elif kind is not None:
        raise InvalidInput("--kind goes without --from: the file says what the agent is")
    else:
        made = of_file(root, name, source, base, columns, is_label=is_label)
    written = introduce(root, made)
    if as_json:
        record = {"agent": name, "input": dict(made.input), "output": dict(made.output), "base": made.base}
        notes = {"files": written, "notes": [str(each) for each in made.notes], "hints": list(made.hints)}
        typer.echo(json.dumps(record | notes, ensure_ascii=False))
        return
    tell(made, written)
    _tell_next(made, source)


def of_file(
    root: Path, name: str, source: Path, base: str | None, columns: Sequence[str], *, is_label: bool = False
) -> NewAgent:
    """The agent of a file of InstructLab, or of a table."""
    from shoal.datasets.new_agents import from_table, from_taxonomy

    if source.suffix in (".yaml", ".yml"):
        return from_taxonomy(root, name, source, str(source), base, is_label=is_label)
    return from_table(root, name, source, str(source), columns, base)


def tell(made: NewAgent, written: Sequence[str]) -> None:
    """What was written, what was changed on the way, and what is worth knowing."""
    for note in made.notes:
        typer.echo(f"{note.file}:{note.line}:{note.column} {note.message}", err=True)
    for hint in made.hints:
        typer.echo(f"note: {hint}", err=True)
    given = ", ".join(f"{field}: {kind}" for field, kind in made.input.items())
    output = ", ".join(f"{field}: {_short(kind)}" for field, kind in made.output.items())
    typer.echo(f"agents.yaml has agent '{made.name}' on {made.base}: {{{given}}} -> {{{output}}}")
    for path in written:
        typer.echo(f"  {path}")


def _short(kind: str) -> str:
    return kind if len(kind) <= 100 else f"{kind[:90]}... ({kind.count(',') + 1} cases)]"


def _tell_next(made: NewAgent, source: Path | None) -> None:
    typer.echo("Next:")
    if made.seeds is None:
        typer.echo(f"    agentctl agent data {made.name} --import {source}")
        return
    if source is None:
        typer.echo(f"    # write your own examples into agents/{made.name}/qna.yaml; what is there works")
    typer.echo("    agentctl check")
    needs_model = "templates:" not in made.seeds
    teacher = " --teacher http://localhost:8000/v1 --model NAME" if needs_model else ""
    typer.echo(f"    agentctl agent data {made.name}{teacher}")
