"""Plans built by hand, for tests of the runtime that need no checker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoal.agents.agent import Agent, Base
from shoal.expressions.expression import Expression, ExpressionFailed, Scope
from shoal.graphs.plan import (
    AgentCall,
    Block,
    Budget,
    Effect,
    GraphCall,
    HumanQuestion,
    Inline,
    Map,
    Node,
    Plan,
    Repeat,
    Switch,
    Tool,
    ToolCall,
    Vote,
    Work,
)
from shoal.workspace.types import Nullable, Record, parse_record, parse_type

BASE = Base(name="nano", model="shoal/nano", kind="decoder")


@dataclass(frozen=True)
class Calc:
    """An Expression whose text is Python."""

    compute: Callable[[Scope], Any]
    reads: frozenset[str] = frozenset()
    asks: frozenset[str] = frozenset()

    def evaluate(self, scope: Scope) -> Any:
        try:
            return self.compute(scope)
        except (KeyError, TypeError, IndexError) as error:
            raise ExpressionFailed(f"{type(error).__name__}: {error}") from error


def calc(names: str, compute: Callable[[Scope], Any]) -> Calc:
    """`names` are the nodes it reads, those with `?` behind them only asked for."""
    given = names.split()
    return Calc(
        compute,
        frozenset(name for name in given if not name.endswith("?")),
        frozenset(name.removesuffix("?") for name in given if name.endswith("?")),
    )


def value(constant: Any) -> Calc:
    return Calc(lambda _: constant)


def record(**fields: Expression) -> Calc:
    """What a mapping with expressions inside gives."""
    return Calc(
        lambda scope: {name: each.evaluate(scope) for name, each in fields.items()},
        frozenset[str]().union(*(each.reads for each in fields.values())),
        frozenset[str]().union(*(each.asks for each in fields.values())),
    )


def ref(path: str) -> Calc:
    """What `${path}` gives."""
    name, *fields = path.split(".")

    def compute(scope: Scope) -> Any:
        found = scope[name]
        for field in fields:
            found = found[field]
        return found

    return Calc(compute, frozenset() if name == "input" else frozenset({name}))


def agent(name: str, output: Mapping[str, str], input: Mapping[str, str] | None = None) -> AgentCall:
    made = Agent(
        name=name,
        about="",
        base=BASE,
        input=parse_record(input or {}),
        output=parse_record(output),
    )
    return AgentCall(agent=made)


def tool(
    function: Callable[..., Any],
    output: object = "int",
    input: Mapping[str, str] | None = None,
    effect: Effect = "pure",
    takes_key: bool = False,
) -> ToolCall:
    fields = parse_record(input or {})
    made = Tool(
        name=getattr(function, "__name__", "tool"),
        effect=effect,
        input=fields,
        required=frozenset(fields.fields),
        output=parse_type(output),
        function=function,
        takes_key=takes_key,
    )
    return ToolCall(tool=made)


def human(question: str = "Approve?", answer: Mapping[str, str] | None = None) -> HumanQuestion:
    return HumanQuestion(question=value(question), answer=parse_record(answer or {"yes": "bool"}))


def graph(name: str, input: Mapping[str, str] | None = None, at_most: int | None = None) -> GraphCall:
    return GraphCall(graph=name, input=parse_record(input or {}), at_most=at_most)


def inline(
    *nodes: Node,
    output: Mapping[str, Expression] | None = None,
    output_type: Mapping[str, object] | None = None,
) -> Inline:
    return Inline(block=block(*nodes, output=output, output_type=output_type))


def switch(subject: Expression, cases: Mapping[str, Node], default: Node | None = None) -> Switch:
    return Switch(subject=subject, cases=cases, default=default)


def each(items: Expression, body: Node, item: str = "item", at_once: int = 16) -> Map:
    return Map(each=items, item=item, body=body, at_once=at_once)


def repeat(body: Node, until: Expression, at_most: int = 100, start: Expression | None = None) -> Repeat:
    return Repeat(body=body, until=until, at_most=at_most, start=start)


def vote(
    body: Node, samples: int, by: Any = "majority", on: tuple[str, ...] = (), early: bool = False
) -> Vote:
    return Vote(body=body, samples=samples, by=by, on=on, early=early)


def node(name: str, work: Work, **options: Any) -> Node:
    """A node whose `reads` and `asks` are those of its expressions; what its steps read, it asks for.

    `output` names a type where that does not follow from the work.
    """
    if isinstance(options.get("fallback"), Mapping):
        options["fallback"] = record(**options["fallback"])
    options["output"] = parse_type(options["output"]) if "output" in options else _output(work)
    expressions = [
        *options.get("inputs", {}).values(),
        *(options[key] for key in ("when", "accept", "fallback") if options.get(key)),
    ]
    inner: list[Node] = [options["escalate"].to] if options.get("escalate") else []
    expressions += [options["escalate"].when] if options.get("escalate") else []
    own = {name}
    match work:
        case HumanQuestion(question=question):
            expressions.append(question)
        case Inline(block=held):
            inner += held.nodes.values()
            expressions += held.output.values()
            own |= held.nodes.keys()
        case Switch(subject=subject, cases=cases, default=default):
            inner += [*cases.values(), *([default] if default else [])]
            expressions.append(subject)
        case Map(each=items, item=item, body=body):
            inner.append(body)
            expressions.append(items)
            own.add(item)
        case Repeat(body=body, until=until, start=start):
            inner.append(body)
            expressions += [until, *([start] if start else [])]
        case Vote(body=body):
            inner.append(body)
    asks = frozenset[str]().union(
        *(each.asks for each in expressions), *(each.reads | each.asks for each in inner)
    )
    return Node(
        name=name,
        work=work,
        reads=frozenset[str]().union(*(each.reads for each in expressions)) - own,
        asks=asks - own,
        **options,
    )


def block(
    *nodes: Node,
    output: Mapping[str, Expression] | None = None,
    output_type: Mapping[str, object] | None = None,
    budget: Budget | None = None,
) -> Block:
    """Nodes in order; outputs are of type `any?` unless told."""
    fields = {name: Nullable(parse_type("any")) for name in output or {}}
    return Block(
        nodes={each.name: each for each in nodes},
        output=output or {},
        output_type=parse_record(output_type) if output_type else Record(fields),
        budget=budget,
    )


def plan(
    *nodes: Node,
    output: Mapping[str, Expression] | None = None,
    output_type: Mapping[str, object] | None = None,
    input: Mapping[str, str] | None = None,
    graphs: Mapping[str, Block] | None = None,
    budget: Budget | None = None,
    sha256: str = "0" * 64,
) -> Plan:
    """A plan of nodes in order; outputs are of type `any?` unless told."""
    return Plan(
        name="test",
        file="graphs/test.yaml",
        input=parse_record(input or {"message": "str"}),
        block=block(*nodes, output=output, output_type=output_type, budget=budget),
        graphs=graphs or {},
        sha256=sha256,
    )


def _output(work: Work) -> Any:
    match work:
        case AgentCall(agent=called):
            return called.output
        case ToolCall(tool=called):
            return called.output
        case HumanQuestion(answer=answer):
            return answer
        case Inline(block=held):
            return held.output_type
        case Vote(body=body):
            return body.output
    return Nullable(parse_type("any"))


def log_of(file: Path) -> list[str]:
    """What the processes of a crash test have written down so far."""
    return file.read_text(encoding="utf-8").split() if file.exists() else []
