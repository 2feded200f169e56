"""What a fork of a run starts with: what is recorded of that run, without a node and what follows from it."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shoal.errors import ShoalError
from shoal.graphs.plan import Plan, ToolCall
from shoal.journal.journal import NodeRow, RowKind, RunRow
from shoal.runs.answers import read_output
from shoal.runs.downstream import Split, split
from shoal.runs.migration import check_rows
from shoal.runs.paths import enclosing, node_at
from shoal.runs.pins import Origin, check_pin

ABSENT: Final = object()
"""No output is given: the node is to give one itself."""
GIVEN = "given to the fork"
"""The message of a row whose output stands in for what its node would give."""

_ACTED: frozenset[RowKind] = frozenset({"done", "rejected", "escalated", "intent", "unknown"})


class ActsAgain(ShoalError):
    """A fork would do again what must be done once."""

    def __init__(self, run_id: str, path: str, paths: Sequence[str]) -> None:
        self.paths = tuple(paths)
        named = ", ".join(f"'{each}'" for each in paths[:5])
        more = f" and {len(paths) - 5:,} more" if len(paths) > 5 else ""
        remedy = "Fork behind it" if path not in paths else "Give its output"
        super().__init__(
            f"a fork of run {run_id} at node '{path}' may call tools again that act once and have acted: "
            f"{named}{more}. {remedy}, or say that they may act again: --again"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ForkPoint:
    """Where a run is forked, and how."""

    at: str
    """The path of a node."""
    output: object = ABSENT
    again: bool = False
    """Tools that act once may act again."""
    migrate: bool = False
    """The plan may be another one than the run has."""


def rows_for_fork(plan: Plan, run: RunRow, rows: Sequence[NodeRow], point: ForkPoint) -> list[NodeRow]:
    """The rows that a fork takes over, and one for the output if one is given; they still name the old run.

    Raises:
        PlanChanged: unless that is wanted.
        MigrationRefused: what is kept does not fit the plan.
        InvalidInput: there is no such node, nothing is recorded of it, or the output does not fit it.
        ActsAgain: unless that is wanted.
    """
    check_pin(run, plan, point.migrate, f"fork {run.id} --at {shlex.quote(point.at)}")
    parted = split(plan, rows, point.at)
    row = None if point.output is ABSENT else _given(plan, run, parted, point)
    if not point.again and (paths := _acted_once(plan, parted.dropped, row)):
        raise ActsAgain(run.id, point.at, paths)
    check_rows(run, plan, parted.kept)
    return parted.kept if row is None else [*parted.kept, row]


def uncached(origin: Origin | None, rows: Sequence[NodeRow]) -> frozenset[str]:
    """Paths of a run whose answers neither come from the cache nor go there, because it is a fork there."""
    forked = [origin.path] if origin else []
    forked += [row.path for row in rows if row.message == GIVEN]
    return frozenset(each for path in forked for each in enclosing(path))


def _given(plan: Plan, run: RunRow, parted: Split, point: ForkPoint) -> NodeRow:
    node = node_at(plan, point.at)
    assert node is not None, "the rows were parted at it"
    value, confidence = read_output(point.at, node, point.output)
    path = _without_go(point.at)
    before = [row for row in parted.dropped if row.path == path]
    return NodeRow(
        run=run.id,
        path=path,
        attempt=1 + sum(row.path == path for row in parted.kept),
        kind="done",
        output=value,
        message=GIVEN,
        confidence=confidence,
        started=before[0].started if before else time.time(),
    )


def _acted_once(plan: Plan, dropped: Sequence[NodeRow], given: NodeRow | None) -> list[str]:
    """The paths of tools that act once, acted or may have, and may act again."""
    found: dict[str, None] = {}
    for row in dropped:
        if row.kind not in _ACTED or row.message == GIVEN:
            continue
        node = node_at(plan, row.path)
        is_once = node is not None and isinstance(node.work, ToolCall) and node.work.tool.effect == "once"
        if is_once and (given is None or given.path not in enclosing(row.path)):
            found[row.path] = None
    return [*found]


def _without_go(path: str) -> str:
    return re.sub(r"#\d+\Z", "", path)
