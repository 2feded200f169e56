"""The engine without a model."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from shoal.agents.agent import Agent, Base
from shoal.agents.engine import Request
from shoal.agents.scripted import ScriptedEngine, plainest, read_script
from shoal.errors import InvalidFiles, ShoalError
from shoal.workspace.types import parse_record, parse_type, read

POLICY = Agent(
    name="policy",
    about="",
    base=Base(name="nano", model="shoal/nano", kind="decoder"),
    input=parse_record({"checks": "str"}),
    output=parse_record({"decision": "enum[approve, decline]", "amount": "span[number]"}),
)


def ask(engine: ScriptedEngine, **values: Any) -> Any:
    return asyncio.run(engine.complete(Request(agent=POLICY, values=values)))


def test_a_list_is_given_one_by_one_and_its_last_answer_stays() -> None:
    engine = ScriptedEngine({"policy": [{"decision": "decline", "confidence": 0.5}, {"decision": "approve"}]})
    answers = [ask(engine, checks="late payments") for _ in range(3)]
    assert [answer.output["decision"] for answer in answers] == ["decline", "approve", "approve"]
    assert [answer.confidence for answer in answers] == [0.5, 1.0, 1.0]
    assert answers[0].output == {"decision": "decline", "amount": None}
    assert answers[0].usage.prompt_tokens == 2


def test_functions_see_the_request_and_may_wait() -> None:
    async def later(request: Request) -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"decision": "approve", "amount": len(request.values["checks"])}

    assert ask(ScriptedEngine({"policy": later}), checks="abc").output["amount"] == 3.0
    plain = ScriptedEngine({"policy": lambda request: {"decision": request.values["checks"]}})
    assert ask(plain, checks="decline").output["decision"] == "decline"


def test_an_agent_without_a_script_gives_the_plainest_answer() -> None:
    assert ask(ScriptedEngine(), checks="").output == {"decision": "approve", "amount": None}
    kind = parse_type(
        {"a": "str", "b": "list[int]", "c": {"d": "bool", "e": "float?"}, "f": "any", "g": "float"}
    )
    assert read(kind, plainest(kind)) == plainest(kind)


def test_a_scripted_answer_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ShoalError, match="answer of agent 'policy'.decision is 'maybe', expected one"):
        ask(ScriptedEngine({"policy": {"decision": "maybe"}}), checks="")


def test_scripts_are_read_from_yaml_and_json(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("version: 1\nagents:\n  policy:\n    - {decision: decline}\n")
    (tmp_path / "a.json").write_text('{"version": 1, "agents": {"policy": {"decision": "decline"}}}')
    for name in ("a.yaml", "a.json"):
        assert ask(read_script(tmp_path / name), checks="").output["decision"] == "decline"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version: 2\nagents: {}\n", "a.yaml:1:10 a script starts with `version: 1`"),
        ("version: 1\nagents: []\n", "a.yaml:2:9 `agents` maps names"),
        ("version: 1\nanswers: {}\nagents: {}\n", "a.yaml:2:1 unknown key 'answers'"),
        (
            "version: 1\nagents:\n  policy: approve\n",
            "a.yaml:3:11 the answers of agent 'policy' are",
        ),
    ],
)
def test_a_script_that_is_wrong_says_where(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(InvalidFiles, match=message):
        read_script(tmp_path / "a.yaml")


def test_agents_that_nobody_knows_are_no_part_of_a_script(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("version: 1\nagents:\n  polcy: {decision: decline}\n  other: {}\n")
    with pytest.raises(
        InvalidFiles, match="a.yaml:3:3 agents.yaml has no agent 'polcy'. Did you mean 'policy'?"
    ):
        read_script(tmp_path / "a.yaml", ["policy", "other"])
    assert read_script(tmp_path / "a.yaml").agents == {"polcy", "other"}
