"""What README.md tells a newcomer to do works as it stands there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SCRIPT = 'version: 1\nagents:\n  triage: {intent: "%s"}\n'


def block(language: str, number: int) -> str:
    """The n-th code block of a language, without its indentation."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", README, flags=re.MULTILINE | re.DOTALL)
    indent, text = found[number]
    return "".join(line.removeprefix(indent) for line in text.splitlines(keepends=True))


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """The reference bank with the README's tool and graph added."""
    for name in ("agents", "graphs", "tools", "finetune"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / ".shoal/adapters", tmp_path / ".shoal/adapters")
    manifest = (ROOT / "agents.yaml").read_text(encoding="utf-8")
    (tmp_path / "tools/hours.py").write_text(block("python", 0), encoding="utf-8")
    (tmp_path / "agents.yaml").write_text(f"{manifest.rstrip()}\n{block('yaml', 0)}", encoding="utf-8")
    (tmp_path / "graphs/front_desk.yaml").write_text(block("yaml", 1), encoding="utf-8")
    return tmp_path


def agentctl(workspace: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, in the workspace."""
    command = [sys.executable, "-m", "shoal", *arguments]
    environment = os.environ | {"BANK_DB": str(workspace / "bank.db")}
    return subprocess.run(command, cwd=workspace, capture_output=True, text=True, timeout=60, env=environment)


def test_a_graph_of_ones_own(workspace: Path) -> None:
    checked = agentctl(workspace, "check")
    assert checked.returncode == 0, checked.stderr
    for intent, expected in {
        "other": {"intent": "other", "hours": "9 to 5", "call_back": False},
        "balance": {"intent": "balance", "hours": None, "call_back": False},
    }.items():
        (workspace / "script.yaml").write_text(SCRIPT % intent, encoding="utf-8")
        call = ("run", "front_desk", "hello", "--input", "city=Leeds", "--engine", "scripted:script.yaml")
        done = agentctl(workspace, *call, "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["output"] == expected


def test_the_misspelt_field_is_found_as_shown(workspace: Path) -> None:
    graph = workspace / "graphs/front_desk.yaml"
    text = graph.read_text(encoding="utf-8")
    graph.write_text(text.replace("input.city", "input.citty"), encoding="utf-8")
    shown = re.search(r"^ +(graphs/front_desk\.yaml:.*)$", README, flags=re.MULTILINE)
    assert shown is not None
    assert agentctl(workspace, "check").stderr.strip() == shown[1]


def test_every_command_that_is_shown_exists() -> None:
    for words in re.findall(r"agentctl ([a-z]+(?: show| list)?)", README):
        done = agentctl(ROOT, *words.split()[:2], "--help")
        assert done.returncode == 0, words


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
