"""Which lines the tree of a run has: all nodes, and of items, rounds and samples those that matter now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from heapq import nsmallest
from typing import Any

from shoal.cli.branches import RUNNING, Branch
from shoal.expressions.expression import ExpressionFailed
from shoal.graphs.plan import (
    AgentCall,
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
    bodies,
)
from shoal.runs.votes import num_counted

_MAX_ITEMS = 20
"""Items of a map that are shown."""
_UNKNOWN = -1
_GIVEN = ("done", "fallback")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the tree."""

    guide: str
    """The lines of the tree before it."""
    name: str
    node: Node | None
    """None where it only says how many lines are left out."""
    branch: Branch | None


_Inner = tuple[str, Node | None, Branch | None]


def lines_of(plan: Plan, root: Branch, inputs: Mapping[str, Any]) -> Iterator[Line]:
    """The lines of a whole run, from top to bottom."""
    return _Lines(plan).under(_in_block(plan.block.nodes, root), "", {"input": inputs})


class _Lines:
    """Goes down into nodes; `scope` holds what expressions of maps read, as far as it is known."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def under(self, inner: list[_Inner], guide: str, around: Mapping[str, Any]) -> Iterator[Line]:
        scope = {**around, **{name: _value(node, branch) for name, node, branch in inner if _is_over(branch)}}
        for place, (name, node, branch) in enumerate(inner):
            is_last = place == len(inner) - 1
            if branch is not None and node is not None and isinstance(node.work, Map):
                _count_items(node.work, branch, scope)
            yield Line(guide + ("└─" if is_last else "├─"), name, node, branch)
            if branch is not None and node is not None and branch.children:
                inside = scope if not isinstance(node.work, GraphCall) else {}
                yield from self.under(
                    self.inside(node, branch), guide + ("   " if is_last else "│  "), inside
                )

    def inside(self, node: Node, branch: Branch) -> list[_Inner]:
        """What is shown below a node that was reached."""
        found: list[_Inner] = []
        match node.work:
            case Inline(block=block):
                found = _in_block(block.nodes, branch)
            case GraphCall(graph=graph):
                found = _in_block(self.plan.graphs[graph].nodes, branch)
            case Switch():
                steps = bodies(node)
                found = [
                    (name, steps[f".{name}"], each)
                    for name, each in list(branch.children.items())
                    if name != "escalate" and f".{name}" in steps
                ]
            case Map(body=body):
                found = _open_items(body, branch)
            case Repeat(body=body):
                found = [(name, body, each) for name, each in _indexed(branch)[-2:]]
            case Vote(body=body):
                found = [(name, body, each) for name, each in sorted(_indexed(branch), key=_index)]
        if node.escalate and "escalate" in branch.children:
            found.append(("escalate", node.escalate.to, branch.children["escalate"]))
        return found


def progress_of(node: Node, branch: Branch) -> str:
    """How far a map, repeat or vote is."""
    match node.work:
        case Map():
            return _items_told(branch)
        case Repeat(at_most=at_most):
            count = sum(list(branch.items.values()))  # the screen has a thread of its own
            if branch.summary is not None:
                return f"{count} round{'' if count == 1 else 's'}" if count else ""
            return f"round {count} of at most {at_most:,}" if count else ""
        case Vote(samples=samples):
            return _samples_told(node.work, branch, samples)
    return ""


def who_of(node: Node) -> str:
    """Who does the work, or how often."""
    match node.work:
        case AgentCall(agent=agent):
            return agent.adapter.name if agent.adapter else agent.base.name
        case ToolCall(tool=tool):
            return tool.name if tool.effect == "pure" else f"{tool.name} ({tool.effect})"
        case HumanQuestion():
            return "a person"
        case GraphCall(graph=graph):
            return f"graph {graph}"
        case Map(item=item):
            return f"each {item}"
        case Repeat():
            return "in rounds"
        case Vote(samples=samples):
            return f"{samples} samples"
        case Switch():
            return "a switch"
    return ""


def _in_block(nodes: Mapping[str, Node], branch: Branch) -> list[_Inner]:
    return [(name, node, branch.children.get(name)) for name, node in nodes.items()]


def _open_items(body: Node, branch: Branch) -> list[_Inner]:
    """The first items that run, wait or failed."""
    pairs = nsmallest(_MAX_ITEMS, list(branch.open.items()), key=_index)
    found: list[_Inner] = [(name, body, each) for name, each in pairs]
    if (rest := len(branch.open) - len(pairs)) > 0:
        found.append((f"... {rest:,} more", None, None))
    return found


def _indexed(branch: Branch) -> list[tuple[str, Branch]]:
    return [(name, each) for name, each in list(branch.children.items()) if name.startswith("[")]


def _index(item: tuple[str, Branch]) -> int:
    return int(item[0][1:-1])


def _items_told(branch: Branch) -> str:
    counts = branch.items
    over = counts["done"] + counts["fallback"] + counts["skipped"]
    total = branch.num_items
    if branch.summary is not None and isinstance(branch.summary.output, list):
        over = total = len(branch.summary.output)
    parts = [
        f"{over:,} of {total:,} items"
        if total not in (None, _UNKNOWN)
        else f"{over:,} item{'' if over == 1 else 's'}"
    ]
    failed = counts["failed"] + counts["unknown"]
    for count, word in ((failed, "failed"), (counts["waiting"], "wait"), (counts[RUNNING], "run")):
        parts += [f"{count:,} {word}"] if count else []
    return ", ".join(parts)


def _samples_told(vote: Vote, branch: Branch, samples: int) -> str:
    """How many samples agree with the winner, or are there."""
    found = sorted(_indexed(branch), key=_index)
    outputs = [each.summary.output for _, each in found if each.summary and each.state in _GIVEN]
    if branch.summary is None:
        return f"{len(outputs)} of {samples} samples" if outputs else ""
    won = branch.summary.output
    if vote.by != "majority" or not outputs or not isinstance(won, Mapping):
        return ""
    if vote.early:
        outputs = outputs[: num_counted(vote, outputs)]
    agree = sum(all(each.get(field) == won.get(field) for field in vote.on) for each in outputs)
    return f"{agree} of {len(outputs)} agree"


def _count_items(work: Map, branch: Branch, scope: Mapping[str, Any]) -> None:
    """Find out once how many items there are, where what gives them is known here."""
    if branch.num_items is None:
        try:
            items = work.each.evaluate(scope)
            branch.num_items = len(items) if isinstance(items, list) else _UNKNOWN
        except (ExpressionFailed, KeyError, TypeError):
            branch.num_items = _UNKNOWN


def _is_over(branch: Branch | None) -> bool:
    return branch is not None and branch.state in {"done", "fallback"}


def _value(node: Node | None, branch: Branch | None) -> Any:
    """What expressions read of a node that is over."""
    summary = branch.summary if branch else None
    if summary is None or node is None:
        return None
    if isinstance(node.work, AgentCall | Vote) and isinstance(summary.output, Mapping):
        return {**summary.output, "confidence": summary.confidence}
    return summary.output
