"""agentctl finetune: from a recipe to an adapter in the store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from shoal.finetune.train import Progress


def finetune(
    recipe: Annotated[Path, typer.Argument(help="A recipe, for example finetune/triage.yaml.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Train the adapter of an agent, measure it on held-out examples, and store it."""
    from shoal.agents.manifest import find_root
    from shoal.finetune.train import train

    root = find_root(recipe.resolve().parent)
    trained = train(recipe, root, _print_progress)
    if as_json:
        import json

        typer.echo(
            json.dumps({"adapter": trained.name, "sha256": trained.sha256, "figures": trained.figures})
        )
        return
    for name, figure in trained.figures.items():
        typer.echo(f"  {name:<24} {figure:.4f}")
    typer.echo(
        f"{trained.name} is stored as {trained.sha256[:12]}. Use it: adapter: {trained.name} in agents.yaml"
    )


def _print_progress(progress: Progress) -> None:
    left = progress.seconds / max(progress.step, 1) * (progress.steps - progress.step)
    done = f"{progress.phase} {progress.step}/{progress.steps}"
    typer.echo(f"{done}  loss {progress.loss:.4f}  about {left:.0f} s left", err=True)
