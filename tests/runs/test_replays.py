"""Replays: a journal read once more, under the same graph and under edited ones."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shoal.agents.scripted import ScriptedEngine
from shoal.graphs.plan import Budget, Escalation, Node, Plan
from shoal.journal import MemoryJournal
from shoal.runs.cache import SqliteCache
from shoal.runs.replay import Replayed, replay
from shoal.runs.results import RunResult
from shoal.runs.runner import Runner
from tests.graphs.plans import (
    agent,
    block,
    calc,
    each,
    graph,
    human,
    inline,
    node,
    plan,
    ref,
    repeat,
    switch,
    tool,
    value,
    vote,
)

pytestmark = pytest.mark.anyio
MESSAGE = {"message": "hallo"}


async def plus(n: int) -> int:
    if n < 0:
        raise ValueError("below zero")
    return n + 1


def add(name: str, given: Any, **options: Any) -> Node:
    effect = options.pop("effect", "pure")
    return node(name, tool(plus, "int", {"n": "int"}, effect), inputs={"n": given}, **options)


class Past:
    """Runs that were made, and what a replay says of them."""

    def __init__(self, script: Any = None, **options: Any) -> None:
        self.journal = MemoryJournal()
        self.runner = Runner(ScriptedEngine(script), self.journal, backoff_s=lambda _: 0.0, **options)

    async def start(self, made: Plan) -> RunResult:
        self.last = await self.runner.start(made, MESSAGE)
        return self.last

    async def replayed(self, now: Plan, run: str | None = None) -> Replayed:
        run = run or self.last.run
        return replay(now, await self.journal.run(run), await self.journal.rows(run))

    async def told(self, now: Plan) -> list[str]:
        return [str(each) for each in (await self.replayed(now)).differences]


async def told(before: Plan, now: Plan, **options: Any) -> list[str]:
    """What a replay of a run says when the graph was edited since."""
    past = Past(**options)
    await past.start(before)
    assert await past.told(before) == []
    return await past.told(now)


async def test_a_condition_that_was_edited() -> None:
    def made(condition: bool) -> Plan:
        return plan(
            add("a", value(1)),
            add("b", ref("a"), when=value(condition)),
            add("c", ref("b")),
            output={"c": ref("c")},
        )

    assert await told(made(True), made(False)) == [
        "node 'b' gave 3; now it would be skipped: `when` is false"
    ]
    assert await told(made(False), made(True)) == [
        "node 'b' was skipped: `when` is false; now it would be called"
    ]


async def test_an_output_that_was_edited_is_told_at_the_end() -> None:
    def made(shown: str) -> Plan:
        return plan(add("a", value(1)), add("b", ref("a")), output={"c": ref(shown)})

    assert await told(made("a"), made("b")) == [
        'the run ended as done with {"c": 2}; now it would end as done with {"c": 3}'
    ]


async def test_a_join_that_was_edited() -> None:
    def made(shown: str) -> Plan:
        held = inline(add("x", value(1)), add("y", ref("x")), output={"n": ref(shown), "m": value(0)})
        return plan(node("held", held), add("after", ref("held.n")), output={"n": ref("after")})

    assert await told(made("x"), made("y")) == [
        'node \'held\' gave {"n": 2, "m": 0}; now it would give {"n": 3, "m": 0}; other is \'n\''
    ]


async def test_a_question_that_was_edited_and_an_answer_that_does_not_fit() -> None:
    def made(question: str, answer: Any = None) -> Plan:
        return plan(node("ask", human(question, answer)), output={"yes": calc("ask", lambda s: 1)})

    past = Past()
    run = await past.start(made("Really?"))
    assert await past.told(made("Really?")) == []
    asked = "node 'ask' asked 'Really?'; now it would ask 'Truly?'"
    assert await past.told(made("Truly?")) == [asked]
    await past.runner.answer(run.run, made("Really?"), "ask", "yes")
    await past.runner.resume(run.run, made("Really?"))
    assert await past.told(made("Really?")) == []
    assert await past.told(made("Truly?")) == [
        "node 'ask' was answered {\"yes\": true}; now it would ask 'Truly?'"
    ]
    (misfit,) = await past.told(made("Really?", {"no": "bool"}))
    assert misfit.startswith(
        "node 'ask' was answered {\"yes\": true}; now it would not take that for an answer:"
    )


async def test_another_case_of_a_switch() -> None:
    def made(word: str) -> Plan:
        cases = {"a": add("s", value(1)), "b": add("s", value(2))}
        return plan(node("s", switch(value(word), cases), output="int"), output={"s": ref("s")})

    assert await told(made("a"), made("b")) == [
        "node 's.b' would be called now, and nothing is recorded of that",
        "node 's.a' gave 2, and would not be reached now",
    ]


async def test_a_map_with_fewer_or_more_items() -> None:
    def made(count: int) -> Plan:
        return plan(node("m", each(value([*range(count)]), add("m", ref("item")))), output={"m": ref("m")})

    assert await told(made(3), made(2)) == [
        "node 'm' gave [1, 2, 3]; now it would give [1, 2]; other is '[2]'",
        "node 'm[2]' gave 3, and would not be reached now",
    ]
    assert await told(made(2), made(3)) == [
        "node 'm[2]' would be called now, and nothing is recorded of that"
    ]


async def test_nodes_that_came_and_went() -> None:
    old = plan(add("a", value(1)), add("b", ref("a")), output={"b": ref("b")})
    new = plan(add("a", value(1)), add("n", ref("a")), output={"b": ref("n")})
    assert await told(old, new) == [
        "node 'b' gave 3, and the graph has no such node now",
        "node 'n' would be called now, and nothing is recorded of that",
    ]


async def test_types_and_conditions_on_outputs() -> None:
    def made(kind: str, least: int, retry: int = 0) -> Plan:
        accept = calc("", lambda s: s["a"] >= least)
        work = tool(plus, kind, {"n": "int"})
        return plan(
            node("a", work, inputs={"n": value(1)}, accept=accept, retry=retry), output={"a": ref("a")}
        )

    assert await told(made("int", 0), made("str", 0)) == [
        "node 'a' gave 2; now it would be rejected: its output is 2, expected str"
    ]
    assert await told(made("int", 0), made("int", 9)) == [
        "node 'a' gave 2; now it would fail: its output was not accepted"
    ]
    assert await told(made("int", 9, 1), made("int", 0, 1)) == [
        "node 'a' was rejected: its output was not accepted; now it would give 2",
        "node 'a', attempt 2, failed: its output was not accepted; now it would give 2",
    ]
    refused = "its output was not accepted"
    assert await told(made("int", 9, 1), made("int", 9, 3)) == [
        f"node 'a', attempt 2, failed: {refused}; now it would be rejected: {refused}",
    ]


async def test_votes_rounds_and_escalations() -> None:
    script = {"small": {"x": 1, "confidence": 0.2}, "large": {"x": 2, "confidence": 0.9}}

    def made(samples: int, least: float, rounds: int) -> Plan:
        sure = Escalation(
            when=calc("", lambda s: s["e"]["confidence"] < least), to=node("e", agent("large", {"x": "int"}))
        )
        return plan(
            node("v", vote(node("v", agent("small", {"x": "int"})), samples, on=("x",))),
            node("r", repeat(add("r", value(1)), value(False), rounds), output="int"),
            node("e", agent("small", {"x": "int"}), escalate=sure),
        )

    same = made(2, 0.5, 2)
    assert await told(same, made(3, 0.5, 2), script=script) == [
        "node 'v[2]' would be called now, and nothing is recorded of that"
    ]
    assert await told(same, made(2, 0.5, 3), script=script) == [
        "node 'r[2]' would be called now, and nothing is recorded of that"
    ]
    assert await told(same, made(2, 0.1, 2), script=script) == [
        "node 'e' was escalated: its `escalate` holds; now it would give {\"x\": 1}"
    ]


async def test_called_graphs() -> None:
    def made(inner: str) -> Plan:
        held = block(add("x", ref("input.n")), output={"n": ref("x")})
        other = block(add("y", ref("input.n")), output={"n": ref("y")})
        called = node("g", graph(inner, {"n": "int"}), inputs={"n": value(1)}, output={"n": "int"})
        return plan(called, output={"n": ref("g.n")}, graphs={"one": held, "two": other})

    assert await told(made("one"), made("two")) == [
        "node 'g.y' would be called now, and nothing is recorded of that",
        "node 'g.x' gave 2, and the graph has no such node now",
    ]


async def test_failures_that_were_tried_again() -> None:
    is_broken = True

    async def work(n: int) -> int:
        if is_broken:
            raise ValueError("broken")
        return n

    def made() -> Plan:
        shaky = tool(work, "int", {"n": "int"})
        held = inline(
            node("x", shaky, inputs={"n": value(1)}, retry=1),
            node("y", shaky, inputs={"n": value(2)}, fallback=value(0)),
            output={"n": ref("x")},
        )
        return plan(node("held", held, retry=1), add("b", ref("held.n")), output={"b": ref("b")})

    past = Past()
    run = await past.start(made())
    assert (run.status, await past.told(made())) == ("failed", [])
    await past.runner.resume(run.run, made())
    assert await past.told(made()) == []
    is_broken = False
    assert (await past.runner.resume(run.run, made())).status == "done"
    assert await past.told(made()) == []


async def test_an_escalation_that_failed_and_was_tried_again() -> None:
    is_broken = True

    async def work() -> int:
        if is_broken:
            raise ValueError("broken")
        return 5

    to = node("e", tool(work))
    held = node(
        "e", inline(add("x", value(1)), output={"n": ref("x")}), escalate=Escalation(when=value(True), to=to)
    )
    small = node(
        "s",
        tool(plus, "int", {"n": "int"}),
        inputs={"n": value(1)},
        escalate=Escalation(when=value(True), to=node("s", tool(work))),
    )
    made = plan(held, small, output={"s": calc("s?", lambda s: s.get("s"))})
    past = Past()
    run = await past.start(made)
    assert await past.told(made) == []
    is_broken = False
    await past.runner.resume(run.run, made)
    assert await past.told(made) == []


async def test_a_budget_that_was_used_up() -> None:
    def made(calls: int | None, steps: int | None = None) -> Plan:
        body = add("m", ref("item"), fallback=value(0))
        return plan(
            node("m", each(value([*range(6)]), body, at_once=2)),
            add("late", calc("m", lambda s: -1), retry=3),
            output={"m": ref("m")},
            budget=Budget(calls=calls, steps=steps),
        )

    for budget in (made(3), made(None, 4), made(7), made(8)):
        past = Past()
        run = await past.start(budget)
        assert run.status == "failed"
        assert await past.told(budget) == []
    short = await told(made(3), made(None))
    assert "node 'm[3]' fell back to 0; now it would be called" in short
    assert await told(made(20), made(8)) == ["the run spent 10 calls, and its budget is 8 now"]


async def test_a_run_that_took_too_long() -> None:
    never = asyncio.Event()

    async def hang() -> int:
        await never.wait()
        return 1

    slow = node(
        "slow",
        inline(add("x", value(1)), node("y", tool(hang)), output={"n": ref("y")}),
        timeout_s=0.02,
        retry=1,
        fallback=value({"n": 0}),
    )
    once = node(
        "o",
        inline(node("pay", tool(hang, effect="once")), node("z", tool(hang)), output={"n": ref("z")}),
        timeout_s=0.02,
    )
    leaf = node("leaf", tool(hang), timeout_s=0.02, fallback=value(3))
    for made in (
        plan(slow, add("b", ref("slow.n")), output={"b": ref("b")}),
        plan(leaf, output={"b": ref("leaf")}),
        plan(add("a", value(1)), node("y", tool(hang)), output={"a": ref("a")}, budget=Budget(seconds=0.02)),
        plan(once, output={"o": calc("o", lambda s: 1)}),
        plan(slow, node("y", tool(hang), budget=Budget(seconds=0.02), fallback=value(1)), once),
    ):
        past = Past()
        await past.start(made)
        assert await past.told(made) == []
        await past.runner.resume(past.last.run, made)
        assert await past.told(made) == []


async def test_tools_that_act_once() -> None:
    async def act() -> int:
        raise ValueError("lost")

    made = plan(
        node("a", tool(act, effect="once")), node("b", tool(act, effect="once")), output={"a": ref("a")}
    )
    past = Past()
    run = await past.start(made)
    assert (run.status, await past.told(made)) == ("unknown", [])
    await past.runner.answer(run.run, made, "a", 7)
    await past.runner.settle_undone(run.run, made, "b")
    assert await past.told(made) == []
    await past.runner.resume(run.run, made)
    assert await past.told(made) == []


async def test_what_came_from_the_cache(tmp_path: Path) -> None:
    cache = SqliteCache(tmp_path / "cache.db")
    held = block(add("x", ref("input.n"), cache_s=60.0), output={"n": ref("x")})

    def made(cache_s: float | None) -> Plan:
        called = node(
            "g", graph("one", {"n": "int"}), inputs={"n": value(1)}, output={"n": "int"}, cache_s=cache_s
        )
        return plan(called, add("b", value(1), cache_s=60.0), output={"n": ref("g.n")}, graphs={"one": held})

    past = Past(cache=cache)
    for _ in range(2):
        await past.start(made(60.0))
        assert await past.told(made(60.0)) == []
    assert await past.told(made(None)) == ["node 'g.x' would be called now, and nothing is recorded of that"]
    cache.close()


async def test_forks_and_what_they_were_given() -> None:
    held = inline(add("x", value(1)), add("y", ref("x")), output={"n": ref("y")})
    refused = calc("", lambda s: s["o"]["n"] > 5)
    body = node("m", inline(add("z", ref("item")), output={"n": ref("z")}))
    made = plan(
        node("o", held, retry=1, accept=refused, fallback=value({"n": 0})),
        node("m", each(value([1, 2]), body)),
        add("b", ref("o.n"), when=calc("m", lambda s: True)),
        output={"b": ref("b")},
    )
    past = Past()
    run = await past.start(made)
    for at, output in [
        ("o.x", 50),
        ("o", {"n": 3}),
        ("o#2", {"n": 3}),
        ("o#2.y", 9),
        ("m[1]", {"n": 1}),
        ("m", []),
        ("b", 0),
    ]:
        fork = await past.runner.fork(run.run, made, at=at, output=output)
        assert (await past.replayed(made, fork.run)).differences == []
        fork = await past.runner.fork(run.run, made, at=at)
        assert (await past.replayed(made, fork.run)).differences == []


async def test_a_fork_that_failed_keeps_what_it_did_not_need_yet() -> None:
    to = add("s", ref("a"))
    small = add("s", value(1), escalate=Escalation(when=value(False), to=to))
    made = plan(add("a", value(1)), small, output={"s": calc("s?", lambda s: s.get("s"))})
    past = Past()
    run = await past.start(made)
    broken = replace(made, block=replace(made.block, nodes={**made.block.nodes, "a": add("a", value(-1))}))
    fork = await past.runner.fork(run.run, broken, at="a")
    assert fork.status == "failed"
    assert (await past.replayed(broken, fork.run)).differences == []


async def test_a_run_that_has_not_come_to_an_end_says_what_comes_next() -> None:
    made = plan(add("a", value(1)), add("b", ref("a")), add("c", ref("a")), output={"b": ref("b")})
    past = Past()
    run = await past.start(made)
    told, rows = await past.journal.run(run.run), await past.journal.rows(run.run)
    for status in ("interrupted", "cancelled", "running", "queued"):
        found = replay(made, replace(told, status=status, output=None), rows[:1])
        assert (found.differences, found.next, found.num_rows) == ([], ["b", "c"], 1)
    assert [str(each) for each in replay(made, told, rows[:1]).differences] == [
        "node 'b' would be called now, and nothing is recorded of that",
        "node 'c' would be called now, and nothing is recorded of that",
    ]


async def test_secrets_are_hidden_in_the_same_way() -> None:
    async def fail(password: str) -> int:
        raise ValueError(f"{password} is wrong")

    made = plan(
        node(
            "o",
            inline(
                node("a", tool(fail, "int", {"password": "str"}), inputs={"password": ref("input.message")}),
                output={"n": ref("a")},
            ),
            fallback=value({"n": 0}),
        ),
        node("ask", human("hunter2-hunter2?")),
        input={"message": "str"},
    )
    past = Past()
    await past.runner.start(made, {"message": "hunter2-hunter2"})
    (run,) = await past.journal.runs()
    assert (await past.replayed(made, run.id)).differences == []


async def test_what_changed_in_the_files_is_said() -> None:
    made = plan(add("a", value(1)), output={"a": ref("a")})
    past = Past()
    await past.start(made)
    found = await past.replayed(
        replace(plan(add("a", value(1)), add("b", value(2)), output={"a": ref("a")}), sha256="1" * 64)
    )
    assert found.changes == ["node 'b' is new"]
    assert [str(each) for each in found.differences] == [
        "node 'b' would be called now, and nothing is recorded of that"
    ]
