"""agentctl check looks at recipes and suites, too."""

from __future__ import annotations

import json

import pytest

from .conftest import Desk

RECIPE = """\
version: 1
agent: triage
data: {python: "finetune/made.py:examples", train: 10, heldout: 5}
training: {epochs: 1}
"""
SUITE = """\
version: 1
suite: desk
target: {graph: desk}
world: real
cases: [{input: {message: hi, customer: C-1}, gold: {intent: other}}]
scorers: {intent: choice}
"""


@pytest.fixture
def full(desk: Desk) -> Desk:
    for name, text in {
        "finetune/triage.yaml": RECIPE,
        "finetune/made.py": "def examples(seed, part):\n    yield {}\n",
        "finetune/start.yaml": "version: 1\ntokenizer: {merges: 3}\n",
        "evals/desk.yaml": SUITE,
    }.items():
        (desk.root / name).parent.mkdir(exist_ok=True)
        (desk.root / name).write_text(text, encoding="utf-8")
    return desk


def test_all_files_are_counted(full: Desk) -> None:
    done = full.call("check")
    assert done.stdout == "All is well. Agents: 1, graphs: 1, recipes: 1, suites: 1, seeds: 0, flows: 0.\n", (
        done.stderr
    )
    found = json.loads(full.call("check", "--json").stdout)
    assert [each["is_warning"] for each in found.pop("problems")] == [True]
    assert found == {"agents": 1, "graphs": 1, "recipes": 1, "suites": 1, "seeds": 0, "flows": 0}


def test_agents_that_cannot_answer_yet_are_told_of(full: Desk) -> None:
    assert full.call("check").stderr == (
        "agents.yaml:5:3 warning: agent 'triage' has no adapter on the encoder 'tiny', which cannot answer "
        "without one. Train it (agentctl finetune finetune/triage.yaml), or run with --engine scripted\n"
    )
    (full.root / "finetune/triage.yaml").unlink()
    more = "  more: {base: tiny, output: {is_good: bool}}\n  write: {base: own, output: {text: str}}\ntools:"
    full.replace(full.agents, "tools:", more)
    full.replace(full.agents, "agents:", "  own: {model: ./models/own, kind: decoder}\nagents:")
    base, agents = full.call("check").stderr.splitlines()
    assert base == (
        "agents.yaml:4:16 warning: base 'own' is the folder ./models/own, which is not there, so its agents "
        "cannot answer"
    )
    assert "agents 'triage', 'more' have no adapter on the encoder 'tiny'" in agents
    assert "(a recipe finetune/triage.yaml)" in agents


def test_problems_of_all_files_come_together(full: Desk) -> None:
    full.replace(full.root / "finetune/triage.yaml", "epochs: 1", "epochs: 1, rate: 3")
    full.replace(full.root / "evals/desk.yaml", "intent: choice", "intnt: choice")
    found = json.loads(full.call("check", "--json").stdout)["problems"]
    assert [(each["file"], each["line"], each["column"], each["is_warning"]) for each in found] == [
        ("evals/desk.yaml", 6, 11, False),
        ("finetune/triage.yaml", 4, 23, False),
    ]
    assert "Did you mean 'intent'?" in found[0]["message"]
    full.agents.write_text("version: [", encoding="utf-8")
    found = json.loads(full.call("check", "--json").stdout)["problems"]
    assert {each["file"] for each in found} == {"agents.yaml", "finetune/triage.yaml"}


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("agent: triage", "agent: triag", "2:8 there is no agent 'triag'. Did you mean 'triage'?"),
        (
            "made.py",
            "make.py",
            "3:16 finetune/make.py cannot be read: No such file or directory. Mend the path",
        ),
        (":examples", ":example", "3:16 finetune/made.py defines no 'example'. Mend the name"),
    ],
)
def test_names_in_recipes(full: Desk, old: str, new: str, problem: str) -> None:
    full.replace(full.root / "finetune/triage.yaml", old, new)
    assert full.call("check").stderr == f"finetune/triage.yaml:{problem}\n"
