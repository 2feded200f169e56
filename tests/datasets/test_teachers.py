"""Flows with a server that teaches, and with agents of the workspace that teach and judge."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shoal.agents.agent import Agent
from shoal.agents.engine import Engine, Request
from shoal.agents.scripted import ScriptedEngine
from shoal.datasets.flows import NothingSurvived, Wishes, make_data
from shoal.datasets.store import DataSet, DataSets
from shoal.errors import ShoalError
from shoal.workspace.store import Store

from .bakery import AGENTS, GRAMMAR, SEEDS, workspace
from .lessons import lesson, rows_for
from .school import Response, School, said
from .test_flows import flow


@pytest.fixture
def school() -> Iterator[School]:
    made = School(lambda number, body: lesson(body))
    yield made
    made.close()


def teach(root: Path, school: School, rows: int = 60, **more: Any) -> DataSet:
    """A data set by the server."""
    teacher = {"url": school.url, "model": "m", "at_once": 4, "temperature": 0.5}
    return asyncio.run(
        make_data(root, "bakery", Wishes(overrides={"teacher": teacher, "rows": rows, **more}))
    )


def test_a_server_writes_rows_of_every_label(school: School, tmp_path: Path) -> None:
    made = teach(workspace(tmp_path, SEEDS), school)
    card = made.card
    assert card["teacher"] == {"name": "m", "url": school.url}
    assert sum(card["counts"].values()) == 60 + 3  # and the seeds that are held out
    assert card["counts"]["dev"] >= 3
    assert set(card["labels"]["intent"]) == {"order", "complaint", "hours"}
    prompt = min(school.asked, key=lambda body: body["seed"])["messages"][-1]["content"]
    assert prompt.startswith(
        "Task: Names what a customer of a bakery wants, and of what.\nInputs: {message: str}"
    )
    assert "Write 5 new examples, all of them with intent = order." in prompt
    heldout = [str(row.input["message"]) for row in made.rows("heldout") if row.teacher == "a person"]
    assert heldout
    assert not any(each in json.dumps(asked) for asked in school.asked for each in heldout)


def test_the_same_again_asks_nothing_and_makes_the_same(school: School, tmp_path: Path) -> None:
    root = workspace(tmp_path, SEEDS)
    first = teach(root, school)
    count = len(school.asked)
    assert teach(root, school).sha == first.sha
    assert len(school.asked) == count
    assert len({key for _, key in school.keys}) == count
    assert school.most_under_way <= 4
    more = teach(root, school, rows=90)
    assert len({key for _, key in school.keys}) == len(school.asked) > count
    assert more.sha != first.sha


def test_faults_cost_rows_and_nothing_else(school: School, tmp_path: Path) -> None:
    def moody(number: int, body: dict[str, Any]) -> Response:
        if number % 7 == 3:
            return Response(429, "{}", {"retry-after": "0"})
        if number % 7 == 5:
            return said('{"examples": [{"input": {"message": 7}, "output": {"intent": "order"}}]}')
        if number % 7 == 6:
            return said('Sure! Here are your examples: {"examples": [')
        return lesson(body)

    school.answer = moody
    card = teach(workspace(tmp_path, SEEDS), school).card
    assert card["counts"]["train"] > 40
    dropped = {each["filter"]: each["dropped"] for each in card["funnel"]}
    assert dropped["teacher"]["the teacher's reply is not what was asked for"] >= 5
    assert dropped["teacher"]["fewer rows than were asked for"] >= 4
    assert dropped["validate"]["it does not fit the agent's types"] >= 1


def test_a_teacher_that_writes_nonsense_is_stopped_within_two_percent(school: School, tmp_path: Path) -> None:
    school.answer = lambda number, body: said('{"rows": "I would rather not"}')
    root = workspace(tmp_path, SEEDS)
    with pytest.raises(NothingSurvived) as caught:
        teach(root, school, rows=1000)
    budget = 1000 * 5 / 5
    assert len(school.asked) <= 0.02 * budget
    assert (
        "0 of the last 100 rows survived: teacher dropped 100, the teacher's reply is not what was asked"
        in str(caught.value)
    )
    assert "no list of examples: {" in str(caught.value)
    attempt = DataSets(Store(root)).attempt("bakery")
    assert attempt is not None
    assert len(list(attempt.rejects())) == 20


def test_the_server_also_judges(school: School, tmp_path: Path) -> None:
    root = workspace(tmp_path, SEEDS)
    flow(root, "judge: {teacher: teacher}\n")
    made = teach(root, school)
    rejects = [each for each in made.rejects() if each["filter"] == "judge"]
    assert rejects
    assert {each["reason"] for each in rejects} == {"too few points"}
    assert rejects[0]["detail"] == "2 of 5: no pretzels"
    assert made.card["judge"] == {"name": "m"}
    assert not any("pretzels" in str(row.input) for row in made.rows("train") if row.teacher != "a person")
    judged = [body for body in school.asked if "points" in body["messages"][-1]["content"]]
    assert {body["temperature"] for body in judged} == {0.0}


KNOWLEDGE = """\
version: 1
kind: knowledge
domain: baking
license: cc0-1.0
knowledge: {license: cc-by-4.0, source: the baker}
seeds:
  - {context: "Rye bread is made of rye.", question: What is rye bread made of?, answer: Of rye.}
