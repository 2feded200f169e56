"""A checked graph, ready to run: what the checker makes and the interpreter reads.

Everything here is immutable and knows nothing of models, disks or clocks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from shoal.agents.agent import Agent
from shoal.workspace.types import Record, Type

Scope = Mapping[str, Any]
"""What expressions read: `input` and the outputs of nodes by name. A node that was skipped is absent."""

Effect = Literal["pure", "idempotent", "once"]


class Expression(Protocol):
    """A compiled piece of a graph file that yields a value."""

    @property
    def reads(self) -> frozenset[str]:
        """Nodes whose output must be there: if one of them was skipped, so is the reader."""
        ...

    @property
    def asks(self) -> frozenset[str]:
        """Nodes read only through `?`, which may have been skipped."""
        ...

    def evaluate(self, scope: Scope) -> Any:
        """The value, as plain JSON data. Raises ExpressionFailed."""
        ...


class ExpressionFailed(Exception):
    """An expression that was checked failed on these values, say a list index out of range."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A typed Python function and what happens when it is called twice."""

    name: str
    effect: Effect
    input: Record
    required: frozenset[str]
    """Parameters without a default."""
    output: Type
    function: Callable[..., Any]
    takes_key: bool = False
    """The function has a parameter `idempotency_key`, filled by the runner with `run:path`."""
    sha256: str = ""
    """Of its source file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentCall:
    """The work of an agent node."""

    agent: Agent


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """The work of a tool node."""

    tool: Tool


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanQuestion:
    """The work of a human node: the run waits until a person answers."""

    question: Expression
    """Evaluates to the text that is shown."""
    answer: Record
    """`{yes: bool}` unless the node names another `answer:`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One node of a graph.

    Order of events: wait for `reads | asks`; skip if one of `reads` was skipped; skip if `when` is
    false; evaluate `inputs`; do the work within `timeout_s`; if `accept` is false or the work failed, again
    up to `retry` times (agents sample then); at the end `fallback`, or the node fails.
    """

    name: str
    work: AgentCall | ToolCall | HumanQuestion
    output: Type
    inputs: Mapping[str, Expression] = field(default_factory=dict)
    when: Expression | None = None
    accept: Expression | None = None
    """Reads the node's own output under its name, beside what the node reads."""
    retry: int = 0
    timeout_s: float | None = None
    fallback: Mapping[str, Expression] | None = None
    reads: frozenset[str] = frozenset()
    """Union over all its expressions, without the node itself."""
    asks: frozenset[str] = frozenset()
    line: int = 0
    """Where it stands in the graph file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A graph that passed the checker."""

    name: str
    file: str
    input: Record
    nodes: Mapping[str, Node]
    """In an order in which every node comes after those it reads."""
    output: Mapping[str, Expression]
    output_type: Record
    sha256: str
    """Of all a run depends on: graph file, prompts, knowledge, adapters, contracts and tool sources."""
