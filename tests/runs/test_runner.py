"""Running plans: order and concurrency, skips, accept, retry, fallback, timeouts, tools and their effects."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import Mapping
from typing import Any, TypedDict

import pytest
from pydantic import BaseModel

from shoal.agents.engine import Request
from shoal.agents.scripted import ScriptedEngine
from shoal.errors import InvalidInput, ShoalError
from shoal.graphs.plan import Plan
from shoal.journal import Journal, MemoryJournal
from shoal.runs.events import (
    AttemptRejected,
    Event,
    NodeFinished,
    NodeSkipped,
    NodeStarted,
    NodeWaiting,
    RunFinished,
    RunStarted,
)
from shoal.runs.results import RunResult, result_of
from shoal.runs.runner import Runner, new_run_id, tool_backoff_s
from tests.graphs.plans import agent, calc, human, node, plan, ref, tool, value

pytestmark = pytest.mark.anyio
MESSAGE = {"message": "hallo"}


async def run(
    made: Plan,
    script: Mapping[str, Any] | None = None,
    journal: Journal | None = None,
    inputs: Mapping[str, Any] = MESSAGE,
) -> RunResult:
    runner = Runner(ScriptedEngine(script), journal or MemoryJournal(), backoff_s=lambda _: 0.0)
    return await runner.start(made, inputs)


async def test_values_flow_along_the_edges() -> None:
    def double(x: float) -> float:
        return 2 * x

    made = plan(
        node("first", tool(double, "float", {"x": "float"}), inputs={"x": ref("input.n")}),
        node("second", tool(double, "float", {"x": "float"}), inputs={"x": ref("first")}),
        output={"n": ref("second")},
        input={"n": "int"},
    )
    result = await run(made, inputs={"n": 3})
    assert (result.status, result.output, result.error) == ("done", {"n": 12.0}, None)
    assert [(summary.path, summary.output) for summary in result.nodes.values()] == [
        ("first", 6.0),
        ("second", 12.0),
    ]
    assert all(summary.ms > 0 and summary.attempts == 1 for summary in result.nodes.values())


async def test_two_branches_overlap_and_a_slow_one_holds_up_nobody() -> None:
    """Left waits for what only happens after right's follower ran: possible only without a barrier."""
    followed = asyncio.Event()

    async def left() -> int:
        await followed.wait()
        return 1

    async def right() -> int:
        return 2

    async def follower() -> int:
        followed.set()
        return 3

    made = plan(
        node("left", tool(left)),
        node("right", tool(right)),
        node("follower", tool(follower), when=calc("right", lambda s: s["right"] == 2)),
        output={"sum": calc("left follower", lambda s: s["left"] + s["follower"])},
    )
    assert (await run(made)).output == {"sum": 4}


async def test_sync_tools_overlap_in_threads() -> None:
    meeting = threading.Barrier(2, timeout=10)

    def meet() -> int:
        return meeting.wait() * 0

    assert (await run(plan(node("a", tool(meet)), node("b", tool(meet))))).status == "done"


async def test_no_more_attempts_are_under_way_than_there_are_slots() -> None:
    under_way, most = 0, 0

    async def work() -> int:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _ in range(5):
            await asyncio.sleep(0)
        under_way -= 1
        return 0

    runner = Runner(ScriptedEngine(), MemoryJournal(), nodes_at_once=3)
    result = await runner.start(plan(*(node(f"n{i}", tool(work)) for i in range(10))), MESSAGE)
    assert (result.status, most) == ("done", 3)


async def test_skips_are_recorded_with_their_reason() -> None:
    def never() -> int:
        raise AssertionError

    made = plan(
        node("a", tool(never), when=value(False)),
        node("b", tool(never, input={"x": "int"}), inputs={"x": ref("a")}),
        node("c", human(), when=calc("b", lambda s: True)),
    )
    result = await run(made)
    assert result.status == "done"
    assert [(each.status, each.reason, each.attempts) for each in result.nodes.values()] == [
        ("skipped", "`when` is false", 0),
        ("skipped", "'a' was skipped", 0),
        ("skipped", "'b' was skipped", 0),
    ]


REPLY = agent("reply", {"text": "str"}, {"name": "str"})
GREETS = calc("reply", lambda s: "Ada" in s["reply"]["text"])


def reply_plan(**options: Any) -> Plan:
    made = node("reply", REPLY, inputs={"name": value("Ada")}, accept=GREETS, **options)
    return plan(made, output={"text": ref("reply.text"), "confidence": ref("reply.confidence")})


async def test_an_agent_is_sampled_again_until_its_output_is_accepted() -> None:
    requests: list[Request] = []
    texts = iter(["Dear Bob", "Dear Eve", "Dear Ada"])

    def answer(request: Request) -> dict[str, Any]:
        requests.append(request)
        return {"text": next(texts), "confidence": 0.75}

    journal = MemoryJournal()
    result = await run(reply_plan(retry=4), {"reply": answer}, journal)
    assert result.output == {"text": "Dear Ada", "confidence": 0.75}
    summary = result.nodes["reply"]
    assert (summary.attempts, summary.status, summary.confidence) == (3, "done", 0.75)
    assert (summary.prompt_tokens, summary.completion_tokens) == (3, 6)
    assert [request.temperature for request in requests] == [0.0, 0.7, 0.7]
    assert len({request.seed for request in requests}) == 3
    kinds = [(row.kind, row.output["text"]) for row in await journal.rows(result.run)]
    assert kinds == [("rejected", "Dear Bob"), ("rejected", "Dear Eve"), ("done", "Dear Ada")]


