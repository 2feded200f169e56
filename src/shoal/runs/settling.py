"""What a person says of a node that waits or that may have acted, put into the journal; it needs no model."""

from __future__ import annotations

import asyncio
import shlex
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

from shoal.errors import InvalidInput, suggest
from shoal.expressions.values import condition_text
from shoal.graphs.plan import Plan
from shoal.journal.journal import (
    OPEN_KINDS,
    AlreadyRecorded,
    Journal,
    JournalError,
    NodeRow,
    RowKind,
    RunBusy,
    RunChanged,
    RunRow,
)
from shoal.runs.answers import read_answer
from shoal.runs.frames import Instance
from shoal.runs.interpreter import Progress
from shoal.runs.judging import refusal
from shoal.runs.migration import check_rows
from shoal.runs.paths import node_at
from shoal.runs.pins import check_pin, origin_of, parts_of, with_origin

SETTLED, UNDONE = "a person settled it", "a person says that it did not act"
"""The messages of rows that were uncertain."""
_PATIENCE_S = 10.0
"""How long an answer waits for a run that somebody else just carries on."""
_LOOK_S = 0.02


async def answer(
    journal: Journal,
    run_id: str,
    plan: Plan,
    path: str,
    given: object,
    *,
    migrate: bool = False,
    is_queued: bool = False,
) -> None:
    """Answer a question of a run, or tell the result of a tool that may have acted.

    The run is `interrupted` then, for the caller to resume; or `queued`, for a worker.

    Raises:
        InvalidInput: the answer does not fit, or the node does not wait for one.
        RunNotFound, RunBusy, RunCancelled, PlanChanged, JournalError
    """

    async def answered(run: RunRow) -> NodeRow:
        instance, row = await _open_row(journal, run, plan, path, "VALUE", migrate)
        value = read_answer(path, instance.node, given)
        if row.kind != "waiting":
            return replace(row, kind="done", output=value, message=SETTLED)
        if instance.node.accept is not None and refusal(instance, value) is not None:
            wanted = condition_text(instance.node.accept)
            message = f"node '{path}' of run {run_id} does not accept this answer. It asks for: {wanted}"
            raise InvalidInput(message)
        return replace(row, kind="answered", output=value, ms=(time.time() - row.started) * 1000)

    await _settle(journal, run_id, answered, plan if is_queued else None)


async def settle_undone(
    journal: Journal,
    run_id: str,
    plan: Plan,
    path: str,
    *,
    migrate: bool = False,
    is_queued: bool = False,
) -> None:
    """Say that a tool which may have acted did not; whoever resumes the run calls it again."""

    async def undone(run: RunRow) -> NodeRow:
        _, row = await _open_row(journal, run, plan, path, "--not-done", migrate)
        if row.kind == "waiting":
            raise InvalidInput(
                f"node '{path}' of run {run_id} asks a question; it is no tool that may have acted"
            )
        return replace(row, kind="failed", message=UNDONE)

    await _settle(journal, run_id, undone, plan if is_queued else None)


async def _open_row(
    journal: Journal, run: RunRow, plan: Plan, path: str, given: str, migrate: bool
) -> tuple[Instance, NodeRow]:
    check_pin(run, plan, migrate, f"answer {run.id} {shlex.quote(path)} {given}")
    rows = await journal.rows(run.id)
    check_rows(run, plan, rows)
    if node_at(plan, path) is None:
        known = {*plan.block.nodes, *(row.path for row in rows)}
        raise InvalidInput(f"graph '{plan.name}' has no node '{path}'. {suggest(path, known)}")
    progress = Progress(plan, run.inputs, rows, is_probe=True)
    progress.reopen()  # as a resume does, or it would not find what asks in a second go
    progress.due()  # so that it opens what holds the node
    instance = progress.find(path)
    if instance is None or instance.row is None or instance.row.kind == "failed":
        fault = _why_closed([row.kind for row in rows if row.path == path])
        raise InvalidInput(f"node '{path}' of run {run.id} {fault}")
    return instance, instance.row


async def _settle(
    journal: Journal,
    run_id: str,
    closed: Callable[[RunRow], Awaitable[NodeRow]],
    queued_plan: Plan | None,
) -> None:
    while True:
        run, row = await _claimed(journal, run_id, closed)
        try:
            await journal.record(row)
            break
        except AlreadyRecorded:  # between our look at it and our claim; the next look says by whom
            await _leave_as_it_was(journal, run)
        except BaseException:
            await _leave_as_it_was(journal, run)
            raise
    if queued_plan is None:
        await journal.release(run_id)
        return
    if run.plan_sha256 != queued_plan.sha256:
        parts = with_origin(parts_of(queued_plan), origin_of(run))
        await journal.repin(run_id, queued_plan.sha256, parts)
    await journal.finish(run_id, "queued", None, None)


async def _claimed(
    journal: Journal, run_id: str, closed: Callable[[RunRow], Awaitable[NodeRow]]
) -> tuple[RunRow, NodeRow]:
    """A run as it stood when it became ours, and what to record."""
    last = time.monotonic() + _PATIENCE_S
    while True:
        run = await journal.run(run_id)
        row = await closed(run)
        try:
            await journal.claim(run_id, {run.status})
            return run, row
        except (RunBusy, RunChanged):  # somebody else answers, or carries on what an answer made possible
            if time.monotonic() > last:
                raise
        await asyncio.sleep(_LOOK_S)


async def _leave_as_it_was(journal: Journal, run: RunRow) -> None:
    with suppress(JournalError):
        if run.status == "interrupted":
            await journal.release(run.id)
        else:
            found = await journal.run(run.id)
            await journal.finish(run.id, run.status, found.output, run.error)


def _why_closed(kinds: list[RowKind]) -> str:
    if "answered" in kinds:
        return "has been answered already"
    if kinds and kinds[-1] in OPEN_KINDS:
        return "is not waited for any more: what is around it went on without it"
    return "does not wait for an answer"
