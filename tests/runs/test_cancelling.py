"""Runs that somebody cancels: from this process or another one, whatever they are in the middle of."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from shoal.agents.engine import Request
from shoal.agents.scripted import ScriptedEngine
from shoal.graphs.plan import Plan
from shoal.journal import Journal, MemoryJournal, RunCancelled, RunOver, SqliteJournal
from shoal.runs.events import Event, NodeStarted, RunFinished, RunStopped
from shoal.runs.results import RunResult
from shoal.runs.runner import Runner
from shoal.telemetry.metrics import Metrics
from tests.graphs.plans import agent, each, human, node, plan, ref, tool, value

pytestmark = pytest.mark.anyio
MESSAGE = {"message": "hallo"}


class Work:
    """Work that never ends, and knows whether it was given up."""

    def __init__(self) -> None:
        self.num_begun = 0
        self.num_given_up = 0
        self.has_begun = asyncio.Event()

    async def wait(self) -> int:
        self.num_begun += 1
        self.has_begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.num_given_up += 1
            raise
        return 1


@pytest.fixture
async def work() -> Work:
    return Work()


@pytest.fixture
async def journals(tmp_path: Path) -> AsyncIterator[tuple[Journal, Journal]]:
    """Two that are open on one file, as two processes have it."""
    both = SqliteJournal(tmp_path / "journal.db"), SqliteJournal(tmp_path / "journal.db")
    yield both
    for each_journal in both:
        await each_journal.close()


def make(journal: Journal, script: Any = None, **options: Any) -> Runner:
    return Runner(ScriptedEngine(script), journal, backoff_s=lambda _: 0.0, **options)


async def begin(runner: Runner, made: Plan, work: Work) -> tuple[str, asyncio.Task[RunResult]]:
    """A run that is in the middle of its work, and its id."""
    task = asyncio.create_task(runner.start(made, MESSAGE))
    async with asyncio.timeout(10):
        await work.has_begun.wait()
    (run,) = await runner._journal.runs(1)
    return run.id, task


async def test_a_run_under_way_is_cancelled_within_a_second_by_another_process(
    journals: tuple[Journal, Journal], work: Work
) -> None:
    own, other = journals
    made = plan(node("first", tool(lambda: 1)), node("wait", tool(work.wait)), output={"n": ref("wait")})
    run, task = await begin(make(own), made, work)
    begun = time.monotonic()
    assert not await other.cancel(run)
    result = await task
    assert time.monotonic() - begun < 1.0
    assert (result.status, result.output, result.error) == ("cancelled", None, "cancelled by a person")
    assert {path: found.status for path, found in result.nodes.items()} == {"first": "done"}
    assert (await other.run(run)).status == "cancelled"
    assert work.num_given_up == 1
    with pytest.raises(RunCancelled):
        await make(other).resume(run, made)


async def test_a_run_under_way_here_is_cancelled_at_once_and_others_go_on(work: Work) -> None:
    runner = make(MemoryJournal())
    made = plan(node("wait", tool(work.wait)), output={"n": ref("wait")})
    run, task = await begin(runner, made, work)
    other = asyncio.create_task(runner.start(made, MESSAGE))
    begun = time.monotonic()
    assert not await runner.cancel(run)
    assert (await task).status == "cancelled"
    assert time.monotonic() - begun < 0.3
    assert not other.done()
    other.cancel()
    with pytest.raises(asyncio.CancelledError):
        await other


@pytest.mark.parametrize("width", [1, 5])
async def test_model_calls_are_given_up_and_their_places_are_free_again(width: int) -> None:
    num_under_way, has_begun = 0, asyncio.Event()

    async def answer(request: Request) -> dict[str, Any]:
        nonlocal num_under_way
        num_under_way += 1
        try:
            if request.values["text"] == "stay":
                has_begun.set()
                await asyncio.Event().wait()
        finally:
            num_under_way -= 1
        return {"x": 1}

    def asking(text: str, num: int) -> Plan:
        call = node("m", agent("a", {"x": "int"}, {"text": "str"}), inputs={"text": value(text)})
        return plan(node("m", each(value([*range(num)]), call, at_once=num)), output={"m": ref("m")})

    runner = make(MemoryJournal(), {"a": answer}, nodes_at_once=3)
    task = asyncio.create_task(runner.start(asking("stay", width), MESSAGE))
    await has_begun.wait()
    (run,) = await runner._journal.runs()
    await runner.cancel(run.id)
    assert (await task).status == "cancelled"
    assert num_under_way == 0
    assert (await runner.start(asking("go", 9), MESSAGE)).status == "done"


async def test_a_tool_that_may_have_acted_is_named(journals: tuple[Journal, Journal], work: Work) -> None:
    own, other = journals
    made = plan(
        node("before", tool(lambda: 1, effect="once")),
        node("pay", tool(work.wait, effect="once")),
        output={},
    )
    run, task = await begin(make(own), made, work)
    await other.cancel(run)
    result = await task
    assert result.error == "cancelled by a person; node 'pay' may have acted or not"
    assert (result.nodes["pay"].status, result.nodes["before"].status) == ("unknown", "done")
    assert [row.kind for row in await other.rows(run) if row.path == "pay"] == ["intent"]
    assert (await other.run(run)).error == result.error


async def test_waiting_runs_are_cancelled_and_take_no_answer_any_more() -> None:
    runner = make(MemoryJournal())
    made = plan(node("ask", human("May I?")), output={"yes": ref("ask")})
    result = await runner.start(made, MESSAGE)
    assert await runner.cancel(result.run)
    with pytest.raises(RunCancelled, match=f"agentctl runs fork {result.run} --at NODE"):
        await runner.answer(result.run, made, "ask", "yes")
    with pytest.raises(RunOver, match="is cancelled already"):
        await runner.cancel(result.run)


async def test_events_and_counters_tell_of_it(work: Work) -> None:
    metrics, seen = Metrics(), list[Event]()

    def hear(event: Event) -> None:
        metrics.on_event(event)
        seen.append(event)

    runner = make(MemoryJournal(), on_event=hear)
    made = plan(node("wait", tool(work.wait)), output={})
    async with runner.stream(made, MESSAGE) as events:
        async for event in events:
            if isinstance(event, NodeStarted):
                await runner.cancel(event.run)
            last = event
    assert isinstance(last, RunFinished)
    assert (last.result.status, last.result.error) == ("cancelled", "cancelled by a person")
    assert not [event for event in seen if isinstance(event, RunStopped)]
    labels = {"graph": "test", "status": "cancelled"}
    assert metrics.registry.get_sample_value("shoal_runs_total", labels) == 1
    assert metrics.registry.get_sample_value("shoal_runs_active", {"graph": "test"}) == 0


async def test_a_run_that_cancels_itself_is_cancelled() -> None:
    journal = MemoryJournal()
    runner = make(journal)

    async def stop() -> int:
        (run,) = await journal.runs()
        await runner.cancel(run.id)
        await asyncio.Event().wait()
        return 1

    result = await runner.start(plan(node("stop", tool(stop)), output={}), MESSAGE)
    assert result.status == "cancelled"
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_run_that_is_done_before_it_hears_of_it_is_done() -> None:
    journal = MemoryJournal()
    runner = make(journal)

    async def stop() -> int:
        (run,) = await journal.runs()
        await runner.cancel(run.id)
        return 1

    result = await runner.start(plan(node("stop", tool(stop)), output={"n": ref("stop")}), MESSAGE)
    await asyncio.sleep(0)  # a cancellation that was left over would come here
    assert (result.status, result.output) == ("done", {"n": 1})


async def test_who_gives_up_the_caller_gives_up_the_caller(work: Work) -> None:
    """A cancelled task is not taken for a cancelled run, even when both come together."""
    journal = MemoryJournal()
    runner = make(journal)
    made = plan(node("wait", tool(work.wait)), output={})
    run, task = await begin(runner, made, work)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await journal.run(run)).status == "interrupted"
    work.has_begun.clear()
    run, task = await begin(runner, made, work)
    await runner.cancel(run)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await journal.run(run)).status == "cancelled"


async def test_nobody_asks_the_journal_where_no_run_is_under_way(work: Work) -> None:
    num_asked = 0

    class Asked(MemoryJournal):
        async def wanted(self) -> list[str]:
            nonlocal num_asked
            num_asked += 1
            return []

    runner = make(Asked())
    await runner.start(plan(node("a", tool(lambda: 1)), output={}), MESSAGE)
    assert runner._cancelling._timer is None
    run, task = await begin(runner, plan(node("wait", tool(work.wait)), output={}), work)
    async with asyncio.timeout(5):
        while num_asked == 0:
            await asyncio.sleep(0.01)
    await runner.cancel(run)
    assert (await task).status == "cancelled"
    assert runner._cancelling._timer is None
