"""Where the nodes of a run stand: what holds them up, which of their limits of time is over."""

from __future__ import annotations

from collections.abc import Iterator

from shoal.errors import NodeFailed
from shoal.journal.journal import NodeRow
from shoal.runs.budgets import Limit
from shoal.runs.frames import Activity, Instance, StuckAs


def depth(instance: Instance) -> int:
    """How deep a graph node stands inside itself, counted from 1."""
    return 1 + sum(node is instance.node for node in instance.inside.calls)


def is_cut(instance: Instance) -> bool:
    """Whether a limit of time around an instance is over."""
    limit = instance.parent.inside.limit
    return limit is not None and limit.one_that_is_over() is not None


def own_limit_over(instance: Instance) -> Limit | None:
    """The limit of the instance itself, or of its activity, that is over."""
    around = instance.parent.inside.limit
    each = instance.activity.inside.limit if instance.activity else instance.inside.limit
    found = None
    while each is not None and each is not around:
        if each.is_over:
            found = each  # the outermost counts: that of its budget
        each = each.around
    return found


def failed_in(activity: Activity) -> Iterator[Instance]:
    """The nodes that failed, at whatever depth."""
    for child, stuck_as in activity.stuck.items():
        if child.row is not None and stuck_as == "failed":
            yield child
        elif child.activity is not None:
            yield from failed_in(child.activity)


def first_row(activity: Activity, stuck_as: StuckAs) -> NodeRow:
    """Of several stuck nodes the first in the graph is told of, whichever came first."""
    held_up = [child for child, why in activity.stuck.items() if why == stuck_as]
    child = min(held_up, key=activity.place)
    if child.row is not None:
        return child.row
    assert child.activity is not None
    return first_row(child.activity, stuck_as)


def why_failed(activity: Activity) -> str:
    """The first failure inside, as a sentence."""
    row = first_row(activity, "failed")
    return str(NodeFailed(row.path, row.message or ""))


def uncertain(row: NodeRow) -> str:
    """What to tell a person about a tool that may have acted."""
    reason = row.message or "the process stopped between its intent and its result"
    return (
        f"node '{row.path}' may have acted or not: {reason}. Look whether it did, then run "
        f"`agentctl runs answer {row.run} {row.path} RESULT`, or with --not-done instead of the result"
    )
