"""What goes on inside the nodes that hold steps: a switch, a map, a repeat, a vote, an escalation."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any

from shoal.expressions.expression import Expression, ExpressionFailed, Scope
from shoal.expressions.values import trimmed
from shoal.graphs.plan import GraphCall, Inline, Map, Node, Repeat, Switch, Vote
from shoal.journal.failpoints import failpoint
from shoal.runs.budgets import Limit
from shoal.runs.frames import Activity, Frame, Inside, Instance, Result
from shoal.runs.votes import num_counted, winner
from shoal.workspace.types import Type

_SKIPPED = Result(is_skipped=True)
_DECIDED = "the vote was decided without it"


def begin(instance: Instance) -> Activity:
    """The activity of a node that holds others. Raises ExpressionFailed."""
    scope, prefix, inside = instance.scope, instance.prefix, _inner(instance)
    match instance.node.work:
        case GraphCall(graph=graph):
            return Frame(inside.graphs[graph], {"input": instance.inputs}, f"{prefix}.", instance, inside)
        case Inline(block=block):
            return Frame(block, dict(scope), f"{prefix}.", instance, inside)
        case Switch() as switch:
            failpoint("router_decision.before")
            word, case = _chosen(switch, scope)
            failpoint("router_decision.after")
            return Single(case, f"{prefix}.{word}", scope, instance, inside)
        case Map() as work:
            return Items(work, prefix, instance, inside)
        case Repeat() as work:
            return Rounds(work, prefix, instance, inside)
        case Vote() as work:
            return Samples(work, prefix, instance, inside)
        case other:
            raise AssertionError(f"{type(other).__name__} holds nothing")


def _inner(instance: Instance) -> Inside:
    """What holds inside a node that holds others, during one attempt."""
    inside, node = instance.inside, instance.node
    if node.timeout_s is not None:
        limit = Limit(node.timeout_s, f"it took longer than {node.timeout_s:g} s", inside.limit)
        inside = replace(inside, limit=limit)
    if instance.num_rejected:
        inside = replace(inside, is_sampled=True, is_again=True)
    if isinstance(node.work, GraphCall) and node.work.at_most is not None:
        inside = replace(inside, calls=(*inside.calls, node))
    return inside


def _chosen(switch: Switch, scope: Scope) -> tuple[str, Node]:
    found = switch.subject.evaluate(scope)
    word = found if isinstance(found, str) else _word(found)
    case = switch.cases.get(word)
    if case is not None:
        return word, case
    if switch.default is None:
        raise ExpressionFailed(f"`switch` gave {json.dumps(found)[:60]}, which has no case")
    return "default", switch.default


def _word(value: Any) -> str:
    """A number or boolean as a case names it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return str(int(value)) if isinstance(value, float) and value.is_integer() else json.dumps(value)


class Single(Activity):
    """One step in the place of its node: the chosen case of a switch, or an escalation."""

    __slots__ = ("_child", "_is_begun", "_is_settled")

    def __init__(self, step: Node, path: str, scope: dict[str, Any], owner: Instance, inside: Inside) -> None:
        super().__init__(owner, inside)
        self._child = Instance(step, path, self, scope, inside)
        self._is_begun = False
        self._is_settled = False

    @property
    def is_complete(self) -> bool:
        """Whether all its children are settled."""
        return self._is_settled

    def more(self) -> Sequence[Instance]:
        """Children that can begin now, each once."""
        if self._is_begun:
            return ()
        self._is_begun = True
        return (self._child,)

    def settle(self, child: Instance) -> None:
        """Take in what a child gave."""
        self._is_settled = True

    def result(self) -> Result:
        """What the children give together."""
        child = self._child
        assert self.owner is not None
        if child.is_skipped:
            return _SKIPPED
        return Result(trimmed(self.owner.node.output, child.value), child.confidence)


class Items(Activity):
    """One step for each item of a list, some at once."""

    __slots__ = ("_items", "_next", "_num_left", "_prefix", "_values", "_work")

    def __init__(self, work: Map, prefix: str, owner: Instance, inside: Inside) -> None:
        super().__init__(owner, inside)
        items = work.each.evaluate(owner.scope)
        if not isinstance(items, list):
            raise ExpressionFailed(f"`each` gave {json.dumps(items)[:60]}, expected a list")
        self._work = work
        self._prefix = prefix
        self._items = items
        self._values: list[Any] = [None] * len(items)
        self._next = 0
        self._num_left = len(items)

    @property
    def is_complete(self) -> bool:
        """Whether all its children are settled."""
        return self._num_left == 0

    def more(self) -> Sequence[Instance]:
        """Children that can begin now, each once. One that is stuck makes room for another."""
        found: list[Instance] = []
        work, last = self._work, len(self._items)
        if not self.inside.is_probe:
            last = min(last, self._next + work.at_once - self.num_active)
        # Where no step is left, each item would only fail: one tells it.
        if self.stuck and any(purse.is_out_of_steps for purse in self.inside.purse.all()):
            return found
        for index in range(self._next, last):
            assert self.owner is not None
            failpoint("map_item.before")
            scope = {**self.owner.scope, work.item: self._items[index]}
            found.append(Instance(work.body, f"{self._prefix}[{index}]", self, scope, self.inside, index))
        self._next = max(self._next, last)
        return found

    def settle(self, child: Instance) -> None:
        """Take in what a child gave: null if it was skipped."""
        self._values[child.index] = None if child.is_skipped else child.value
        self._num_left -= 1
        failpoint("map_item.after")

    def result(self) -> Result:
        """What the children give together, in the order of the items."""
        return Result(self._values)


