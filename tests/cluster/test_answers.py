"""Runs of a queue that wait for a person."""

from __future__ import annotations

import asyncio

import pytest

from tests.cluster.herd import Herd

pytestmark = pytest.mark.anyio


async def test_a_run_that_waits_frees_its_place_and_goes_on_when_it_is_answered(herd: Herd) -> None:
    worker = await herd.worker("--runs-at-once", "1")
    asking, other = (await herd.queue("ask", ["asking"]))[0], (await herd.queue("ask", ["other"]))[0]
    assert {each.status for each in await herd.ends([asking, other])} == {"waiting"}
    both = await asyncio.gather(
        *(herd.call("runs", "answer", asking, name, "yes") for name in ("first", "second"))
    )
    assert [each.returncode for each in both] == [0, 0], [each.stderr for each in both]
    assert f"A worker of queue 'default' goes on with run {asking}." in both[0].stderr
    assert await herd.status(asking, "done") == "done"
    assert (await herd.journal.run(asking)).output == {"n": 2}
    assert herd.counts()["asking.b"] == 1
    assert {call.pid for call in herd.calls()} == {worker.pid}
    (await herd.call("runs", "answer", other, "first", "no")).check_returncode()
    again = await herd.call("runs", "answer", other, "first", "yes")
    assert again.returncode == 2 and "has been answered already" in again.stderr


async def test_a_run_that_never_was_in_a_queue_is_answered_on_the_spot(herd: Herd) -> None:
    started = await herd.call("run", "ask", "here", "--engine", "scripted", "--json")
    run_id = (await herd.journal.runs(1))[0].id
    assert started.returncode == 0, started.stderr
    for name in ("first", "second"):
        done = await herd.call("runs", "answer", run_id, name, "yes", "--engine", "scripted")
        assert done.returncode == 0, done.stderr
    assert (await herd.journal.run(run_id)).output == {"n": 2}
