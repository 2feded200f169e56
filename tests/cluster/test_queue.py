"""Runs that are queued by one process and executed by another."""

from __future__ import annotations

import pytest

from tests.cluster.herd import Herd

pytestmark = pytest.mark.anyio


async def test_a_queued_run_is_executed_by_a_worker(herd: Herd) -> None:
    queued = await herd.call("run", "chain", "first", "--queue")
    assert (queued.returncode, queued.stderr) == (0, "")
    run_id = queued.stdout.strip()
    assert (await herd.journal.run(run_id)).status == "queued"
    worker = await herd.worker()
    (result,) = await herd.ends([run_id])
    assert (result.status, result.output) == ("done", {"n": 5, "name": "first"})
    (line,) = worker.of("run")
    assert (line["run"], line["status"], line["output"]) == (run_id, "done", {"n": 5, "name": "first"})
    assert {call.pid for call in herd.calls()} == {worker.pid}
