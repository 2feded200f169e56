"""Nodes that read each other: their names, their order, and what they give together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

from shoal.agents.manifest import NAME, NAME_RULE
from shoal.expressions.compiled import Compiled
from shoal.expressions.scope import Scope, Source, joined
from shoal.expressions.slips import ValueFault
from shoal.expressions.templates import compile_value
from shoal.expressions.tokens import RESERVED
from shoal.graphs.composites import effects_of, works_of
from shoal.graphs.model import StepEntry
from shoal.graphs.nodes import Made, StepReader
from shoal.graphs.plan import Block, Budget, Node
from shoal.graphs.readers import Around, Kit
from shoal.graphs.texts import expressions_in, links_of, place_of
from shoal.workspace.types import ANY, Nullable, Record, Type
from shoal.workspace.yaml import Where

_PURE = frozenset({"agent", "pure"})


class BlockReader:
    """Reads the `nodes` and `output` at one place of a graph file; problems go to the kit."""

    def __init__(self, kit: Kit, where: Where, entries: Mapping[str, StepEntry], owner: str = "") -> None:
        self.kit = kit
        self.where = where
        self.entries = entries
        self.owner = owner
        """The node whose block it is; empty for the graph itself."""

    def compile(
        self, output: Mapping[str, Any] | None, around: Around, budget: Budget | None = None
    ) -> Block | None:
        """The block ready to run, or None with its problems reported."""
        readers = {
            name: StepReader(self.kit, (*self.where, "nodes", name), name, entry)
            for name, entry in self.entries.items()
            if self._has_name(name, around)
        }
        if not self.entries and self.owner:
            self._fault(("nodes",), f"node '{self.owner}' has no nodes inside. Add one", at_key=True)
        nodes, around = self._nodes(readers, around)
        values = self._output(output or {}, around)
        if len(nodes) < len(self.entries) or len(values) < len(output or {}):
            return None
        self._warn_of_unread(nodes, [value for value, _ in values.values()])
        return Block(
            nodes=nodes,
            output={name: value for name, (value, _) in values.items()},
            output_type=Record({name: kind for name, (_, kind) in values.items()}),
            budget=budget,
        )

    def _fault(self, where: Where, message: str, *, at_key: bool = False) -> None:
        self.kit.fault((*self.where, *where), message, at_key=at_key)

    def _has_name(self, name: str, around: Around) -> bool:
        place = ("nodes", name)
        if name in RESERVED or name == "escalate":
            self._fault(place, f"'{name}' means something in expressions. Rename the node", at_key=True)
        elif not NAME.match(name):
            self._fault(place, f"'{name}' cannot be a name. {NAME_RULE}", at_key=True)
        elif name in around.sources or name == self.owner:
            message = f"there is a '{name}' around node '{self.owner}' already. Rename the inner one"
            self._fault(place, message, at_key=True)
        else:
            return True
        return False

    def _order(self, readers: Mapping[str, StepReader]) -> list[str]:
        links = {name: self._siblings(reader, readers) for name, reader in readers.items()}
        try:
            return list(TopologicalSorter(links).static_order())
        except CycleError:
            self._tell_of_cycles(links)
            return list(readers)

    def _tell_of_cycles(self, links: Mapping[str, set[str]]) -> None:
        """One problem for each knot of nodes, at what the first of them reads of another."""
        import networkx as nx  # late: only graphs that are wrong need it

        waits = nx.DiGraph([(name, other) for name, others in links.items() for other in others])
        names = list(links)
        for knot in nx.strongly_connected_components(waits):
            if len(knot) > 1:
                first = min(knot, key=names.index)
                steps = [step[0] for step in nx.find_cycle(waits.subgraph(knot), first)]
                turned = [*steps[steps.index(first) :], *steps[: steps.index(first)]]
                way = " -> ".join([first, *reversed(turned)])
                where = (*self.where, "nodes", first)
                place = place_of(self.kit.document, where, turned[1])
                message = f"nodes wait for each other: {way}. Let one of them read something else"
                self.kit.fault(place, f"{message}, or use `repeat`", at_key=place == where)

    def _siblings(self, reader: StepReader, readers: Mapping[str, StepReader]) -> set[str]:
        needed, asked = reader.links
        return ((needed | asked) & readers.keys()) - {reader.name}

    def _nodes(self, readers: Mapping[str, StepReader], around: Around) -> tuple[dict[str, Node], Around]:
        """The nodes in an order in which they can run, and what stands around the output."""
        unknown = {name: Source(ANY, f"node '{name}' gives", is_known=False) for name in self.entries}
        shallow = {name: source for name, reader in readers.items() if (source := reader.source())}
        around = replace(around, sources={**around.sources, **unknown, **shallow})
        nodes: dict[str, Node] = {}
        for name in self._order(readers):
            reader = readers[name]
            others = {each: source for each, source in around.sources.items() if each != name}
            made = reader.compile(replace(around, sources=others))
            around = _after(around, reader, made)
            if made:
                nodes[name] = made.node
        return nodes, around

    def _output(self, given: Mapping[str, Any], around: Around) -> dict[str, tuple[Compiled, Type]]:
        output: dict[str, tuple[Compiled, Type]] = {}
        for name, value in given.items():
            needed, _ = links_of(expressions_in([value]))
            behind = [around.behind[each].facts for each in needed & around.behind.keys()]
            facts = joined([around.truths.facts, *behind])
            of = f" of node '{self.owner}'" if self.owner else ""
            scope = Scope(
                reader=f"output '{name}'{of}",
                sources=around.sources,
                own=self.owner if self.owner and self.owner not in around.sources else None,
                facts=facts,
                skippable=around.skippable,
                needs=around.needs,
            )
            try:
                compiled = compile_value((*self.where, "output", name), value, None, scope, "the output")
            except ValueFault as err:
                for each in err.all():
                    self.kit.fault(each.where, str(each), offset=each.offset)
                continue
            may_be_absent = bool(compiled.reads & around.skippable) and not isinstance(
                compiled.type, Nullable
            )
            output[name] = (compiled, Nullable(compiled.type) if may_be_absent else compiled.type)
        return output

    def _warn_of_unread(self, nodes: Mapping[str, Node], output: Iterable[Compiled]) -> None:
        used: set[str] = set().union(*(value.reads | value.asks for value in output))
        used.update(*(node.reads | node.asks for node in nodes.values()))
        for name, node in nodes.items():
            if name not in used and effects_of(works_of(node), self.kit.known.signature) <= _PURE:
                message = f"nothing reads node '{name}'. Read its output somewhere, or delete it"
                self.kit.fault((*self.where, "nodes", name), message, at_key=True, is_warning=True)


def _after(around: Around, reader: StepReader, made: Made | None) -> Around:
    """What is known behind a node."""
    name = reader.name
    sources = around.sources
    if made:
        gives = sources[name].gives
        sources = {**sources, name: Source(made.type, gives)}
    may_be_skipped = made.may_be_skipped if made else getattr(reader.entry, "when", None) is not None
    skippable = around.skippable | {name} if may_be_skipped else around.skippable
    says_more = reader.truths is not around.truths
    behind = {**around.behind, name: reader.truths} if says_more else around.behind
    # What a faulty node needs is not known: nothing more is told because of it.
    reads = made.node.reads if made else frozenset(around.sources)
    needs = {**around.needs, name: reads.union(*(around.needs.get(other, ()) for other in reads))}
    return replace(around, sources=sources, behind=behind, skippable=skippable, needs=needs)
