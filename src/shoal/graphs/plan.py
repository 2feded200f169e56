"""A checked graph, ready to run: what the checker makes and the interpreter reads.

Everything here is immutable and knows nothing of models, disks or clocks.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from shoal.agents.agent import Agent
from shoal.expressions.expression import Expression
from shoal.workspace.types import Record, Type

Effect = Literal["pure", "idempotent", "once"]


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
    is_async: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_async", inspect.iscoroutinefunction(self.function))


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
class GraphCall:
    """The work of a graph node: another graph of the workspace, which sees nothing but its `input`."""

    graph: str
    """A name in `Plan.graphs`; a name and not a block, because a graph may lead back to itself."""
    input: Record
    at_most: int | None = None
    """How deep this node may stand inside itself; deeper its fallback stands in for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inline:
    """The work of a node with `nodes` of its own, which read what is around it."""

    block: Block


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """One of several steps, chosen by a value."""

    subject: Expression
    """Gives text, an enum, a whole number or a boolean; matched as text (`true`, `3`)."""
    cases: Mapping[str, Node]
    default: Node | None
    """None where the cases cover all values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    """One step for each item of a list; the results keep the order of the items."""

    each: Expression
    item: str
    """The name under which the body reads its item."""
    body: Node
    at_once: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """One step again and again; its body reads the last round's output under the node's own name."""

    body: Node
    until: Expression
    """Reads the output of the round under the node's own name."""
    at_most: int
    start: Expression | None = None
    """What the first round reads as the last one's output; without it that is absent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """One step sampled several times. The first sample is greedy."""

    body: Node
    samples: int
    by: Literal["majority", "confidence"]
    """majority: the most frequent values of the fields `on`; of the samples that gave them, the surest one.
    confidence: the surest sample."""
    on: tuple[str, ...]
    early: bool = False
    """A majority that is certain ends it: samples count in their order, and those left over are given up."""


Work: TypeAlias = AgentCall | ToolCall | HumanQuestion | GraphCall | Inline | Switch | Map | Repeat | Vote


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a run, or all that happens inside one node, may spend. None: no limit of its own."""

    calls: int | None = None
    """Attempts at agents and tools."""
    tokens: int | None = None
    """Read and written by models."""
    seconds: float | None = None
    """Of this process executing it; waiting for people between executions does not count."""
    steps: int | None = None
    """Nodes begun, of every kind, each item, round and sample counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    """Another step that answers where the node is not good enough."""

    when: Expression
    """Reads the node's own output under its name."""
    to: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One step: a node of a graph, or the body of a map, repeat or vote, or a case of a switch.

    Order of events: wait for `reads | asks`; skip if one of `reads` was skipped; skip if `when` is
    false; evaluate `inputs`; do the work within `timeout_s`; if `escalate.when` holds, or all attempts were
    rejected, take the output of `escalate.to` instead; if `accept` is false or the work failed, again up to
    `retry` times (agents sample then); at the end `fallback`, or the node fails.
    """

    name: str
    """Under which it reads its own output: that of the node a body or case belongs to."""
    work: Work
    output: Type
    """What is recorded. Expressions see `confidence: float` beside it if the work is an agent or a vote."""
    inputs: Mapping[str, Expression] = field(default_factory=dict)
    when: Expression | None = None
    accept: Expression | None = None
    """Reads the node's own output under its name, beside what the node reads."""
    retry: int = 0
    timeout_s: float | None = None
    fallback: Expression | None = None
    """Gives the whole output, `confidence` left out."""
    escalate: Escalation | None = None
    cache_s: float | None = None
    """How many seconds an answer is good for in later runs; `inf` for ever, None for not at all."""
    budget: Budget | None = None
    reads: frozenset[str] = frozenset()
    """Names around it, without its own, that must be there: if one was skipped, so is this node."""
    asks: frozenset[str] = frozenset()
    """Names it waits for and can do without. What the cases of a switch and the nodes of an inline block read
    stands here: whether it is there is judged when they begin."""
    line: int = 0
    """Where it stands in the graph file."""
    adds_confidence: bool = field(init=False, repr=False)
    """Whether expressions see `confidence` beside its output."""
    acts_once: bool = field(init=False, repr=False)
    """Whether its work must never be repeated."""
    takes_thread: bool = field(init=False, repr=False)
    """Whether its work holds a thread while it lasts."""
    is_judged: bool = field(init=False, repr=False)
    """Whether an output that is made may still be refused."""

    def __post_init__(self) -> None:
        work = self.work
        tool = work.tool if isinstance(work, ToolCall) else None
        object.__setattr__(self, "adds_confidence", isinstance(work, AgentCall | Vote))
        object.__setattr__(self, "acts_once", tool is not None and tool.effect == "once")
        object.__setattr__(self, "takes_thread", tool is not None and not tool.is_async)
        object.__setattr__(self, "is_judged", self.accept is not None or self.escalate is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Nodes that read each other, and what they give together."""

    nodes: Mapping[str, Node]
    """In an order in which every node comes after those it reads."""
    output: Mapping[str, Expression]
    output_type: Record
    budget: Budget | None = None
    first: tuple[str, ...] = field(init=False, repr=False)
    """Nodes that wait for no other of the block."""
    num_needed: Mapping[str, int] = field(init=False, repr=False)
    """How many others of the block each node waits for."""
    dependents: Mapping[str, tuple[str, ...]] = field(init=False, repr=False)
    """Who waits for each node."""

    def __post_init__(self) -> None:
        needed = {name: (node.reads | node.asks) & self.nodes.keys() for name, node in self.nodes.items()}
        waiting: dict[str, list[str]] = {name: [] for name in self.nodes}
        for name, others in needed.items():
            for other in others:
                waiting[other].append(name)
        counts = {name: len(others) for name, others in needed.items()}
        object.__setattr__(self, "num_needed", counts)
        object.__setattr__(self, "first", tuple(name for name, count in counts.items() if count == 0))
        object.__setattr__(self, "dependents", {name: tuple(each) for name, each in waiting.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A graph that passed the checker."""

    name: str
    file: str
    input: Record
    block: Block
    graphs: Mapping[str, Block] = field(default_factory=dict)
    """Every graph that it calls, directly or not, by name."""
    sha256: str
    """Of all a run depends on: graph files, prompts, knowledge, adapters, contracts and tool sources."""


def bodies(node: Node) -> dict[str, Node]:
    """The steps inside a node, by what is added to its path: `.lost_card`, `[]`, `.escalate`."""
    match node.work:
        case Inline(block=block):
            found = {f".{name}": inner for name, inner in block.nodes.items()}
        case Switch(cases=cases, default=default):
            found = {f".{name}": case for name, case in cases.items()}
            found |= {} if default is None else {".default": default}
        case Map(body=body) | Repeat(body=body) | Vote(body=body):
            found = {"[]": body}
        case _:
            found = {}
    return found | ({".escalate": node.escalate.to} if node.escalate else {})


def expressions_of(node: Node) -> Iterator[Expression]:
    """What a step itself evaluates; not what the steps inside it do."""
    yield from node.inputs.values()
    yield from (each for each in (node.when, node.accept, node.fallback) if each)
    if node.escalate:
        yield node.escalate.when
    match node.work:
        case HumanQuestion(question=question):
            yield question
        case Switch(subject=subject):
            yield subject
        case Map(each=each):
            yield each
        case Repeat(until=until, start=start):
            yield until
            yield from [start] if start else []


def walk_nodes(plan: Plan) -> Iterator[Node]:
    """Every node of a plan and of the graphs it calls, each once, a node before those inside it."""
    for block in (plan.block, *plan.graphs.values()):
        stack = [*block.nodes.values()][::-1]
        while stack:
            node = stack.pop()
            yield node
            stack.extend([*bodies(node).values()][::-1])
