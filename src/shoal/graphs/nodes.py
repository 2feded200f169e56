"""One step of a graph file: its kind, its output, and its expressions compiled against what it may read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from shoal.agents.agent import Agent
from shoal.errors import suggest
from shoal.expressions.compiled import Compiled
from shoal.expressions.scope import Source
from shoal.expressions.values import source_type
from shoal.graphs import composites, policies
from shoal.graphs.fields import compile_fallback, compile_inputs
from shoal.graphs.model import (
    BROKEN,
    BROKEN_NODE,
    KEYS_OF_KINDS,
    KINDS,
    NEEDED_BY_KINDS,
    BudgetEntry,
    StepEntry,
    kinds_of,
)
from shoal.graphs.plan import (
    AgentCall,
    Budget,
    GraphCall,
    HumanQuestion,
    Node,
    Tool,
    ToolCall,
    Vote,
    Work,
    bodies,
)
from shoal.graphs.readers import Around, Reader
from shoal.graphs.texts import links_of_step
from shoal.graphs.workers import (
    YES,
    Signature,
    Worker,
    with_confidence,
    worker_of_agent,
    worker_of_graph,
    worker_of_tool,
)
from shoal.workspace.schema import record_at
from shoal.workspace.types import ANY, STR, Record, Type

_NOT_FOR_PEOPLE = ("retry", "timeout_s", "fallback", "escalate", "cache", "budget")
_LEAVES = ("agent", "tool", "human", "graph")


@dataclass(frozen=True, slots=True)
class Made:
    """A compiled step."""

    node: Node
    type: Type
    """What expressions see of its output."""
    may_be_skipped: bool


class StepReader(Reader):
    """Reads one step; problems go to the kit."""

    def inner(
        self, keys: tuple[str, ...], entry: StepEntry, *, is_quiet: bool = False, is_again: bool = False
    ) -> StepReader:
        """The reader of a step inside this one, which bears the same name; a quiet one reports nothing."""
        kit = replace(self.kit, guesses=self.kit.guesses + 1) if is_quiet or is_again else self.kit
        if is_quiet:
            kit = replace(kit, report=lambda problem: None, promises=[])
        return StepReader(kit, (*self.where, *keys), self.name, entry)

    @cached_property
    def links(self) -> tuple[set[str], set[str]]:
        """Names that it needs, and names that it waits for, with all steps inside."""
        return links_of_step(self.entry)

    # -- who does the work --------------------------------------------------------------------------------

    def kind(self) -> str | None:
        """Its one kind, or None where the entry does not say it rightly."""
        if self.entry is BROKEN or self.entry is BROKEN_NODE:  # an empty step is equal to them
            self.has_faults = True
            return None
        kinds = kinds_of(self.entry)
        if len(kinds) != 1:
            what = f"has {' and '.join(kinds)}" if kinds else "has no kind"
            choice = ", ".join(kind for kind in KINDS if kind != "knowledge")
            self.fault(self.where, f"node '{self.name}' {what}. Give it exactly one of {choice}", at_key=True)
            return None
        (kind,) = kinds
        if kind == "knowledge":
            message = "'knowledge' is not available in this version yet"
            remedy = "Put short texts into agents/NAME/knowledge/"
            self.fault((*self.where, kind), f"{message}. {remedy}", at_key=True)
            return None
        self._check_keys(kind)
        return kind

    def _check_keys(self, kind: str) -> None:
        given = [key for key in self.entry_keys() if key not in KINDS or key == "knowledge"]
        for key in given:
            owners = KEYS_OF_KINDS.get(key)
            if owners is not None and kind not in owners:
                message = (
                    f"`{key}` belongs to {' and '.join(sorted(owners))}, and node '{self.name}' is {kind}"
                )
                self.fault((*self.where, key), f"{message}. Remove it", at_key=True)
            elif kind == "human" and key in _NOT_FOR_PEOPLE:
                message = f"node '{self.name}' asks a person, where `{key}` has no meaning. Remove it"
                self.fault((*self.where, key), message, at_key=True)
        for key in NEEDED_BY_KINDS.get(kind, ()):
            if key not in given or getattr(self.entry, key) is None:
                message = f"node '{self.name}' has {kind} without `{key}`. Add it"
                self.fault(self.where, message, at_key=True)

    def entry_keys(self) -> list[str]:
        """The keys that are written."""
        return [name.removesuffix("_") for name in self.entry.model_fields_set]

    def worker(self, kind: str) -> Worker:
        """Who does the work of a leaf."""
        known, name = self.kit.known, str(getattr(self.entry, kind))
        if kind == "human":
            return Worker(subject=f"node '{self.name}'", output=self._answer())
        of_kind: Mapping[str, Any] | Iterable[str] = {
            "agent": known.agents,
            "tool": known.tools,
            "graph": known.graphs,
        }[kind]
        if name not in of_kind:
            return self._missing(kind, name, of_kind)
        if kind == "agent":
            return worker_of_agent(known.agents[name])
        if kind == "graph":
            return self._graph(name)
        tool = known.tools[name]
        if tool.effect == "once" and self.entry.retry:
            message = f"tool '{name}' has the effect once and is never called again. Remove `retry`"
            self.fault((*self.where, "retry"), message, at_key=True)
        return worker_of_tool(tool)

    def _missing(self, kind: str, name: str, names: Iterable[str]) -> Worker:
        if name in self.kit.known.broken and kind != "graph":
            self.has_faults = True
        else:
            place = "graphs/" if kind == "graph" else "agents.yaml"
            message = f"node '{self.name}' names {kind} '{name}', which {place} does not have."
            self.fault((*self.where, kind), f"{message} {suggest(name, names)}")
        return Worker(subject=f"{kind} '{name}'")

    def _graph(self, name: str) -> Worker:
        is_loop = name == self.kit.graph or self.kit.known.leads_to(name, self.kit.graph)
        if self.entry.at_most is None:
            return worker_of_graph(name, self.kit.known.signature(name))
        if not is_loop:
            message = f"graph '{name}' does not lead back to '{self.kit.graph}'"
            self.fault(
                (*self.where, "at_most"), f"{message}, so `at_most` has no meaning. Remove it", at_key=True
            )
        elif self.entry.at_most > 16:
            self.fault((*self.where, "at_most"), f"'at_most' is {self.entry.at_most}, expected at most 16")
        if is_loop and not isinstance(self.entry.fallback, dict):
            message = (
                f"node '{self.name}' leads back to its own graph. Add `fallback`: what stands where it is "
                "`at_most` deep"
            )
            self.fault((*self.where, "at_most"), message, at_key=True)
        given = self.kit.known.input_of(name)  # compiling it would lead back here
        return worker_of_graph(name, Signature(input=given, output=None) if given else None)

    def _answer(self) -> Record | None:
        if self.entry.answer is None:
            return YES
        record, problems = record_at(self.kit.document, (*self.where, "answer"), self.entry.answer)
        for problem in problems:
            self.has_faults = True
            self.kit.report(problem)
        return record

    def source(self) -> Source | None:
        """How expressions read the output, as far as that is known before anything is compiled."""
        kinds = kinds_of(self.entry)
        if len(kinds) != 1 or kinds[0] not in _LEAVES:
            return None
        worker = self.inner((), self.entry, is_quiet=True).worker(kinds[0])
        if worker.output is None:
            return None
        kind = with_confidence(worker.output) if isinstance(worker.work, Agent) else worker.output
        return Source(source_type(kind), f"{worker.subject} gives")

    # -- compiling ----------------------------------------------------------------------------------------

    def compile(self, around: Around) -> Made | None:
        """The step ready to run, or None with its problems reported."""
        kind = self.kind()
        around = self.after_when(around)
        if kind is None:
            return None
        if kind in _LEAVES:
            return self._leaf(kind, around)
        made = composites.compile_work(self, kind, self._inside(around))
        if made is None:
            self._condition_alone(around)
            return None
        work, output = made
        return self._finished(work, output, {}, around, f"node '{self.name}'")

    def _condition_alone(self, around: Around) -> None:
        """Looks at `accept` of a step whose work is faulty, so that what it gives is not known."""
        self.judgement("accept", self.entry.accept, self._with_own(around, ANY))

    def _inside(self, around: Around) -> Around:
        """What the steps inside may read: what this one needs has run by then."""
        if not around.skippable:
            return around
        return replace(around, skippable=around.skippable - self.links[0])

    def _leaf(self, kind: str, around: Around) -> Made | None:
        worker = self.worker(kind)
        num_faults = self.num_faults
        inputs = compile_inputs(self, worker, around)
        self.has_faulty_inputs = self.num_faults > num_faults
        output = worker.output
        work: Work
        if isinstance(worker.work, Agent):
            work = AgentCall(agent=worker.work)
        elif isinstance(worker.work, Tool):
            work = ToolCall(tool=worker.work)
        elif kind == "human":
            question = self.value((*self.where, "human"), self.entry.human, STR, around, "the question")
            if question is None or not isinstance(output, Record):
                return None
            work = HumanQuestion(question=question, answer=output)
        else:
            if self.entry.at_most is not None:
                output = self._promised(worker, around)
            work = GraphCall(
                graph=str(self.entry.graph), input=worker.input or Record({}), at_most=self.entry.at_most
            )
        if output is None:
            self.has_faults = True
            self._condition_alone(around)
            return None
        return self._finished(work, output, inputs, around, worker.subject)

    def _promised(self, worker: Worker, around: Around) -> Record | None:
        """What a graph gives that leads back to itself: the types of the fallback."""
        fields: dict[str, Type] = {}
        promised = self.entry.fallback if isinstance(self.entry.fallback, dict) else {}
        for name, given in promised.items():
            where = (*self.where, "fallback", name)
            if compiled := self.value(where, given, None, around, f"output '{name}' of {worker.subject}"):
                fields[name] = compiled.type
        if self.entry.fallback == {}:
            message = f"the fallback of node '{self.name}' is empty. Name what the graph gives"
            self.fault((*self.where, "fallback"), message, at_key=True)
        if len(fields) < len(promised) or not fields:
            return None
        record = Record(fields)
        self.kit.promises.append(((*self.where, "fallback"), str(self.entry.graph), record))
        return record

    def _finished(
        self, work: Work, output: Type, inputs: dict[str, Compiled], around: Around, subject: str
    ) -> Made | None:
        """Adds to the work what every kind of step may have."""
        has_confidence = isinstance(work, AgentCall | Vote)
        seen = source_type(with_confidence(output) if has_confidence else output)
        reads_own = self.entry.accept is not None or self.entry.escalate is not None
        with_own = self._with_own(around, seen, subject) if reads_own else around
        accept = self.judgement("accept", self.entry.accept, with_own)
        fallback = (
            compile_fallback(self, output, subject, around) if "fallback" in self.entry_keys() else None
        )
        escalate = policies.compile_escalation(self, work, output, around, with_own)
        policies.check_policies(self, work, escalate)
        if self.has_faults:
            return None
        node = Node(
            name=self.name,
            work=work,
            output=output,
            inputs=inputs,
            when=self.when,
            accept=accept,
            retry=self.entry.retry,
            timeout_s=self.entry.timeout_s,
            fallback=fallback,
            escalate=escalate,
            cache_s=_cache_seconds(self.entry.cache),
            budget=budget_of(self.entry.budget),
            line=self.kit.document.marks[self.where].key[0],
        )
        reads, asks = composites.links(node)
        own = {self.name}
        node = replace(node, reads=reads - own, asks=asks - reads - own)
        return Made(node, seen, may_be_skipped(node, around.skippable))

    def _with_own(self, around: Around, kind: Type, subject: str | None = None) -> Around:
        """Around a condition that reads the output just made."""
        own = Source(kind, f"{subject or f'node {self.name!r}'} gives")
        return replace(around, sources={**around.sources, self.name: own})


def may_be_skipped(node: Node, skippable: frozenset[str]) -> bool:
    """Whether a step may be skipped where these nodes around it may be."""
    if node.when is not None or node.reads & skippable:
        return True
    if isinstance(node.work, composites.PASSING):
        return any(may_be_skipped(inner, skippable) for inner in bodies(node).values())
    return False


def budget_of(entry: BudgetEntry | None) -> Budget | None:
    """What a budget in a file says."""
    return None if entry is None else Budget(**entry.model_dump())


def _cache_seconds(given: Any) -> float | None:
    return math.inf if given is True else given
