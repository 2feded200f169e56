"""What is wrong with suites, with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from shoal.agents.agent import Agent, Base
from shoal.evals.check import Targets, check_suites
from shoal.workspace.types import parse_record

AGENT = Agent(
    name="triage",
    about="",
    base=Base(name="tiny", model="models/tiny", kind="encoder"),
    input=parse_record({"message": "str"}),
    output=parse_record(
        {"intent": "enum[balance, other]", "amount": "span[number] from message", "why": "str"}
    ),
)
SUITE = """\
version: 1
suite: triage
target: {agent: triage}
cases: bank/cases.jsonl
scorers:
  intent: choice
  amount: {number: {tolerance: 0.5}}
slices: [short]
gate: {intent: 0.9}
"""
CASE = '{"input": {"message": "hi"}, "gold": {"intent": "other", "amount": null}, "slice": "short"}\n'


def found(folder: Path, suite: str = SUITE, cases: str = CASE, name: str = "cases.jsonl") -> list[str]:
    (folder / "evals/bank").mkdir(parents=True, exist_ok=True)
    (folder / "evals/triage.yaml").write_text(suite, encoding="utf-8")
    (folder / "evals/bank" / name).write_text(cases, encoding="utf-8")
    count, problems = check_suites(folder, Targets(agents={"triage": AGENT}, graphs={"desk": None}))
    assert count == 1
    return [str(problem) for problem in problems]


def test_suites_that_fit(tmp_path: Path) -> None:
    assert found(tmp_path) == []
    assert found(tmp_path, cases=CASE.replace("gold", "output")) == []
    assert found(tmp_path, SUITE.replace("agent: triage", "graph: desk")) == []
    assert found(tmp_path, SUITE.replace("agent: triage", "model: http://localhost:8000/v1")) == []
    inline = "[{input: {message: hi}, gold: {intent: other}, id: first}]"
    assert found(tmp_path, SUITE.replace("bank/cases.jsonl", inline)) == []


def test_cases_in_csv(tmp_path: Path) -> None:
    suite = SUITE.replace(".jsonl", ".csv")
    good = "input.message,gold.intent,gold.amount,slice\nhi,other,,short\nmy balance,balance,12.5,\nwhat,,,\n"
    assert found(tmp_path, suite, good, "cases.csv") == []
    assert found(tmp_path, suite, good.replace("12.5", "much"), "cases.csv") == [
        "evals/bank/cases.csv:3:1 gold 'amount' is 'much', expected float"
    ]
    assert (
        "'intent' is not a column"
        in found(tmp_path, suite, good.replace("gold.intent", "intent"), "cases.csv")[0]
    )


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("agent: triage", "agent: triag", "3:17 there is no agent 'triag'. Did you mean 'triage'?"),
        ("{agent: triage}", "{graph: dsk}", "3:17 there is no graph 'dsk'. Did you mean 'desk'?"),
        ("agent: triage", "model: here", "3:17 'here' is not a URL. Write http://... or https://..."),
        (
            "  intent: choice",
            "  intnt: choice",
            "6:3 agent 'triage' gives no 'intnt'. Did you mean 'intent'?",
        ),
        (
            "intent: choice",
            "intent: {number: {}}",
            "6:11 'intent' is enum[balance, other], which `number` cannot",
        ),
        (
            "intent: choice",
            "why: choice\n  intent: exact",
            "6:8 'why' is str, and `choice` needs an enum or a bool",
        ),
        ("suite: triage", "suite: Triage", "2:8 'Triage' cannot be a name. Names start with"),
        ("gate: {intent", "gate: {why", "9:8 the gate names 'why', which has no scorer"),
        ("0.9}", "90}", "9:16 'intent' is 90, expected at most 1"),
        ("cases.jsonl", "case.jsonl", "4:8 evals/bank/case.jsonl cannot be read: No such file"),
        ("cases.jsonl", "cases.txt", "4:8 'bank/cases.txt' is not a file of cases"),
        (
            "choice",
            "exactly",
            "6:11 'intent' is 'exactly', expected exact, normalised, choice, json, steps or state",
        ),
        ("choice", "{regex: '['}", "6:19 'regex' is '[', expected a regular expression"),
    ],
)
def test_faults_of_suites(tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert old in SUITE
    problems = found(tmp_path, SUITE.replace(old, new))
    assert problems
    assert any(each.startswith(f"evals/triage.yaml:{problem}") for each in problems), problems


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"hi"', "7", "input.message"),
        ('"intent": "other"', '"intent": "rant"', "gold 'intent' is 'rant', expected one of"),
        ('"intent"', '"intnt"', "agent 'triage' gives no 'intnt'"),
        ('"short"', '"long"', "'long' is not one of `slices`"),
        ('"gold"', '"golden"', "'golden' is not a known key. Did you mean 'gold'?"),
        ("}\n", "\n", "the line is not JSON"),
    ],
)
def test_faults_of_cases_name_the_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    problems = found(tmp_path, cases=CASE + "\n" + CASE.replace(old, new))
    assert len(problems) == 1
    assert problems[0].startswith("evals/bank/cases.jsonl:3:1 ")
    assert message in problems[0]


def test_names_of_suites_are_taken_once(tmp_path: Path) -> None:
    found(tmp_path)
    (tmp_path / "evals/zoo.yaml").write_text(SUITE, encoding="utf-8")
    _, problems = check_suites(tmp_path, Targets(agents={"triage": AGENT}, graphs={}))
    assert [str(each).split(". ")[0] for each in problems] == [
        "evals/zoo.yaml:1:1 the name 'triage' is taken by evals/triage.yaml"
    ]


def test_many_faulty_cases_are_counted(tmp_path: Path) -> None:
    problems = found(tmp_path, cases=CASE.replace("other", "rant") * 500)
    assert len(problems) == 11
    assert problems[-1] == "evals/bank/cases.jsonl:11:1 there are 490 more faults from here on"
