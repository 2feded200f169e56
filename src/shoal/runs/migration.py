"""Whether a run can go on with another plan: what was recorded must still be what its nodes give."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from shoal.errors import ShoalError
from shoal.graphs.plan import AgentCall, HumanQuestion, Node, Plan, ToolCall, Vote
from shoal.journal.journal import NodeRow, RunRow
from shoal.runs.paths import node_at
from shoal.workspace.types import ValueMismatch, read


class MigrationRefused(ShoalError):
    """What a run has recorded does not fit what its graph is now."""

    def __init__(self, run_id: str, reason: str, remedy: str) -> None:
        super().__init__(
            f"run {run_id} cannot go on with these files: {reason}. Restore them, or begin a new run{remedy}"
        )


def check_rows(run: RunRow, plan: Plan, rows: Iterable[NodeRow]) -> None:
    """Refuse inputs and rows that do not fit another plan; nodes that it does not have are passed over.

    Raises:
        MigrationRefused: names the first that does not fit.
    """
    if run.plan_sha256 == plan.sha256:
        return
    try:
        read(plan.input, run.inputs, "input")
    except ValueMismatch as error:
        raise MigrationRefused(
            run.id, f"what it was given is not what the graph takes now: {error}", ""
        ) from None
    last = {row.path: row for row in rows}
    for path, row in last.items():
        node = node_at(plan, path)
        if node is not None and (reason := _fault(node, row)):
            command = f"agentctl runs fork {run.id} --at {shlex.quote(path)} --migrate"
            raise MigrationRefused(run.id, reason, f" there: `{command}`")


def _fault(node: Node, row: NodeRow) -> str | None:
    path = f"node '{row.path}'"
    match row.kind:
        case "waiting" if not isinstance(node.work, HumanQuestion):
            return f"{path} waits for a person, and asks nobody any more"
        case "intent" | "unknown" if not isinstance(node.work, ToolCall):
            return f"{path} may have acted, and is no tool any more"
        case "done" | "fallback" | "answered":
            try:
                read(node.output, row.output, "its output")
            except ValueMismatch as error:
                return f"what is recorded of {path} is not what it gives now: {error}"
            if row.confidence is None and isinstance(node.work, AgentCall | Vote):
                return f"what is recorded of {path} has no confidence, and it is an agent now"
    return None
