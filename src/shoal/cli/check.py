"""agentctl check: everything that can be known to be wrong before a run."""

from __future__ import annotations

import gc
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from shoal.errors import Problem
    from shoal.evals.check import Targets
    from shoal.graphs.check import Checked


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What was looked at, and what is wrong with it."""

    problems: list[Problem]
    """Sorted by place; warnings among them."""
    agents: int = 0
    graphs: int = 0
    recipes: int = 0
    suites: int = 0
    seeds: int = 0
    """Agents with a qna.yaml."""
    flows: int = 0


def check(
    workspace: Annotated[Path, typer.Argument(help="A folder inside the workspace.")] = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="Print problems as JSON.")] = False,
) -> None:
    """Check agents.yaml, agents, seeds, tools, graphs, recipes, flows and suites; exit 2 if one is wrong."""
    from shoal.agents.manifest import find_root

    # Nearly all that is made here is needed to the end; looking for garbage would take a quarter of the time.
    gc.disable()
    found = _look(find_root(workspace))
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2))
    else:
        for problem in found.problems:
            typer.echo(str(problem), err=True)
    if any(not problem.is_warning for problem in found.problems):
        raise typer.Exit(2)
    if not as_json:
        typer.echo(
            f"All is well. Agents: {found.agents}, graphs: {found.graphs}, recipes: {found.recipes}, "
            f"suites: {found.suites}, seeds: {found.seeds}, flows: {found.flows}."
        )


def _look(root: Path) -> Findings:
    from shoal.agents.unready import unready
    from shoal.datasets.check import check_seeds
    from shoal.datasets.flow_files import check_flows
    from shoal.errors import InvalidFiles
    from shoal.evals.check import check_suites
    from shoal.finetune.recipe import check_recipes
    from shoal.graphs.check import check_workspace

    try:
        checked = check_workspace(root)
    except InvalidFiles as err:
        rest = (check_recipes(root, None), check_seeds(root, None), check_flows(root, None))
        return Findings(problems=sorted({*err.problems, *(each for _, found in rest for each in found)}))
    targets = _targets(checked)
    recipes, recipe_problems = check_recipes(root, targets.agents)
    suites, suite_problems = check_suites(root, targets)
    seeds, seed_problems = check_seeds(root, targets.agents)
    flows, flow_problems = check_flows(root, targets.agents)
    found = {*checked.problems, *recipe_problems, *suite_problems, *seed_problems, *flow_problems}
    if all(problem.is_warning for problem in found):  # first things first
        found.update(unready(checked.workspace))
    return Findings(
        problems=sorted(found),
        agents=len(checked.workspace.agents),
        graphs=len(checked.plans),
        recipes=recipes,
        suites=suites,
        seeds=seeds,
        flows=flows,
    )


def _targets(checked: Checked) -> Targets:
    """What suites and recipes may name; None stands for what is there with faults of its own."""
    from shoal.evals.check import Targets

    broken = {file.stem: None for file in checked.workspace.graph_files}
    return Targets(
        agents={**dict.fromkeys(checked.workspace.broken), **checked.workspace.agents},
        graphs={**broken, **checked.plans},
    )
