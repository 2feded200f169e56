"""Agents for which no model can answer yet: nothing is wrong with their files, and a run would fail."""

from __future__ import annotations

from collections.abc import Iterable

from shoal.agents.agent import Agent, Base
from shoal.agents.bases import is_path, local_folder
from shoal.agents.manifest import Workspace
from shoal.errors import Problem


def unready(workspace: Workspace) -> list[Problem]:
    """One warning for each base that is not there, or whose agents lack what they need to answer."""
    by_base: dict[Base, list[Agent]] = {}
    for agent in workspace.agents.values():
        by_base.setdefault(agent.base, []).append(agent)
    return [
        problem
        for base, agents in by_base.items()
        if (problem := _problem(workspace, base, agents)) is not None
    ]


def _problem(workspace: Workspace, base: Base, agents: Iterable[Agent]) -> Problem | None:
    if is_path(base.model) and local_folder(base, workspace.root) is None:
        message = (
            f"base '{base.name}' is the folder {base.model}, which is not there, so its agents cannot answer"
        )
        return workspace.document.problem(("bases", base.name, "model"), message, is_warning=True)
    if base.kind != "encoder":
        return None
    # Its heads come with an adapter. One that is named and not there was told of.
    named = workspace.document.marks
    lacking = [agent for agent in agents if ("agents", agent.name, "adapter") not in named]
    return _untrained(workspace, base, lacking) if lacking else None


def _untrained(workspace: Workspace, base: Base, agents: list[Agent]) -> Problem:
    first = agents[0].name
    names = ", ".join(f"'{agent.name}'" for agent in agents)
    who = f"agents {names} have" if len(agents) > 1 else f"agent {names} has"
    recipe = f"finetune/{first}.yaml"
    train = f"agentctl finetune {recipe}" if (workspace.root / recipe).is_file() else f"a recipe {recipe}"
    message = (
        f"{who} no adapter on the encoder '{base.name}', which cannot answer without one. Train it "
        f"({train}), or run with --engine scripted"
    )
    return workspace.document.problem(("agents", first), message, at_key=True, is_warning=True)
