"""Workers that die or stand still: others go on with what they had, and no recorded step is repeated."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter

import pytest

from tests.cluster.herd import Herd, WorkerProcess, until
from tests.journal.server import PostgresServer

pytestmark = pytest.mark.anyio
NUM_RUNS = 200
NODES = "abcde"


async def check(herd: Herd, run_ids: list[str], within_s: float) -> None:
    """All runs end well, and each node has one result."""
    results = await herd.ends(run_ids, within_s)
    assert [(each.status, each.output) for each in results] == [
        ("done", {"n": 5, "name": f"r{number}"}) for number in range(NUM_RUNS)
    ]
    rows = [row for run_id in run_ids for row in await herd.journal.rows(run_id)]
    assert Counter(row.kind for row in rows) == {"done": NUM_RUNS * len(NODES)}


def repeated(herd: Herd, recorded: set[str], by: WorkerProcess) -> set[str]:
    """Nodes that were recorded already when this worker executed them."""
    return recorded & {call.node for call in herd.calls() if call.pid == by.pid}


async def busy_pair(herd: Herd) -> tuple[list[str], WorkerProcess, WorkerProcess]:
    """Two workers in the middle of many runs."""
    run_ids = await herd.queue("chain", (f"r{number}" for number in range(NUM_RUNS)))
    limits = ("--runs-at-once", "40")
    first, second = await herd.worker(*limits), await herd.worker(*limits)
    await until(lambda: len(herd.calls()) > NUM_RUNS)
    return run_ids, first, second


@pytest.mark.slow
async def test_what_a_killed_worker_had_is_finished_by_another(herd: Herd) -> None:
    run_ids, first, second = await busy_pair(herd)
    first.signal(signal.SIGKILL)
    await first.ended()
    killed = time.monotonic()
    theirs = {call.node for call in herd.calls() if call.pid == first.pid}
    recorded = theirs & await herd.recorded(run_ids)
    await check(herd, run_ids, within_s=30)
    assert time.monotonic() - killed < 30
    assert len(recorded) > NUM_RUNS / 5, "it was killed in the middle of its work"
    assert not repeated(herd, recorded, second)
    assert sum(count - 1 for count in herd.counts().values()) <= 40, "at most what was under way"


@pytest.mark.slow
async def test_a_worker_that_was_stopped_and_goes_on_drops_what_others_took(herd: Herd) -> None:
    run_ids, first, second = await busy_pair(herd)
    first.signal(signal.SIGSTOP)
    await until(lambda: bool(second.of("adopted")))
    first.signal(signal.SIGCONT)
    await check(herd, run_ids, within_s=30)
    theirs = {line["run"] for line in first.of("run")} & {line["run"] for line in second.of("run")}
    assert not theirs, "a run has one end"
    again = (await herd.queue("chain", ["r0"]))[0]
    await herd.ends([again])  # both still work
    first.signal(signal.SIGTERM)
    second.signal(signal.SIGTERM)
    assert [await first.ended(), await second.ended()] == [0, 0]
    assert (first.errors, second.errors) == ("", "")


@pytest.mark.slow
async def test_a_server_that_goes_away_is_waited_for(herd: Herd, server: PostgresServer) -> None:
    run_ids, first, second = await busy_pair(herd)
    await asyncio.to_thread(server.stop, "immediate")
    await until(lambda: bool(first.of("away")) and bool(second.of("away")))
    await asyncio.to_thread(server.start)
    await check(herd, run_ids, within_s=30)
    await until(lambda: bool(first.of("back")) and bool(second.of("back")))
    assert max(herd.counts().values()) <= 2, "what was not recorded when the server went may be done again"
    assert (first.errors, second.errors) == ("", "")
