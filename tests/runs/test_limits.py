"""Budgets and limits of time: nothing runs away, and what is uncertain stays uncertain."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

import pytest

from shoal.agents.engine import Request
from shoal.agents.scripted import ScriptedEngine
from shoal.graphs.plan import Budget, Node, Plan
from shoal.journal import Journal, MemoryJournal
from shoal.runs.results import RunResult
from shoal.runs.runner import Runner
from tests.graphs.plans import (
    agent,
    block,
    calc,
    each,
    graph,
    inline,
    node,
    plan,
    ref,
    repeat,
    switch,
    tool,
    value,
)

pytestmark = pytest.mark.anyio
MESSAGE = {"message": "hallo"}


async def plus(n: int) -> int:
    return n + 1


async def fail() -> int:
    raise ValueError("no")


async def hang() -> int:
    await asyncio.Event().wait()
    return 1


def add(name: str, given: Any, **options: Any) -> Node:
    return node(name, tool(plus, "int", {"n": "int"}), inputs={"n": given}, **options)


def items(num: int, **options: Any) -> Node:
    return node("m", each(value([*range(num)]), add("m", ref("item")), at_once=1), **options)


def make(script: Any = None, journal: Journal | None = None) -> Runner:
    return Runner(ScriptedEngine(script), journal or MemoryJournal(), backoff_s=lambda _: 0.0)


async def run(made: Plan, script: Any = None, journal: Journal | None = None) -> RunResult:
    return await make(script, journal).start(made, MESSAGE)


async def test_calls_of_a_run_are_counted_and_end_it() -> None:
    result = await run(plan(items(5), budget=Budget(calls=3)))
    assert result.error == "node 'm[3]' failed: the budget of graph 'test' is used up: 3 of 3 calls"
    assert [summary.status for summary in result.nodes.values()] == ["done"] * 3 + ["failed"] * 2
    assert (await run(plan(items(5), budget=Budget(calls=5)))).status == "done"


async def test_attempts_count_and_those_of_an_earlier_execution_too() -> None:
    calls = 0

    async def work() -> int:
        nonlocal calls
        calls += 1
        raise ValueError("no")

    made = plan(node("a", tool(work), retry=1), budget=Budget(calls=3))
    runner = make()
    result = await runner.start(made, MESSAGE)
    assert calls == 2
    result = await runner.resume(result.run, made)
    assert calls == 3
    for _ in range(2):
        assert result.error == "node 'a' failed: the budget of graph 'test' is used up: 3 of 3 calls"
        result = await runner.resume(result.run, made)
    assert calls == 3


async def test_every_budget_around_a_call_must_have_room() -> None:
    inner = block(items(9), output={}, budget=Budget(calls=4))
    call = node("call", graph("inner"), budget=Budget(calls=2), output={"x": "int"})
    result = await run(plan(call, graphs={"inner": inner}, budget=Budget(calls=100)))
    assert result.error == "node 'call.m[2]' failed: the budget of node 'call' is used up: 2 of 2 calls"
    call = node("call", graph("inner"), output={"x": "int"})
    result = await run(plan(call, items(9), graphs={"inner": inner}))
    assert result.error == "node 'call.m[4]' failed: the budget of graph 'inner' is used up: 4 of 4 calls"
    assert result.nodes["m"].status == "done"


async def test_a_fallback_stands_where_a_budget_is_used_up_and_costs_nothing() -> None:
    body = node("m", agent("a", {"x": "int"}), fallback={"x": value(7)}, retry=5)
    made = plan(
        node("m", each(value([1, 2, 3]), body, at_once=1)), output={"m": ref("m")}, budget=Budget(calls=1)
    )
    result = await run(made, {"a": {"x": 1}})
    assert result.output == {
        "m": [{"x": 1, "confidence": 1.0}, {"x": 7, "confidence": 0.0}, {"x": 7, "confidence": 0.0}]
    }
    assert result.nodes["m[1]"].reason == "the budget of graph 'test' is used up: 1 of 1 calls"
    held = node(
        "held",
        inline(items(9), output={"x": value(1)}),
        budget=Budget(calls=2),
        fallback={"x": value(2)},
        retry=9,
    )
    result = await run(plan(held, output={"x": ref("held.x")}))
    assert (result.output, len(result.nodes)) == ({"x": 2}, 10)


async def test_tokens_are_set_aside_before_a_call_is_sent() -> None:
    """Each call takes 10 tokens: the third would fit what is left, if nobody knew that."""
    body = node("m", agent("a", {"text": "str"}))
    made = plan(node("m", each(value([1, 2, 3, 4]), body, at_once=1)), budget=Budget(tokens=25))
    result = await run(made, {"a": {"text": "one two three four five six seven eight nine ten"}})
    assert result.error == "node 'm[2]' failed: the budget of graph 'test' is used up: 20 of 25 tokens"
    assert result.completion_tokens == 20


async def test_a_loop_ends_when_its_steps_are_used_up() -> None:
    endless = repeat(add("r", calc("r?", lambda s: s.get("r", 0))), value(False), 10_000)
    made = plan(node("r", endless), budget=Budget(steps=50))
    result = await run(made)
    assert result.error == "node 'r[49]' failed: the budget of graph 'test' is used up: 50 of 50 steps"


async def test_runaway_graphs_all_stop() -> None:
    chance = random.Random(1)
    for _ in range(100):
        made = node("n", tool(plus, "int", {"n": "int"}), inputs={"n": value(1)})
        for _ in range(chance.randrange(2, 6)):
            made = runaway(chance, made)
        call = node("n", graph("g"), output={})
        result = await run(plan(call, graphs={"g": block(made)}, budget=Budget(steps=300)))
        assert result.status == "failed"
        assert "is used up: 300 of 300 steps" in (result.error or "")
        assert sum(summary.status == "done" for summary in result.nodes.values()) <= 300
        assert len(result.nodes) <= 300 * 16


def runaway(chance: random.Random, body: Node) -> Node:
    options: dict[str, Any] = {"retry": chance.randrange(3)}
    match chance.randrange(4):
        case 0:
            return node("n", each(value([*range(1000)]), body, item=f"i{chance.random()}"), **options)
        case 1 | 2:
            return node("n", repeat(body, value(False), 10_000), **options)
        case _:
            looped = node("n", repeat(body, value(False), 1000))
            return node("n", switch(value("a"), {"a": looped}), **options)


async def test_steps_count_over_resumes() -> None:
    made = plan(items(5), node("bad", tool(fail)), budget=Budget(steps=8))
    journal = MemoryJournal()
    runner = make(journal=journal)
    result = await runner.start(made, MESSAGE)
    for _ in range(3):
        assert result.error == "node 'bad' failed: tool 'fail' raised ValueError: no"
        result = await runner.resume(result.run, made)


async def test_a_node_that_holds_others_is_given_a_time() -> None:
    held = inline(
        node("quick", tool(plus, "int", {"n": "int"}), inputs={"n": value(1)}), node("slow", tool(hang))
    )
    result = await run(plan(node("held", held, timeout_s=0.01, retry=1)))
    assert result.error == "node 'held' failed: it took longer than 0.01 s"
    assert result.nodes["held"].attempts == 2
    assert "held.slow" not in result.nodes
    result = await run(plan(node("held", held, timeout_s=0.01, fallback={}), output={"x": ref("held")}))
    assert (result.status, result.output) == ("done", {"x": {}})


async def test_what_waits_for_its_turn_is_given_up_too() -> None:
    body = node("m", tool(hang))
    made = plan(
        node("m", each(value([*range(10)]), body, at_once=10), timeout_s=0.01), output={"m": ref("m")}
    )
    runner = Runner(ScriptedEngine(), MemoryJournal(), nodes_at_once=2)
    assert (await runner.start(made, MESSAGE)).error == "node 'm' failed: it took longer than 0.01 s"


async def test_a_time_inside_a_time_ends_alone() -> None:
    inner = node("inner", inline(node("slow", tool(hang))), timeout_s=0.01, fallback={})
    outer = node("outer", inline(inner, output={"x": ref("inner")}), timeout_s=30)
    assert (await run(plan(outer, output={"x": ref("outer.x")}))).output == {"x": {}}


async def test_an_effect_that_was_under_way_when_the_time_ended_is_uncertain() -> None:
    held = inline(node("pay", tool(hang, effect="once")), output={"x": value(1)})
    made = plan(node("held", held, timeout_s=0.01, fallback={"x": value(2)}, retry=3))
    runner = make()
    result = await runner.start(made, MESSAGE)
    assert (result.status, result.nodes["held.pay"].status) == ("unknown", "unknown")
    assert result.error is not None
    assert "node 'held.pay' may have acted or not: it took longer than 0.01 s" in result.error
    await runner.answer(result.run, made, "held.pay", "5")
    assert (await runner.resume(result.run, made)).status == "done"


async def test_the_seconds_of_a_run_count_for_each_execution() -> None:
    made = plan(node("a", tool(hang)), budget=Budget(seconds=0.01))
    runner = make()
    result = await runner.start(made, MESSAGE)
    assert (result.status, result.error) == ("failed", "the budget of graph 'test' is used up: 0.01 s")
    assert (await runner.resume(result.run, made)).error == result.error


async def test_the_seconds_of_a_node_end_its_retries_and_leave_its_fallback() -> None:
    calls = 0

    async def slow() -> int:
        nonlocal calls
        calls += 1
        await asyncio.Event().wait()
        return 1

    budget = Budget(seconds=0.01)
    made = plan(
        node("a", tool(slow), budget=budget, retry=5),
        node("b", inline(node("c", tool(slow))), budget=budget, fallback={}),
    )
    result = await run(made)
    assert result.error == "node 'a' failed: the budget of node 'a' is used up: 0.01 s"
    assert (result.nodes["b"].status, calls) == ("fallback", 2)


async def test_a_loop_without_waiting_ends_in_time_too() -> None:
    endless = repeat(add("r", calc("r?", lambda s: s.get("r", 0))), value(False), 10_000_000)
    result = await run(plan(node("r", endless, timeout_s=0.05)))
    assert result.error == "node 'r' failed: it took longer than 0.05 s"


async def test_a_run_can_be_cancelled_anywhere() -> None:
    """In a map, in a repeat, inside limits of time; it is given up and goes on later."""
    begun = asyncio.Event()
    is_again = False

    async def wait(n: int) -> int:
        if n == 3 and not is_again:
            begun.set()
            await asyncio.Event().wait()
        return n

    body = node("m", tool(wait, "int", {"n": "int"}), inputs={"n": ref("item")})
    held = inline(node("m", each(value([*range(6)]), body), timeout_s=30), output={"m": ref("m")})
    made, journal = plan(node("held", held, timeout_s=60), output={"m": ref("held.m")}), MemoryJournal()
    task = asyncio.create_task(make(journal=journal).start(made, MESSAGE))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (row,) = await journal.runs()
    assert row.status == "interrupted"
    is_again = True
    assert (await make(journal=journal).resume(row.id, made)).output == {"m": [*range(6)]}


async def test_an_agent_that_is_asked_too_slowly_is_given_up() -> None:
    async def slow(request: Request) -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    held = inline(node("a", agent("a", {"x": "int"})), output={"x": ref("a.x")})
    made = plan(node("held", held, timeout_s=0.01, fallback={"x": value(3)}), output={"x": ref("held.x")})
    assert (await run(made, {"a": slow})).output == {"x": 3}


async def test_maps_in_maps_end_in_time_and_leave_others_their_turn() -> None:
    """A hundred million items are never opened all at once, and hold nobody up while they are."""
    body = add("m", ref("item"))
    for _ in range(4):
        body = node("m", each(value([*range(100)]), body, at_once=1000))
    lags: list[float] = []

    async def watch() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0)
            lags.append(time.perf_counter() - before)

    watcher = asyncio.create_task(watch())
    begin = time.perf_counter()
    result = await run(plan(body, budget=Budget(seconds=0.2)))
    watcher.cancel()
    assert result.error == "the budget of graph 'test' is used up: 0.2 s"
    assert time.perf_counter() - begin < 2
    assert len(lags) > 10 and max(lags) < 2.0