class Rounds(Activity):
    """One step again and again, each round reading the last."""

    __slots__ = ("_fault", "_is_over", "_last", "_next", "_prefix", "_scope", "_shape", "_work")

    def __init__(self, work: Repeat, prefix: str, owner: Instance, inside: Inside) -> None:
        super().__init__(owner, inside)
        self._work = work
        self._prefix = prefix
        self._scope = dict(owner.scope)
        """Of all rounds, one after another: under the node's own name stands the last round's output."""
        if work.start is not None:
            self._scope[owner.node.name] = work.start.evaluate(owner.scope)
        else:  # what bears the name further out is no round of this
            self._scope.pop(owner.node.name, None)
        self._next = 0
        self._last: Instance | None = None
        self._is_over = False
        self._fault: ExpressionFailed | None = None
        self._shape: Type | None = getattr(work.start, "type", None)
        """What the body reads of the last round, which may be less than a round gives."""

    @property
    def is_complete(self) -> bool:
        """Whether all its children are settled."""
        return self._is_over

    def more(self) -> Sequence[Instance]:
        """The next round, once the last one is settled."""
        if self._is_over or self.num_active or self.stuck:
            return ()
        index, self._next = self._next, self._next + 1
        return (Instance(self._work.body, f"{self._prefix}[{index}]", self, self._scope, self.inside, index),)

    def settle(self, child: Instance) -> None:
        """Take in what a round gave."""
        self._last = child
        if child.is_skipped:
            self._is_over = True
            return
        self._scope[child.node.name] = child.value
        try:
            self._is_over = is_true(self._work.until, self._scope) or self._next >= self._work.at_most
        except ExpressionFailed as error:
            self._is_over, self._fault = True, error
        if self._shape is not None:
            self._scope[child.node.name] = trimmed(self._shape, child.value)

    def result(self) -> Result:
        """What the last round gave. Raises ExpressionFailed."""
        if self._fault is not None:
            raise self._fault
        last = self._last
        assert last is not None, "a repeat has a round"
        return _SKIPPED if last.is_skipped else Result(last.value, last.confidence)


class Samples(Activity):
    """One step sampled several times, all at once; the first sample is greedy."""

    __slots__ = ("_given", "_num_begun", "_num_counted", "_prefix", "_work")

    def __init__(self, work: Vote, prefix: str, owner: Instance, inside: Inside) -> None:
        if work.early:
            inside = replace(inside, limit=Limit(math.inf, _DECIDED, inside.limit))
        super().__init__(owner, inside)
        self._work = work
        self._prefix = prefix
        self._num_begun = 0
        self._num_counted: int | None = None
        """How many samples decide it, once that is certain."""
        self._given: dict[int, Instance] = {}

    @property
    def is_complete(self) -> bool:
        """Whether all its children are settled that decide it."""
        return self._num_counted is not None

    def more(self) -> Sequence[Instance]:
        """All samples, once."""
        numbers = range(self._num_begun, self._work.samples)
        self._num_begun = self._work.samples
        return [self._sample(number) for number in numbers]

    def settle(self, child: Instance) -> None:
        """Take in what a sample gave."""
        self._given[child.index] = child
        if self._num_counted is None:
            self._num_counted = self._count()
            if self._work.early and self._num_counted is not None:
                assert self.inside.limit is not None
                self.inside.limit.end()

    def result(self) -> Result:
        """What the samples agree on."""
        assert self._num_counted is not None
        given = [self._given[number] for number in range(self._num_counted)]
        if any(each.is_skipped for each in given):
            return _SKIPPED
        assert self.owner is not None
        output, confidence = winner(self._work, [(each.output, _sureness(each)) for each in given])
        return Result(trimmed(self.owner.node.output, output), confidence)

    def _count(self) -> int | None:
        """How many samples decide it, if those that are there do."""
        work, given = self._work, self._given
        if not work.early:
            return work.samples if len(given) == work.samples else None
        in_order = [given[number] for number in takewhile(given.__contains__, range(work.samples))]
        return num_counted(work, [None if each.is_skipped else each.output for each in in_order])

    def _sample(self, number: int) -> Instance:
        assert self.owner is not None
        around = self.inside
        inside = Inside(
            purse=around.purse,
            graphs=around.graphs,
            limit=around.limit,
            sample=f"{around.sample}.{number}" if around.sample else str(number),
            is_sampled=around.is_sampled or number > 0,
            is_again=around.is_again,
            calls=around.calls,
            is_probe=around.is_probe,
        )
        path = f"{self._prefix}[{number}]"
        return Instance(self._work.body, path, self, self.owner.scope, inside, number)


def _sureness(sample: Instance) -> float:
    if sample.confidence is not None:
        return sample.confidence
    told = sample.output.get("confidence")
    return float(told) if isinstance(told, int | float) else 1.0


def is_true(condition: Expression, scope: Scope) -> bool:
    """Whether a condition holds; of type `any`, it may turn out to be none. Raises ExpressionFailed."""
    found = condition.evaluate(scope)
    if not isinstance(found, bool):
        raise ExpressionFailed(f"a condition gave {json.dumps(found)[:60]}, expected true or false")
    return found
