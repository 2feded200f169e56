"""kill -9 at any point of a flow: run again, it asks nothing that was answered, and makes the same rows."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shoal.datasets.store import DataSets
from shoal.workspace.store import Store

from .bakery import SEEDS, workspace
from .lessons import lesson
from .school import Response, School

SCRIPT = Path(__file__).with_name("kill_script.py")
ROWS = 150
AT_ONCE = 4


def begin(root: Path, school: School, name: str = "whole") -> subprocess.Popen[str]:
    """A flow with a judge in a process of its own."""
    command = [sys.executable, str(SCRIPT), str(root), school.url, str(ROWS)]
    environment = os.environ | {"OPENAI_API_KEY": name}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


def kept(root: Path) -> set[str]:
    """The keys of all answers that are on the disk."""
    file = root / ".shoal/teachers.db"
    if not file.exists():
        return set()
    with sqlite3.connect(file) as connection:
        return {key for (key,) in connection.execute("SELECT key FROM answers")}


def judged(root: Path) -> Path:
    """A workspace whose flow has a judge."""
    workspace(root, SEEDS)
    (root / "finetune/flows").mkdir(parents=True)
    text = "version: 1\nflow: bakery\njudge: {teacher: teacher}\n"
    (root / "finetune/flows/bakery.yaml").write_text(text, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, int]:
    """The data set that a flow makes which nobody kills, and how many requests that takes."""
    school = School(lambda number, body: lesson(body))
    process = begin(judged(tmp_path_factory.mktemp("whole")), school)
    output, errors = process.communicate(timeout=120)
    school.close()
    assert process.returncode == 0, errors
    return output.strip(), len(school.asked)


def storm(root: Path, kills: list[tuple[int, str]], expected: str) -> tuple[School, int]:
    """Kill the flow at each of these requests of the school, then let it end; how often it asked twice."""
    school = School(lambda number, body: lesson(body))
    target: list[subprocess.Popen[str]] = []
    point: list[tuple[int, str]] = []

    def kill_at(number: int, where: str) -> None:
        if point and number >= point[0][0] and where == point[0][1]:
            point.clear()
            os.kill(target[-1].pid, signal.SIGKILL)

    def answer(number: int, body: dict[str, Any]) -> Response:
        kill_at(number, "asked")
        return lesson(body)

    school.answer = answer
    school.after_reply = lambda number: kill_at(number, "answered")
    known: set[str] = set()
    num_twice = 0
    for turn, (count, where) in enumerate([*kills, (10**9, "never")]):
        on_disk = kept(root)
        point[:] = [(len(school.keys) + count, where)]
        target.append(begin(root, school, f"turn {turn}"))
        output, errors = target[-1].communicate(timeout=120)
        # What a killed process had sent may be read later than what the next one sends.
        asked = [key for who, key in list(school.keys) if who == f"Bearer turn {turn}"]
        assert not on_disk & set(asked), "what was answered was asked again"
        assert len(set(asked)) == len(asked)
        num_twice += len(set(asked) & known)
        known |= set(asked)
        if target[-1].returncode == 0:
            assert output.strip() == expected
            break
        assert target[-1].returncode == -signal.SIGKILL, errors
    assert DataSets(Store(root)).get("bakery").sha == expected
    school.close()
    return school, num_twice


def test_killed_at_every_kind_of_point(tmp_path: Path, whole: tuple[str, int]) -> None:
    sha, count = whole
    kills = [(0, "asked"), (0, "answered"), (1, "asked"), (3, "answered"), (7, "asked"), (11, "answered")]
    school, num_twice = storm(judged(tmp_path), kills, sha)
    assert len({key for _, key in school.keys}) == count
    # What was under way when it died had no answer yet.
    assert num_twice <= AT_ONCE * len(kills)


@pytest.mark.slow
def test_killed_again_and_again(tmp_path: Path, whole: tuple[str, int]) -> None:
    sha, count = whole
    chance = random.Random(20)
    kills = [(chance.randrange(1, 14), chance.choice(("asked", "answered"))) for _ in range(20)]
    school, num_twice = storm(judged(tmp_path), kills, sha)
    assert len({key for _, key in school.keys}) == count
    assert num_twice <= AT_ONCE * len(kills)


def test_killed_while_it_writes(tmp_path: Path, whole: tuple[str, int]) -> None:
    """Half a data set is none: without its card it is not listed, and it is made again."""
    sha, _ = whole
    root = judged(tmp_path)
    school, _ = storm(root, [], sha)
    folder = DataSets(Store(root)).get("bakery").folder
    (folder / "card.json").unlink()
    (folder.parent / ".new-left").mkdir()
    assert DataSets(Store(root)).all("bakery") == []
    again, num_twice = storm(root, [], sha)
    assert (again.asked, num_twice) == ([], 0)