async def test_the_fallback_comes_after_the_last_attempt() -> None:
    made = reply_plan(retry=1, fallback={"text": calc("", lambda s: "Hello " + s["input"]["message"])})
    result = await run(made, {"reply": {"text": "Dear Bob"}})
    assert result.output == {"text": "Hello hallo", "confidence": 0.0}
    summary = result.nodes["reply"]
    assert (summary.status, summary.attempts, summary.confidence) == ("fallback", 2, 0.0)
    assert summary.reason == "its output was not accepted"


async def test_without_fallback_the_node_fails_and_other_branches_finish() -> None:
    async def other() -> int:
        return 7

    made = plan(
        node("reply", REPLY, inputs={"name": value("Ada")}, accept=GREETS, retry=2),
        node("after", tool(other), when=calc("reply", lambda s: True)),
        node("other", tool(other)),
        output={"n": ref("other")},
    )
    result = await run(made, {"reply": {"text": "Dear Bob"}})
    assert (result.status, result.output) == ("failed", {"n": 7})
    assert result.error == "node 'reply' failed: its output was not accepted"
    assert result.nodes["reply"].attempts == 3
    assert "after" not in result.nodes


async def test_an_accept_that_has_no_value_refuses() -> None:
    made = plan(node("reply", REPLY, inputs={"name": value("")}, accept=calc("", lambda s: s["reply"]["no"])))
    result = await run(made)
    assert result.error == "node 'reply' failed: its `accept` fails on this output: KeyError: 'no'"


async def test_an_engine_that_cannot_fails_the_node_with_its_sentence() -> None:
    def broken(request: Request) -> dict[str, Any]:
        raise ShoalError("the model is not here.\nFetch it")

    def bug(request: Request) -> dict[str, Any]:
        raise ZeroDivisionError

    made = plan(node("reply", REPLY, inputs={"name": value("Ada")}))
    for script, reason in (
        (broken, "the model is not here. Fetch it"),
        (bug, "agent 'reply' raised ZeroDivisionError"),
        (
            {"txt": ""},
            "the scripted answer of agent 'reply' has an unknown field 'txt'. Did you mean 'text'?",
        ),
    ):
        assert (await run(made, {"reply": script})).error == f"node 'reply' failed: {reason}"


async def test_a_tool_that_raises_is_tried_again_with_its_key() -> None:
    keys: list[str] = []

    def flaky(idempotency_key: str) -> int:
        keys.append(idempotency_key)
        if len(keys) < 3:
            raise ConnectionError("no route\nto host")
        return len(keys)

    made = plan(
        node("send", tool(flaky, effect="idempotent", takes_key=True), retry=3), output={"n": ref("send")}
    )
    events: list[Event] = []
    runner = Runner(ScriptedEngine(), MemoryJournal(), on_event=events.append, backoff_s=lambda _: 0.0)
    result = await runner.start(made, MESSAGE)
    assert (result.output, result.nodes["send"].attempts) == ({"n": 3}, 3)
    assert keys == [f"{result.run}:send"] * 3
    reasons = [event.reason for event in events if isinstance(event, AttemptRejected)]
    assert reasons == ["tool 'flaky' raised ConnectionError: no route to host"] * 2


async def test_a_tool_that_keeps_raising_fails_its_node() -> None:
    def broken() -> int:
        raise SystemExit(3)

    async def broken_too() -> int:
        raise StopIteration

    result = await run(plan(node("a", tool(broken)), node("b", tool(broken_too), retry=1)))
    assert result.error == "node 'a' failed: tool 'broken' raised SystemExit: 3"
    assert result.nodes["a"].status == result.nodes["b"].status == "failed"


def test_tools_wait_longer_from_try_to_try() -> None:
    for num_rejected, most in ((1, 0.2), (3, 0.8), (30, 20.0)):
        waits = [tool_backoff_s(num_rejected) for _ in range(200)]
        assert 0 <= min(waits) < 0.5 * most < max(waits) <= most


async def test_work_that_takes_too_long_is_given_up() -> None:
    never = asyncio.Event()

    async def hang() -> int:
        await never.wait()
        return 1

    made = plan(node("a", tool(hang), timeout_s=0.01, retry=1))
    result = await run(made)
    assert result.error == "node 'a' failed: it took longer than 0.01 s"
    assert result.nodes["a"].attempts == 2


async def test_a_thread_that_hangs_holds_up_nobody() -> None:
    release = threading.Event()

    def hang() -> int:
        release.wait(30)
        return 1

    result = await run(plan(node("a", tool(hang), timeout_s=0.01, fallback=None)))
    assert result.status == "failed"
    release.set()


