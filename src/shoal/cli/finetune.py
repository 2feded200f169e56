"""agentctl finetune: from recipes to adapters in the store."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shoal.errors import InvalidInput, MissingExtra, ShoalError

if TYPE_CHECKING:
    from shoal.finetune.progress import Report


def finetune(
    recipes: Annotated[
        list[Path],
        typer.Argument(metavar="RECIPE", help="Recipes, for example finetune/triage.yaml."),
    ],
    processes: Annotated[
        int, typer.Option("--processes", min=1, help="How many processes of this machine train together.")
    ] = 1,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start anew instead of going on where a training was stopped.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what happens as lines of JSON, each with its `event`.")
    ] = False,
) -> None:
    """Train adapters of agents, measure them on held-out examples, and store them.

    Agents on one base are trained in one pass. Ctrl-C saves what was learnt; the same command goes on.
    """
    from shoal.cli.training import shown
    from shoal.finetune.launch import is_launched
    from shoal.finetune.progress import Failed, line_of
    from shoal.finetune.stopping import Stopped

    root = _root(recipes)
    with shown(as_json=as_json) as report:
        try:
            _train(recipes, root, processes, report, fresh=fresh)
        except ShoalError as error:
            if isinstance(error, Stopped):
                more = f" --processes {processes}" if processes > 1 else ""
                again = f"agentctl finetune {' '.join(map(str, recipes))}{more}"
                error = Stopped(f"{str(error).partition('. Go on')[0]}. Go on with: {again}")
            # Under torchrun the first process has told it, before the others could end.
            if as_json and not is_launched():
                print(line_of(Failed(message=str(error), exit_code=error.exit_code)), flush=True)
            raise error from None


def _root(recipes: list[Path]) -> Path:
    from shoal.agents.manifest import find_root

    roots = {find_root(recipe.resolve().parent) for recipe in recipes}
    if len(roots) > 1:
        raise InvalidInput(f"the recipes are of several workspaces: {', '.join(map(str, sorted(roots)))}")
    return roots.pop()


def _train(recipes: list[Path], root: Path, processes: int, report: Report, *, fresh: bool) -> None:
    from importlib.util import find_spec

    from shoal.finetune.launch import is_launched, launch

    if processes > 1:
        if is_launched():
            raise InvalidInput("torchrun says how many processes there are. Leave --processes out")
        if not find_spec("torch") or not find_spec("peft"):
            raise MissingExtra("training", "train")
        from shoal.workspace.store import Store

        launch(recipes, processes, report, Store(root).training / "processes.log", is_fresh=fresh)
        return
    try:
        from shoal.finetune.train import train
    except ImportError as err:
        raise MissingExtra("training", "train") from err
    train(recipes, root, report, is_fresh=fresh)
    sys.stdout.flush()
