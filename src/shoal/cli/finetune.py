"""agentctl finetune: from a recipe to an adapter in the store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from shoal.finetune.train import Trained


def finetune(
    recipe: Annotated[Path, typer.Argument(help="A recipe, for example finetune/triage.yaml.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Train the adapter of an agent, measure it on held-out examples, and store it."""
    trained = _train(recipe)
    figures = trained.outcome.figures
    if as_json:
        import json

        typer.echo(
            json.dumps({"adapter": trained.adapter, "sha256": trained.sha256, "figures": dict(figures)})
        )
        return
    for name, figure in figures.items():
        typer.echo(f"  {name:<32} {figure:.4f}")
    typer.echo(f"{trained.adapter} is stored. To use it, say `adapter: {trained.adapter}` in agents.yaml.")


def _train(recipe: Path) -> Trained:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    from shoal.agents.manifest import find_root
    from shoal.finetune.progress import Progress
    from shoal.finetune.train import train

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("reading", total=None, note="")

        def on_progress(now: Progress) -> None:
            note = f"loss {now.loss:.4f}, about {now.seconds_left:.0f} s left"
            bar.update(task, description=now.phase, completed=now.step, total=now.steps, note=note)

        return train(recipe, find_root(recipe.resolve().parent), on_progress)
