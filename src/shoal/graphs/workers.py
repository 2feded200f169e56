"""Who does the work of a step that holds no other: an agent, a tool, a person, another graph."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from shoal.agents.agent import Agent
from shoal.graphs.plan import Tool
from shoal.workspace.types import BOOL, FLOAT, Nullable, Record, Type, plain

YES = Record({"yes": BOOL})
"""What a person answers where a step does not say otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What a graph takes and gives; `output` is None where its file has faults."""

    input: Record
    output: Record | None
    effects: frozenset[str] = frozenset()
    """What it does to the world: `agent`, `human`, and the effects of its tools."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What steps can name."""

    agents: Mapping[str, Agent]
    tools: Mapping[str, Tool]
    broken: frozenset[str]
    """Agents and tools with faults of their own, which were reported where they are declared."""
    graphs: Collection[str] = ()
    input_of: Callable[[str], Record | None] = lambda name: None
    """Of a graph in `graphs`; None where its file cannot be read."""
    signature: Callable[[str], Signature | None] = lambda name: None
    """Of a graph in `graphs`, which is compiled first; None where its file cannot be read."""
    leads_to: Callable[[str, str], bool] = lambda one, other: False
    """Whether a graph calls another, directly or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """Who does the work of a step, as far as it is known."""

    subject: str
    """`agent 'slots'`"""
    work: Agent | Tool | None = None
    """None for people and graphs, and for what is broken."""
    input: Record | None = None
    required: frozenset[str] = frozenset()
    output: Type | None = None
    """None where it cannot be known."""


def worker_of_agent(agent: Agent) -> Worker:
    """An agent answers."""
    return Worker(
        subject=f"agent '{agent.name}'",
        work=agent,
        input=agent.input,
        required=_required(agent.input),
        output=agent.output,
    )


def worker_of_tool(tool: Tool) -> Worker:
    """A tool is called."""
    required = frozenset(each for each in tool.required if not isinstance(tool.input.fields[each], Nullable))
    return Worker(
        subject=f"tool '{tool.name}'", work=tool, input=tool.input, required=required, output=tool.output
    )


def worker_of_graph(name: str, signature: Signature | None) -> Worker:
    """Another graph runs."""
    if signature is None:
        return Worker(subject=f"graph '{name}'")
    given = signature.input
    return Worker(subject=f"graph '{name}'", input=given, required=_required(given), output=signature.output)


def _required(fields: Record) -> frozenset[str]:
    return frozenset(name for name, kind in fields.fields.items() if not isinstance(plain(kind), Nullable))


def with_confidence(output: Type) -> Type:
    """What expressions see of an agent's or a vote's output."""
    return Record({**output.fields, "confidence": FLOAT}) if isinstance(output, Record) else output
