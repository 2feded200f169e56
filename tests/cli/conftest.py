"""A small workspace of its own for every test, and agentctl as a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

AGENTS = """\
version: 1
bases:
  tiny: {model: models/tiny, kind: encoder}
agents:
  triage:
    base: tiny
    input: {message: str}
    output: {intent: "enum[raise_limit, other]", amount: "span[number] from message"}
tools:
  account: {python: "tools/shop.py:account", effect: pure}
  note: {python: "tools/shop.py:note", effect: once}
"""
GRAPH = """\
version: 1
graph: desk
input: {message: str, customer: str, urgent: bool?}
nodes:
  triage: {agent: triage, with: {message: "${input.message}"}}
  account: {tool: account, with: {customer: "${input.customer}"}}
  ask: {human: "May ${account.name} have it?", when: triage.intent == 'raise_limit'}
  note: {tool: note, with: {text: "${account.name}"}, when: "ask.yes"}
output: {intent: "${triage.intent}", name: "${account.name}", noted: "${note.?count}"}
"""
TOOLS = """\
from pathlib import Path
from typing import TypedDict

HERE = Path(__file__).parent


class Account(TypedDict):
    name: str
    limit: float


class Note(TypedDict):
    count: int


def account(customer: str) -> Account:
    if (HERE / "broken").exists():
        raise ConnectionError("the account service does not answer")
    return {"name": f"Customer {customer}", "limit": 500}


def note(text: str) -> Note:
    with (HERE / "notes").open("a", encoding="utf-8") as notes:
        notes.write(f"{text}\\n")
    return {"count": len((HERE / "notes").read_text(encoding="utf-8").splitlines())}
"""


class Desk:
    """A workspace folder, and agentctl run inside it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "graphs").mkdir()
        (root / "tools").mkdir()
        self.agents, self.graph, self.tools = (
            root / "agents.yaml",
            root / "graphs/desk.yaml",
            root / "tools/shop.py",
        )
        self.agents.write_text(AGENTS, encoding="utf-8")
        self.graph.write_text(GRAPH, encoding="utf-8")
        self.tools.write_text(TOOLS, encoding="utf-8")

    def replace(self, file: Path, old: str, new: str) -> None:
        """Edit a file as a person would."""
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")

    def call(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run agentctl here."""
        command = [sys.executable, "-m", "shoal", *arguments]
        environment = os.environ | {"NO_COLOR": "1", "COLUMNS": "160"}
        return subprocess.run(
            command, cwd=self.root, input=stdin, capture_output=True, text=True, timeout=60, env=environment
        )

    def run(self, *arguments: str, stdin: str = "") -> dict[str, Any]:
        """Run the graph without models and read its JSON."""
        done = self.call("run", "desk", *arguments, "--engine", "scripted", "--json", stdin=stdin)
        assert done.returncode == 0, done.stderr
        record: dict[str, Any] = json.loads(done.stdout)
        return record


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A workspace that checks."""
    return Desk(tmp_path)


@pytest.fixture
def shop(desk: Desk) -> Desk:
    """A workspace with a suite of 60 cases."""
    from .eval_shop import make_shop

    return make_shop(desk)


@pytest.fixture
def agentctl() -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command in any folder."""

    def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "shoal", *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return call
