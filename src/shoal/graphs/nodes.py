"""One node of a graph file: its kind, its output, and its expressions compiled against what it may read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shoal.agents.agent import Agent
from shoal.errors import Problem, suggest
from shoal.graphs.expressions import Compiled, compile_expression
from shoal.graphs.model import KINDS, LATER, NodeEntry
from shoal.graphs.plan import AgentCall, HumanQuestion, Node, Tool, ToolCall
from shoal.graphs.scope import EVERYTHING, ExpressionError, Scope, Source
from shoal.graphs.templates import ValueFault, compile_value, remedy
from shoal.graphs.tokens import Path
from shoal.graphs.values import Constant, source_type
from shoal.workspace.schema import record_at
from shoal.workspace.types import (
    BOOL,
    FLOAT,
    STR,
    Nullable,
    Record,
    Type,
    accepts,
    plain,
)
from shoal.workspace.yaml import Document, Where

YES = Record({"yes": BOOL})
"""What a person answers where a node does not say otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What nodes can name."""

    agents: Mapping[str, Agent]
    tools: Mapping[str, Tool]
    broken: frozenset[str]
    """Agents and tools with faults of their own, which were reported where they are declared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """Who does the work of a node, as far as it is known."""

    subject: str
    """`agent 'slots'`"""
    work: Agent | Tool | None
    """None for people, and for what is broken."""
    input: Record | None
    required: frozenset[str]
    output: Type | None
    """None where it cannot be known."""

    def source(self) -> Source | None:
        """How expressions read the output."""
        if self.output is None:
            return None
        kind = source_type(self.output)
        if isinstance(self.work, Agent) and isinstance(kind, Record):
            kind = Record({**kind.fields, "confidence": FLOAT})
        return Source(kind, f"{self.subject} gives")


