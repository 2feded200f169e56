"""Queueing runs: checked inputs become runs that wait for a worker."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import suppress
from typing import Any

from shoal.cluster.queues import Queues
from shoal.graphs.plan import Plan
from shoal.journal.journal import Journal, RunExists, RunRow
from shoal.runs.pins import parts_of
from shoal.runs.results import RunResult, result_of
from shoal.runs.runner import new_run_id

_AT_ONCE = 32
_LOOK_S = 0.2
_OPEN = {"queued", "running", "interrupted"}


async def submit(
    journal: Journal, queues: Queues, plan: Plan, many_inputs: Iterable[Mapping[str, Any]], queue: str
) -> AsyncGenerator[RunRow, None]:
    """Queue a run for each of many inputs, which fit the plan, some at once. Raises JournalError."""
    parts = parts_of(plan)
    waiting: deque[asyncio.Task[RunRow]] = deque()
    try:
        for inputs in many_inputs:
            if len(waiting) == _AT_ONCE:
                yield await waiting.popleft()
            waiting.append(asyncio.create_task(_submit(journal, queues, plan, parts, inputs, queue)))
        while waiting:
            yield await waiting.popleft()
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def _submit(
    journal: Journal,
    queues: Queues,
    plan: Plan,
    parts: Mapping[str, str],
    inputs: Mapping[str, Any],
    queue: str,
) -> RunRow:
    while True:
        now = time.time()
        run = RunRow(
            id=new_run_id(now),
            graph=plan.name,
            file=plan.file,
            plan_sha256=plan.sha256,
            parts=parts,
            inputs=inputs,
            status="queued",
            created=now,
        )
        # In this order: of what dies in between, a worker finds that nobody wrote it. The other way round
        # there would be a run, and nobody would know which queue it belongs to.
        await queues.put(run.id, queue)
        with suppress(RunExists):
            await journal.create(run)
            return run


async def wait_for(journal: Journal, run_id: str) -> RunResult:
    """Where a queued run stands once no worker goes on with it. Raises RunNotFound, JournalError."""
    while (await journal.run(run_id)).status in _OPEN:
        await asyncio.sleep(_LOOK_S)
    return await result_of(journal, run_id)
