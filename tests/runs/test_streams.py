"""Reading runs along: events in order, texts, many readers, slow ones, ends, and no secrets."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from shoal.agents.engine import Answer, Request, Usage
from shoal.agents.scripted import ScriptedEngine
from shoal.errors import InvalidInput
from shoal.graphs.plan import Plan
from shoal.journal import MemoryJournal
from shoal.runs.events import (
    AttemptRejected,
    Event,
    NodeFinished,
    NodeStarted,
    RunFinished,
    RunStarted,
    RunStopped,
    TokensDropped,
    TokensWritten,
    to_json,
)
from shoal.runs.runner import Runner
from shoal.runs.streams import EventStream, Hub
from shoal.workspace.redaction import HIDDEN
from tests.graphs.plans import agent, calc, human, node, plan, ref, tool, value, vote

pytestmark = pytest.mark.anyio
MESSAGE = {"message": "hello"}
REPLY = agent("reply", {"text": "str"})
GREETS = calc("reply", lambda s: "Ada" in s["reply"]["text"])


def make(script: Mapping[str, Any] | None = None, **options: Any) -> Runner:
    return Runner(ScriptedEngine(script), MemoryJournal(), backoff_s=lambda _: 0.0, **options)


def reply_plan(**options: Any) -> Plan:
    return plan(node("reply", REPLY, **options), output={"text": ref("reply.text")})


async def test_a_stream_tells_all_in_order_and_ends() -> None:
    runner = make({"reply": [{"text": "Dear Bob"}, {"text": "Dear Ada, yes."}]})
    events = [event async for event in runner.stream(reply_plan(accept=GREETS, retry=1), MESSAGE)]
    run = events[0].run
    assert events[:-2] == [
        RunStarted(run, "test", False),
        NodeStarted(run, "reply", 1),
        TokensWritten(run, "reply", 1, "Dear", "text"),
        TokensWritten(run, "reply", 1, " Bob", "text"),
        AttemptRejected(run, "reply", 1, "its output was not accepted"),
        NodeStarted(run, "reply", 2),
        TokensWritten(run, "reply", 2, "Dear", "text"),
        TokensWritten(run, "reply", 2, " Ada,", "text"),
        TokensWritten(run, "reply", 2, " yes.", "text"),
    ]
    assert isinstance(events[-2], NodeFinished)
    assert isinstance(events[-1], RunFinished)
    assert events[-1].result.output == {"text": "Dear Ada, yes."}


async def test_nobody_is_told_of_texts_unless_somebody_reads_along() -> None:
    engine = ScriptedEngine({"reply": {"text": "Dear Ada"}})
    heard: list[Event] = []
    runner = Runner(engine, MemoryJournal(), on_event=heard.append)
    await runner.start(reply_plan(), MESSAGE)
    assert [request.on_text for request in engine.requests] == [None]
    async for _ in runner.stream(reply_plan(), MESSAGE):
        pass
    assert engine.requests[1].on_text is not None
    assert not any(isinstance(event, TokensWritten) for event in heard)


async def test_samples_of_a_vote_are_told_apart_by_their_paths() -> None:
    made = plan(node("v", vote(node("v", REPLY), 3, on=("text",))))
    runner = make({"reply": {"text": "one two"}})
    texts: dict[str, str] = {}
    async for event in runner.stream(made, MESSAGE):
        if isinstance(event, TokensWritten):
            texts[event.path] = texts.get(event.path, "") + event.text
    assert texts == {f"v[{i}]": "one two" for i in range(3)}


async def test_every_reader_gets_every_event_and_readers_may_come_later() -> None:
    may_end = asyncio.Event()

    async def wait() -> int:
        await may_end.wait()
        return 1

    runner = make({"reply": {"text": "Dear Ada"}})
    made = plan(node("a", tool(wait)), node("reply", REPLY, when=calc("a", lambda s: True)))
    of_all = runner.listen()
    stream = runner.stream(made, MESSAGE)
    first = [await anext(stream), await anext(stream)]
    late = runner.listen(first[0].run)
    may_end.set()
    rest = [event async for event in stream]
    assert [event async for event in late] == rest
    assert [await anext(of_all) for _ in (*first, *rest)] == [*first, *rest]
    await of_all.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(of_all)


async def test_a_slow_reader_misses_texts_and_is_told_how_many() -> None:
    reader = EventStream(Hub(None), most_waiting=3)
    reader.take(RunStarted("r", "test", False))
    for i in range(5):
        reader.take(TokensWritten("r", "a", 1, str(i), "text"))
    reader.take(NodeStarted("r", "b", 1))
    reader.end()
    assert reader.num_dropped == 3
    assert [event async for event in reader] == [
        RunStarted("r", "test", False),
        TokensWritten("r", "a", 1, "0", "text"),
        TokensWritten("r", "a", 1, "1", "text"),
        TokensDropped("r", 3),
        NodeStarted("r", "b", 1),
    ]


async def test_a_reader_that_never_reads_holds_up_nobody() -> None:
    runner = make({"reply": {"text": "word " * 3000}})
    idle = runner.listen()
    result = await runner.start(reply_plan(), MESSAGE)
    assert result.status == "done"
    assert idle.num_dropped > 1000


async def test_closing_a_reader_leaves_the_run_alone() -> None:
    may_end, ended = asyncio.Event(), asyncio.Event()

    async def wait() -> int:
        await may_end.wait()
        ended.set()
        return 1

    runner = make()
    async with runner.stream(plan(node("a", tool(wait))), MESSAGE) as stream:
        run = (await anext(stream)).run
    late = runner.listen(run)
    may_end.set()
    assert isinstance([event async for event in late][-1], RunFinished)
    assert ended.is_set()


async def test_closing_a_reader_cancels_the_run_where_that_was_asked_for() -> None:
    async def hang() -> int:
        await asyncio.Event().wait()
        return 1

    journal = MemoryJournal()
    runner = Runner(ScriptedEngine(), journal)
    other = runner.listen()
    async with runner.stream(plan(node("a", tool(hang))), MESSAGE, cancels=True) as stream:
        run = (await anext(stream)).run
        await anext(stream)
    events = [await anext(other) for _ in range(3)]
    assert events[-1] == RunStopped(run, "CancelledError")
    assert (await journal.run(run)).status == "interrupted"


async def test_a_reader_raises_what_the_run_raises() -> None:
    with pytest.raises(InvalidInput, match="lacks the field 'message'"):
        async for _ in make().stream(reply_plan(), {}):
            raise AssertionError


async def test_a_resumed_run_is_read_to_its_end_even_if_it_was_done() -> None:
    made = plan(node("ask", human()), output={"yes": ref("ask.yes")})
    runner = make()
    result = await runner.start(made, MESSAGE)
    await runner.answer(result.run, made, "ask", "yes")
    events = [event async for event in runner.stream_resume(result.run, made)]
    assert events[0] == RunStarted(result.run, "test", True)
    last = [event async for event in runner.stream_resume(result.run, made)]
    assert [type(event) for event in last] == [RunFinished]
    assert last[0].result.output == {"yes": True}  # type: ignore[union-attr]


class Typist:
    """An engine that writes in a thread of its own, and does not notice that nobody waits any more."""

    def __init__(self) -> None:
        self.may_go_on = threading.Event()

    async def complete(self, request: Request) -> Answer:
        def write() -> None:
            assert request.on_text is not None
            request.on_text("text", "my key is sk-abcdefgh")
            request.on_text("text", "ijklmnopqrst and ")
            if request.temperature == 0:
                self.may_go_on.wait(10)
                request.on_text("text", "too late")

        await asyncio.to_thread(write)
        output = {"text": "my key is sk-abcdefghijklmnopqrst and "}
        return Answer(output=output, confidence=1, field_confidence={}, usage=Usage())

    async def close(self) -> None:
        pass


async def test_texts_from_threads_are_redacted_and_end_with_their_attempt() -> None:
    engine = Typist()
    runner = Runner(engine, MemoryJournal())
    texts: dict[int, str] = {1: "", 2: ""}
    async for event in runner.stream(reply_plan(timeout_s=0.3, retry=1), MESSAGE):
        if isinstance(event, AttemptRejected):
            engine.may_go_on.set()
        if isinstance(event, TokensWritten):
            texts[event.attempt] += event.text
    assert texts == {1: f"my key is {HIDDEN} and", 2: f"my key is {HIDDEN} and "}


async def test_lines_of_json_are_redacted_and_have_one_shape_each() -> None:
    def fail(password: str) -> int:
        raise ConnectionError(f"db://bank:pw12@host refused {password}")

    made = plan(
        node("a", tool(fail, input={"password": "str"}), inputs={"password": value("open sesame")}),
        node("ask", human("Is Bearer abcDEF123456 right?")),
        node("reply", REPLY, fallback={"text": value("x")}),
    )
    runner = make({"reply": {"text": "use sk-abcdefghijklmnopqrst"}})
    lines = [to_json(event) async for event in runner.stream(made, MESSAGE)]
    text = json.dumps(lines)
    for secret in ("pw12", "open sesame", "abcDEF", "sk-abc"):
        assert secret not in text
    by_type = {line["type"]: line for line in lines}
    assert by_type["run_started"].keys() == {"type", "run", "graph", "is_resumed"}
    assert by_type["tokens_written"].keys() == {"type", "run", "path", "attempt", "field", "text"}
    assert by_type["node_waiting"]["question"] == f"Is Bearer {HIDDEN} right?"
    assert by_type["run_finished"]["status"] == "failed"
    failed = next(line for line in lines if line.get("status") == "failed" and "path" in line)
    assert failed["reason"] == f"tool 'fail' raised ConnectionError: db://bank:{HIDDEN}@host refused {HIDDEN}"