"""
ANSWERER = AGENTS.replace("base: tiny", "base: writer").replace(
    "input: {message: str}\n", "input: {question: str}\n"
)
ANSWERER = ANSWERER[: ANSWERER.index("    output:")] + "    output: {answer: str}\n"


def about_bread(number: int, body: dict[str, Any]) -> Response:
    """Questions about the passage that is shown."""
    passage = body["messages"][-1]["content"].split('"""')[1].strip()
    rows = [
        {
            "input": {"question": f"What is said, in part {each} of {body['seed']}, of {passage[:20]}?"},
            "output": {"answer": passage[:40]},
        }
        for each in range(5)
    ]
    return said(json.dumps({"examples": rows}))


def test_knowledge_is_asked_about_passage_by_passage(school: School, tmp_path: Path) -> None:
    root = workspace(tmp_path, KNOWLEDGE, ANSWERER)
    school.answer = about_bread
    (root / "agents/bakery/knowledge").mkdir()
    (root / "agents/bakery/knowledge/bread.md").write_text(
        "# Bread\n\n" + "\n\n".join(f"Paragraph {n} says a lot about bread. " * 20 for n in range(4)), "utf-8"
    )
    made = teach(root, school, rows=40)
    rows = [
        row for part in ("train", "dev", "heldout") for row in made.rows(part) if row.teacher != "a person"
    ]
    assert {row.source for row in rows} == {f"agents/bakery/knowledge/bread.md#{n}" for n in range(1, 5)}
    assert {row.licence for row in rows} == {"cc-by-4.0"}
    assert set(rows[0].input) == {"question"}
    assert list(made.card["files"]) == ["agents/bakery/qna.yaml", "agents/bakery/knowledge/bread.md"]
    (root / "agents/bakery/knowledge/bread.md").unlink()
    alone = teach(root, school, rows=20)
    assert {row.source for row in alone.rows("train")} == {"agents/bakery/qna.yaml:7"}


def test_a_grounded_agent_is_given_the_passage(school: School, tmp_path: Path) -> None:
    text = KNOWLEDGE.replace("kind: knowledge", "kind: grounded")
    agents = ANSWERER.replace("{question: str}", "{context: str, question: str}")
    root = workspace(tmp_path, text, agents)
    school.answer = about_bread
    made = teach(root, school, rows=20)
    assert {row.input["context"] for row in made.rows("train")} == {"Rye bread is made of rye."}
    assert "Inputs: {question: str}" in school.asked[0]["messages"][-1]["content"]


