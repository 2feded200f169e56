"""agentctl finetune: from recipes to adapters in the store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shoal.errors import InvalidInput, MissingExtra

if TYPE_CHECKING:
    from shoal.finetune.train import Trained


def finetune(
    recipes: Annotated[
        list[Path],
        typer.Argument(metavar="RECIPE", help="Recipes, for example finetune/triage.yaml."),
    ],
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start anew instead of going on where a training was stopped.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what happens as lines of JSON, the adapters last.")
    ] = False,
) -> None:
    """Train adapters of agents, measure them on held-out examples, and store them.

    Agents on one base are trained in one pass. Ctrl-C saves what was learnt; the same command goes on.
    """
    root = _root(recipes)
    trained = _train(recipes, root, fresh=fresh, as_json=as_json)
    if not as_json:
        for each in trained:
            for name, figure in each.outcome.figures.items():
                typer.echo(f"  {name:<32} {figure:.4f}")
            typer.echo(f"{each.adapter} is stored. To use it, say `adapter: {each.adapter}` in agents.yaml.")


def _root(recipes: list[Path]) -> Path:
    from shoal.agents.manifest import find_root

    roots = {find_root(recipe.resolve().parent) for recipe in recipes}
    if len(roots) > 1:
        raise InvalidInput(f"the recipes are of several workspaces: {', '.join(map(str, sorted(roots)))}")
    return roots.pop()


def _train(recipes: list[Path], root: Path, *, fresh: bool, as_json: bool) -> list[Trained]:
    from shoal.cli.training import shown

    try:
        from shoal.finetune.loop import Stopped
        from shoal.finetune.train import train
    except ImportError as err:
        raise MissingExtra("training", "train") from err
    try:
        with shown(as_json=as_json) as display:
            trained = train(recipes, root, display.report, is_fresh=fresh)
            for each in trained:
                display.done(each)
    except Stopped as err:
        raise Stopped(f"{err}. Go on with: agentctl finetune {' '.join(map(str, recipes))}") from None
    return trained
