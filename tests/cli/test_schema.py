"""The JSON Schemas that are published fit the models, the files of the repository, and typical slips."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from shoal.cli.schema import FileKind, made
from shoal.workspace.yaml import parse_yaml, read_yaml

from .conftest import AGENTS, GRAPH, Desk

ROOT = Path(__file__).parents[2]
FILES = {
    FileKind.agents: "agents.yaml",
    FileKind.graph: "graphs/*.yaml",
    FileKind.recipe: "finetune/*.yaml",
    FileKind.suite: "evals/*.yaml",
    FileKind.adapters: "agents/*/adapters.yaml",
    FileKind.qna: "agents/*/qna.yaml",
    FileKind.flow: "finetune/flows/*.yaml",
}
# The pre-training of nano has a recipe of its own kind, read by shoal.finetune.nano.
SHIPPED = [
    (kind, file)
    for kind, pattern in FILES.items()
    for file in sorted(ROOT.glob(pattern))
    if file.name != "nano.yaml"
]
EVERY_KIND = """\
version: 1
graph: centre
input: {message: str, transactions: "list[str]", limits: {low: float?, high: float}}
budget: {calls: 40}
nodes:
  triage: {agent: triage, with: {message: "${input.message}"}}
  sure: {agent: sure, escalate: {when: triage.confidence < 0.9, to: large}}
  answer:
    switch: triage.intent
    cases:
      lost_card: {nodes: {stop: {tool: stop, when: a}}, output: {text: "${stop}"}}
    default: {human: What now?, answer: {text: str}}
  handle: {map: {tool: book}, each: input.transactions, as: transaction, at_once: 4}
  collect: {repeat: {agent: collect, retry: 2}, until: collect.complete, at_most: 5, start: {n: 0}}
  decide: {vote: {agent: policy}, samples: 3, by: confidence, on: [decision], cache: 3600}
  check: {graph: risk, with: {amount: 3}, at_most: 2, fallback: {risk: 0}, cache: true}
output: {text: "${answer.text}"}
"""
SUITE = "version: 1\nsuite: s\ntarget: {agent: a}\ncases: [{input: {}, gold: {a: 1}}]\nscorers: {a: exact}\n"
QNA = """\
version: 1
seeds:
  [{input: hi, output: {a: 1}}, {question: w, answer: 3}, {context: c, questions: [{question: q, answer: 1}]}]
lexicons: {goods: [rolls], n: {numbers: {from: 1, to: 3}}, wish: {order: [give me, "{n} of"]}}
templates: [{input: "{wish} {goods}", output: "{wish.case}"}, {input: {message: "{n}"}}]
"""
FLOW = """\
version: 1
flow: skill
generate: {teacher: grammar, rows: 3}
dedupe: {near: 1}
judge: {teacher: {agent: a}}
"""


def faults(kind: FileKind, text: str) -> list[str]:
    data = parse_yaml(text.encode(), "file.yaml").data
    return [error.message for error in Draft202012Validator(made(kind)).iter_errors(data)]


@pytest.mark.parametrize("kind", FileKind)
def test_published_schemas_are_new(kind: FileKind) -> None:
    Draft202012Validator.check_schema(made(kind))
    published = json.loads((ROOT / f"docs/schemas/{kind}.json").read_text(encoding="utf-8"))
    assert published == made(kind), "run: agentctl schema --all docs/schemas"


@pytest.mark.parametrize(("kind", "file"), SHIPPED, ids=lambda each: str(getattr(each, "name", each)))
def test_shipped_files_fit_their_schema_and_name_it(kind: FileKind, file: Path) -> None:
    data: dict[str, Any] = read_yaml(file, file.name).data
    assert [error.message for error in Draft202012Validator(made(kind)).iter_errors(data)] == []
    first = file.read_text(encoding="utf-8").splitlines()[0]
    named = re.fullmatch(r"# yaml-language-server: \$schema=(.+)", first)
    assert named is not None
    assert (file.parent / named[1]).resolve() == ROOT / f"docs/schemas/{kind}.json"


def test_every_kind_of_node_fits() -> None:
    assert faults(FileKind.graph, EVERY_KIND) == []
    assert faults(FileKind.graph, GRAPH) == []
    assert faults(FileKind.agents, AGENTS) == []
    assert faults(FileKind.suite, SUITE) == []
    assert faults(FileKind.qna, QNA) == []
    assert faults(FileKind.flow, FLOW) == []
    url = FLOW.replace("teacher: grammar", "teacher: {url: 'http://x/v1', model: m}")
    assert faults(FileKind.flow, url) == []
    assert (
        faults(FileKind.script, "version: 1\nagents: {a: {x: 1}, b: [{x: 1}, {x: 2, confidence: 0.3}]}\n")
        == []
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("at_once: 4", "at_onec: 4"),
        ("map: {tool: book}", "map: {tool: book, when: triage}"),
        ("samples: 3", "samples: 1"),
        ("until: collect.complete, ", ""),
        ("graph: risk", "graph: risk, agent: policy"),
        ("tool: stop", "tol: stop"),
        ("message: str", "message: string"),
        ('"list[str]"', '"list[strr]"'),
        ("cache: true", "cache: false"),
        ("by: confidence", "by: trust"),
        ("retry: 2", "retry: often"),
        ("budget: {calls: 40}", "budget: {call: 40}"),
        ("version: 1", "version: 2"),
        ("  decide:", "  Decide:"),
        ("escalate: {when", "escalate: {if"),
    ],
)
def test_slips_in_graphs_do_not_fit(old: str, new: str) -> None:
    assert old in EVERY_KIND
    assert faults(FileKind.graph, EVERY_KIND.replace(old, new))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (FileKind.agents, AGENTS.replace("enum[raise_limit, other]", "enum[raise limit]")),
        (FileKind.agents, AGENTS.replace("effect: once", "effect: twice")),
        (FileKind.agents, AGENTS.replace("base: tiny", "basis: tiny")),
        (FileKind.suite, SUITE.replace("exact", "exactly")),
        (FileKind.suite, SUITE.replace("{agent: a}", "{agent: a, graph: b}")),
        (FileKind.suite, SUITE.replace("gold", "golden")),
        (FileKind.script, "version: 1\nagents: {a: []}\n"),
        (FileKind.qna, QNA.replace("seeds:", "seed:")),
        (FileKind.qna, QNA.replace("goods: [", "Goods: [")),
        (FileKind.qna, QNA.replace("from: 1", "form: 1")),
        (FileKind.flow, FLOW.replace("near", "nere")),
        (FileKind.flow, FLOW.replace("grammar", "grandma")),
    ],
)
def test_slips_elsewhere_do_not_fit(kind: FileKind, text: str) -> None:
    assert faults(kind, text)


def test_the_command_prints_and_writes(desk: Desk) -> None:
    assert json.loads(desk.call("schema", "graph").stdout) == made(FileKind.graph)
    assert desk.call("schema", "--all", "schemas").returncode == 0
    assert {file.stem for file in (desk.root / "schemas").iterdir()} == set(FileKind)
    assert desk.call("schema", "suite", "--output", "s.json").returncode == 0
    assert json.loads((desk.root / "s.json").read_text(encoding="utf-8")) == made(FileKind.suite)
    refused = desk.call("schema")
    assert (refused.returncode, "name one kind of agents, graph" in refused.stderr) == (2, True)
