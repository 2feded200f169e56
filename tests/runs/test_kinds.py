"""Running the nodes that hold others: graphs, inline blocks, switches, maps, repeats, votes, escalations."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any

import pytest

from shoal.agents.engine import Request
from shoal.agents.scripted import ScriptedEngine
from shoal.errors import InvalidInput
from shoal.graphs.plan import Escalation, Node, Plan
from shoal.journal import Journal, MemoryJournal
from shoal.runs.events import Event
from shoal.runs.pins import parts_of
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
    return n + 1


async def fail() -> int:
    raise ValueError("no")


def add(name: str, given: Any, **options: Any) -> Node:
    return node(name, tool(plus, "int", {"n": "int"}), inputs={"n": given}, **options)


def make(script: Any = None, journal: Journal | None = None) -> Runner:
    return Runner(ScriptedEngine(script), journal or MemoryJournal(), backoff_s=lambda _: 0.0)


async def run(made: Plan, script: Any = None, journal: Journal | None = None) -> RunResult:
    return await make(script, journal).start(made, MESSAGE)


def statuses(result: RunResult) -> dict[str, str]:
    return {path: summary.status for path, summary in result.nodes.items()}


async def test_an_inline_block_reads_what_is_around_it() -> None:
    held = inline(add("b", ref("a")), add("c", ref("b")), output={"n": ref("c")})
    made = plan(add("a", value(1)), node("held", held), add("d", ref("held.n")), output={"d": ref("d")})
    result = await run(made)
    assert result.output == {"d": 5}
    assert statuses(result) == dict.fromkeys(["a", "held.b", "held.c", "held", "d"], "done")
    assert result.nodes["held"].output == {"n": 4}
    assert result.nodes["held"].ms > 0


async def test_a_called_graph_sees_only_its_input() -> None:
    inner = block(add("b", ref("input.n")), output={"n": ref("b"), "gone": calc("a?", lambda s: "a" in s)})
    call = node("call", graph("inner", {"n": "int"}), inputs={"n": ref("a")})
    made = plan(add("a", value(1)), call, output={"call": ref("call")}, graphs={"inner": inner})
    result = await run(made)
    assert result.output == {"call": {"n": 3, "gone": False}}
    assert "call.b" in result.nodes


async def test_a_switch_takes_one_case_and_fills_what_it_lacks() -> None:
    def chosen(word: Any) -> Plan:
        cases = {
            "lost": node("answer", agent("a", {"text": "str"})),
            "3": node("answer", tool(fail, "int")),
            "true": node("answer", inline(add("x", value(1)), output={"x": ref("x")})),
        }
        default = node("answer", human(answer={"text": "str"}))
        work = switch(value(word), cases, default)
        return plan(
            node("answer", work, output={"text": "str?", "confidence": "float?"}), output={"a": ref("answer")}
        )

    result = await run(chosen("lost"), {"a": {"text": "hi", "confidence": 0.5}})
    assert result.output == {"a": {"text": "hi", "confidence": 0.5}}
    assert statuses(result) == {"answer.lost": "done", "answer": "done"}
    assert (await run(chosen(True))).output == {"a": {"text": None, "confidence": None}}
    assert (await run(chosen(3.0))).error == "node 'answer.3' failed: tool 'fail' raised ValueError: no"
    assert (await run(chosen("other"))).nodes["answer.default"].status == "waiting"


async def test_a_map_keeps_the_order_and_opens_only_some_at_once() -> None:
    under_way, most = 0, 0

    async def work(n: int) -> int:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _ in range(20 - n):
            await asyncio.sleep(0)
        under_way -= 1
        return n * n

    body = node("m", tool(work, "int", {"n": "int"}), inputs={"n": ref("item")})
    made = plan(node("m", each(value([*range(20)]), body, at_once=3)), output={"m": ref("m")})
    result = await run(made)
    assert result.output == {"m": [n * n for n in range(20)]}
    assert most == 3
    assert (await run(plan(node("m", each(value([]), body)), output={"m": ref("m")}))).output == {"m": []}


async def test_a_failing_item_lets_the_others_finish_and_is_alone_tried_again() -> None:
    calls: list[int] = []
    is_mended = False

    async def work(n: int) -> int:
        calls.append(n)
        if n == 1 and not is_mended:
            raise ValueError("one")
        return n

    body = node("m", tool(work, "int", {"n": "int"}), inputs={"n": ref("item")})
    made = plan(node("m", each(value([*range(5)]), body, at_once=1)), output={"m": ref("m")})
    runner = make()
    result = await runner.start(made, MESSAGE)
    assert result.error == "node 'm[1]' failed: tool 'work' raised ValueError: one"
    assert "m" not in result.nodes
    is_mended = True
    assert (await runner.resume(result.run, made)).output == {"m": [0, 1, 2, 3, 4]}
    assert calls == [0, 1, 2, 3, 4, 1]


async def test_a_skipped_body_gives_null_in_a_map_and_skips_a_repeat() -> None:
    gone = node("gone", tool(fail), when=value(False))
    needs = calc("gone", lambda s: s["gone"])
    made = plan(
        gone,
        node("m", each(value([1, 2]), add("m", needs))),
        node("r", repeat(add("r", needs), value(True))),
        node("s", switch(value("a"), {"a": add("s", needs)})),
        node("v", vote(node("v", agent("v", {"x": "int"}, {"n": "int"}), inputs={"n": needs}), 2)),
        output={"m": ref("m"), "r": ref("r")},
    )
    result = await run(made)
    assert result.output == {"m": [None, None], "r": None}
    assert {each: result.nodes[each].status for each in "mrsv"} == {
        "m": "done",
        "r": "skipped",
        "s": "skipped",
        "v": "skipped",
    }


async def test_a_repeat_reads_its_last_round() -> None:
    body = add("count", calc("count?", lambda s: s.get("count", 0)))
    until = calc("", lambda s: s["count"] >= 5)
    made = plan(node("count", repeat(body, until)), output={"n": ref("count")})
    result = await run(made)
    assert result.output == {"n": 5}
    assert [*result.nodes] == ["count"] + [f"count[{n}]" for n in range(5)]
    few = plan(node("count", repeat(body, until, 2, start=value(1))), output={"n": ref("count")})
    assert (await run(few)).output == {"n": 3}


def labels(*given: tuple[str, float]) -> list[dict[str, Any]]:
    return [{"label": label, "confidence": confidence} for label, confidence in given]


@pytest.mark.parametrize(
    ("by", "given", "expected"),
    [
        ("majority", [("a", 0.9), ("b", 0.2), ("b", 0.6)], ("b", 2 / 3)),
        ("majority", [("a", 0.4), ("b", 0.9)], ("b", 0.5)),
        ("majority", [("a", 0.5), ("b", 0.5)], ("a", 0.5)),
        ("confidence", [("a", 0.4), ("b", 0.9), ("a", 0.4)], ("b", 0.9)),
    ],
)
async def test_a_vote(by: str, given: list[tuple[str, float]], expected: tuple[str, float]) -> None:
    requests: list[Request] = []
    answers = iter(labels(*given))

    def answer(request: Request) -> dict[str, Any]:
        requests.append(request)
        return next(answers)

    body = node("v", agent("v", {"label": "str"}))
    made = plan(node("v", vote(body, len(given), by, ("label",))), output={"v": ref("v")})
    result = await run(made, {"v": answer})
    assert result.output == {"v": {"label": expected[0], "confidence": expected[1]}}
    assert [request.temperature for request in requests] == [0.0] + [0.7] * (len(given) - 1)
    assert result.nodes["v"].confidence == expected[1]


def unsure(to: Node, **options: Any) -> Plan:
    escalate = Escalation(when=calc("", lambda s: s["d"]["confidence"] < 0.9), to=to)
    made = node("d", agent("small", {"x": "int"}), escalate=escalate, **options)
    return plan(made, output={"d": ref("d")})


LARGE = node("d", agent("large", {"x": "int"}))


async def test_an_unsure_agent_is_bettered_by_another() -> None:
    script: dict[str, Mapping[str, Any]] = {
        "small": {"x": 1, "confidence": 0.5},
        "large": {"x": 2, "confidence": 0.8},
    }
    result = await run(unsure(LARGE), script)
    assert result.output == {"d": {"x": 2, "confidence": 0.8}}
    assert statuses(result) == {"d": "done", "d.escalate": "done"}
    script["small"] = {"x": 1, "confidence": 0.95}
    result = await run(unsure(LARGE), script)
    assert result.output == {"d": {"x": 1, "confidence": 0.95}}
    assert "d.escalate" not in result.nodes


async def test_a_person_answers_for_an_unsure_agent() -> None:
    runner = make({"small": {"x": 1, "confidence": 0.5}})
    made = unsure(node("d", human(answer={"x": "int"})))
    result = await runner.start(made, MESSAGE)
    assert result.status == "waiting"
    await runner.answer(result.run, made, "d.escalate", "7")
    assert (await runner.resume(result.run, made)).output == {"d": {"x": 7, "confidence": 1.0}}


async def test_what_was_refused_again_and_again_is_escalated_too() -> None:
    accepts = calc("", lambda s: s["d"]["x"] == 2)
    script = {"small": {"x": 1, "confidence": 1}, "large": {"x": 2}}
    result = await run(unsure(LARGE, accept=accepts, retry=1), script)
    assert result.output == {"d": {"x": 2, "confidence": 1.0}}
    assert result.nodes["d"].attempts == 3
    script["large"] = {"x": 3}
    made = unsure(LARGE, accept=accepts, fallback={"x": value(9)})
    result = await run(made, script)
    assert result.output == {"d": {"x": 9, "confidence": 0.0}}
    assert result.nodes["d"].reason == "its output was not accepted"
    result = await run(unsure(LARGE, accept=accepts), script)
    assert result.error == "node 'd' failed: its output was not accepted"


async def test_a_node_that_holds_others_is_tried_again_with_new_children() -> None:
    requests: list[Request] = []

    def answer(request: Request) -> dict[str, Any]:
        requests.append(request)
        return {"x": len(requests)}

    held = inline(node("a", agent("a", {"x": "int"})), output={"x": ref("a.x")})
    made = plan(
        node("held", held, accept=calc("", lambda s: s["held"]["x"] == 3), retry=4),
        output={"x": ref("held.x")},
    )
    result = await run(made, {"a": answer})
    assert result.output == {"x": 3}
    assert [*result.nodes] == ["held", "held.a", "held#2.a", "held#3.a"]
    assert [request.temperature for request in requests] == [0.0, 0.7, 0.7]


async def test_a_failure_inside_is_a_failed_attempt_of_what_has_a_fallback() -> None:
    held = inline(
        node("a", tool(fail)), node("ask", human()), output={"x": ref("a")}, output_type={"x": "int"}
    )
    made = plan(node("held", held, fallback={"x": value(7)}), output={"x": ref("held.x")})
    runner = make()
    result = await runner.start(made, MESSAGE)
    assert (result.status, result.output) == ("done", {"x": 7})
    assert result.nodes["held"].reason == "node 'held.a' failed: tool 'fail' raised ValueError: no"


async def test_recursion_ends_with_the_fallback() -> None:
    call = node(
        "again",
        graph("down", {"n": "int"}, at_most=3),
        inputs={"n": calc("", lambda s: s["input"]["n"] + 1)},
        fallback={"depth": value(0)},
        output={"depth": "int"},
    )
    down = block(
        call, output={"depth": calc("again", lambda s: s["again"]["depth"] + 1)}, output_type={"depth": "int"}
    )
    top = node("top", graph("down", {"n": "int"}), inputs={"n": value(0)}, output={"depth": "int"})
    result = await run(plan(top, output={"depth": ref("top.depth")}, graphs={"down": down}))
    assert result.output == {"depth": 4}
    last = result.nodes["top.again.again.again.again"]
    assert (last.status, last.reason) == ("fallback", "it stands 3 deep inside itself")


async def test_questions_inside_other_nodes_are_answered_by_their_path() -> None:
    body = node("ask", human(answer={"n": "int"}))
    made = plan(
        node("ask", each(value([*"abc"]), body, at_once=1)),
        node("x", inline(node("approve", human()), output={"yes": ref("approve.yes")})),
        output={"ask": ref("ask"), "yes": ref("x.yes")},
    )
    runner = make()
    run_id = (await runner.start(made, MESSAGE)).run
    for path, given in (("ask[2]", "2"), ("ask[0]", "0"), ("x.approve", "yes")):
        await runner.answer(run_id, made, path, given)
        with pytest.raises(
            InvalidInput, match=f"node '{re.escape(path)}' of run .* has been answered already"
        ):
            await runner.answer(run_id, made, path, given)
    with pytest.raises(InvalidInput, match=r"graph 'test' has no node 'x.aprove'. Did you mean 'x.approve'?"):
        await runner.answer(run_id, made, "x.aprove", "yes")
    with pytest.raises(InvalidInput, match=r"node 'ask\[7\]' of run .* does not wait for an answer"):
        await runner.answer(run_id, made, "ask[7]", "7")
    with pytest.raises(InvalidInput, match=r"'ask\[1\]', expected {n: int} as JSON"):
        await runner.answer(run_id, made, "ask[1]", "yes")
    assert (await runner.resume(run_id, made)).status == "waiting"
    await runner.answer(run_id, made, "ask[1]", "1")
    assert (await runner.resume(run_id, made)).output == {"ask": [{"n": 0}, {"n": 1}, {"n": 2}], "yes": True}


async def test_all_questions_of_a_map_can_be_answered_before_it_goes_on() -> None:
    body = node("m", inline(node("ask", human()), output={"yes": ref("ask.yes")}))
    made = plan(node("m", each(value([*"abc"]), body, at_once=1)), output={"m": ref("m")})
    runner = make()
    run_id = (await runner.start(made, MESSAGE)).run
    for number in range(3):
        await runner.answer(run_id, made, f"m[{number}].ask", "yes")
    assert (await runner.resume(run_id, made)).output == {"m": [{"yes": True}] * 3}


async def test_a_question_that_nobody_waits_for_any_more_is_refused_kindly() -> None:
    held = inline(node("bad", tool(fail)), node("ask", human()), output={"x": value(1)})
    made = plan(node("held", held, fallback={"x": value(7)}), node("other", human()))
    runner = make()
    result = await runner.start(made, MESSAGE)
    assert result.status == "waiting"
    message = "node 'held.ask' of run .* is not waited for any more: what is around it went on without it"
    with pytest.raises(InvalidInput, match=message):
        await runner.answer(result.run, made, "held.ask", "yes")


async def test_an_uncertain_effect_inside_is_never_papered_over() -> None:
    num_effects = 0

    async def pay() -> int:
        nonlocal num_effects
        num_effects += 1
        raise ConnectionError("lost")

    held = inline(node("pay", tool(pay, effect="once")), node("bad", tool(fail)), output={"x": ref("pay")})
    body = node("m", held, fallback={"x": value(7)}, retry=3)
    made = plan(node("m", each(value([1]), body), retry=3), output={"m": ref("m")})
    runner = make()
    result = await runner.start(made, MESSAGE)
    assert (result.status, num_effects) == ("unknown", 1)
    assert f"`agentctl runs answer {result.run} m[0].pay RESULT`" in (result.error or "")
    await runner.answer(result.run, made, "m[0].pay", "5")
    result = await runner.resume(result.run, made)
    assert (result.output, num_effects) == ({"m": [{"x": 7}]}, 1)  # no retry repeats it


async def test_a_resume_goes_on_with_what_is_done_inside_a_node_that_failed() -> None:
    calls: list[int] = []
    never = asyncio.Event()

    async def work(n: int) -> int:
        calls.append(n)
        if n == 2 and len(calls) < 4:
            await never.wait()
        return n

    body = node("m", tool(work, "int", {"n": "int"}), inputs={"n": ref("item")})
    made = plan(node("m", each(value([0, 1, 2]), body, at_once=1), timeout_s=0.02), output={"m": ref("m")})
    runner = make()
    result = await runner.start(made, MESSAGE)
    assert result.error == "node 'm' failed: it took longer than 0.02 s"
    assert (await runner.resume(result.run, made)).output == {"m": [0, 1, 2]}
    assert calls == [0, 1, 2, 2]


async def test_what_a_case_is_written_as() -> None:
    made = plan(node("s", switch(value("none"), {"a": add("s", value(1))})))
    assert (await run(made)).error == "node 's' failed: `switch` gave \"none\", which has no case"
    made = plan(node("m", each(value("none"), add("m", value(1)))))
    assert (await run(made)).error == "node 'm' failed: `each` gave \"none\", expected a list"
    until = plan(node("r", repeat(add("r", value(1)), value("no"))))
    assert (await run(until)).error == "node 'r' failed: a condition gave \"no\", expected true or false"


async def test_kinds_hold_each_other() -> None:
    """A map of graphs, each with a loop whose rounds are switches."""
    odd = add("c", calc("c?", lambda s: s["c"] + 1))
    even = add("c", calc("c?", lambda s: s["c"]))
    chosen = node("c", switch(calc("c?", lambda s: s["c"] % 2 == 1), {"true": odd, "false": even}))
    until = calc("", lambda s: s["c"] >= s["input"]["n"])
    inner = block(
        node("c", repeat(chosen, until, 50, start=value(0))), output={"n": ref("c")}, output_type={"n": "int"}
    )
    call = node("m", graph("count", {"n": "int"}), inputs={"n": ref("item")}, output={"n": "int"})
    made = plan(node("m", each(value([3, 9]), call)), output={"m": ref("m")}, graphs={"count": inner})
    result = await run(made)
    assert result.output == {"m": [{"n": 3}, {"n": 9}]}
    assert {"m[1].c[2].true", "m[1].c[0].false", "m[1].c[2]", "m[1].c", "m[1]"} <= result.nodes.keys()


async def test_an_item_reads_what_is_around_it_and_a_list_may_be_long() -> None:
    made = plan(
        add("a", value(10)),
        node("m", each(value([*range(3000)]), add("m", calc("a item", lambda s: s["a"] + s["item"])))),
        output={"n": calc("m", lambda s: sum(s["m"]))},
    )
    assert (await run(made)).output == {"n": sum(range(3000)) + 3000 * 12}


async def test_events_tell_of_nodes_that_hold_others() -> None:
    events: list[Event] = []
    runner = Runner(ScriptedEngine(), MemoryJournal(), on_event=events.append)
    await runner.start(plan(node("held", inline(add("a", value(1)), output={"a": ref("a")}))), MESSAGE)
    told = [(type(event).__name__, getattr(event, "path", "")) for event in events[1:-1]]
    assert told == [
        ("NodeStarted", "held"),
        ("NodeStarted", "held.a"),
        ("NodeFinished", "held.a"),
        ("NodeFinished", "held"),
    ]


async def test_pins_name_what_is_inside() -> None:
    held = inline(node("b", agent("a", {"x": "int"})), output={"x": ref("b.x")})
    parts = parts_of(
        plan(node("m", each(value([1]), node("m", held))), graphs={"g": block(node("t", tool(fail)))})
    )
    assert parts["node 'm'"] == "map"
    assert parts["node 't' of graph 'g'"] == "tool fail"
    assert "the prompt of agent 'a'" in parts
    assert "the source of tool 'fail'" in parts
