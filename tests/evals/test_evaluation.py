"""Suites that run: what is asked, how often, what is recorded, and what happens when it breaks off."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import pytest

from shoal.agents.engine import Answer, Request
from shoal.agents.scripted import ScriptedEngine
from shoal.errors import ShoalError
from shoal.evals.evaluation import Line
from shoal.evals.results import find_result, results

from .desk import AGENT_CASES, CASES, SUITE, Desk, lines_of, scripted


def test_a_graph_is_scored_by_output_nodes_steps_and_state(desk: Desk) -> None:
    lines = lines_of(asyncio.run(desk.run(desk.suite(), scripted())))
    assert [*lines] == ["small", "large", "other"]
    assert {name: line["scores"] for name, line in lines.items()} == {
        "small": {
            "intent": 1.0, "booked": 1.0, "way": 1.0, "changes": 1.0,
            "triage.intent": 1.0, "triage.amount": 1.0,
        },
        "large": {"intent": 1.0, "booked": 1.0, "way": 1.0, "changes": 1.0},
        "other": {"intent": 1.0, "booked": 1.0, "way": 1.0, "changes": 1.0},
    }  # fmt: skip
    assert lines["large"]["slices"] == ["asks", "says"]
    assert lines["small"]["output"] == {"intent": "raise", "booked": 550.0}
    assert lines["small"]["choices"] == {"intent": ["raise", "raise"], "triage.intent": ["raise", "raise"]}
    assert lines["small"]["confidence"] == {"triage.intent": 0.9, "triage.amount": 0.9}


def test_what_is_wrong_is_told(desk: Desk) -> None:
    lines = lines_of(asyncio.run(desk.run(desk.suite(), scripted(lambda message: "50" in message))))
    small = lines["small"]
    assert set(small["scores"].values()) == {0.0}
    assert small["notes"] == {
        "intent": "other, expected raise",
        "booked": "null, expected 550.0",
        "way": "did not run: account, book",
        "changes": "not done: update accounts id=a, credit=550.0; "
        "not done: insert bookings customer=a, amount=50.0",
        "triage.intent": "other, expected raise",
        "triage.amount": "null, expected 50",
    }
    assert set(lines["large"]["scores"].values()) == {1.0}


def test_cases_do_not_see_each_other(desk: Desk) -> None:
    desk.write_cases("cases.jsonl", [{**CASES[0], "id": f"case {number}"} for number in range(30)])
    lines = lines_of(asyncio.run(desk.run(desk.suite(), scripted(), is_kept=False)))
    assert {line["output"]["booked"] for line in lines.values()} == {550.0}
    assert all(line["scores"]["changes"] == 1.0 for line in lines.values())
    assert [*(desk.root / "world").iterdir()] == [desk.root / "world/SHOP_DB.db"]


def test_an_error_is_neither_right_nor_wrong(desk: Desk) -> None:
    unknown = {**CASES[0], "id": "unknown", "input": {"message": "raise by 5", "customer": "x"}}
    unanswered = {**CASES[1], "id": "unanswered", "answers": {}}
    desk.write_cases("cases.jsonl", [unknown, unanswered])
    lines = lines_of(asyncio.run(desk.run(desk.suite(), scripted())))
    assert lines["unknown"]["scores"] == lines["unanswered"]["scores"] == {}
    assert lines["unknown"]["error"] == (
        "node 'account' failed: tool 'find' raised LookupError: no customer x"
    )
    assert lines["unanswered"]["error"] == (
        "node 'ask' waits for a person, and the case has no answer for it"
    )


def test_the_runs_of_a_graph_are_kept(desk: Desk) -> None:
    result = asyncio.run(desk.run(desk.suite(), scripted()))
    run = lines_of(result)["large"]["run"]
    rows = result.rows([run, "another"])
    assert [*rows] == [run]
    assert {row.path: row.kind for row in rows[run]} == {
        "triage": "done", "account": "done", "ask": "answered", "book": "done",
    }  # fmt: skip
    assert rows[run][0].run == run and rows[run][0].output["intent"] == "raise"
    agent = asyncio.run(desk.run(desk.suite("triage"), scripted()))
    assert not agent.runs.exists() and agent.rows([run]) == {}


def test_what_was_asked_comes_from_the_cache(desk: Desk) -> None:
    suite, engine = desk.suite("triage"), scripted()
    first = asyncio.run(desk.run(suite, engine))
    second = asyncio.run(desk.run(suite, engine))
    assert len(engine.requests) == 40
    assert second.id != first.id
    assert [line["cached"] for line in second.lines()] == [True] * 40
    assert [line["scores"] for line in second.lines()] == [line["scores"] for line in first.lines()]
    assert [line["ms"] for line in second.lines()] == [line["ms"] for line in first.lines()]
    asyncio.run(desk.run(suite, engine, is_kept=False))
    assert len(engine.requests) == 80


def test_a_changed_case_is_asked_again_and_no_other(desk: Desk) -> None:
    engine = scripted()
    asyncio.run(desk.run(desk.suite("triage"), engine))
    changed = [{**AGENT_CASES[0], "input": {"message": "raise by 99"}}, *AGENT_CASES[1:]]
    desk.write_cases("triage.jsonl", changed)
    asyncio.run(desk.run(desk.suite("triage"), engine))
    assert [request.values["message"] for request in engine.requests[40:]] == ["raise by 99"]


def test_of_a_changed_graph_the_agents_are_not_asked_again(desk: Desk) -> None:
    engine = scripted()
    first = lines_of(asyncio.run(desk.run(desk.suite(), engine)))
    graph = (desk.root / "graphs/desk.yaml").read_text(encoding="utf-8")
    desk.write("graphs/desk.yaml", graph.replace("May ${account.name}", "Shall ${account.name}"))
    second = lines_of(asyncio.run(desk.run(desk.suite(), engine)))
    assert len(engine.requests) == 3
    assert [line["cached"] for line in second.values()] == [False] * 3
    assert [line["scores"] for line in second.values()] == [line["scores"] for line in first.values()]
    assert [line["ms"] for line in second.values()] == [None] * 3  # nobody knows how long it takes as a whole


def test_one_that_broke_off_goes_on(desk: Desk) -> None:
    suite = desk.suite("triage")

    seen: list[Line] = []

    def stop(line: Line) -> None:
        seen.append(line)
        if len(seen) == 25:
            raise ConnectionError("the terminal is gone")

    engine = scripted()
    with pytest.raises(ConnectionError, match="the terminal is gone"):
        asyncio.run(desk.run(suite, scripted(), is_kept=False, on_line=stop))
    (begun,) = results(desk.root)
    assert not begun.is_finished and not begun.is_alive
    done = [line["id"] for line in begun.lines()]
    assert 25 <= len(done) < 40
    with begun.cases.open("a", encoding="utf-8") as stream:
        stream.write('{"id": "torn", "rep' + "e" * 100_000)
    result = asyncio.run(desk.run(suite, engine, is_kept=False))
    assert result.id == begun.id
    assert len(engine.requests) == 40 - len(done)
    assert [line["id"] for line in result.lines()] == [case.id for case in suite.cases]
    assert asyncio.run(desk.run(suite, engine, is_kept=False)).id != begun.id


def test_a_fresh_one_is_a_new_one(desk: Desk) -> None:
    suite, engine = desk.suite("triage"), scripted()
    recorder = desk.recorder(suite, desk.target(suite, engine, None))
    recorder.close()
    assert asyncio.run(desk.run(suite, engine, is_fresh=True)).id != recorder.result.id
    assert find_result(desk.root, "triage").is_finished
    with pytest.raises(ShoalError, match="there is no evaluation 'triagee'"):
        find_result(desk.root, "triagee")
    with pytest.raises(ShoalError, match=r"is not finished. Go on with it: `agentctl eval run triage`"):
        recorder.result.summary()


def test_one_that_is_under_way_elsewhere_is_left_alone(desk: Desk) -> None:
    suite, engine = desk.suite("triage"), scripted()
    held = desk.recorder(suite, desk.target(suite, engine, None))
    try:
        # The same process holds the lock by another handle, as another process would.
        assert held.result.is_alive
        other = desk.recorder(suite, desk.target(suite, engine, None))
        other.close()
        assert other.result.id != held.result.id
    finally:
        held.close()


def test_repeats_have_chances_of_their_own(desk: Desk) -> None:
    suite = desk.suite("triage", "cases:", "repeats: 3\ntemperature: 0.5\ncases:")
    engine = scripted()
    result = asyncio.run(desk.run(suite, engine))
    assert Counter(line["repeat"] for line in result.lines()) == {0: 40, 1: 40, 2: 40}
    assert len({request.seed for request in engine.requests}) == 120
    assert {request.temperature for request in engine.requests} == {0.5}
    again = scripted()
    asyncio.run(desk.run(suite, again, is_kept=False))
    assert sorted(each.seed for each in again.requests) == sorted(each.seed for each in engine.requests)


def test_repeats_of_a_graph_ask_the_agents_again(desk: Desk) -> None:
    engine = scripted()
    asyncio.run(desk.run(desk.suite("desk", "world:", "repeats: 2\nworld:"), engine))
    assert len(engine.requests) == 6


def test_a_case_that_takes_too_long_is_an_error(desk: Desk) -> None:
    class Slow(ScriptedEngine):
        async def complete(self, request: Request) -> Answer:
            if request.values["message"] == "raise by 3":
                await asyncio.Event().wait()
            return await super().complete(request)

    suite = desk.suite("triage", "cases:", "timeout_s: 0.05\ncases:")
    lines = [*asyncio.run(desk.run(suite, Slow({"triage": {"intent": "raise", "amount": 1.0}}))).lines()]
    assert [line["error"] for line in lines if line["error"]] == ["the case took longer than 0.05 s"]
    assert lines[2]["error"]


def test_errors_are_asked_again_next_time(desk: Desk) -> None:
    class Failing(ScriptedEngine):
        is_well = False

        async def complete(self, request: Request) -> Answer:
            if not self.is_well and request.values["message"] == "raise by 3":
                raise ConnectionError("the server is gone")
            return await super().complete(request)

    engine = Failing({"triage": {"intent": "raise", "amount": 1.0}})
    suite = desk.suite("triage")
    lines = [*asyncio.run(desk.run(suite, engine)).lines()]
    assert lines[2]["error"] == "ConnectionError: the server is gone"
    engine.is_well = True
    lines = [*asyncio.run(desk.run(suite, engine)).lines()]
    assert [line["cached"] for line in lines] == [at != 2 for at in range(40)]
    assert not any(line["error"] for line in lines)


def test_tools_that_act_need_a_world(desk: Desk) -> None:
    desk.write("evals/desk.yaml", SUITE.replace('world: {SHOP_DB: {python: "own.py:shop"}}\n', ""))
    with pytest.raises(
        ShoalError, match=r"graph 'desk' calls tools that act: book. Say where they may: `world"
    ):
        desk.suite()


def test_the_lines_are_json_that_others_can_read(desk: Desk) -> None:
    result = asyncio.run(desk.run(desk.suite(), scripted()))
    first = json.loads(result.cases.read_text(encoding="utf-8").splitlines()[0])
    keys = ("id", "slices", "input", "gold", "output", "error", "scores", "run", "ms", "tokens")
    assert [key for key in keys if key not in first] == []
