"""Help is quick, graphs can be drawn, the doctor says what is missing."""

from __future__ import annotations

import json
import subprocess
import sys

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
    assert "1 agents and 1 graphs are well." in desk.call("check").stdout
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
