"""Runs that are queued by one process and executed by another."""

from __future__ import annotations

import asyncio
import json
import socket
from urllib.request import urlopen

import pytest

from tests.cluster.herd import Herd, until

pytestmark = pytest.mark.anyio


async def test_a_queued_run_is_executed_by_a_worker(herd: Herd) -> None:
    queued = await herd.call("run", "chain", "first", "--queue")
    assert (queued.returncode, queued.stderr) == (0, "")
    run_id = queued.stdout.strip()
    assert (await herd.journal.run(run_id)).status == "queued"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    worker = await herd.worker("--metrics-port", str(port))
    (result,) = await herd.ends([run_id])
    assert (result.status, result.output) == ("done", {"n": 5, "name": "first"})
    (line,) = worker.of("run")
    assert (line["run"], line["status"], line["output"]) == (run_id, "done", {"n": 5, "name": "first"})
    assert {call.pid for call in herd.calls()} == {worker.pid}
    with urlopen(f"http://127.0.0.1:{port}/metrics") as page:
        assert 'shoal_runs_total{graph="chain",status="done"} 1.0' in page.read().decode()


async def test_runs_are_cancelled_in_the_queue_and_under_way(herd: Herd) -> None:
    (never,) = await herd.queue("chain", ["never"])
    cancelled = await herd.call("runs", "cancel", never)
    assert cancelled.returncode == 0, cancelled.stderr
    worker = await herd.worker()
    run_ids = await herd.queue("held", ["first", "second"])
    await until(lambda: len(herd.calls()) == 4)
    cancelled = await herd.call("runs", "cancel", run_ids[0])
    assert cancelled.returncode == 0, cancelled.stderr
    assert await herd.status(run_ids[0], "cancelled") == "cancelled"
    herd.release()
    await herd.ends(run_ids)
    assert {line["run"]: line["status"] for line in worker.of("run")} == dict(
        zip(run_ids, ("cancelled", "done"), strict=True)
    )
    assert (await herd.journal.run(never)).status == "cancelled"
    assert not [call for call in herd.calls() if call.node.startswith("never")]


async def test_a_command_waits_for_the_ends_of_what_it_queued(herd: Herd) -> None:
    (herd.root / "names.jsonl").write_text('{"name": "a"}\n{"name": "b"}\n', encoding="utf-8")
    await herd.worker()
    done = await herd.call("run", "chain", "--queue", "--each", "names.jsonl", "--wait", "--json")
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(each["status"], each["output"]["name"]) for each in records] == [("done", "a"), ("done", "b")]


async def test_without_a_shared_journal_there_is_no_queue(herd: Herd) -> None:
    agents = herd.root / "agents.yaml"
    lines = agents.read_text("utf-8").splitlines(keepends=True)
    agents.write_text("".join(line for line in lines if not line.startswith("journal")), encoding="utf-8")
    asked = (("run", "chain", "x", "--queue"), ("worker",))
    for done in await asyncio.gather(*(herd.call(*arguments) for arguments in asked)):
        assert done.returncode == 2 and not done.stdout
        assert "Write `journal: postgresql://user@host/db`" in done.stderr


async def test_options_that_do_not_go_together(herd: Herd) -> None:
    refused = {
        "'No Such' cannot name a queue": ["--queue", "No Such"],
        "--wait goes with --queue": ["--wait"],
        "give --engine and --metrics to the worker": ["--queue", "--engine", "scripted"],
        "a worker executes queued runs": ["--queue", "--stream"],
    }
    done = await asyncio.gather(*(herd.call("run", "chain", "x", *each) for each in refused.values()))
    for message, each in zip(refused, done, strict=True):
        assert each.returncode == 2 and message in each.stderr
