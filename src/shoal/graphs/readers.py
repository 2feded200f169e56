"""What all steps of a graph file have in common: where they stand, what they may read, how they complain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shoal.errors import Problem
from shoal.graphs.expressions import Compiled, compile_expression
from shoal.graphs.model import StepEntry
from shoal.graphs.scope import ExpressionError, Scope, Source
from shoal.graphs.templates import ValueFault, compile_value, remedy
from shoal.graphs.texts import links_of, own_expressions
from shoal.graphs.tokens import Path
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
    facts: frozenset[Path] = frozenset()
    """Paths that are not null here."""
    facts_of: Mapping[str, frozenset[Path]] = field(default_factory=dict)
    """What is known as well where a node is needed, by node."""
    skippable: frozenset[str] = frozenset()
    """Nodes that may have been skipped."""


class Reader:
    """Compiles the expressions of one step; problems go to the kit."""

    def __init__(self, kit: Kit, where: Where, name: str, entry: StepEntry) -> None:
        self.kit = kit
        self.where = where
        self.name = name
        """Its own name: that of the node it belongs to."""
        self.entry = entry
        self.has_faults = False
        self.has_faulty_when = False
        self.facts: frozenset[Path] = frozenset()
        """What is known where this step has run."""

    def fault(self, where: Where, message: str, *, at_key: bool = False, offset: int | None = None) -> None:
        """Report a problem of this step."""
        self.has_faults = True
        self.kit.fault(where, message, at_key=at_key, offset=offset)

    def scope(self, around: Around, text: str | None = None) -> Scope:
        """Around the step, as expressions see it."""
        own = None if self.name in around.sources else self.name
        skippable = around.skippable
        if skippable and text is not None:  # what another expression needs anyway has run
            skippable -= links_of(other for other in own_expressions(self.entry) if other != text)[0]
        return Scope(
            reader=f"node '{self.name}'",
            sources=around.sources,
            own=own,
            facts=around.facts,
            skippable=skippable,
        )

    def condition(self, where: Where, key: str, text: str | None, around: Around) -> Compiled | None:
        """Compile an expression that must be true or false."""
        if text is None:
            return None
        compiled = self.expression(where, key, text, around)
        if compiled is None:
            self.has_faulty_when |= key == "when"
        elif not accepts(BOOL, compiled.type):
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
            self.fault(err.where, str(err), offset=err.offset)
            return None


def _null_hint(made: Compiled) -> str:
    return remedy(made).replace("${", "").replace("}", "") if isinstance(made.type, Nullable) else ""
