"""Scorers as suites write them."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from shoal.errors import InvalidFiles
from shoal.evals.cases import Case
from shoal.evals.comparing import Score
from shoal.evals.outcomes import Outcome
from shoal.evals.scorers import Asked, make_scorers, score_all
from shoal.journal.journal import NodeRow

from .desk import AGENT_SUITE, SUITE, Desk

OWN = """
def half(output, gold):
    return 0.5, f"of {output['intent']}"


def wild(ms):
    return ms


def fails():
    return 1 / 0


def nothing(input, steps, nodes, state, answers, tokens):
    return None


def of_node(output, gold):
    return output == gold
"""


def case(**fields: Any) -> Case:
    empty: dict[str, Any] = {
        "id": "1", "input": {"message": "hi"}, "gold": {}, "nodes": {}, "answers": {},
        "steps": None, "state": None, "slices": (),
    }  # fmt: skip
    return Case(**{**empty, **fields})


def score(
    desk: Desk, scorers: str, asked: Case, outcome: Outcome, suite: str = AGENT_SUITE, name: str = "triage"
) -> tuple[dict[str, Score], dict[str, str]]:
    own = (desk.root / "evals/own.py").read_text(encoding="utf-8") + OWN
    desk.write("evals/own.py", own)
    head, _, _ = suite.partition("scorers:")
    desk.write(f"evals/{name}.yaml", f"{head}{scorers}")
    loaded = desk.suite(name)
    return asyncio.run(score_all(make_scorers(loaded.entry, loaded.folder), Asked(asked, outcome)))


def test_fields_without_gold_are_not_scored(desk: Desk) -> None:
    asked = case(gold={"amount": 5.0})
    found, failed = score(
        desk,
        "scorers: {intent: choice, amount: exact}",
        asked,
        Outcome(output={"intent": "raise", "amount": 4.0}),
    )
    assert (found, failed) == ({"amount": Score(0.0, "4.0, expected 5.0")}, {})


def test_several_scorers_of_one_field(desk: Desk) -> None:
    scorers = "scorers: {near: {number: {tolerance: 1}, of: amount}, nearer: {number: {}, of: amount}}"
    outcome = Outcome(output={"intent": "raise", "amount": 4.0})
    found, _ = score(desk, scorers, case(gold={"amount": 5.0}), outcome)
    assert {name: each.value for name, each in found.items()} == {"near": 1.0, "nearer": 0.0}


def test_patterns_need_no_gold(desk: Desk) -> None:
    outcome = Outcome(output={"intent": "raise", "amount": None})
    found, _ = score(desk, "scorers: {shape: {regex: '^ra', of: intent}}", case(), outcome)
    assert found["shape"].value == 1
    found, _ = score(desk, "scorers: {shape: {regex: 'b$', of: intent}}", case(), outcome)
    assert found["shape"] == Score(0.0, "raise does not match b$")


def test_ones_own(desk: Desk) -> None:
    scorers = """scorers:
  half: {python: "own.py:half"}
  wild: {python: "own.py:wild"}
  fails: {python: "own.py:fails"}
  nothing: {python: "own.py:nothing"}
