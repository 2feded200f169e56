"""Spans of runs: names, nesting, attributes of the conventions, errors, links."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import StatusCode

from shoal.agents.scripted import ScriptedEngine
from shoal.graphs.plan import AgentCall, Escalation, Plan
from shoal.journal import Journal, MemoryJournal
from shoal.runs.runner import Runner
from shoal.telemetry.spans import RunIds, Spans
from shoal.workspace.redaction import HIDDEN
from tests.graphs.plans import agent, block, calc, each, graph, human, node, plan, ref, tool, value

from .conftest import Traced

pytestmark = pytest.mark.anyio
MESSAGE = {"message": "hello"}
REPLY = agent("reply", {"text": "str"}, {"name": "str"})


def make(
    traced: Traced, script: Any = None, journal: Journal | None = None, *, has_content: bool = False
) -> Runner:
    spans = Spans(traced.provider.get_tracer("shoal"), ids=traced.ids, has_content=has_content)
    return Runner(
        ScriptedEngine(script), journal or MemoryJournal(), on_event=spans.on_event, backoff_s=lambda _: 0.0
    )


def nested() -> Plan:
    def count(n: int) -> int:
        return n

    inner = block(
        node("c", tool(count, input={"n": "int"}), inputs={"n": ref("input.n")}),
        output={"n": ref("c")},
        output_type={"n": "int"},
    )
    call = node("m", graph("count", {"n": "int"}), inputs={"n": ref("item")}, output={"n": "int"})
    return plan(node("m", each(value([3, 9]), call)), graphs={"count": inner}, output={"m": ref("m")})


async def test_nested_paths_nest(traced: Traced) -> None:
    await make(traced).start(nested(), MESSAGE)
    spans = traced.exporter.get_finished_spans()
    paths = {span.context.span_id: (span.attributes or {}).get("shoal.node.path") for span in spans}
    tree = {
        paths[span.context.span_id]: paths[span.parent.span_id] if span.parent else "none" for span in spans
    }
    assert tree == {
        None: "none",
        "m": None,
        "m[0]": "m",
        "m[1]": "m",
        "m[0].c": "m[0]",
        "m[1].c": "m[1]",
    }
    assert len({span.context.trace_id for span in spans}) == 1
    assert {span.name for span in spans} == {
        "invoke_workflow test",
        "map m",
        "invoke_workflow count",
        "execute_tool count",
    }
    for span in spans:
        assert span.start_time is not None and span.end_time is not None
        assert span.start_time <= span.end_time


async def test_agents_and_tools_have_the_attributes_of_the_conventions(traced: Traced) -> None:
    def look_up() -> int:
        return 1

    made = plan(node("a", tool(look_up)), node("reply", REPLY, inputs={"name": value("Ada Lovelace")}))
    result = await make(traced, {"reply": {"text": "Dear Ada, yes", "confidence": 0.75}}).start(made, MESSAGE)
    assert dict(traced.spans["invoke_workflow test"].attributes or {}) == {
        "gen_ai.operation.name": "invoke_workflow",
        "gen_ai.agent.name": "test",
        "shoal.run.id": result.run,
        "shoal.run.resumed": False,
        "shoal.run.status": "done",
        "gen_ai.usage.input_tokens": 2,
        "gen_ai.usage.output_tokens": 3,
    }
    assert dict(traced.spans["invoke_agent reply"].attributes or {}) == {
        "shoal.node.kind": "agent",
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": "shoal",
        "gen_ai.agent.name": "reply",
        "gen_ai.request.model": "shoal/nano",
        "gen_ai.output.type": "json",
        "shoal.base": "nano",
        "shoal.node.path": "reply",
        "shoal.node.attempt": 1,
        "shoal.node.outcome": "done",
        "gen_ai.usage.input_tokens": 2,
        "gen_ai.usage.output_tokens": 3,
        "shoal.confidence": 0.75,
    }
    assert dict(traced.spans["execute_tool look_up"].attributes or {}) == {
        "shoal.node.kind": "tool",
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "look_up",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": f"{result.run}:a",
        "shoal.tool.effect": "pure",
        "shoal.node.path": "a",
        "shoal.node.attempt": 1,
        "shoal.node.outcome": "done",
    }


async def test_content_is_told_only_where_it_is_switched_on_and_redacted(traced: Traced) -> None:
    def pay(password: str, to: str) -> str:
        return f"{to} has Bearer abcDEF123456"

    inputs = {"password": value("open sesame"), "to": value("Ada")}
    made = plan(
        node("a", tool(pay, "str", {"password": "str", "to": "str"}), inputs=inputs),
        node("reply", REPLY, inputs={"name": value("Ada")}),
        output={"text": ref("reply.text")},
    )
    await make(traced, {"reply": {"text": "Dear Ada"}}, has_content=True).start(made, MESSAGE)
    called = traced.spans["execute_tool pay"].attributes or {}
    assert json.loads(str(called["gen_ai.tool.call.arguments"])) == {"password": HIDDEN, "to": "Ada"}
    assert called["gen_ai.tool.call.result"] == f"Ada has Bearer {HIDDEN}"
    asked = traced.spans["invoke_agent reply"].attributes or {}
    assert json.loads(str(asked["gen_ai.input.messages"])) == [
        {"role": "user", "parts": [{"type": "text", "content": '{"name": "Ada"}'}]}
    ]
    run = traced.spans["invoke_workflow test"].attributes or {}
    (answer,) = json.loads(str(run["gen_ai.output.messages"]))
    assert (answer["role"], answer["finish_reason"]) == ("assistant", "stop")
    assert answer["parts"][0]["content"] == '{"text": "Dear Ada"}'


async def test_every_attempt_is_a_span_and_errors_say_why(traced: Traced) -> None:
    calls = iter([ConnectionError("db://bank:pw12@host"), TimeoutError(), None])

    def flaky() -> int:
        if error := next(calls):
            raise error
        return 1

    def broken() -> int:
        raise KeyError("x")

    made = plan(node("a", tool(flaky), retry=2), node("b", tool(broken)))
    await make(traced).start(made, MESSAGE)
    attempts = [span for span in traced.exporter.get_finished_spans() if span.name == "execute_tool flaky"]
    told = [
        (span.status.status_code, (span.attributes or {}).get("error.type"), span.status.description)
        for span in attempts
    ]
    assert told == [
        (
            StatusCode.ERROR,
            "ConnectionError",
            f"tool 'flaky' raised ConnectionError: db://bank:{HIDDEN}@host",
        ),
        (StatusCode.ERROR, "TimeoutError", "tool 'flaky' raised TimeoutError"),
        (StatusCode.UNSET, None, None),
    ]
    assert [(span.attributes or {})["shoal.node.attempt"] for span in attempts] == [1, 2, 3]
    run = traced.spans["invoke_workflow test"]
    assert (run.status.status_code, (run.attributes or {})["error.type"]) == (StatusCode.ERROR, "KeyError")


async def test_what_a_tool_traces_by_itself_stands_inside_its_span(traced: Traced) -> None:
    tracer = traced.provider.get_tracer("of a tool")

    def in_a_thread() -> int:
        with tracer.start_as_current_span("query"):
            return 1

    async def in_the_loop() -> int:
        with tracer.start_as_current_span("fetch"):
            await asyncio.sleep(0)
            return 1

    made = plan(
        node("a", tool(in_a_thread)),
        node("b", tool(in_the_loop)),
        node("c", tool(in_the_loop), when=calc("a b", lambda s: True)),
    )
    before = trace.get_current_span()
    await make(traced).start(made, MESSAGE)
    assert trace.get_current_span() is before
    parents = traced.parents()
    assert parents["query"] == "execute_tool in_a_thread"
    assert parents["fetch"] == "execute_tool in_the_loop"


async def test_a_run_joins_the_trace_of_its_caller(traced: Traced) -> None:
    with traced.provider.get_tracer("gateway").start_as_current_span("POST /runs"):
        await make(traced).start(nested(), MESSAGE)
    assert traced.parents()["invoke_workflow test"] == "POST /runs"


async def test_a_resumed_run_is_linked_to_its_first_trace(traced: Traced) -> None:
    made = plan(node("ask", human()), output={"yes": ref("ask.yes")})
    journal = MemoryJournal()
    result = await make(traced, journal=journal).start(made, MESSAGE)
    first = traced.spans["invoke_workflow test"]
    assert (first.attributes or {})["shoal.run.status"] == "waiting"
    assert first.status.status_code == StatusCode.UNSET
    assert (traced.spans["waiting ask"].attributes or {})["shoal.node.kind"] == "human"
    assert first.context.trace_id == RunIds.first(result.run).trace_id
    other = make(traced, journal=journal)  # as another process
    await other.answer(result.run, made, "ask", "yes")
    await other.resume(result.run, made)
    second = traced.spans["invoke_workflow test"]
    assert second.context.trace_id != first.context.trace_id
    assert [link.context.span_id for link in second.links] == [first.context.span_id]
    assert [link.context.trace_id for link in second.links] == [first.context.trace_id]
    assert (second.attributes or {})["shoal.run.resumed"] is True


async def test_an_escalation_stands_inside_the_node_it_answers_for(traced: Traced) -> None:
    large = agent("large", {"text": "str"}, {"name": "str"})
    step = node("reply", large, inputs={"name": value("Ada")})
    unsure = Escalation(when=calc("", lambda s: s["reply"]["confidence"] < 0.5), to=step)
    made = plan(node("reply", REPLY, inputs={"name": value("Ada")}, escalate=unsure))
    await make(traced, {"reply": {"text": "hm", "confidence": 0.1}}).start(made, MESSAGE)
    assert (traced.spans["invoke_agent reply"].attributes or {})["shoal.node.outcome"] == "escalated"
    assert traced.spans["invoke_agent reply"].status.status_code == StatusCode.UNSET
    assert traced.parents()["invoke_agent large"] == "agent reply"


async def test_a_run_that_is_given_up_ends_its_spans(traced: Traced) -> None:
    async def hang() -> int:
        await asyncio.Event().wait()
        return 1

    task = asyncio.create_task(make(traced).start(plan(node("a", tool(hang))), MESSAGE))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    run = traced.spans["invoke_workflow test"]
    assert ((run.attributes or {})["shoal.run.status"], run.status.status_code) == (
        "stopped",
        StatusCode.ERROR,
    )
    assert (traced.spans["execute_tool hang"].attributes or {})["shoal.node.outcome"] == "open"


async def test_an_adapter_names_the_model_and_the_version(traced: Traced) -> None:
    from pathlib import Path

    from shoal.agents.agent import Adapter

    tuned = dataclasses.replace(
        REPLY.agent, adapter=Adapter(name="reply@3", sha256="0" * 64, folder=Path(".")), about="Writes."
    )
    made = plan(node("reply", AgentCall(agent=tuned), inputs={"name": value("Ada")}))
    await make(traced).start(made, MESSAGE)
    attributes = traced.spans["invoke_agent reply"].attributes or {}
    assert attributes["gen_ai.request.model"] == "reply@3"
    assert attributes["gen_ai.agent.version"] == "3"
    assert attributes["gen_ai.agent.description"] == "Writes."
