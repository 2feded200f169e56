"""What a person says of a node that waits or that may have acted, put into the journal; it needs no model."""

from __future__ import annotations

import shlex
import time
from dataclasses import replace

from shoal.errors import InvalidInput, suggest
from shoal.graphs.plan import Plan
from shoal.journal.journal import OPEN_KINDS, Journal, NodeRow, RowKind
from shoal.runs.answers import read_answer
from shoal.runs.frames import Instance
from shoal.runs.interpreter import Progress
from shoal.runs.judging import refusal
from shoal.runs.paths import node_at
from shoal.runs.pins import check_pin

SETTLED, UNDONE = "a person settled it", "a person says that it did not act"
"""The messages of rows that were uncertain."""


async def answer(
    journal: Journal, run_id: str, plan: Plan, path: str, given: object, *, migrate: bool = False
) -> None:
    """Answer a question of a run, or tell the result of a tool that may have acted.

    Raises:
        InvalidInput: the answer does not fit, or the node does not wait for one.
        RunNotFound, RunBusy, PlanChanged, JournalError
    """
    instance, row = await _open_row(journal, run_id, plan, path, "VALUE", migrate)
    value = read_answer(path, instance.node, given)
    if row.kind != "waiting":
        await _close(journal, replace(row, kind="done", output=value, message=SETTLED))
        return
    if refusal(instance, value) is not None:
        raise InvalidInput(f"node '{path}' of run {run_id} does not accept this answer (see its `accept`)")
    waited_ms = (time.time() - row.started) * 1000
    await _close(journal, replace(row, kind="answered", output=value, ms=waited_ms))


async def settle_undone(
    journal: Journal, run_id: str, plan: Plan, path: str, *, migrate: bool = False
) -> None:
    """Say that a tool which may have acted did not; the next resume calls it again."""
    _, row = await _open_row(journal, run_id, plan, path, "--not-done", migrate)
    if row.kind == "waiting":
        raise InvalidInput(
            f"node '{path}' of run {run_id} asks a question; it is no tool that may have acted"
        )
    await _close(journal, replace(row, kind="failed", message=UNDONE))


async def _open_row(
    journal: Journal, run_id: str, plan: Plan, path: str, given: str, migrate: bool
) -> tuple[Instance, NodeRow]:
    run = await journal.run(run_id)
    check_pin(run, plan, migrate, f"answer {run_id} {shlex.quote(path)} {given}")
    rows = await journal.rows(run_id)
    if node_at(plan, path) is None:
        known = {*plan.block.nodes, *(row.path for row in rows)}
        raise InvalidInput(f"graph '{plan.name}' has no node '{path}'. {suggest(path, known)}")
    progress = Progress(plan, run.inputs, rows, is_probe=True)
    progress.reopen()  # as a resume does, or it would not find what asks in a second go
    progress.due()  # so that it opens what holds the node
    instance = progress.find(path)
    if instance is None or instance.row is None or instance.row.kind == "failed":
        fault = _why_closed([row.kind for row in rows if row.path == path])
        raise InvalidInput(f"node '{path}' of run {run_id} {fault}")
    return instance, instance.row


async def _close(journal: Journal, row: NodeRow) -> None:
    await journal.claim(row.run)
    try:
        await journal.record(row)
    finally:
        await journal.release(row.run)


def _why_closed(kinds: list[RowKind]) -> str:
    if "answered" in kinds:
        return "has been answered already"
    if kinds and kinds[-1] in OPEN_KINDS:
        return "is not waited for any more: what is around it went on without it"
    return "does not wait for an answer"
