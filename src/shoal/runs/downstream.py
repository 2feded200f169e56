"""Which rows of a run follow from one of its nodes, so that a fork goes without them: a pure reading.

What follows from a node: what reads it, directly or not; the nodes it stands in, from the go on that it
belongs to; later rounds of a repeat it stands in. Of a node that reads nothing of that itself and only holds
steps that do, the other steps keep their rows. A case that was not chosen and an escalation that was not
needed change nothing.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from operator import itemgetter
from typing import NamedTuple

from shoal.errors import InvalidInput, suggest
from shoal.graphs.plan import (
    Block,
    GraphCall,
    Inline,
    Map,
    Node,
    Plan,
    Repeat,
    Switch,
    Vote,
    bodies,
    expressions_of,
)
from shoal.journal.journal import NodeRow, RowKind
from shoal.runs.paths import Piece, node_at, pieces_of

_ESCALATION = "escalate"


class Split(NamedTuple):
    """The rows of a run, parted at a node; in the order in which they came."""

    kept: list[NodeRow]
    dropped: list[NodeRow]
    """Of the node itself, of all inside it, and of what follows from it."""


def split(plan: Plan, rows: Sequence[NodeRow], path: str) -> Split:
    """Part the rows of a run at a node; `handle#2` is the second go about `handle`.

    Raises:
        InvalidInput: the graph has no such node, or nothing is recorded of it.
    """
    top = _Place()
    for row in rows:
        top.add(row)
    recorded = dict.fromkeys(row.path for row in rows)
    if not path or node_at(plan, path) is None:
        hint = suggest(path, {*plan.block.nodes, *recorded})
        raise InvalidInput(f"graph '{plan.name}' has no node '{path}'. {hint}")
    pieces = [*pieces_of(path)]
    if not _has(top, pieces):
        raise InvalidInput(f"nothing is recorded of node '{path}'. {suggest(path, recorded)}")
    cut = _Cut(plan)
    cut.below(top, plan.block, pieces)
    kept = [row for row in rows if (row.path, row.attempt) not in cut.dropped]
    return Split(kept, [row for row in rows if (row.path, row.attempt) in cut.dropped])


class _Place:
    """What is recorded at one path, and inside it by go and name."""

    __slots__ = ("inside", "rows")

    def __init__(self) -> None:
        self.rows: list[NodeRow] = []
        self.inside: dict[int, dict[str, _Place]] = {}

    def add(self, row: NodeRow) -> None:
        """Put a row of a run where it belongs; attempts of a node come in order."""
        place = self
        for number, name in pieces_of(row.path):
            place = place.inside.setdefault(number, {}).setdefault(name, _Place())
        place.rows.append(row)

    def at(self, number: int, name: str) -> _Place | None:
        """What is recorded one step further in."""
        return self.inside.get(number, {}).get(name)

    def steps(self, number: int) -> list[tuple[str, _Place]]:
        """What is recorded of the steps of its work in one go, by name."""
        return [(name, each) for name, each in self.inside.get(number, {}).items() if name != _ESCALATION]

    def up_to(self, kind: RowKind, count: int) -> int:
        """How many of its rows there are with the so many-th of a kind; all if there is none."""
        ends = [number for number, row in enumerate(self.rows, 1) if row.kind == kind]
        if count == 0:
            return 0
        return ends[count - 1] if count <= len(ends) else len(self.rows)


class _Cut:
    """Finds out what is to be dropped."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.dropped: set[tuple[str, int]] = set()

    def below(self, place: _Place, holder: Node | Block, pieces: Sequence[Piece]) -> None:
        """Drop what is some steps further in, and what follows from it here."""
        (number, name), rest = pieces[0], pieces[1:]
        inner, node = place.at(number, name), self._step(holder, name)
        assert inner is not None, "something is recorded inside"
        if not rest:
            self._drop(inner)
        elif not rest[0].name:
            self._drop_go(inner, rest[0].number)
        else:
            self.below(inner, node, rest)
        if isinstance(holder, Block):
            self._readers(place, number, holder, {name})
            return
        if name == _ESCALATION:
            self._drop_from(place, place.up_to("escalated", number))
            return
        if (block := self._block(holder)) is not None:
            self._readers(place, number, block, {name})
        elif isinstance(holder.work, Repeat):
            self._rounds_after(place, number, int(name[1:-1]))
        self._drop_from(place, place.up_to("rejected", number - 1))

    def _block(self, node: Node) -> Block | None:
        match node.work:
            case Inline(block=block):
                return block
            case GraphCall(graph=graph):
                return self.plan.graphs[graph]
        return None

    def _step(self, holder: Node | Block, name: str) -> Node:
        if isinstance(holder, Block):
            return holder.nodes[name]
        block = self._block(holder)
        if block is not None and name in block.nodes:
            return block.nodes[name]
        return bodies(holder)["[]" if name.startswith("[") else f".{name}"]

    # What reads it.

    def _readers(self, place: _Place, number: int, block: Block, changed: set[str]) -> bool:
        """Drop what follows in a block from changed names, which grow; whether anything does."""
        num_changed = len(changed)
        for name, node in block.nodes.items():  # each comes after those it reads
            if name not in changed and _waits(node, changed):
                inner = place.at(number, name)
                if inner is None or self._follows(inner, node, changed):
                    changed.add(name)
        return len(changed) > num_changed

    def _follows(self, place: _Place, node: Node, changed: set[str]) -> bool:
        """Drop what follows at a node that waits for changed names; whether its end does."""
        asks = frozenset[str]().union(*(each.reads | each.asks for each in expressions_of(node)))
        if (node.reads | asks) & changed:
            self._drop(place)
            return True
        if self._work_follows(place, node, changed):
            self._drop_from(place, 0)
            return True
        step = node.escalate.to if node.escalate else None
        inner = place.at(1, _ESCALATION)
        if step is None or inner is None or not self._step_follows(inner, step, changed):
            return False
        self._drop_from(place, place.up_to("escalated", 1))
        return True

    def _work_follows(self, place: _Place, node: Node, changed: set[str]) -> bool:
        match node.work:
            case Inline(block=block):
                shown = frozenset[str]().union(*(each.reads | each.asks for each in block.output.values()))
                inside = changed - block.nodes.keys()
                return self._readers(place, 1, block, inside) or bool(shown & changed)
            case Switch():
                return self._chosen_follows(place, node, changed)
            case Map(item=item, body=body):
                return self._each_follows(place, body, changed - {item})
            case Vote(body=body):
                return self._each_follows(place, body, changed)
            case Repeat(body=body):
                return self._rounds_follow(place, body, changed - {node.name})
        return False

    def _step_follows(self, place: _Place, step: Node, changed: set[str]) -> bool:
        return _waits(step, changed) and self._follows(place, step, changed)

    def _chosen_follows(self, place: _Place, node: Node, changed: set[str]) -> bool:
        cases = bodies(node)
        chosen = [(cases[f".{word}"], each) for word, each in place.steps(1) if f".{word}" in cases]
        found = [self._step_follows(each, case, changed) for case, each in chosen]
        return any(found) or not found

    def _each_follows(self, place: _Place, body: Node, changed: set[str]) -> bool:
        found = [self._step_follows(each, body, changed) for _, each in place.steps(1)]
        return any(found) or (not found and _waits(body, changed))

    def _rounds_follow(self, place: _Place, body: Node, changed: set[str]) -> bool:
        rounds = sorted(((_index(name), each) for name, each in place.steps(1)), key=itemgetter(0))
        for index, each in rounds:
            if self._step_follows(each, body, changed):
                self._rounds_after(place, 1, index)
                return True
        return not rounds and _waits(body, changed)

    def _rounds_after(self, place: _Place, number: int, index: int) -> None:
        for name, each in place.steps(number):
            if _index(name) > index:
                self._drop(each)

    # Dropping.

    def _drop(self, place: _Place) -> None:
        """Everything at a place and inside it."""
        self.dropped.update((row.path, row.attempt) for row in place.rows)
        for inner in place.inside.values():
            for each in inner.values():
                self._drop(each)

    def _drop_go(self, place: _Place, number: int) -> None:
        """A go about a node and all later ones."""
        self._drop_from(place, place.up_to("rejected", number - 1))
        for _, each in place.steps(number):
            self._drop(each)

    def _drop_from(self, place: _Place, num_kept: int) -> None:
        """The rows of a node but the first ones, and what is inside it and comes after those."""
        self.dropped.update((row.path, row.attempt) for row in place.rows[num_kept:])
        kinds = [row.kind for row in place.rows[:num_kept]]
        last_go, last_escalation = kinds.count("rejected") + 1, kinds.count("escalated")
        for number, inner in place.inside.items():
            for name, each in inner.items():
                if number > (last_escalation if name == _ESCALATION else last_go):
                    self._drop(each)


def _has(place: _Place, pieces: Sequence[Piece]) -> bool:
    """Whether anything is recorded where a path leads to."""
    for number, name in pieces:
        if not name:
            num_before = place.up_to("rejected", number - 1)
            num_rejected = sum(row.kind == "rejected" for row in place.rows)
            return num_rejected >= number - 1 and (num_before < len(place.rows) or number in place.inside)
        inner = place.at(number, name)
        if inner is None:
            return False
        place = inner
    return True


def _waits(node: Node, changed: Set[str]) -> bool:
    return bool((node.reads | node.asks) & changed)


def _index(name: str) -> int:
    """Of an item, round or sample; before all of them what an earlier version of the graph had there."""
    return int(name[1:-1]) if name.startswith("[") else -1
