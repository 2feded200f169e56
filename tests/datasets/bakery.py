"""A bakery: an agent that labels and marks, its seeds, and a workspace around it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from shoal.agents.agent import Agent, Base
from shoal.agents.manifest import load_workspace
from shoal.datasets.flows import Wishes, make_data
from shoal.datasets.qna import Qna, QnaFile, qna_of
from shoal.datasets.store import DataSet
from shoal.workspace.schema import problems_of
from shoal.workspace.types import parse_record
from shoal.workspace.yaml import parse_yaml

AGENTS = """\
version: 1
bases:
  tiny: {model: models/tiny, kind: encoder}
  writer: {model: models/writer, kind: decoder}
serving: {base: writer}
agents:
  bakery:
    about: Names what a customer of a bakery wants, and of what.
    base: tiny
    input: {message: str}
    output: {intent: "enum[order, complaint, hours]", goods: "span[str] from message"}
"""
SEEDS = """\
version: 1
task: Names what a customer of a bakery wants, and of what.
license: cc0-1.0
seeds:
  - {input: "Two rye loaves for Saturday, please", output: {intent: order, goods: rye loaves}}
  - {input: "Put a dozen rolls aside for me", output: {intent: order, goods: rolls}}
  - {input: "Can you bake a birthday cake by noon?", output: {intent: order, goods: birthday cake}}
  - {input: "My cinnamon buns were stale", output: {intent: complaint, goods: cinnamon buns}}
  - {input: "There was a hair in the rye bread", output: {intent: complaint, goods: rye bread}}
  - {input: "You gave me the wrong cake yesterday", output: {intent: complaint, goods: cake}}
  - {input: "Are you open on Sunday?", output: {intent: hours}}
  - {input: "When do you close today?", output: {intent: hours}}
  - {input: "Until what time can I come by tomorrow?", output: {intent: hours}}
"""
GRAMMAR = """\
lexicons:
  goods: [rye loaves, rolls, cinnamon buns, "{n} croissants", apple tarts, plum cake, pretzels, baguettes]
  n: {numbers: {from: 2, to: 40, forms: ["{n}", "about {n}"]}}
  day: [Monday, Tuesday, Wednesday, Saturday, the weekend, a holiday]
  wish:
    order: [I'd like, "{Could|Can} I have", please keep, we need]
    complaint: [I am not happy with, somebody sat on, I found a stone in, nobody liked]
templates:
  - {input: "{Hi, |}{wish} {goods}{ on {day}|}{, please|}", output: {intent: "{wish.case}", goods: "{goods}"}}
  - {input: "{Hi |}{when|at what hour} do you {open|close} on {day}{ and {day#2}|}?", output: {intent: hours}}
  - {input: "What are your hours on {day}{ and {day#2}|}?", output: {intent: hours}}
"""


def agent(
    output: dict[str, Any] | None = None, given: dict[str, Any] | None = None, kind: str = "encoder"
) -> Agent:
    """An agent of the bakery."""
    return Agent(
        name="bakery",
        about="Names what a customer of a bakery wants.",
        base=Base(name="tiny", model="models/tiny", kind="encoder" if kind == "encoder" else "decoder"),
        input=parse_record(given or {"message": "str"}),
        output=parse_record(
            output or {"intent": "enum[order, complaint, hours]", "goods": "span[str] from message"}
        ),
    )


def qna(text: str = SEEDS + GRAMMAR) -> Qna:
    """A qna.yaml without faults."""
    document = parse_yaml(text.encode(), "agents/bakery/qna.yaml")
    assert problems_of(document, QnaFile) == []
    return qna_of(document)


def workspace(root: Path, text: str = SEEDS + GRAMMAR, agents: str = AGENTS) -> Path:
    """A workspace with this agent."""
    (root / "agents/bakery").mkdir(parents=True)
    (root / "agents.yaml").write_text(agents, encoding="utf-8")
    (root / "agents/bakery/qna.yaml").write_text(text, encoding="utf-8")
    assert load_workspace(root).agents["bakery"]
    return root


def make(root: Path, **overrides: Any) -> DataSet:
    """A data set of the bakery."""
    return asyncio.run(make_data(root, "bakery", Wishes(overrides=overrides)))