class NodeReader:
    """Reads one entry of `nodes`; problems go to `report`."""

    def __init__(
        self, document: Document, name: str, entry: NodeEntry, report: Callable[[Problem], None]
    ) -> None:
        self.document = document
        self.name = name
        self.entry = entry
        self.where: Where = ("nodes", name)
        self._report = report
        self.has_faults = False
        self.has_faulty_when = False

    def fault(self, where: Where, message: str, *, at_key: bool = False, offset: int | None = None) -> None:
        """Report a problem of this node."""
        self.has_faults = True
        self._report(self.document.problem(where, message, at_key=at_key, offset=offset))

    # -- who does the work --------------------------------------------------------------------------------

    def worker(self, known: Known) -> Worker | None:
        """Who does the work, or None where the entry does not say it rightly."""
        for key in LATER:
            if getattr(self.entry, key) is not None:
                self.fault((*self.where, key), f"'{key}' is not available in this version yet", at_key=True)
        kinds = [kind for kind in KINDS if getattr(self.entry, kind) is not None]
        if len(kinds) != 1:
            what = f"has {' and '.join(kinds)}" if kinds else "has no kind"
            self.fault(
                self.where,
                f"node '{self.name}' {what}. Give it exactly one of agent, tool, human",
                at_key=True,
            )
            return None
        match kinds[0]:
            case "agent":
                return self._agent(known, str(self.entry.agent))
            case "tool":
                return self._tool(known, str(self.entry.tool))
            case "human":
                return self._person()
        return None

    def _agent(self, known: Known, name: str) -> Worker | None:
        self._only_for_people()
        agent = known.agents.get(name)
        subject = f"agent '{name}'"
        if agent is None:
            return self._missing("agent", name, known.agents, known.broken)
        required = frozenset(
            field for field, kind in agent.input.fields.items() if not isinstance(plain(kind), Nullable)
        )
        return Worker(subject=subject, work=agent, input=agent.input, required=required, output=agent.output)

    def _tool(self, known: Known, name: str) -> Worker | None:
        self._only_for_people()
        tool = known.tools.get(name)
        if tool is None:
            return self._missing("tool", name, known.tools, known.broken)
        if tool.effect == "once" and self.entry.retry:
            message = f"tool '{name}' has the effect once and is never called again. Remove `retry`"
            self.fault((*self.where, "retry"), message, at_key=True)
        required = frozenset(
            each for each in tool.required if not isinstance(tool.input.fields[each], Nullable)
        )
        return Worker(
            subject=f"tool '{name}'", work=tool, input=tool.input, required=required, output=tool.output
        )

    def _missing(
        self, kind: str, name: str, known: Mapping[str, object], broken: frozenset[str]
    ) -> Worker | None:
        if name in broken:
            self.has_faults = True
            return Worker(
                subject=f"{kind} '{name}'", work=None, input=None, required=frozenset(), output=None
            )
        message = f"node '{self.name}' names {kind} '{name}', which agents.yaml does not have."
        self.fault((*self.where, kind), f"{message} {suggest(name, known)}")
        return Worker(subject=f"{kind} '{name}'", work=None, input=None, required=frozenset(), output=None)

    def _only_for_people(self) -> None:
        if self.entry.answer is not None:
            self.fault(
                (*self.where, "answer"),
                f"node '{self.name}' asks nobody. `answer` belongs to human nodes",
                at_key=True,
            )

    def _person(self) -> Worker:
        for key in ("with", "accept", "retry", "timeout_s", "fallback"):
            if (*self.where, key) in self.document.marks:
                message = f"node '{self.name}' asks a person, where `{key}` has no meaning. Remove it"
                self.fault((*self.where, key), message, at_key=True)
        answer = self._answer() if self.entry.answer is not None else YES
        return Worker(
            subject=f"node '{self.name}'", work=None, input=None, required=frozenset(), output=answer
        )

    def _answer(self) -> Record | None:
        record, problems = record_at(self.document, (*self.where, "answer"), self.entry.answer or {})
        for problem in problems:
            self.has_faults = True
            self._report(problem)
        return record

    # -- its expressions ----------------------------------------------------------------------------------

    def conditions(self) -> list[str]:
        """The texts of `when` and `accept`."""
        return [text for text in (self.entry.when, self.entry.accept) if text is not None]

    def values(self) -> list[Any]:
        """Everything that may hold `${...}`."""
        return [*self.entry.with_.values(), *(self.entry.fallback or {}).values(), self.entry.human]

    def compile(
        self,
        worker: Worker,
        sources: Mapping[str, Source],
        facts: frozenset[Path],
        own_facts: frozenset[Path],
    ) -> Node | None:
        """The node ready to run, or None with its problems reported."""
        reader = f"node '{self.name}'"
        others = {name: source for name, source in sources.items() if name != self.name}
        before = Scope(reader=reader, sources=others, own=self.name, facts=facts)
        when = self._condition("when", self.entry.when, before)
        # What a faulty condition was meant to prove is not asked for again.
        known = EVERYTHING if self.has_faulty_when else facts | own_facts
        after = Scope(reader=reader, sources=others, own=self.name, facts=known)
        with_own = Scope(reader=reader, sources=sources, facts=known)
        accept = self._condition("accept", self.entry.accept, with_own)
        inputs = self._inputs(worker, after)
        fallback = self._fallback(worker, after) if self.entry.fallback is not None else None
        question = self._question(after) if self.entry.human is not None else None
        if self.has_faults or worker.output is None:
            return None
        parts = [*inputs.values(), *(fallback or {}).values(), *filter(None, (when, accept, question))]
        reads = frozenset[str]().union(*(each.reads for each in parts)) - {self.name}
        asks = frozenset[str]().union(*(each.asks for each in parts)) - reads - {self.name}
        return Node(
            name=self.name,
            work=_work(worker, question),
            output=worker.output,
            inputs=inputs,
            when=when,
            accept=accept,
            retry=self.entry.retry,
            timeout_s=self.entry.timeout_s,
            fallback=fallback,
            reads=reads,
            asks=asks,
            line=self.document.marks[self.where].key[0],
        )

    def _condition(self, key: str, text: str | None, scope: Scope) -> Compiled | None:
        if text is None:
            return None
        where = (*self.where, key)
        if "${" in text:
            self.fault(
                where, f"`{key}` is an expression as a whole. Leave out ${{ and }}", offset=text.index("${")
            )
            self.has_faulty_when |= key == "when"
            return None
        try:
            compiled = compile_expression(text, scope)
        except ExpressionError as err:
            self.fault(where, str(err), offset=err.offset)
            self.has_faulty_when |= key == "when"
            return None
        if not accepts(BOOL, compiled.type):
            self.fault(
                where,
                f"`{key}` of node '{self.name}' is {compiled.type}, expected bool{_null_hint(compiled)}",
            )
        return compiled

    def _question(self, scope: Scope) -> Compiled | None:
        return self.value((*self.where, "human"), self.entry.human, STR, scope, "the question")

    def _inputs(self, worker: Worker, scope: Scope) -> dict[str, Compiled]:
        inputs: dict[str, Compiled] = {}
        fields = worker.input.fields if worker.input else {}
        for name, value in self.entry.with_.items():
            where = (*self.where, "with", name)
            if worker.input is not None and name not in fields:
                self.fault(
                    where, f"{worker.subject} has no input '{name}'. {suggest(name, fields)}", at_key=True
                )
                continue
            what = f"input '{name}' of {worker.subject}"
            if compiled := self.value(where, value, fields.get(name), scope, what):
                inputs[name] = compiled
        missing = [name for name in fields if name in worker.required and name not in self.entry.with_]
        if missing:
            named = ", ".join(f"'{name}' ({fields[name]})" for name in missing)
            where = (*self.where, "with") if self.entry.with_ else self.where
            self.fault(
                where,
                f"node '{self.name}' does not give {worker.subject} its input {named}. Add it to `with`",
                at_key=True,
            )
        is_agent = isinstance(worker.work, Agent)
        needed = (
            fields
            if is_agent
            else {name for name in fields if isinstance(worker.work, Tool) and name in worker.work.required}
        )
        absent = {
            name: Constant(None, fields[name])
            for name in needed
            if name not in inputs and name not in missing
        }
        return inputs | absent

    def _fallback(self, worker: Worker, scope: Scope) -> dict[str, Compiled]:
        given = self.entry.fallback or {}
        if worker.output is None:
            return {}
        if not isinstance(worker.output, Record):
            message = (
                f"{worker.subject} gives {worker.output}, and a fallback stands only for a record. Remove it"
            )
            self.fault((*self.where, "fallback"), message, at_key=True)
            return {}
        fields = worker.output.fields
        result: dict[str, Compiled] = {}
        for name, value in given.items():
            where = (*self.where, "fallback", name)
            if name not in fields:
                self.fault(where, f"{worker.subject} gives no '{name}'. {suggest(name, fields)}", at_key=True)
            elif compiled := self.value(
                where, value, fields[name], scope, f"output '{name}' of {worker.subject}"
            ):
                result[name] = compiled
        lacking = [
            name
            for name, kind in fields.items()
            if name not in given and not isinstance(plain(kind), Nullable)
        ]
        if lacking:
            named = ", ".join(f"'{name}' ({fields[name]})" for name in lacking)
            self.fault(
                (*self.where, "fallback"),
                f"the fallback of node '{self.name}' lacks {named}. Add it",
                at_key=True,
            )
        return {name: result.get(name, Constant(None, kind)) for name, kind in fields.items()}

    def value(
        self, where: Where, value: Any, target: Type | None, scope: Scope, what: str
    ) -> Compiled | None:
        """Compile a value that goes to `what`, which takes `target` (None: anything)."""
        try:
            return compile_value(where, value, target, scope, what)
        except ValueFault as err:
            self.fault(err.where, str(err), offset=err.offset)
            return None


def _null_hint(made: Compiled) -> str:
    return remedy(made).replace("${", "").replace("}", "") if isinstance(made.type, Nullable) else ""


def _work(worker: Worker, question: Compiled | None) -> AgentCall | ToolCall | HumanQuestion:
    if isinstance(worker.work, Agent):
        return AgentCall(agent=worker.work)
    if isinstance(worker.work, Tool):
        return ToolCall(tool=worker.work)
    assert question is not None and isinstance(worker.output, Record)
    return HumanQuestion(question=question, answer=worker.output)