def test_knowledge_without_a_model_or_texts_is_refused(tmp_path: Path) -> None:
    root = workspace(tmp_path, KNOWLEDGE, ANSWERER)
    with pytest.raises(ShoalError, match="the grammar cannot read. Name a teacher with a model"):
        asyncio.run(make_data(root, "bakery", Wishes()))
    text = KNOWLEDGE.replace('context: "Rye bread is made of rye.", ', "")
    (root / "agents/bakery/qna.yaml").write_text(text, encoding="utf-8")
    teacher = {"url": "http://127.0.0.1:9/v1", "model": "m"}
    with pytest.raises(
        ShoalError, match="there are no texts to ask about. Put documents into agents/bakery/knowl"
    ):
        asyncio.run(make_data(root, "bakery", Wishes(overrides={"teacher": teacher})))


STAFF = (
    AGENTS
    + """\
  master:
    base: tiny
    input: {message: str}
    output: {intent: "enum[order, complaint, hours]", goods: "span[str] from message"}
  checker:
    base: tiny
    input: {input: str, output: str}
    output: {good: bool, reason: "enum[fine, odd]"}
"""
)
INPUTS = SEEDS + GRAMMAR.replace(', output: {intent: "{wish.case}", goods: "{goods}"}', "").replace(
    ", output: {intent: hours}", ""
)


def by_agents(root: Path, engine: ScriptedEngine, text: str) -> DataSet:
    """A data set for which agents are asked."""
    flow(root, text)
    engines: Callable[[Agent], Engine] = lambda agent: engine  # noqa: E731
    return asyncio.run(make_data(root, "bakery", Wishes(overrides={"rows": 100}), engines=engines))


def master(request: Request) -> dict[str, Any]:
    """Knows orders from the rest, and is unsure of Sundays."""
    message = str(request.values["message"])
    unsure = 0.4 if "weekend" in message else 0.95
    return {"intent": "hours" if "hours" in message else "order", "goods": None, "confidence": unsure}


def test_an_agent_teaches_what_the_grammar_asks(tmp_path: Path) -> None:
    root = workspace(tmp_path, INPUTS, STAFF)
    engine = ScriptedEngine({"master": master})
    text = "generate: {teacher: {agent: master, confidence: 0.9, temperature: 0.0}}\n"
    made = by_agents(root, engine, text)
    assert made.card["teacher"] == {"name": "agent master"}
    assert {row.output["intent"] for row in made.rows("train") if row.teacher != "a person"} == {
        "order",
        "hours",
    }
    dropped = {each["filter"]: each["dropped"] for each in made.card["funnel"]}
    assert dropped["teacher"]["the teacher was not sure"] > 5
    asked = len(engine.requests)
    assert by_agents(root, engine, text).sha == made.sha
    assert len(engine.requests) == asked


def test_an_agent_judges(tmp_path: Path) -> None:
    root = workspace(tmp_path, agents=STAFF)

    def odd(request: Request) -> dict[str, Any]:
        is_odd = "rolls" in str(request.values["input"])
        return {"good": not is_odd, "reason": "odd" if is_odd else "fine"}

    made = by_agents(root, ScriptedEngine({"checker": odd}), "judge: {teacher: {agent: checker}}\n")
    rejects = [each for each in made.rejects() if each["filter"] == "judge"]
    assert {(each["reason"], each["detail"]) for each in rejects} == {("the judge says no", "odd")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("generate: {teacher: {agent: nobody}}", "there is no agent 'nobody' to teach or judge"),
        ("generate: {teacher: {agent: checker}}", "agent 'checker' cannot teach 'bakery': it reads"),
        ("judge: {teacher: {agent: master}}", "agent 'master' cannot judge: a judge reads texts named task"),
        ("judge: {teacher: teacher}", "lets the teacher judge, which only a server can"),
    ],
)
def test_who_cannot_teach_or_judge_is_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ShoalError, match=message):
        by_agents(workspace(tmp_path, agents=STAFF), ScriptedEngine(), text)


def test_a_row_for_each_label_fits(tmp_path: Path) -> None:
    body = {"seed": 3, "messages": [{"content": "Write 5 new examples, all of them with intent = hours."}]}
    assert {row["output"]["intent"] for row in rows_for(body)} == {"hours"}