async def test_a_tool_that_raises_a_timeout_is_not_said_to_have_been_slow() -> None:
    async def slow() -> int:
        raise TimeoutError("upstream")

    result = await run(plan(node("a", tool(slow), timeout_s=5)))
    assert result.error == "node 'a' failed: tool 'slow' raised TimeoutError: upstream"


async def test_a_cancellation_that_gets_out_of_a_tool_fails_its_node() -> None:
    async def leak() -> int:
        raise asyncio.CancelledError

    assert (await run(plan(node("a", tool(leak))))).error == (
        "node 'a' failed: tool 'leak' raised CancelledError"
    )


async def test_an_error_without_a_text_of_its_own_is_named() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    def fail() -> int:
        raise Mute

    assert (await run(plan(node("a", tool(fail))))).error == "node 'a' failed: tool 'fail' raised Mute"


async def test_a_condition_that_turns_out_to_be_none_fails_the_node() -> None:
    result = await run(plan(node("a", human(), when=value("no"))))
    assert result.error == "node 'a' failed: a condition gave \"no\", expected true or false"


class Money(BaseModel):
    amount: float


@dataclasses.dataclass
class Account:
    name: str
    limits: tuple[Money, ...]


class Row(TypedDict):
    account: Account


RECORD = {"account": {"name": "str", "limits": "list[any]"}}


async def test_results_become_plain_data() -> None:
    def look_up() -> Row:
        return {"account": Account("Ada", (Money(amount=1),))}

    result = await run(plan(node("a", tool(look_up, RECORD)), output={"a": ref("a")}))
    assert result.output == {"a": {"account": {"name": "Ada", "limits": [{"amount": 1.0}]}}}


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ("four", "its result is 'four', expected int"),
        (10**400, f"its result is {'1' + '0' * 27}...{'0' * 29}, expected int"),
        (float("nan"), "its result holds nan, which JSON cannot"),
        ({"a": object()}, "its result holds a object, which JSON cannot"),
    ],
)
async def test_results_that_do_not_fit_fail_the_node(result: Any, reason: str) -> None:
    def give() -> Any:
        return result

    assert (await run(plan(node("a", tool(give))))).error == f"node 'a' failed: {reason}"


async def test_a_tool_cannot_change_what_others_read() -> None:
    def make() -> Any:
        return {"list": [1]}

    def spoil(x: Any) -> int:
        x["list"].append(2)
        return 0

    made = plan(
        node("a", tool(make, "any")),
        node("b", tool(spoil, input={"x": "any"}), inputs={"x": ref("a")}),
        output={"a": calc("a b", lambda s: s["a"])},
    )
    assert (await run(made)).output == {"a": {"list": [1]}}


async def test_inputs_of_a_run_are_read_against_the_graph() -> None:
    with pytest.raises(InvalidInput, match="graph 'test': input lacks the field 'message'"):
        await run(plan(), inputs={})


async def test_events_tell_what_happens() -> None:
    async def one() -> int:
        return 1

    made = plan(
        node("a", tool(one)),
        node("b", tool(one), when=calc("a", lambda s: False)),
        node("c", human("Go on?"), when=calc("a", lambda s: True)),
        output={"a": ref("a")},
    )
    events: list[Event] = []
    runner = Runner(ScriptedEngine(), MemoryJournal(), on_event=events.append)
    result = await runner.start(made, MESSAGE)
    assert [type(event) for event in events] == [
        RunStarted,
        NodeStarted,
        NodeFinished,
        NodeSkipped,
        NodeWaiting,
        RunFinished,
    ]
    assert events[-1] == RunFinished(result.run, result)
    assert result.status == "waiting"
    assert result.nodes["c"].question == "Go on?"


async def test_many_runs_at_once_come_back_in_order() -> None:
    async def late(n: int) -> int:
        for _ in range(20 - n):
            await asyncio.sleep(0)
        return n

    made = plan(
        node("a", tool(late, input={"n": "int"}), inputs={"n": ref("input.n")}),
        output={"n": ref("a")},
        input={"n": "int"},
    )
    runner = Runner(ScriptedEngine(), MemoryJournal())
    inputs = [{"n": n} for n in range(20)] + [{"n": "x"}]
    results = [result async for result in runner.each(made, inputs, runs_at_once=7)]
    assert [result.output for result in results if isinstance(result, RunResult)] == inputs[:20]
    assert isinstance(results[-1], InvalidInput)


async def test_what_the_journal_tells_is_what_the_run_gave() -> None:
    journal = MemoryJournal()
    made = reply_plan(retry=1, fallback={"text": value("Hello")})
    result = await run(made, {"reply": {"text": "Dear Bob"}}, journal)
    assert await result_of(journal, result.run) == result


def test_run_ids_are_short_sorted_and_unique() -> None:
    ids = [new_run_id(1795467746.0 + second) for second in range(50)]
    assert ids == sorted(ids)
    assert all(len(each) == 16 and each.startswith("20261123-") for each in ids)
    assert len({new_run_id(1795467746.0) for _ in range(100)}) > 95
