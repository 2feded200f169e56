"""agentctl runs fork, and what `runs answer` says before it loads anything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from .conftest import Desk


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
