"""What a graph looks like before it is drawn: boxes, boxes inside boxes, and who reads what from whom.

`draw.py` writes a sketch as Mermaid text, `picture.py` as SVG. What a step inside a box reads from outside is
shown at the box.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from shoal.expressions.expression import Expression
from shoal.expressions.values import condition_text, paths_of
from shoal.graphs.plan import (
    AgentCall,
    Block,
    Budget,
    GraphCall,
    HumanQuestion,
    Inline,
    Map,
    Node,
    Plan,
    Repeat,
    Switch,
    ToolCall,
    Vote,
    bodies,
)

INPUT, OUTPUT = "input", "output"

Kind = Literal[
    "agent",
    "tool",
    "human",
    "graph",
    "nodes",
    "switch",
    "map",
    "repeat",
    "vote",
    "choice",
    "input",
    "output",
]
"""The kinds of nodes, the diamond inside a switch, and the two ends of a graph."""


@dataclass(frozen=True, slots=True)
class Link:
    """One arrow: what `target` reads of `source`."""

    source: str
    target: str
    fields: tuple[str, ...]
    """Empty where the whole output is read."""
    is_condition: bool
    """Read only by `when`."""
    is_escalation: bool = False
    """`target` answers for `source` where that is not good enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One box, or a frame around others."""

    path: str
    """Unique in the sketch: `handle`, `handle.reply`, `handle[]`, `decide.escalate`."""
    kind: Kind
    name: str
    below: str = ""
    """Who does the work, or how often."""
    marks: str = ""
    """What is special about it: retries, a fallback, a cache, a budget."""
    when: str = ""
    """The condition on which it runs."""
    is_escalation: bool = False
    inside: Sketch | None = None


@dataclass(frozen=True, slots=True)
class Sketch:
    """Boxes and the arrows between them."""

    shapes: tuple[Shape, ...]
    links: tuple[Link, ...]


def sketch(plan: Plan, *, expand: bool = False) -> Sketch:
    """The boxes and arrows of a graph; with `expand`, the graphs it calls stand inside their nodes."""
    inner = _Sketcher(plan.graphs if expand else {}).block(plan.block, "", {INPUT})
    given = [_input(plan)] if plan.input.fields else []
    end = OUTPUT if OUTPUT not in plan.block.nodes else f"{OUTPUT}."  # a node may have that name
    output = Shape(path=end, kind="output", name=OUTPUT, below=", ".join(plan.block.output))
    read = _fields(plan.block.output.values())
    last = [Link(source, end, tuple(sorted(names)), False) for source, names in read.items()]
    return Sketch((*given, *inner.shapes, output), (*inner.links, *last))


def caption(node: Node, name: str) -> str:
    """The second line in a box titled `name`: who does the work, or how often."""
    match node.work:
        case AgentCall(agent=agent):
            return f"{'agent' if agent.name == name else agent.name} on {agent.base.name}"
        case ToolCall(tool=tool):
            return tool.effect if tool.name == name else f"{tool.name}, {tool.effect}"
        case HumanQuestion():
            return "a person is asked"
        case GraphCall(graph=graph, at_most=at_most):
            depth = f", at most {at_most} deep" if at_most else ""
            return ("another graph" if graph == name else f"graph {graph}") + depth
        case Inline(block=block):
            return "" if name == _title(node) else _count(len(block.nodes), "node")
        case Switch(cases=cases, default=default):
            return f"one of {_count(len(cases) + (default is not None), 'case')}"
        case Map(item=item, at_once=at_once):
            return f"for each {item}, {at_once} at once"
        case Repeat(until=until, at_most=at_most):
            return f"until {_text(until)}, at most {_count(at_most, 'round')}"
        case Vote(samples=samples, by=by):
            return f"{_count(samples, 'sample')}, {'majority' if by == 'majority' else 'the surest'}"


def marks(node: Node) -> str:
    """The third line: what is special about a node."""
    words = [f"retry {node.retry}"] if node.retry else []
    words += ["fallback"] if node.fallback is not None else []
    if node.cache_s is not None:
        words.append("cached" if node.cache_s == float("inf") else f"cached {_duration(node.cache_s)}")
    return ", ".join(words + ([_limits(node.budget)] if node.budget else []))


def kind_of(node: Node) -> Kind:
    """The kind of a node."""
    kinds: dict[type, Kind] = {
        AgentCall: "agent",
        ToolCall: "tool",
        HumanQuestion: "human",
        GraphCall: "graph",
        Inline: "nodes",
        Switch: "switch",
        Map: "map",
        Repeat: "repeat",
        Vote: "vote",
    }
    return kinds[type(node.work)]


class _Sketcher:
    """Goes down into nodes; `graphs` are those whose inside is shown, each once on the way down."""

    def __init__(self, graphs: Mapping[str, Block]) -> None:
        self.graphs = graphs

    def block(self, block: Block, prefix: str, others: Collection[str] = ()) -> Sketch:
        """The nodes of a block, which read each other and `others`."""
        shapes: list[Shape] = []
        found = list(_links_among(block, prefix, {*block.nodes, *others}))
        for name, node in block.nodes.items():
            step = self.step(node, prefix + name, name)
            shapes += step.shapes
            found += step.links
        return Sketch(tuple(shapes), tuple(found))

    def step(self, node: Node, path: str, name: str) -> Sketch:
        """A node and, beside it, who answers where it is not good enough."""
        when = f"if {_text(node.when)}" if node.when else ""
        own = self._shape(node, path, name, when, False)
        if node.escalate is None:
            return Sketch((own,), ())
        when = f"when {_text(node.escalate.when)}"
        to, other = node.escalate.to, f"{path}.escalate"
        return Sketch(
            (own, self._shape(to, other, _title(to), when, True)), (Link(path, other, (), True, True),)
        )

    def _shape(self, node: Node, path: str, name: str, when: str, is_escalation: bool) -> Shape:
        return Shape(
            path=path,
            kind=kind_of(node),
            name=name,
            below=caption(node, name),
            marks=marks(node),
            when=when,
            is_escalation=is_escalation,
            inside=self._inside(node, path),
        )

    def _inside(self, node: Node, path: str) -> Sketch | None:
        match node.work:
            case Inline(block=block):
                return self.block(block, f"{path}.")
            case Map(body=body) | Repeat(body=body) | Vote(body=body):
                if isinstance(body.work, Inline) and not (marks(body) or body.escalate):
                    return self.block(body.work.block, f"{path}[].")
                return self.step(body, f"{path}[]", _title(body))
            case Switch():
                return self._cases(node.work, path)
            case GraphCall(graph=graph) if graph in self.graphs:
                others = {name: block for name, block in self.graphs.items() if name != graph}
                return _Sketcher(others).block(self.graphs[graph], f"{path}.")
        return None

    def _cases(self, switch: Switch, path: str) -> Sketch:
        choice = Shape(path=f"{path}.?", kind="choice", name=_text(switch.subject))
        shapes, found = [choice], list[Link]()
        default = {} if switch.default is None else {"default": switch.default}
        for word, case in (dict(switch.cases) | default).items():
            step = self.step(case, f"{path}.{word}", _title(case))
            shapes += step.shapes
            found += [Link(choice.path, f"{path}.{word}", (word,), False), *step.links]
        return Sketch(tuple(shapes), tuple(found))


def _input(plan: Plan) -> Shape:
    budget = plan.block.budget
    return Shape(
        path=INPUT,
        kind="input",
        name=INPUT,
        below=", ".join(plan.input.fields),
        marks=_limits(budget) if budget else "",
    )


def _title(step: Node) -> str:
    """What heads a step that has no name of its own."""
    match step.work:
        case AgentCall(agent=agent):
            return agent.name
        case ToolCall(tool=tool):
            return tool.name
        case HumanQuestion():
            return "person"
        case GraphCall(graph=graph):
            return graph
        case Inline(block=block):
            return _count(len(block.nodes), "node")
    return kind_of(step)


def _links_among(block: Block, prefix: str, sources: Collection[str]) -> Iterator[Link]:
    for name, node in block.nodes.items():
        data = _fields(_expressions(node))
        condition = _fields([node.when] if node.when else [])
        for source in dict.fromkeys((*data, *condition)):
            if source in sources and source != name:
                fields = tuple(sorted(data.get(source) or condition.get(source) or ()))
                start = source if source == INPUT else prefix + source
                yield Link(start, prefix + name, fields, source not in data)


def _expressions(node: Node) -> Iterator[Expression]:
    """All that a node and the steps inside it read, but its own `when`."""
    yield from node.inputs.values()
    held = (node.accept, node.fallback, node.escalate and node.escalate.when)
    yield from (each for each in held if each)
    match node.work:
        case HumanQuestion(question=expression) | Switch(subject=expression) | Map(each=expression):
            yield expression
        case Repeat(until=until, start=start):
            yield from (until, start) if start else (until,)
        case Inline(block=block):
            yield from block.output.values()
    for body in bodies(node).values():
        yield from _expressions(body)
        yield from [body.when] if body.when else []


def _fields(expressions: Iterable[Expression]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for expression in expressions:
        names = {(name,) for name in expression.reads | expression.asks}
        for path in sorted(paths_of(expression) or names):
            found.setdefault(path[0], set()).update(path[1:2])
    return found


def _text(expression: Expression) -> str:
    return " ".join(condition_text(expression).split())


def _limits(budget: Budget) -> str:
    parts = [
        _count(amount, word)
        for amount, word in ((budget.calls, "call"), (budget.tokens, "token"), (budget.steps, "step"))
        if amount is not None
    ]
    return "budget " + ", ".join(parts + ([_duration(budget.seconds)] if budget.seconds is not None else []))


def _duration(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:g} s"


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