"""
    outcome = Outcome(output={"intent": "raise", "amount": None}, ms=12.0)
    found, failed = score(desk, scorers, case(), outcome)
    assert found == {"half": Score(0.5, "of raise")}
    assert failed == {
        "wild": "own.py:wild gave 12.0, expected a bool or a number from 0 to 1",
        "fails": "own.py:fails raised ZeroDivisionError: division by zero",
    }


def test_limits_of_time_and_tokens(desk: Desk) -> None:
    scorers = "scorers: {quick: {latency: {at_most_ms: 10}}, short: {tokens: {at_most: 5}}}"
    outcome = Outcome(output={}, ms=12.0, prompt_tokens=3, completion_tokens=2)
    found, _ = score(desk, scorers, case(), outcome)
    assert found == {"quick": Score(0.0, "12 ms, expected at most 10"), "short": Score(1.0)}
    found, failed = score(desk, scorers, case(), Outcome(output={}))
    assert found == {} and "a part of the case came from the cache" in failed["quick"]


def row(path: str, kind: Any = "done", started: float = 0.0, output: Any = None) -> NodeRow:
    return NodeRow(run="r", path=path, attempt=1, kind=kind, output=output, started=started, message="why")


@pytest.mark.parametrize(
    ("match", "wanted", "note"),
    [
        ("same", ["a", "b"], ""),
        ("same", ["b", "a"], ""),
        ("same", ["a"], "should not run: b"),
        ("same", ["a", "b", "c"], "did not run: c"),
        ("includes", ["b"], ""),
        ("in_order", ["a", "b"], ""),
        ("in_order", ["b", "a"], "ran in the order a, b, expected b, a"),
        ("in_order", ["b", "b.inner"], ""),
    ],
)
def test_steps(desk: Desk, match: str, wanted: list[str], note: str) -> None:
    rows = [row("a"), row("b", started=1.0), row("b.inner", started=2.0), row("c", "skipped", 3.0)]
    suite = SUITE.partition("nodes:")[0]
    scorers = f"scorers: {{way: {{steps: {{match: {match}}}}}}}"
    found, _ = score(desk, scorers, case(steps=tuple(wanted)), Outcome(output={}, rows=rows), suite, "desk")
    assert (found["way"].value, found["way"].note) == (float(not note), note)


def test_nodes_that_gave_nothing_are_wrong(desk: Desk) -> None:
    scorers = "nodes: {triage: {intent: choice, amount: {python: 'own.py:of_node'}}}"
    suite = SUITE.partition("scorers:")[0] + "scorers:"
    asked = case(nodes={"triage": {"intent": "raise"}})
    outcome = Outcome(output={}, rows=[row("triage", "skipped")])
    found, _ = score(desk, scorers, asked, outcome, suite, "desk")
    assert found["triage.intent"] == Score(0.0, "node 'triage' is skipped: why")
    done = Outcome(output={}, rows=[row("triage", output={"intent": "raise"})])
    found, _ = score(desk, scorers, asked, done, suite, "desk")
    assert {name: each.value for name, each in found.items()} == {"triage.intent": 1.0, "triage.amount": 1.0}


def test_queries(desk: Desk) -> None:
    with closing(sqlite3.connect(desk.root / "evals/shop.db")) as db, db:
        db.execute("CREATE TABLE t (x INTEGER)")
        db.executemany("INSERT INTO t VALUES (?)", [(1,), (2,)])
    text = (desk.root / "agents.yaml").read_text(encoding="utf-8")
    desk.write("agents.yaml", text.replace("output: {", 'output: {query: "span[str] from message", '))
    scorers = "scorers: {query: {sql: {database: shop.db}}}"
    gold = {"query": "SELECT x FROM t"}
    for query, value, note in (
        ("SELECT x FROM t ORDER BY x DESC", 1.0, ""),
        ("SELECT max(x) FROM t", 0.0, "1 row: (2,), expected 2 rows: (1,)"),
        ("SELECT y FROM t", 0.0, "the query fails: no such column: y"),
        (None, 0.0, 'the query fails: near "None": syntax error'),
    ):
        found, _ = score(desk, scorers, case(gold=gold), Outcome(output={"query": query}))
        assert found["query"] == Score(value, note)
    _, failed = score(desk, scorers, case(gold={"query": "SELECT"}), Outcome(output={"query": "SELECT 1"}))
    assert failed == {"query": "the gold query fails: incomplete input"}


@pytest.mark.parametrize(
    ("scorers", "problem"),
    [
        ("{x: {python: 'own.py:halve'}}", "own.py has no function 'halve'. Did you mean 'half'?"),
        ("{x: {python: 'no.py:half'}}", "there is no file no.py beside the suite"),
        ("{x: {python: 'half'}}", "'half' does not name a function. Write file.py:function"),
        ("{intent: {sql: {database: no.db}}}", "there is no file no.db beside the suite"),
        ("{way: steps}", "'way' looks at the nodes of a graph, and agent 'triage' is none"),
        ("{amount: {regex: a}}", "'amount' is span[number] from message, and `regex` needs a text"),
        ("{x: {number: {}, of: amout}}", "agent 'triage' gives no 'amout'. Did you mean 'amount'?"),
        ("{fast: {latency: {at_most_ms: 5}, of: x}}", "this scorer looks at the whole run. Remove `of`"),
        ("{intent: {nmber: {}}}", "'nmber' is not a known key. Did you mean 'number'?"),
        ("{}", "expected at least one scorer, in `scorers` or `nodes`"),
    ],
)
def test_faults(desk: Desk, scorers: str, problem: str) -> None:
    with pytest.raises(InvalidFiles) as refused:
        score(desk, f"scorers: {scorers}", case(), Outcome(output={}))
    assert problem in str(refused.value)
