"""What a run can cost at least and at most, held against budgets before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from shoal.agents.agent import Agent
from shoal.errors import Problem
from shoal.expressions.values import Constant
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
)
from shoal.workspace.yaml import Document, Where

MAX_DEPTH = 16
"""How many steps may stand inside each other, graphs that are called counted."""
MAX_WAYS = 20_000
"""In which one node after the other can be reached; one that leads back to itself counts at each depth."""

Amount = int | None
"""None where it depends on the width of a list."""

TokensOf = Callable[[Agent], tuple[int, Amount]]
"""The tokens that one call of an agent takes at least and at most."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a piece of a graph takes; `most` of a list of unknown width is None."""

    least_calls: int = 0
    most_calls: Amount = 0
    least_steps: int = 0
    most_steps: Amount = 0
    least_tokens: int = 0
    most_tokens: Amount = 0
    depth: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.least_calls + other.least_calls,
            _sum(self.most_calls, other.most_calls),
            self.least_steps + other.least_steps,
            _sum(self.most_steps, other.most_steps),
            self.least_tokens + other.least_tokens,
            _sum(self.most_tokens, other.most_tokens),
            max(self.depth, other.depth),
        )

    def times(self, least: int, most: Amount) -> Cost:
        """Of as many repetitions."""
        return Cost(
            self.least_calls * least,
            _product(self.most_calls, most),
            self.least_steps * least,
            _product(self.most_steps, most),
            self.least_tokens * least,
            _product(self.most_tokens, most),
            self.depth,
        )

    def inside(self) -> Cost:
        """One level deeper."""
        return replace(self, depth=self.depth + 1)


class _TooManyWays(Exception):
    """Graphs lead back to themselves by so many nodes that the ways are endless for all purposes."""


_ONE_STEP = Cost(least_steps=1, most_steps=1, depth=1)


def problems_of_bounds(plan: Plan, document: Document, tokens_of: TokensOf) -> list[Problem]:
    """Where a graph nests too deep, or cannot keep within a budget, its own or one of its nodes'."""
    counter = _Counter(plan.graphs, tokens_of, is_counting=_counts_tokens(plan))
    try:
        costs = {name: counter.node(node) for name, node in plan.block.nodes.items()}
    except _TooManyWays:
        message = f"graph '{plan.name}' leads back to itself in more ways than can be counted. Call it less"
        return [document.problem(("graph",), message)]
    found = []
    for name, cost in costs.items():
        if cost.depth > MAX_DEPTH:
            message = f"node '{name}' nests {cost.depth} deep, expected at most {MAX_DEPTH}. Flatten it"
            found.append(document.problem(("nodes", name), message, at_key=True))
    for what, where, budget, cost in _budgets(plan, counter, costs):
        found += _overruns(document, what, where, budget, cost)
    return found


def _counts_tokens(plan: Plan) -> bool:
    budgets = [plan.block.budget, *(node.budget for _, node in _places(plan.block, ()))]
    return any(budget is not None and budget.tokens is not None for budget in budgets)


def _budgets(
    plan: Plan, counter: _Counter, costs: Mapping[str, Cost]
) -> Iterator[tuple[str, Where, Budget, Cost]]:
    if plan.block.budget:
        total = _total(plan.block.nodes.values(), costs.values())
        yield f"graph '{plan.name}'", ("budget",), plan.block.budget, total
    for where, node in _places(plan.block, ()):
        if node.budget:
            yield f"node '{node.name}'", (*where, "budget"), node.budget, counter.node(node)


def _overruns(document: Document, what: str, where: Where, budget: Budget, cost: Cost) -> Iterator[Problem]:
    for key, least, most in (
        ("calls", cost.least_calls, cost.most_calls),
        ("steps", cost.least_steps, cost.most_steps),
    ):
        limit = getattr(budget, key)
        if limit is None or max(least, most or 0) <= limit:
            continue
        needs = f"takes at least {least:,}" if least > limit else f"may take up to {most:,}"
        remedy = "Raise the budget, or lower what is repeated, retried or sampled"
        message = f"{what} {needs} {key}, more than its budget of {limit:,}. {remedy}"
        yield document.problem((*where, key), message)
    if budget.tokens is not None and cost.least_tokens > budget.tokens:
        message = (
            f"{what} takes at least {cost.least_tokens:,} tokens, more than its budget of {budget.tokens:,}"
        )
        yield document.problem((*where, "tokens"), f"{message}. Raise it")
    elif budget.tokens is not None and (cost.most_tokens or 0) > budget.tokens:
        message = (
            f"{what} may take up to {cost.most_tokens:,} tokens, and a run that goes beyond its budget of "
            f"{budget.tokens:,} fails. Raise it, if no run is to fail"
        )
        yield document.problem((*where, "tokens"), message, is_warning=True)


