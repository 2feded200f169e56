"""Runs that are given up: processes that execute them stop, and say so."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cli.conftest import Desk

HANG = """\
import time
    (HERE / "begun").touch()
    while not (HERE / "go").exists():
        time.sleep(0.01)
    """


def hang(desk: Desk, before: str) -> None:
    """Let a tool hang before this line of it."""
    desk.replace(desk.tools, before, f"{HANG}{before}")


@contextmanager
def under_way(desk: Desk, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process that is in the middle of a tool."""
    command = [sys.executable, "-m", "shoal", *arguments, "--engine", "scripted"]
    with subprocess.Popen(
        command, cwd=desk.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            while not (desk.root / "tools/begun").exists():
                assert process.poll() is None
                threading.Event().wait(0.01)
            yield process
        finally:
            process.kill()


def test_a_run_under_way_is_stopped_where_it_is_executed(desk: Desk) -> None:
    hang(desk, 'return {"name"')
    with under_way(desk, "run", "desk", "hi", "--input", "customer=C-1") as process:
        run = desk.call("runs", "list").stdout.split()[0]
        done = desk.call("runs", "cancel", run)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{run}  cancelled\n", "")
        begun = time.monotonic()
        output, errors = process.communicate(timeout=30)
        assert time.monotonic() - begun < 5
        assert (process.returncode, errors) == (1, "")
        assert output.count("cancelled by a person\n") == 1
        assert f"tokens, run {run}" in output.splitlines()[-1]
    refused = desk.call("runs", "resume", run, "--engine", "scripted")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == (
        f"run {run} was cancelled and is not resumed. Begin another one with what it has: "
        f"`agentctl runs fork {run} --at NODE`\n"
    )


def test_a_tool_that_may_have_acted_is_named(desk: Desk) -> None:
    hang(desk, "with (HERE")
    run = desk.run("hi", "--input", "customer=C-1")["run"]
    with under_way(desk, "runs", "answer", run, "ask", "yes", "--json") as process:
        done = desk.call("runs", "cancel", run)
        assert done.stdout == f"{run}  cancelled; node 'note' may have acted or not\n"
        output, _ = process.communicate(timeout=30)
    record = json.loads(output)
    assert (process.returncode, record["status"]) == (1, "cancelled")
    assert record["error"] == "cancelled by a person; node 'note' may have acted or not"
    assert record["nodes"]["note"]["status"] == "unknown"
    shown = desk.call("runs", "show", run).stdout
    assert "cancelled by a person; node 'note' may have acted or not" in shown
    assert "? note" in shown


def test_runs_that_nobody_executes_are_cancelled_at_once_and_refusals_are_told(desk: Desk) -> None:
    waiting = [desk.run("hi", "--input", "customer=C-1")["run"] for _ in range(2)]
    done = desk.call("runs", "answer", waiting[0], "ask", "yes", "--engine", "scripted")
    assert done.returncode == 0
    cancelled = desk.call("runs", "cancel", waiting[0], waiting[1], "none")
    assert cancelled.returncode == 2
    assert cancelled.stdout == f"{waiting[1]}  cancelled\n"
    assert cancelled.stderr == (
        f"run {waiting[0]} is done already\n"
        "there is no run 'none'. Run `agentctl runs list` to see the runs\n"
    )
    again = desk.call("runs", "cancel", waiting[1], waiting[1], "--json")
    (record,) = map(json.loads, again.stdout.splitlines())
    assert (again.returncode, again.stderr) == (1, "")
    assert record == {
        "run": waiting[1],
        "status": "cancelled",
        "message": f"run {waiting[1]} is cancelled already",
    }
    shown = desk.call("runs", "show", waiting[1]).stdout
    assert "cancelled by a person" in shown
    assert "agentctl runs answer" not in shown, "nobody waits for an answer any more"
