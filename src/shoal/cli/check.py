"""agentctl check: everything that can be known to be wrong before a run."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer


def check(
    workspace: Annotated[Path, typer.Argument(help="A folder inside the workspace.")] = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="Print problems as JSON.")] = False,
) -> None:
    """Check agents.yaml, agents, tools and all graphs; exit 2 if something is wrong."""
    from shoal.agents.manifest import find_root
    from shoal.graphs.check import check_workspace

    checked = check_workspace(find_root(workspace))
    errors = [problem for problem in checked.problems if not problem.is_warning]
    if as_json:
        typer.echo(json.dumps({"problems": [asdict(problem) for problem in checked.problems]}, indent=2))
    else:
        for problem in checked.problems:
            typer.echo(str(problem), err=True)
    if errors:
        raise typer.Exit(2)
    if not as_json:
        typer.echo(f"All is well. Agents: {len(checked.workspace.agents)}, graphs: {len(checked.plans)}.")
