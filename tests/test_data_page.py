"""docs/data.md: every command runs in the order of the page, and prints what stands there."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.datasets.foreign import REPAIRED
from tests.datasets.school import Response, School, said

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/data.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SERVER = "http://localhost:8000/v1"
REPLACED = "      intent: enum[return, delivery, payment, other]\n"


def answer(number: int, body: dict[str, Any]) -> Response:
    """Rows of the label that is asked for; five points from a judge."""
    prompt = body["messages"][-1]["content"]
    if "points" in prompt:
        return said('{"reason": "fine", "points": 5}')
    label = re.search(r"with intent = (\w+)", prompt)
    assert label is not None
    rows = []
    for turn in range(5):
        words = hashlib.sha256(f"{body['seed']} {turn}".encode()).hexdigest()
        message = f"about {words[:4]} {words[4:8]} and {words[8:12]}"
        rows.append({"input": {"message": message}, "output": {"intent": label[1]}})
    return said(json.dumps({"examples": rows}))


@pytest.fixture
def school() -> Iterator[School]:
    made = School(answer)
    yield made
    made.close()


def agentctl(folder: Path, command: str, expected: int) -> str:
    """What a command prints, errors included."""
    words = shlex.split(command)
    assert words[0] == "agentctl"
    done = subprocess.run(
        [sys.executable, "-m", "shoal", *words[1:]],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"COLUMNS": "200", "NO_COLOR": "1"},
    )
    assert done.returncode == expected, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def write(folder: Path, text: str) -> None:
    """A file of the page, named in its first line."""
    name, _, content = text.removeprefix("# ").partition("\n")
    if name == "agents.yaml, of desk":
        manifest = (folder / "agents.yaml").read_text(encoding="utf-8")
        assert REPLACED in manifest
        (folder / "agents.yaml").write_text(manifest.replace(REPLACED, content), encoding="utf-8")
        return
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(content, encoding="utf-8")


def test_every_command_runs_and_prints_what_stands_there(tmp_path: Path, school: School) -> None:
    agentctl(tmp_path, "agentctl init .", 0)
    (tmp_path / "theirs.yaml").write_text(REPAIRED["a misspelt key"][0], encoding="utf-8")
    rows = ({"text": f"letter {n} of {n}", "label": "bill" if n % 2 else "offer"} for n in range(40))
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    printed = ""
    for language, text in BLOCK.findall(PAGE):
        text = text.replace(SERVER, school.url)
        if language == "yaml":
            write(tmp_path, text)
        elif language == "sh":
            printed = "".join(agentctl(tmp_path, line, "strict" in line) for line in text.splitlines())
        else:
            assert language == "text"
            for line in text.splitlines():
                pattern = re.escape(line).replace(re.escape("{DATASET}"), "[0-9a-f]{12}")
                assert re.search(f"^{pattern}$", printed, re.MULTILINE), f"{line!r} is not in:\n{printed}"
    assert school.asked


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target


def test_every_option_stands_there() -> None:
    done = agentctl(ROOT, "agentctl agent data --help", 0)
    options = set(re.findall(r"(--[a-z-]+)", done)) - {"--help", "--engine"}
    missing = {option for option in options if option not in PAGE}
    assert missing == set()
