"""Help is quick, graphs can be drawn, the doctor says what is missing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from .conftest import Desk

HEAVY = (
    "torch",
    "transformers",
    "pydantic",
    "networkx",
    "httpx",
    "rich.console",
    "cel_expr_python",
    "jinja2",
)


def test_help_imports_nothing_heavy() -> None:
    code = f"import shoal.cli.main, sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_checking_imports_no_models(desk: Desk) -> None:
    code = (
        "import sys; from pathlib import Path; from shoal.graphs.check import check_workspace;"
        "checked = check_workspace(Path('.'));"
        "print(sorted(checked.plans), [name for name in ('torch', 'httpx') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=desk.root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "['desk'] []"


def test_check_says_what_is_well(desk: Desk) -> None:
    assert (
        "All is well. Agents: 1, graphs: 1, recipes: 0, suites: 0, seeds: 0, flows: 0."
        in desk.call("check").stdout
    )
    desk.replace(desk.graph, "triage.intent ==", "triage.intnet ==")
    problems = json.loads(desk.call("check", "--json").stdout)["problems"]
    assert [(problem["file"], problem["line"]) for problem in problems] == [("graphs/desk.yaml", 7)]


def test_graph_show_draws_text_and_picture(desk: Desk) -> None:
    mermaid = desk.call("graph", "show", "desk").stdout
    assert mermaid.startswith("flowchart")
    assert "triage" in mermaid
    assert desk.call("graph", "show", "desk", "--output", "desk.svg").returncode == 0
    assert (desk.root / "desk.svg").read_text(encoding="utf-8").lstrip().startswith("<svg")


def test_doctor_names_the_base_that_is_not_there(desk: Desk) -> None:
    done = desk.call("doctor", "--json")
    findings = {finding["name"]: finding for finding in json.loads(done.stdout)}
    assert findings["python"]["is_well"]
    assert not findings["base tiny"]["is_well"]
    assert done.returncode == 2


def test_what_tools_print_goes_to_stderr(desk: Desk) -> None:
    """Their own prints, at import and in a call, and those of programs that they start."""
    loud = 'import subprocess\n    subprocess.run(["echo", "child"])\n    print("called")\n'
    desk.replace(desk.tools, "from pathlib import Path\n", 'from pathlib import Path\n\nprint("imported")\n')
    desk.replace(desk.tools, '    return {"name"', f'    {loud}    return {{"name"')
    given = ("--input", "customer=C-1", "--engine", "scripted", "--json")
    for arguments in (("hi", *given), ("--each", "lines.jsonl", *given)):
        (desk.root / "lines.jsonl").write_text('{"message": "hi"}\n', encoding="utf-8")
        done = desk.call("run", "desk", *arguments)
        assert json.loads(done.stdout)["status"] == "waiting"
        assert [line for line in ("imported", "called", "child") if line not in done.stderr] == []


def test_texts_are_shown_as_they_are(desk: Desk) -> None:
    """Rich's own marks in a customer's name are no marks."""
    name = "[/red] [bold]x[/]"
    done = desk.call("run", "desk", "hi", "--input", f"customer={name}", "--engine", "scripted")
    assert done.returncode == 0, done.stderr
    assert f"Waiting for a person: May Customer {name} have it?" in done.stdout


def test_a_terminal_without_the_characters_of_the_tree(desk: Desk) -> None:
    command = [
        sys.executable,
        "-m",
        "shoal",
        "run",
        "desk",
        "é☃",
        "--input",
        "customer=☃",
        "--engine",
        "scripted",
    ]
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    command += ["--engine", "scripted"]
    done = subprocess.run(command, cwd=desk.root, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert "\\u2603" in done.stdout


def test_a_reader_that_leaves_early(desk: Desk) -> None:
    line = json.dumps({"message": "hi", "customer": "C" * 2000})
    (desk.root / "lines.jsonl").write_text(f"{line}\n" * 100, encoding="utf-8")
    command = [sys.executable, "-m", "shoal", "run", "desk", "--each", "lines.jsonl", "--engine", "scripted"]
    with subprocess.Popen(
        [*command, "--json"], cwd=desk.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout and process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert "Error" not in process.stderr.read()
    assert process.returncode == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_goes_on_later(desk: Desk, number: signal.Signals) -> None:
    wait = (
        'import time\n    (HERE / "begun").touch()\n    while not (HERE / "go").exists(): time.sleep(0.01)\n'
    )
    desk.replace(desk.tools, '    return {"name"', f'    {wait}    return {{"name"')
    command = [sys.executable, "-m", "shoal", "run", "desk", "hi", "--input", "customer=C-1"]
    process = subprocess.Popen(
        [*command, "--engine", "scripted"],
        cwd=desk.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A test started in the background ignores Ctrl-C, and so would what it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not (desk.root / "tools/begun").exists():
        assert process.poll() is None
        threading.Event().wait(0.01)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "Interrupted. What was recorded stays: agentctl runs list\n")
    run, _, _, status, _ = desk.call("runs", "list").stdout.split()
    assert status == "interrupted"
    (desk.root / "tools/go").touch()
    assert "waiting" in desk.call("runs", "resume", run, "--engine", "scripted").stdout
