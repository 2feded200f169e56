"""Agents for which no model can answer yet: nothing is wrong with their files, and a run would fail."""

from __future__ import annotations

from shoal.agents.agent import Agent
from shoal.agents.manifest import Workspace
from shoal.errors import Problem

_NANO = "shoal/nano"


def untrained(workspace: Workspace) -> list[Problem]:
    """One warning for each base whose agents lack what they need to answer."""
    lacking: dict[str, list[Agent]] = {}
    for agent in workspace.agents.values():
        if agent.adapter is None and _needs_adapter(agent) and not _names_adapter(workspace, agent):
            lacking.setdefault(agent.base.name, []).append(agent)
    return [_warning(workspace, agents) for agents in lacking.values()]


def _needs_adapter(agent: Agent) -> bool:
    """Heads of an encoder come with an adapter, and nano is too small to follow instructions alone."""
    return agent.base.kind == "encoder" or agent.base.model == _NANO


def _names_adapter(workspace: Workspace, agent: Agent) -> bool:
    """Whether one is named that is not there, which was told of."""
    return ("agents", agent.name, "adapter") in workspace.document.marks


def _warning(workspace: Workspace, agents: list[Agent]) -> Problem:
    first = agents[0]
    base = f"{first.base.kind} '{first.base.name}'"
    names = ", ".join(f"'{agent.name}'" for agent in agents)
    who = f"agents {names} have" if len(agents) > 1 else f"agent {names} has"
    recipe = f"finetune/{first.name}.yaml"
    train = f"agentctl finetune {recipe}" if (workspace.root / recipe).is_file() else f"a recipe {recipe}"
    message = (
        f"{who} no adapter on the {base}, which cannot answer without one. Train it ({train}), or run with "
        "--engine scripted"
    )
    return workspace.document.problem(("agents", first.name), message, at_key=True, is_warning=True)