def _places(block: Block, where: Where) -> Iterator[tuple[Where, Node]]:
    for name, node in block.nodes.items():
        yield from _places_in(node, (*where, "nodes", name))


def _places_in(node: Node, where: Where) -> Iterator[tuple[Where, Node]]:
    yield where, node
    match node.work:
        case Inline(block=block):
            yield from _places(block, where)
        case Switch(cases=cases, default=default):
            for name, case in cases.items():
                yield from _places_in(case, (*where, "cases", name))
            if default:
                yield from _places_in(default, (*where, "default"))
        case Map(body=body):
            yield from _places_in(body, (*where, "map"))
        case Repeat(body=body):
            yield from _places_in(body, (*where, "repeat"))
        case Vote(body=body):
            yield from _places_in(body, (*where, "vote"))
    if node.escalate:
        yield from _places_in(node.escalate.to, (*where, "escalate", "to"))


class _Counter:
    """Counts what nodes take; graphs that lead back to themselves to the depth that is allowed."""

    def __init__(self, graphs: Mapping[str, Block], tokens_of: TokensOf, *, is_counting: bool) -> None:
        self._graphs = graphs
        # Tokenizers are slow to load, so tokens are counted only where a budget names them.
        self._tokens_of = tokens_of if is_counting else lambda agent: (0, 0)
        self._known: dict[Any, Cost] = {}
        self._depths: dict[int, int] = {}
        """How deep the counting stands inside each bounded call."""

    def node(self, node: Node) -> Cost:
        """One run of a node, with its retries and what it escalates to."""
        key = (id(node), tuple(sorted(self._depths.items())))
        if key not in self._known:
            if len(self._known) >= MAX_WAYS:
                raise _TooManyWays
            once = self._work(node) + _ONE_STEP
            cost = once.times(1, 1 + node.retry)
            if node.escalate:
                cost += self.node(node.escalate.to).inside().times(0, 1)
            self._known[key] = cost if node.when is None else cost.times(0, 1)
        return self._known[key]

    def block(self, block: Block) -> Cost:
        """All nodes of a block; one that needs what may be skipped may be skipped as well."""
        return _total(block.nodes.values(), map(self.node, block.nodes.values()))

    def _work(self, node: Node) -> Cost:
        match node.work:
            case AgentCall(agent=agent):
                least, most = self._tokens_of(agent)
                return Cost(least_calls=1, most_calls=1, least_tokens=least, most_tokens=most)
            case ToolCall():
                return Cost(least_calls=1, most_calls=1)
            case HumanQuestion():
                return Cost()
            case GraphCall():
                return self._graph(node, node.work).inside()
            case Inline(block=block):
                return self.block(block).inside()
            case Switch(cases=cases, default=default):
                return _either([self.node(case) for case in (*cases.values(), default) if case]).inside()
            case Map(each=Constant(value=list() as items), body=body):
                return self.node(body).times(len(items), len(items)).inside()
            case Map(body=body):
                return self.node(body).times(0, None).inside()
            case Repeat(body=body, at_most=at_most):
                return self.node(body).times(1, at_most).inside()
            case Vote(body=body, samples=samples):
                return self.node(body).times(samples, samples).inside()

    def _graph(self, node: Node, call: GraphCall) -> Cost:
        if call.at_most is None:
            return self.block(self._graphs[call.graph])
        depth = self._depths.get(id(node), 0)
        if depth >= call.at_most:
            return Cost()
        self._depths[id(node)] = depth + 1
        cost = self.block(self._graphs[call.graph])
        self._depths[id(node)] = depth
        return cost.times(0, 1)


def _total(nodes: Iterable[Node], costs: Iterable[Cost]) -> Cost:
    total, skippable = Cost(), set[str]()
    for node, cost in zip(nodes, costs, strict=True):
        if node.when is not None or node.reads & skippable:
            skippable.add(node.name)
            cost = cost.times(0, 1)
        total += cost
    return total


def _either(costs: list[Cost]) -> Cost:
    return Cost(
        min(each.least_calls for each in costs),
        _largest(each.most_calls for each in costs),
        min(each.least_steps for each in costs),
        _largest(each.most_steps for each in costs),
        min(each.least_tokens for each in costs),
        _largest(each.most_tokens for each in costs),
        max(each.depth for each in costs),
    )


def _largest(amounts: Iterable[Amount]) -> Amount:
    found = list(amounts)
    return None if None in found else max(each for each in found if each is not None)


def _sum(one: Amount, other: Amount) -> Amount:
    return None if one is None or other is None else one + other


def _product(one: Amount, other: Amount) -> Amount:
    if one == 0 or other == 0:
        return 0
    return None if one is None or other is None else one * other
