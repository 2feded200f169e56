"""A workspace with a suite of a graph, for the tests of agentctl eval."""

from __future__ import annotations

import json
from typing import Any

from .conftest import Desk

SUITE = """\
version: 1
suite: desk
target: {graph: desk}
cases: cases.jsonl
world: real
scorers: {intent: choice, name: exact}
nodes: {triage: {amount: {number: {}}}}
slices: [even]
"""
TOOLS = """\
import os
import threading
from pathlib import Path
from typing import TypedDict

HERE = Path(__file__).parent


class Account(TypedDict):
    name: str
    limit: float


class Note(TypedDict):
    count: int


def account(customer: str) -> Account:
    if customer == "nobody":
        raise LookupError("no such customer")
    handle = os.open(HERE / "asked", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    os.write(handle, f"{customer}\\n".encode())
    os.close(handle)
    threading.Event().wait(float(os.environ.get("ASK_S", "0")))
    return {"name": f"Customer {customer}", "limit": 500}


def note(text: str) -> Note:
    return {"count": 1}
"""


def make_shop(desk: Desk) -> Desk:
    """A workspace with a suite of 60 cases."""
    (desk.root / "evals").mkdir()
    (desk.root / "evals/desk.yaml").write_text(SUITE, encoding="utf-8")
    desk.tools.write_text(TOOLS, encoding="utf-8")
    write(desk, *range(60))
    return desk


def write(desk: Desk, *customers: object) -> None:
    cases = [
        {
            "id": f"case-{customer}",
            "input": {
                "message": "hi",
                "customer": f"C-{customer}" if isinstance(customer, int) else customer,
            },
            "gold": {"intent": "raise_limit", "name": f"Customer C-{customer}"},
            "nodes": {"triage": {"amount": None}},
            "answers": {"ask": "no"},
            "slice": ["even"] if isinstance(customer, int) and customer % 2 == 0 else [],
        }
        for customer in customers
    ]
    text = "".join(json.dumps(case) + "\n" for case in cases)
    (desk.root / "evals/cases.jsonl").write_text(text, encoding="utf-8")


def evaluate(desk: Desk, *arguments: str) -> dict[str, Any]:
    done = desk.call("eval", "run", "desk", "--engine", "scripted", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    record: dict[str, Any] = json.loads(done.stdout)
    return record
