"""What a run is pinned to, part by part, so that a refusal to resume can say what changed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

from shoal.agents.agent import Agent
from shoal.errors import ShoalError
from shoal.graphs.plan import AgentCall, GraphCall, HumanQuestion, Node, Plan, ToolCall, Work, walk_nodes
from shoal.journal.journal import RunRow

_ORIGIN = "forked from"
"""Stands among the parts of a run and is none."""


class PlanChanged(ShoalError):
    """A run is asked to go on with something else than it started with."""

    def __init__(self, run_id: str, changes: list[str], command: str) -> None:
        self.changes = tuple(changes)
        super().__init__(
            f"run {run_id} started with other files: {', '.join(changes)}. Restore them, or go on with what "
            f"there is now: `agentctl runs {command} --migrate`"
        )


class Origin(NamedTuple):
    """What a run is a fork of."""

    run: str
    path: str
    """Of the node at which it was forked."""


def check_pin(run: RunRow, plan: Plan, migrate: bool, command: str) -> None:
    """Refuse a plan that is not the one a run started with, unless that is wanted. Raises PlanChanged."""
    if run.plan_sha256 != plan.sha256 and not migrate:
        raise PlanChanged(run.id, changes_between(run.parts, plan), command)


def with_origin(parts: Mapping[str, str], origin: Origin | None) -> Mapping[str, str]:
    """The parts of a run that is a fork."""
    return parts if origin is None else {**parts, _ORIGIN: f"{origin.run} at {origin.path}"}


def origin_of(run: RunRow) -> Origin | None:
    """What a run is a fork of, if it is one."""
    told = run.parts.get(_ORIGIN)
    if told is None:
        return None
    run_id, _, path = told.partition(" at ")
    return Origin(run_id, path)


def parts_of(plan: Plan) -> dict[str, str]:
    """The pieces of a plan by the words a person knows them by, with their hashes."""
    parts: dict[str, str] = {}
    for name, block in [("", plan.block), *plan.graphs.items()]:
        whose = f" of graph '{name}'" if name else ""
        for node in block.nodes.values():
            parts[f"node '{node.name}'{whose}"] = _work_in_words(node)
    for node in walk_nodes(plan):
        parts |= parts_of_work(plan, node.work)
    return parts


def parts_of_work(plan: Plan, work: Work) -> dict[str, str]:
    """What an agent, a tool or a graph depends on, with hashes; nothing for other kinds of work."""
    match work:
        case AgentCall(agent=agent):
            return parts_of_agent(agent)
        case ToolCall(tool=tool):
            contract = f"{tool.effect} {tool.input} -> {tool.output}"
            return {
                f"the source of tool '{tool.name}'": tool.sha256,
                f"the contract of tool '{tool.name}'": _hash(contract),
            }
    return {}


def _work_in_words(node: Node) -> str:
    match node.work:
        case AgentCall(agent=agent):
            return f"agent {agent.name}"
        case ToolCall(tool=tool):
            return f"tool {tool.name}"
        case HumanQuestion():
            return "human"
        case GraphCall(graph=graph):
            return f"graph {graph}"
    return type(node.work).__name__.lower()


def changes_between(pinned: Mapping[str, str], plan: Plan) -> list[str]:
    """What differs now, in words."""
    parts = parts_of(plan)
    gone = [f"{name} is gone" for name in pinned if name not in parts and name != _ORIGIN]
    new = [f"{name} is new" for name in parts if name not in pinned]
    changed = [f"{name} changed" for name in parts if name in pinned and pinned[name] != parts[name]]
    return gone + new + changed or [f"{plan.file} or a file it depends on changed"]


def parts_of_agent(agent: Agent) -> dict[str, str]:
    """What the answers of an agent depend on, with hashes."""
    name = f"of agent '{agent.name}'"
    return {
        f"the contract {name}": _hash(f"{agent.input} -> {agent.output}"),
        f"the base {name}": _hash(f"{agent.base.name} {agent.base.model}"),
        f"the adapter {name}": "none" if agent.adapter is None else agent.adapter.sha256,
        f"the prompt {name}": _hash(agent.about if agent.prompt is None else agent.prompt),
        f"the knowledge {name}": _hash(agent.knowledge),
    }


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
