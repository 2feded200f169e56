"""agentctl runs fork, and what `runs answer` says before it loads anything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from .conftest import Desk

MANY = """\
version: 1
graph: many
input: {names: "list[str]"}
nodes:
  all: {map: {tool: account, with: {customer: "${one}"}}, each: input.names, as: one}
output: {all: "${all}"}
"""


def finished(desk: Desk) -> str:
    """The id of a run whose note was written."""
    run = str(desk.run("hi", "--input", "customer=C-1")["run"])
    assert desk.call("runs", "answer", run, "ask", "yes", "--engine", "scripted").returncode == 0
    return run


def forked(desk: Desk, *arguments: str) -> dict[str, Any]:
    done = desk.call("runs", "fork", *arguments, "--engine", "scripted", "--json")
    assert done.returncode == 0, done.stderr
    record: dict[str, Any] = json.loads(done.stdout)
    return record


def notes(desk: Desk) -> list[str]:
    file = desk.root / "tools/notes"
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def test_another_answer_leads_to_another_end(desk: Desk) -> None:
    run = finished(desk)
    record = forked(desk, run, "--at", "ask", "--output", "no", "--again")
    assert (record["status"], record["output"]["noted"]) == ("done", None)
    assert record["nodes"]["note"]["status"] == "skipped"
    assert record["forked_from"] == {"run": run, "at": "ask"}
    assert record["run"] != run
    assert notes(desk) == ["Customer C-1"]
    shown = desk.call("runs", "show", record["run"])
    assert f"a fork of run {run} at node ask" in shown.stdout


def test_what_acts_once_is_not_repeated_unasked(desk: Desk) -> None:
    run = finished(desk)
    refused = desk.call("runs", "fork", run, "--at", "account", "--engine", "scripted")
    assert (refused.returncode, "'note'" in refused.stderr, "--again" in refused.stderr) == (2, True, True)
    assert notes(desk) == ["Customer C-1"]
    record = forked(desk, run, "--at", "note", "--output", "7")
    assert record["output"]["noted"] == 7
    other = '{"name": "Jo", "limit": 1}'
    record = forked(desk, run, "--at", "account", "--output", other, "--again")
    assert record["status"] == "waiting", "the question has another name in it"
    assert record["nodes"]["ask"]["question"] == "May Jo have it?"
    assert desk.call("runs", "answer", record["run"], "ask", "yes", "--engine", "scripted").returncode == 0
    assert notes(desk) == ["Customer C-1", "Jo"]


def test_other_files_need_a_word(desk: Desk) -> None:
    run = finished(desk)
    desk.replace(desk.tools, '"limit": 500', '"limit": 600')
    refused = desk.call("runs", "fork", run, "--at", "note", "--again", "--engine", "scripted")
    assert refused.returncode == 2
    assert f"agentctl runs fork {run} --at note --migrate" in refused.stderr
    assert forked(desk, run, "--at", "note", "--again", "--migrate")["output"]["noted"] == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--at", "acount"), "graph 'desk' has no node 'acount'. Did you mean 'account'?"),
        (
            ("--at", "account", "--output", '{"name": 3}'),
            "{\"name\": 3} is no output of node 'account', which",
        ),
        (
            ("--at", "note", "--output", "many"),
            "\"many\" is no output of node 'note', which gives {count: int}",
        ),
    ],
)
def test_what_is_wrong_is_said_before_models_are_loaded(
    desk: Desk, arguments: tuple[str, ...], said: str
) -> None:
    run = finished(desk)
    loud = [sys.executable, "-X", "importtime", "-m", "shoal", "runs", "fork", run, *arguments]
    done = subprocess.run(loud, cwd=desk.root, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert said in done.stderr
    assert " torch" not in done.stderr


def test_a_replay_says_what_would_come_out_otherwise(desk: Desk) -> None:
    run = finished(desk)
    done = desk.call("runs", "replay", run)
    assert (done.returncode, done.stdout) == (0, f"run {run}: 4 recorded rows, the same comes out\n")
    desk.replace(desk.graph, "May ${account.name}", "Shall ${account.name}")
    desk.replace(desk.graph, 'when: "ask.yes"', 'when: "!ask.yes"')
    done = desk.call("runs", "replay", run)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        f"since run {run} began: graphs/desk.yaml or a file it depends on changed",
        "node 'ask' was answered {\"yes\": true}; now it would ask 'Shall Customer C-1 have it?'",
        "node 'note' gave {\"count\": 1}; now it would be skipped: `when` is false",
        f"run {run}: 4 recorded rows, 2 differences",
    ]
    record = json.loads(desk.call("runs", "replay", run, "--json").stdout)
    assert (record["same"], [each["path"] for each in record["differences"]]) == (False, ["ask", "note"])
    assert record["differences"][0]["now"]["message"] == "Shall Customer C-1 have it?"
    assert notes(desk) == ["Customer C-1"], "nobody was called"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ask", "perhaps"), "\"perhaps\" does not answer node 'ask', expected yes or no"),
        (("ask", "yes", "--engine", "big"), "'big' is not an engine"),
        (("account", "yes"), "does not wait for an answer"),
        (("aks", "yes"), "Did you mean 'ask'?"),
    ],
)
def test_a_wrong_answer_is_refused_before_models_are_loaded(
    desk: Desk, arguments: tuple[str, ...], said: str
) -> None:
    run = desk.run("hi", "--input", "customer=C-1")["run"]
    before = os.times()
    loud = [sys.executable, "-X", "importtime", "-m", "shoal", "runs", "answer", run, *arguments]
    done = subprocess.run(loud, cwd=desk.root, capture_output=True, text=True, timeout=60)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert " torch" not in done.stderr
    after = os.times()
    took = after.children_user - before.children_user
    assert took < 2.5, f"{took} s of a processor; on a machine of its own that is a third"
    assert desk.call("runs", "show", run, "--json").stdout.count('"waiting"') == 2, "nothing was recorded"


def test_a_diff_shows_what_came_out_otherwise(desk: Desk) -> None:
    run = finished(desk)
    same = forked(desk, run, "--at", "note", "--output", "1")["run"]
    done = desk.call("runs", "diff", run, same)
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1].startswith("0 of 4 nodes came out otherwise; tokens")
    other = forked(desk, run, "--at", "ask", "--output", "no", "--again")["run"]
    done = desk.call("runs", "diff", run, other)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[:3] == [f"runs {run} -> {other}, graph desk", "status: done", "output noted: 1 -> null"]
    assert any(line.startswith("node ask: ") for line in lines)
    assert "  output yes: true -> false" in lines
    assert any(
        line.startswith("node note: done -> skipped (`when` is false), attempts 1 -> 0") for line in lines
    )
    assert lines[-1].startswith("2 of 4 nodes came out otherwise")
    record = json.loads(desk.call("runs", "diff", run, other, "--json").stdout)
    assert (record["same"], record["num_nodes"]) == (False, 4)
    assert record["output"] == [{"at": "noted", "first": 1, "second": None}]
    assert {each["path"]: each["output"] for each in record["nodes"]} == {
        "ask": [{"at": "yes", "first": True, "second": False}],
        "note": [{"at": "", "first": {"count": 1}}],
    }


def test_a_diff_of_a_large_map_can_be_read(desk: Desk) -> None:
    (desk.root / "graphs/many.yaml").write_text(MANY, encoding="utf-8")
    runs = []
    for other in ("", "!"):
        names = json.dumps([f"{i}{other if i % 2 else ''}" for i in range(1000)])
        done = desk.call("run", "many", "--input", f"names={names}", "--engine", "scripted", "--json")
        assert done.returncode == 0, done.stderr
        runs.append(json.loads(done.stdout)["run"])
    done = desk.call("runs", "diff", *runs)
    lines = done.stdout.splitlines()
    assert (done.returncode, len(lines) < 40) == (1, True), done.stdout
    assert "all[]: 500 of 1,000 differ" in lines
    assert "... and 495 more of all[]: --all" in lines
    assert lines[-1].startswith("501 of 1,001 nodes came out otherwise")
    assert len(desk.call("runs", "diff", *runs, "--all").stdout.splitlines()) > 1500
