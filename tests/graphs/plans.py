"""Plans built by hand, for tests of the runtime that need no checker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoal.agents.agent import Agent, Base
from shoal.graphs.plan import (
    AgentCall,
    Block,
    Effect,
    Expression,
    ExpressionFailed,
    HumanQuestion,
    Node,
    Plan,
    Scope,
    Tool,
    ToolCall,
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


def node(name: str, work: AgentCall | ToolCall | HumanQuestion, **options: Any) -> Node:
    """A node whose `reads` and `asks` are those of its expressions."""
    expressions = [
        *options.get("inputs", {}).values(),
        *(options.get("fallback") or {}).values(),
        *(options[key] for key in ("when", "accept") if options.get(key)),
    ]
    if isinstance(work, HumanQuestion):
        expressions.append(work.question)
    return Node(
        name=name,
        work=work,
        output=_output(work),
        reads=frozenset[str]().union(*(each.reads for each in expressions)) - {name},
        asks=frozenset[str]().union(*(each.asks for each in expressions)) - {name},
        **options,
    )


def plan(
    *nodes: Node,
    output: Mapping[str, Expression] | None = None,
    output_type: Mapping[str, object] | None = None,
    input: Mapping[str, str] | None = None,
    sha256: str = "0" * 64,
) -> Plan:
    """A plan of nodes in order; outputs are of type `any?` unless told."""
    fields = {name: Nullable(parse_type("any")) for name in output or {}}
    return Plan(
        name="test",
        file="graphs/test.yaml",
        input=parse_record(input or {"message": "str"}),
        block=Block(
            nodes={each.name: each for each in nodes},
            output=output or {},
            output_type=parse_record(output_type) if output_type else Record(fields),
        ),
        sha256=sha256,
    )


def _output(work: AgentCall | ToolCall | HumanQuestion) -> Any:
    match work:
        case AgentCall(agent=called):
            return called.output
        case ToolCall(tool=called):
            return called.output
        case HumanQuestion(answer=answer):
            return answer


def log_of(file: Path) -> list[str]:
    """What the processes of a crash test have written down so far."""
    return file.read_text(encoding="utf-8").split() if file.exists() else []
