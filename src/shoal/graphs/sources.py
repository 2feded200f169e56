"""One graph file, read: its steps, what they call, its input, and what is wrong with it so far."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shoal.agents.manifest import NAME, NAME_RULE
from shoal.errors import InvalidFiles, Problem
from shoal.graphs.model import BROKEN_NODE, GraphFile, NodeEntry, StepEntry, read_step, steps_in
from shoal.graphs.plan import Block
from shoal.workspace.schema import problems_of, record_at
from shoal.workspace.types import ANY, Record, Type, TypeSyntaxError, parse_type
from shoal.workspace.yaml import Document, Where

MAX_NODES = 500
"""Of one graph; others can be called."""
MAX_VALUES = 10_000
"""Of one graph file, every key and list item counted."""


@dataclass(frozen=True, slots=True)
class Call:
    """A node that runs another graph."""

    where: Where
    graph: str
    is_bounded: bool


@dataclass(slots=True)
class GraphSource:
    """A graph file that was read, and what became of it since."""

    name: str
    document: Document
    entries: Mapping[str, NodeEntry]
    calls: tuple[Call, ...]
    input: Record
    has_good_input: bool
    problems: list[Problem]
    block: Block | None = None
    is_begun: bool = False
    is_done: bool = False
    promises: list[tuple[Where, str, Record]] = field(default_factory=list)
    bounds: list[Problem] | None = None
    effects: frozenset[str] | None = None

    @property
    def has_errors(self) -> bool:
        """Whether it cannot be run as it is."""
        return any(not problem.is_warning for problem in self.problems)


def read_source(document: Document, called: str | None) -> GraphSource:
    """Look at a graph file as far as one can without the others. Raises InvalidFiles."""
    _check_size(document)
    problems = problems_of(document, GraphFile)
    data = document.data
    name = data.get("graph")
    if isinstance(name, str) and not NAME.match(name):
        problems.append(document.problem(("graph",), f"'{name}' cannot be a name. {NAME_RULE}"))
    if data.get("nodes") == {}:
        message = "the graph has no nodes. Add one, like {triage: {agent: triage}}"
        problems.append(document.problem(("nodes",), message))
    if data.get("output") == {}:
        message = 'the graph gives no output. Name at least one, like {reply: "${reply.text}"}'
        problems.append(document.problem(("output",), message))
    nodes = data.get("nodes")
    entries = {
        name: read_step(NodeEntry, each) or BROKEN_NODE
        for name, each in (nodes.items() if isinstance(nodes, dict) else ())
    }
    calls = tuple(call for node, each in entries.items() for call in _calls(("nodes", node), each))
    fields, faults = _input(document)
    return GraphSource(
        name=called or (name if isinstance(name, str) else Path(document.file).stem),
        document=document,
        entries=entries,
        calls=calls,
        input=fields,
        has_good_input=not faults and isinstance(data.get("input", {}), dict),
        problems=[*problems, *faults],
    )


def _check_size(document: Document) -> None:
    """Refuse what would take long to look at, before it is looked at. Raises InvalidFiles."""
    nodes = document.data.get("nodes")
    if isinstance(nodes, dict) and len(nodes) > MAX_NODES:
        where: Where = ("nodes", list(nodes)[MAX_NODES])
        message = f"the graph has more than {MAX_NODES} nodes. Move some into a graph of their own"
        raise InvalidFiles([document.problem(where, message, at_key=True)])
    if len(document.marks) > MAX_VALUES:
        where = next(itertools.islice(document.marks, MAX_VALUES, None))
        message = f"the graph holds more than {MAX_VALUES:,} values. Move some into a graph of their own"
        raise InvalidFiles([document.problem(where, message)])


def _input(document: Document) -> tuple[Record, list[Problem]]:
    given = document.data.get("input")
    if not isinstance(given, dict):
        return Record({}), []
    if not given:
        return Record({}), []
    record, problems = record_at(document, ("input",), given)
    return record or Record({name: _type_or_any(kind) for name, kind in given.items()}), problems


def _type_or_any(written: object) -> Type:
    try:
        return parse_type(written)
    except TypeSyntaxError:
        return ANY


def _calls(where: Where, step: StepEntry) -> Iterator[Call]:
    if step.graph is not None:
        yield Call(where, step.graph, step.at_most is not None)
    for keys, inner in steps_in(step):
        yield from _calls((*where, *keys), inner)
