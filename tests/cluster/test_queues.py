"""Limits of queues, runs that cannot be executed, and what is repaired."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import pytest

from shoal.cluster.queues import Queues
from shoal.graphs.check import load_plan
from shoal.journal import RunRow
from shoal.runs.pins import parts_of
from tests.cluster.herd import CHAIN, Herd, until


@pytest.mark.anyio
async def test_limits_hold_in_a_worker_and_over_all(herd: Herd) -> None:
    limits = ("--runs-at-once", "3", "--runs-in-all", "4")
    workers = [await herd.worker(*limits), await herd.worker()]
    run_ids = await herd.queue("held", (f"r{number}" for number in range(9)))
    await until(lambda: len(herd.calls()) == 8, "two nodes of four runs")
    await asyncio.sleep(1)  # four looks at the queue
    by_pid = Counter(call.pid for call in herd.calls() if call.node.endswith(".b"))
    assert sum(by_pid.values()) == 4 and set(by_pid) <= {each.pid for each in workers}
    assert max(by_pid.values()) <= 3
    herd.release()
    assert {each.status for each in await herd.ends(run_ids)} == {"done"}


@pytest.mark.anyio
async def test_queues_are_apart(herd: Herd) -> None:
    worker = await herd.worker("--queue", "first", "--queue", "second")
    (other,) = await herd.queue("chain", ["other"])
    ids = [(await herd.queue("chain", [name], name))[0] for name in ("first", "second")]
    await herd.ends(ids)
    assert {line["run"] for line in worker.of("run")} == set(ids)
    assert (await herd.journal.run(other)).status == "queued"


@pytest.mark.anyio
async def test_a_run_of_other_files_waits_for_them_and_blocks_nobody(herd: Herd) -> None:
    graph = herd.root / "graphs/chain.yaml"
    (old,) = await herd.queue("chain", ["old"])
    graph.write_text(CHAIN.replace("n: 0", "n: 10"), encoding="utf-8")
    (new,) = await herd.queue("chain", ["new"])
    worker = await herd.worker()
    (result,) = await herd.ends([new])
    assert result.output == {"n": 15, "name": "new"}
    await until(lambda: bool(worker.of("blocked")))
    (line,) = worker.of("blocked")
    assert line["run"] == old and "started with other files" in line["text"]
    shown = await herd.call("runs", "show", old)
    assert "queued" in shown.stdout and "started with other files" in shown.stdout
    graph.write_text(CHAIN, encoding="utf-8")
    (again,) = await herd.queue("chain", ["again"])  # the worker has read the other files, and reads these
    assert (await herd.ends([again]))[0].output == {"n": 5, "name": "again"}
    await herd.worker()  # a new one tries what was blocked
    assert (await herd.ends([old]))[0].output == {"n": 5, "name": "old"}


@pytest.mark.slow
@pytest.mark.anyio
async def test_a_run_that_kills_its_workers_is_given_up(herd: Herd) -> None:
    await asyncio.gather(*(herd.worker("--lease-s", "1") for _ in range(4)))
    (run_id,) = await herd.queue("deadly", ["r"])
    for _ in range(2):
        await until(lambda: herd.counts()["r.b"] >= 3)
        await asyncio.gather(*(herd.worker("--lease-s", "1") for _ in range(2)))
    (result,) = await herd.ends([run_id], within_s=40)
    assert result.status == "failed"
    assert "given up: 6 processes died while they executed it" in (result.error or "")
    assert herd.counts() == {"r.a": 1, "r.b": 6}


@pytest.mark.anyio
async def test_what_died_between_two_writes_is_repaired(herd: Herd) -> None:
    plan = load_plan(herd.root, "chain")
    run = RunRow(
        id="20260101-000000",
        graph=plan.name,
        file=plan.file,
        plan_sha256=plan.sha256,
        parts=parts_of(plan),
        inputs={"name": "lost"},
        status="queued",
        created=time.time() - 60,
    )
    await herd.journal.create(run)
    await herd.queues.put("20260101-000001", "default")
    worker = await herd.worker()
    (result,) = await herd.ends([run.id])
    assert result.output == {"n": 5, "name": "lost"} and worker.of("put_back")
    await until(lambda: bool(worker.of("blocked")))
    (dropped,) = worker.of("blocked")
    assert dropped["run"] == "20260101-000001"
    assert dropped["text"] == "whoever queued it did not write it: it is dropped"


def test_a_url_may_name_several_hosts() -> None:
    url = Queues("postgresql://u@h1:5432,h2:5433/db?target_session_attrs=read-write").engine.url
    assert url.query == {"host": ("h1:5432", "h2:5433"), "target_session_attrs": "read-write"}
    assert (url.username, url.database) == ("u", "db")
