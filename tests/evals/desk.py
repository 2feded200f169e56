"""A small workspace with an agent, a graph whose tools write to a database, and suites for both."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from shoal.agents.engine import Engine
from shoal.agents.scripted import ScriptedEngine
from shoal.evals.evaluation import Line, Means, evaluate
from shoal.evals.loading import Suite, load_suite
from shoal.evals.results import Recorder, Result, record
from shoal.evals.scorers import make_scorers
from shoal.evals.targets import AgentTarget, GraphTarget, Sampling, Target
from shoal.evals.worlds import Worlds, own_variables
from shoal.graphs.plan import Plan
from shoal.runs.cache import SqliteCache

AGENTS = """\
version: 1
bases:
  tiny: {model: models/tiny, kind: encoder}
agents:
  triage:
    base: tiny
    input: {message: str}
    output: {intent: "enum[raise, other]", amount: "span[number] from message"}
tools:
  find: {python: "tools/shop.py:find", effect: pure}
  book: {python: "tools/shop.py:book", effect: once}
"""
GRAPH = """\
version: 1
graph: desk
input: {message: str, customer: str}
nodes:
  triage: {agent: triage, with: {message: "${input.message}"}}
  account: {tool: find, with: {customer: "${input.customer}"}, when: triage.intent == 'raise'}
  ask: {human: "May ${account.name} have it?", when: account.limit > 500.0}
  book:
    tool: book
    with: {customer: "${input.customer}", amount: "${triage.amount}"}
    when: account.limit <= 500.0 || ask.?yes.orValue(false)
output: {intent: "${triage.intent}", booked: "${book.?limit}"}
"""
TOOLS = """\
import os
import sqlite3
from contextlib import closing
from typing import TypedDict


class Account(TypedDict):
    name: str
    limit: float


def find(customer: str) -> Account:
    with closing(sqlite3.connect(os.environ["SHOP_DB"])) as db:
        row = db.execute("SELECT name, credit FROM accounts WHERE id = ?", [customer]).fetchone()
    if row is None:
        raise LookupError(f"no customer {customer}")
    return {"name": row[0], "limit": row[1]}


def book(customer: str, amount: float | None, idempotency_key: str) -> Account:
    with closing(sqlite3.connect(os.environ["SHOP_DB"])) as db, db:
        db.execute("UPDATE accounts SET credit = credit + ? WHERE id = ?", [amount, customer])
        db.execute("INSERT INTO bookings VALUES (?, ?, ?)", [idempotency_key, customer, amount])
    return find(customer)
"""
WORLD = """\
import sqlite3
from contextlib import closing


def shop(file):
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("CREATE TABLE accounts (id TEXT PRIMARY KEY, name TEXT, credit REAL)")
        db.execute("CREATE TABLE bookings (key TEXT, customer TEXT, amount REAL)")
        db.executemany("INSERT INTO accounts VALUES (?, ?, ?)", [("a", "Ada", 500.0), ("b", "Bo", 900.0)])


def is_short(input, output):
    return len(input["message"]) < 40, "it is long"
"""
SUITE = """\
version: 1
suite: desk
target: {graph: desk}
cases: cases.jsonl
slices: [asks, says]
world: {SHOP_DB: {python: "own.py:shop"}}
scorers:
  intent: choice
  booked: {number: {tolerance: 0.5}}
  way: steps
  changes: {state: {ignore: [bookings.key]}}
nodes:
  triage: {intent: choice, amount: {number: {}}}
