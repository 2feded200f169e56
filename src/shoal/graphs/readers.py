"""What all steps of a graph file have in common: where they stand, what they may read, how they complain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from shoal.errors import Problem
from shoal.expressions.cases import Contradiction, narrowed
from shoal.expressions.compiled import Compiled, compile_expression, constant_value
from shoal.expressions.scope import ExpressionError, Scope, Source
from shoal.expressions.slips import ValueFault
from shoal.expressions.templates import compile_value, remedy
from shoal.graphs.model import NodeEntry, StepEntry
from shoal.graphs.texts import links_of, own_expressions
from shoal.graphs.truths import UNSURE, Truths, after, all_of
from shoal.graphs.workers import Known
from shoal.workspace.types import BOOL, Nullable, Record, Type, accepts
from shoal.workspace.yaml import Document, Where


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """What all steps of one graph file share."""

    document: Document
    graph: str
    known: Known
    report: Callable[[Problem], None]
    guesses: int = 0
    """How many readers around it look at the same twice, to find out a type."""
    promises: list[tuple[Where, str, Record]] = field(default_factory=list)
    """Fallbacks that say what a graph gives which leads back to itself: place, graph, type."""

    def fault(
        self,
        where: Where,
        message: str,
        *,
        at_key: bool = False,
        offset: int | None = None,
        is_warning: bool = False,
    ) -> None:
        """Report a problem."""
        problem = self.document.problem(where, message, at_key=at_key, offset=offset, is_warning=is_warning)
        self.report(problem)


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What a step may read where it stands, and what is known of it."""

    sources: Mapping[str, Source]
    truths: Truths = Truths()
    """What is known here."""
    behind: Mapping[str, Truths] = field(default_factory=dict)
    """What is known as well where a node has run, by node."""
    skippable: frozenset[str] = frozenset()
    """Nodes that may have been skipped."""
    needs: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """What each node needs, directly or not, and is skipped with."""


_MEND = "Mend it, or delete the"
_CONSTANT: Mapping[str, Mapping[bool, tuple[bool, str]]] = {
    "when": {False: (True, f"never runs. {_MEND} node"), True: (False, "always runs. Remove it")},
    "accept": {
        False: (True, f"accepts nothing. {_MEND} condition"),
        True: (False, "accepts everything. Remove it"),
    },
    "until": {
        False: (False, "always goes all rounds of `at_most`. Say what it waits for"),
        True: (False, "never goes a second round. Say what it waits for"),
    },
    "escalate.when": {True: (False, "is always escalated. Say when its answer is not good enough")},
}
"""What to tell of conditions that are always true or false, and whether it is a fault."""


