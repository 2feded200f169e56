"""A new workspace: it checks and runs as it is, and nothing that was there is touched."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Agentctl = Callable[..., "CompletedProcess[str]"]
FOLDERS = ("agents", "graphs", "finetune", "serving", "evals", "tools")


@pytest.fixture
def made(tmp_path: Path, agentctl: Agentctl) -> Path:
    """A workspace."""
    done = agentctl(tmp_path, "init", "shop")
    assert done.returncode == 0, done.stderr
    assert "cd shop && agentctl check" in done.stdout
    return tmp_path / "shop"


def test_a_new_workspace_checks_without_a_word(made: Path, agentctl: Agentctl) -> None:
    done = agentctl(made, "check")
    assert (done.stdout, done.stderr) == (
        "All is well. Agents: 1, graphs: 1, recipes: 0, suites: 1, seeds: 0, flows: 0.\n",
        "",
    )
    assert all((made / folder / "README.md").is_file() for folder in FOLDERS)
    assert ".shoal/*" in (made / ".gitignore").read_text()


def test_its_example_runs_with_what_ships(made: Path, agentctl: Agentctl) -> None:
    lines = "".join(json.dumps({"order_id": f"O-{number}"}) + "\n" for number in (1, 2, 3))
    (made / "orders.jsonl").write_text(lines)
    done = agentctl(made, "run", "refund", "--each", "orders.jsonl", "--json")
    assert done.returncode == 0, done.stderr
    first, second, third = map(json.loads, done.stdout.splitlines())
    assert first["output"] == {
        "decision": "refund",
        "reason": "every rule is met",
        "receipt": "O-1: 40.00 dollars",
    }
    assert second["output"]["decision"] == "reject"
    assert third["nodes"]["decide"]["output"]["decision"] == "review"
    assert third["status"] == "waiting"
    answered = agentctl(made, "runs", "answer", third["run"], "colleague", "yes", "--json")
    assert json.loads(answered.stdout)["output"]["receipt"] == "O-3: 310.00 dollars"


def test_what_its_readme_says_works(made: Path, agentctl: Agentctl) -> None:
    commands = re.findall(r"^    agentctl ([^#\n]*)", (made / "README.md").read_text(), re.MULTILINE)
    assert len(commands) >= 6
    for command in commands:
        if "RUN" not in command:
            done = agentctl(made, *command.split())
            assert done.returncode == 0, done.stderr


def test_editors_find_the_schemas(made: Path) -> None:
    files = [
        made / name for name in ("agents.yaml", "answers.yaml", "graphs/refund.yaml", "evals/decide.yaml")
    ]
    for file in files:
        schema = re.match(r"# yaml-language-server: \$schema=(\S+)\n", file.read_text())
        assert schema and (file.parent / schema[1]).is_file()


def test_nothing_is_overwritten(tmp_path: Path, agentctl: Agentctl) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools/orders.py").write_text("mine\n")
    (tmp_path / "notes.txt").write_text("also mine\n")
    done = agentctl(tmp_path, "init")
    assert done.returncode == 2
    assert done.stderr == (
        f"{tmp_path} has tools/orders.py already. Nothing was written; choose another folder\n"
    )
    assert sorted(each.name for each in tmp_path.rglob("*")) == ["notes.txt", "orders.py", "tools"]
    (tmp_path / "tools/orders.py").unlink()
    assert agentctl(tmp_path, "init").returncode == 0
    assert (tmp_path / "notes.txt").read_text() == "also mine\n"
    again = agentctl(tmp_path, "init")
    assert again.returncode == 2
    assert "and 17 more already" in again.stderr


def test_a_folder_without_a_workspace_is_told_how_to_get_one(tmp_path: Path, agentctl: Agentctl) -> None:
    assert "agentctl init makes one" in agentctl(tmp_path, "check").stderr
