"""agentctl eval: suites run from the command line, are killed, and go on."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from .conftest import Desk
from .eval_shop import SUITE, evaluate, write


def test_a_suite_is_run_and_shown(shop: Desk) -> None:
    done = shop.call("eval", "run", "desk", "--engine", "scripted")
    assert done.returncode == 0, done.stderr
    assert "desk: 60 cases on graph desk, engine scripted" in done.stdout
    rows = re.findall(r"^(\S+) +(\d+\.\d %) +(\d+\.\d) to (\d+\.\d) % +(\d+)", done.stdout, re.MULTILINE)
    assert rows == [
        ("intent", "100.0 %", "94.0", "100.0", "60"),
        ("name", "100.0 %", "94.0", "100.0", "60"),
        ("triage.amount", "100.0 %", "94.0", "100.0", "60"),
    ]
    assert "slice even: 30 cases, intent 100.0 %, name 100.0 %, triage.amount 100.0 %" in done.stdout
    (run,) = re.findall(r"evaluation (\S+)", done.stdout)
    assert shop.call("eval", "list").stdout.startswith(run)
    shown = json.loads(shop.call("eval", "show", "last", "--json").stdout)
    assert (shown["run"], shown["status"], shown["suite"]) == (run, "done", "desk")
    assert shop.call("eval", "show", "desk").stdout.splitlines()[1:] == done.stdout.splitlines()[1:]
    assert shop.call("runs", "list").stdout == "No runs yet. Start one: agentctl run GRAPH\n"


def test_the_second_time_nobody_is_asked(shop: Desk) -> None:
    assert evaluate(shop)["summary"]["cached"] == 0
    assert evaluate(shop)["summary"]["cached"] == 60
    assert evaluate(shop, "--fresh")["summary"]["cached"] == 0
    assert evaluate(shop, "--limit", "7")["summary"]["cases"] == 7
    assert Counter(asked(shop)) == {f"C-{number}": 2 for number in range(60)}


def test_errors_are_counted_beside(shop: Desk) -> None:
    write(shop, *range(9), "nobody")
    summary = evaluate(shop)["summary"]
    assert (summary["cases"], summary["errors"]) == (10, 1)
    assert summary["scores"]["intent"]["cases"] == 9
    assert summary["error_kinds"] == [
        ["node 'account' failed: tool 'account' raised LookupError: no such customer", 1]
    ]
    write(shop, "nobody")
    done = shop.call("eval", "run", "desk", "--engine", "scripted")
    assert done.returncode == 1
    assert "1 case has no answer:" in done.stdout


def asked(desk: Desk) -> list[str]:
    file = desk.root / "tools/asked"
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


@pytest.mark.parametrize("has_cache", [True, False])
def test_killed_again_and_again_it_asks_no_case_twice(shop: Desk, has_cache: bool) -> None:
    """Cases under way at a kill are the only ones that may be asked again: four at once."""
    suite = shop.root / "evals/desk.yaml"
    suite.write_text(SUITE + "at_once: 4\n", encoding="utf-8")
    num_kills = 0
    for target in (9, 20, 31, 42):
        process = start(shop)
        wait_for(shop, process, target)
        process.send_signal(signal.SIGKILL)
        process.wait()
        num_kills += 1
        if not has_cache:
            for file in (shop.root / ".shoal").glob("cache.db*"):
                file.unlink()
    record = evaluate(shop)
    (run,) = json.loads(f"[{','.join(shop.call('eval', 'list', '--json').stdout.splitlines())}]")
    assert (run["run"], run["status"]) == (record["run"], "done")
    assert record["summary"]["cases"] == 60 and record["summary"]["errors"] == 0
    counts = Counter(asked(shop))
    assert len(counts) == 60
    assert sum(counts.values()) <= 60 + 4 * num_kills
    lines = (shop.root / f".shoal/evals/{run['run']}/cases.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["id"] for line in lines] == [f"case-{number}" for number in range(60)]


def start(desk: Desk, ask_s: float = 0.02) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "shoal", "eval", "run", "desk", "--engine", "scripted"]
    environment = os.environ | {"ASK_S": str(ask_s), "NO_COLOR": "1"}
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, cwd=desk.root, env=environment, text=True, stdout=quiet, stderr=quiet)


def wait_for(desk: Desk, process: subprocess.Popen[str], num_asked: int) -> None:
    while len(asked(desk)) < num_asked:
        assert process.poll() is None
        threading.Event().wait(0.002)


def test_it_says_that_it_goes_on(shop: Desk) -> None:
    (shop.root / "evals/desk.yaml").write_text(SUITE + "at_once: 4\n", encoding="utf-8")
    process = start(shop, ask_s=0.1)
    wait_for(shop, process, 9)
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    assert "interrupted" in shop.call("eval", "list").stdout
    done = shop.call("eval", "run", "desk", "--engine", "scripted")
    assert re.search(r"Going on with evaluation \S+: \d+ of 60 are there\.", done.stderr)


def test_there_is_no_such_suite(shop: Desk) -> None:
    done = shop.call("eval", "run", "dsk")
    assert done.returncode == 2
    assert done.stderr.endswith("Did you mean 'desk'?\n")
    assert shop.call("eval", "run", "desk", "--engine", "magic").returncode == 2
    assert shop.call("eval", "show", "last").stderr == (
        "there is no evaluation 'last'. Make one: agentctl eval run SUITE\n"
    )


def test_a_file_of_cases_with_a_fault_is_refused(shop: Desk) -> None:
    file: Path = shop.root / "evals/cases.jsonl"
    file.write_text(
        file.read_text(encoding="utf-8").replace("raise_limit", "raise_limt", 1), encoding="utf-8"
    )
    done = shop.call("eval", "run", "desk", "--engine", "scripted")
    assert done.returncode == 2
    assert done.stderr.startswith("evals/cases.jsonl:1:1 gold 'intent' is 'raise_limt', expected one of")


def test_one_case_in_full(shop: Desk) -> None:
    (shop.root / "script.yaml").write_text(
        "version: 1\nagents: {triage: {intent: other, amount: null}}\n", encoding="utf-8"
    )
    shop.call("eval", "run", "desk", "--engine", "scripted:script.yaml")
    done = shop.call("eval", "show", "last", "--case", "case-7")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^intent +0  other, expected raise_limit", done.stdout, re.MULTILINE)
    assert re.search(r"✓ account +account .*name=Customer C-7", done.stdout)
    record = json.loads(shop.call("eval", "show", "last", "--case", "case-7", "--json").stdout)
    assert record["nodes"]["triage"] == {"intent": "other", "amount": None}
    assert shop.call("eval", "show", "last", "--case", "case-70").stderr.endswith("Did you mean 'case-7'?\n")


def test_pages_and_junit(shop: Desk) -> None:
    first = evaluate(shop, "--html", "r.html", "--junit", "made/j.xml")
    assert f"desk {first['run']}" in (shop.root / "r.html").read_text(encoding="utf-8")
    assert 'tests="60" failures="0" errors="0"' in (shop.root / "made/j.xml").read_text(encoding="utf-8")
    second = evaluate(shop, "--against", first["run"])
    done = shop.call("eval", "compare", first["run"], "last", "--html", "c.html")
    assert done.returncode == 0, done.stderr
    assert f'"against":"{first["run"]}"' in (shop.root / "c.html").read_text(encoding="utf-8")
    assert shop.call("eval", "show", second["run"], "--html", "s.html").returncode == 0