"""
AGENT_SUITE = """\
version: 1
suite: triage
target: {agent: triage}
cases: triage.jsonl
scorers: {intent: choice, amount: {number: {}}}
"""


def booking(customer: str, credit: float, amount: float) -> list[dict[str, Any]]:
    """The changes of a case in which something is booked."""
    return [
        {"update": "accounts", "key": {"id": customer}, "after": {"credit": credit}},
        {"insert": "bookings", "row": {"customer": customer, "amount": amount}},
    ]


CASES: list[dict[str, Any]] = [
    {
        "id": "small",
        "slice": "asks",
        "input": {"message": "raise by 50", "customer": "a"},
        "gold": {"intent": "raise", "booked": 550},
        "nodes": {"triage": {"intent": "raise", "amount": 50}},
        "steps": ["triage", "account", "book"],
        "state": booking("a", 550.0, 50.0),
    },
    {
        "id": "large",
        "slice": ["asks", "says"],
        "input": {"message": "raise by 70", "customer": "b"},
        "gold": {"intent": "raise", "booked": 970},
        "answers": {"ask": "yes"},
        "steps": ["triage", "account", "ask", "book"],
        "state": booking("b", 970.0, 70.0),
    },
    {
        "id": "other",
        "slice": "says",
        "input": {"message": "hello", "customer": "b"},
        "gold": {"intent": "other", "booked": None},
        "steps": ["triage"],
        "state": [],
    },
]
AGENT_CASES: list[dict[str, Any]] = [
    {"input": {"message": f"raise by {number}"}, "gold": {"intent": "raise", "amount": number}}
    for number in range(1, 41)
]


def triage(message: str) -> dict[str, Any]:
    """What the perfect agent says."""
    amount = float(message.split()[-1]) if message.startswith("raise") else None
    return {"intent": "other" if amount is None else "raise", "amount": amount, "confidence": 0.9}


def scripted(wrong: Callable[[str], bool] = lambda message: False) -> ScriptedEngine:
    """An engine whose triage is wrong on some messages."""

    def answer(request: Any) -> dict[str, Any]:
        message = request.values["message"]
        made = triage(message)
        return {**made, "intent": "other", "amount": None} if wrong(message) else made

    return ScriptedEngine({"triage": answer})


class Desk:
    """A workspace folder with its suites."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("graphs", "tools", "evals"):
            (root / name).mkdir()
        self.write("agents.yaml", AGENTS)
        self.write("graphs/desk.yaml", GRAPH)
        self.write("tools/shop.py", TOOLS)
        self.write("evals/own.py", WORLD)
        self.write("evals/desk.yaml", SUITE)
        self.write("evals/triage.yaml", AGENT_SUITE)
        self.write_cases("cases.jsonl", CASES)
        self.write_cases("triage.jsonl", AGENT_CASES)

    def write(self, name: str, text: str) -> None:
        """Write a file of the workspace."""
        (self.root / name).write_text(text, encoding="utf-8")

    def write_cases(self, name: str, cases: Sequence[Mapping[str, Any]]) -> None:
        """Write a file of cases."""
        self.write(f"evals/{name}", "".join(json.dumps(case) + "\n" for case in cases))

    def suite(self, name: str = "desk", old: str = "", new: str = "") -> Suite:
        """A suite, edited as a person would."""
        file = self.root / f"evals/{name}.yaml"
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new) if old else text, encoding="utf-8")
        return load_suite(self.root, name)

    async def run(
        self,
        suite: Suite,
        engine: Engine,
        *,
        is_kept: bool = True,
        is_fresh: bool = False,
        on_line: Callable[[Line], None] | None = None,
    ) -> Result:
        """Run a suite; `is_kept` is whether there is a cache."""
        cache = SqliteCache(self.root / ".shoal/cache.db") if is_kept else None
        target = self.target(suite, engine, cache)
        recorder = self.recorder(suite, target, is_fresh=is_fresh)
        scorers = make_scorers(suite.entry, suite.folder)
        try:
            with own_variables():
                means = Means(scorers=scorers, cache=cache, at_once=8, on_line=on_line)
                await evaluate(suite, target, recorder, means, suite.cases)
            recorder.finish({})
        finally:
            recorder.close()
            if cache is not None:
                cache.close()
        return recorder.result

    def target(self, suite: Suite, engine: Engine, cache: SqliteCache | None) -> Target:
        """Who is asked."""
        sampling = Sampling(seed=suite.entry.seed, temperature=suite.entry.temperature)
        if isinstance(suite.target, Plan):
            entries = suite.entry.world
            worlds = Worlds(entries, suite.folder, self.root / "world") if isinstance(entries, dict) else None
            return GraphTarget(suite.target, engine, "test", sampling, cache=cache, worlds=worlds)
        assert suite.target is not None
        return AgentTarget(suite.target, engine, "test", sampling)

    def recorder(self, suite: Suite, target: Target, *, is_fresh: bool = False) -> Recorder:
        """Of a new evaluation, or of one that was broken off."""
        about = {"suite": suite.name, "spec": suite.sha256 + target.identity, "created": 0.0}
        return record(self.root, about, is_fresh=is_fresh)


def lines_of(result: Result) -> dict[str, Line]:
    """The lines of an evaluation by case."""
    return {line["id"]: line for line in result.lines()}
