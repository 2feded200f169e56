"""Graph files as they are written: pydantic models, before any name is looked up.

Kinds and keys that later versions bring have their place here already, so that they are refused by name.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from shoal.workspace.schema import Given, Strict

KINDS = ("agent", "tool", "human", "graph", "knowledge", "switch", "map", "repeat", "vote")
LATER = frozenset({"graph", "knowledge", "switch", "map", "repeat", "vote", "escalate", "cache", "budget"})
"""Kinds and keys that are part of the language and not of this version."""

_LATER = "Not available in this version yet."


class NodeEntry(Strict):
    """One node: exactly one kind, what goes into it, and when and how it runs."""

    agent: Annotated[str | None, Given] = Field(None, description="An agent of agents.yaml answers.")
    tool: Annotated[str | None, Given] = Field(None, description="A tool of agents.yaml is called.")
    human: Annotated[str | None, Given] = Field(
        None, description="A person is asked this question; the run waits."
    )
    graph: Any = Field(None, description=_LATER)
    knowledge: Any = Field(None, description=_LATER)
    switch: Any = Field(None, description=_LATER)
    map: Any = Field(None, description=_LATER)
    repeat: Any = Field(None, description=_LATER)
    vote: Any = Field(None, description=_LATER)

    with_: dict[str, Any] = Field({}, alias="with", description="Inputs by name: values or `${expressions}`.")
    when: Annotated[str | None, Given] = Field(
        None, description="The node is skipped where this expression is false."
    )
    accept: Annotated[str | None, Given] = Field(None, description="What the node's output must satisfy.")
    retry: int = Field(0, ge=0, le=10, description="How often the work is tried again.")
    timeout_s: Annotated[float | None, Given] = Field(
        None, gt=0, description="Seconds that one try may take."
    )
    fallback: Annotated[dict[str, Any] | None, Given] = Field(
        None, description="The output where all tries failed."
    )
    answer: Annotated[dict[str, Any] | None, Given] = Field(
        None, description="Of a human node: names and types of what is asked."
    )
    escalate: Any = Field(None, description=_LATER)
    cache: Any = Field(None, description=_LATER)
    budget: Any = Field(None, description=_LATER)


class GraphFile(Strict):
    """graphs/<name>.yaml: a system of agents, tools and people."""

    version: Literal[1] = Field(description="The version of this file format.")
    graph: str = Field(description="The name of the graph, which is also that of its file.")
    about: str = Field("", description="One sentence on what the graph does.")
    input: dict[str, Any] = Field({}, description="Names and types of what a run is given.")
    nodes: dict[str, NodeEntry] = Field(description="Nodes by name; edges follow from what they read.")
    output: dict[str, Any] = Field(description="What a run gives: values or `${expressions}` by name.")
    budget: Any = Field(None, description=_LATER)