class Reader:
    """Compiles the expressions of one step; problems go to the kit."""

    def __init__(self, kit: Kit, where: Where, name: str, entry: StepEntry) -> None:
        self.kit = kit
        self.where = where
        self.name = name
        """Its own name: that of the node it belongs to."""
        self.entry = entry
        self.num_faults = 0
        """What was reported of this step itself."""
        self.has_faults = False
        self.has_faulty_inputs = False
        self.has_faulty_when = False
        self.when: Compiled | None = None
        self.truths = Truths()
        """What is known where this step has run."""

    def fault(self, where: Where, message: str, *, at_key: bool = False, offset: int | None = None) -> None:
        """Report a problem of this step."""
        self.num_faults += 1
        self.has_faults = True
        self.kit.fault(where, message, at_key=at_key, offset=offset)

    @cached_property
    def _links(self) -> dict[str, tuple[set[str], set[str]]]:
        """What each of its own expressions needs and asks for."""
        return {text: links_of([text]) for text in own_expressions(self.entry)}

    def scope(self, around: Around, text: str | None = None) -> Scope:
        """Around the step, as expressions see it."""
        own = None if self.name in around.sources else self.name
        skippable = around.skippable
        if skippable and text is not None:  # what another expression needs anyway has run
            skippable = skippable.difference(
                *(needed for other, (needed, _) in self._links.items() if other != text)
            )
        return Scope(
            reader=f"node '{self.name}'",
            sources=around.sources,
            own=own,
            facts=around.truths.facts,
            skippable=skippable,
            needs=around.needs,
        )

    def after_when(self, around: Around) -> Around:
        """What is known once all it needs has run and `when` holds."""
        self.truths = before = self._before(around)
        around = around if before is around.truths else replace(around, truths=before)
        text = self.entry.when if isinstance(self.entry, NodeEntry) else None
        if text is None:
            return around
        self.when = self.condition((*self.where, "when"), "when", text, around)
        if self.has_faulty_when:  # what it was meant to prove is not asked for again
            self.truths = UNSURE
        elif self.when:
            self.truths = self._proven(text, before, around)
        return replace(around, truths=self.truths)

    @property
    def needed(self) -> set[str]:
        """Names that its own expressions need."""
        return set[str]().union(*(needed for needed, _ in self._links.values()))

    def _before(self, around: Around) -> Truths:
        """What a step needs has run, so the `when` of that holds here too."""
        behind = [around.behind[name] for name in sorted(self.needed & around.behind.keys())]
        try:
            return all_of([around.truths, *behind]) if behind else around.truths
        except Contradiction as err:
            message = f"node '{self.name}' never runs, because of the `when` of what it reads: {err}"
            self.fault(self.where, f"{message}. Read something else", at_key=True)
            return UNSURE

    def _proven(self, text: str, before: Truths, around: Around) -> Truths:
        where = (*self.where, "when")
        self._check_constant(where, "when", self.when)
        try:
            return after(text, before, self.scope(around))
        except Contradiction as err:
            self.fault(where, f"`when` of node '{self.name}' never holds: {err}. Mend it, or delete the node")
            return UNSURE

    def judgement(self, key: str, text: str | None, around: Around) -> Compiled | None:
        """Compile a condition over what the step gave, at a key like `accept` or `escalate.when`."""
        where = (*self.where, *key.split("."))
        condition = self.condition(where, key, text, around)
        if condition is None or text is None:
            return condition
        self._check_constant(where, key, condition)
        try:
            narrowed(text, around.truths.cases, self.scope(around))
        except Contradiction as err:
            self.fault(where, f"`{key}` of node '{self.name}' never holds: {err}. Mend it, or delete it")
        return condition

    def _check_constant(self, where: Where, key: str, condition: Compiled | None) -> None:
        """Tell of a condition that always has the same end."""
        constant = constant_value(condition) if condition else None
        if constant is None or constant not in _CONSTANT[key]:
            return  # `escalate: {when: false}` answers where the step fails, and only there
        is_fault, what = _CONSTANT[key][constant]
        message = f"`{key}` is always {str(constant).lower()}, so node '{self.name}' {what}"
        if is_fault:
            self.fault(where, message)
        else:
            self.kit.fault(where, message, is_warning=True)

    def condition(self, where: Where, key: str, text: str | None, around: Around) -> Compiled | None:
        """Compile an expression that must be true or false."""
        if text is None:
            return None
        compiled = self.expression(where, key, text, around)
        if compiled is None:
            self.has_faulty_when |= key == "when"
        elif not accepts(BOOL, compiled.type):
            self.has_faulty_when |= key == "when"
            found = f"`{key}` of node '{self.name}' is {compiled.type}"
            self.fault(where, f"{found}, expected bool{_null_hint(compiled)}")
        return compiled

    def expression(self, where: Where, key: str, text: str, around: Around) -> Compiled | None:
        """Compile a text that is an expression as a whole."""
        if "${" in text:
            message = f"`{key}` is an expression as a whole. Leave out ${{ and }}"
            self.fault(where, message, offset=text.index("${"))
            return None
        try:
            return compile_expression(text, self.scope(around, text))
        except ExpressionError as err:
            self.fault(where, str(err), offset=err.offset)
            return None

    def value(
        self, where: Where, value: Any, target: Type | None, around: Around, what: str
    ) -> Compiled | None:
        """Compile a value that goes to `what`, which takes `target` (None: anything)."""
        try:
            return compile_value(where, value, target, self.scope(around), what)
        except ValueFault as err:
            for each in err.all():
                message = str(each)
                if not isinstance(self.entry, NodeEntry):  # a body has no `when`
                    message = message.partition(", or run the node only `when:")[0]
                self.fault(each.where, message, offset=each.offset)
            return None


def _null_hint(made: Compiled) -> str:
    return remedy(made).replace("${", "").replace("}", "") if isinstance(made.type, Nullable) else ""
