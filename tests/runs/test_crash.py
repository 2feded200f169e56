"""Real processes, really killed: nothing recorded is lost or done again, and the answer is the same."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from shoal.journal import FAILPOINTS, NodeRow, SqliteJournal
from tests.graphs.plans import log_of

ROOT = Path(__file__).parents[2]
FINISHED = {"done", "fallback", "answered"}


@dataclass(frozen=True)
class Scene:
    """One run, the processes that execute it one after another, and what they leave behind."""

    folder: Path
    length: int = 2

    @property
    def journal(self) -> Path:
        return self.folder / "journal.db"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def right_answer(self) -> str:
        held = "[[1, 2, 3], 3, 7]"
        return f'{{"paid": {float(self.length)}, "end": {self.length + 1}, "text": "good", "held": {held}}}\n'

    def process(self, failpoint: str = "") -> subprocess.Popen[str]:
        script = ROOT / "tests" / "runs" / "crash_script.py"
        command = [sys.executable, str(script), str(self.journal), str(self.log), str(self.length)]
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "SHOAL_FAILPOINT": failpoint}
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)

    def run(self, failpoint: str = "") -> str | None:
        """What a process printed, or None if it died."""
        with self.process(failpoint) as process:
            output, _ = process.communicate(timeout=60)
        if process.returncode == -signal.SIGKILL:
            return None
        assert process.returncode == 0
        return output.removeprefix("ready\n")

    def finished(self) -> set[str]:
        """Nodes that have a result in the journal."""
        return {row.path for row in asyncio.run(self._rows()) if row.kind in FINISHED}

    async def _rows(self) -> Sequence[NodeRow]:
        journal = SqliteJournal(self.journal)
        try:
            runs = await journal.runs()
            assert len(runs) <= 1
            assert all(run.status != "running" for run in runs)
            return await journal.rows(runs[0].id) if runs else []
        finally:
            await journal.close()

    def check_rest(self) -> None:
        """From here on the run ends right, and what is finished now is not done again."""
        finished, before = self.finished(), Counter(log_of(self.log))
        assert self.run() == self.right_answer
        again = Counter(log_of(self.log)) - before
        assert not finished & set(again), "a recorded node ran again"
        assert Counter(log_of(self.log))["pay"] == 1


FEW = [(name, 1) for name in FAILPOINTS]
FEW += [("result_commit.before", 2), ("group_commit.after", 3), ("join.after", 3)]
FEW += [
    (f"tool_effect.{side}", count) for side in ("before", "after") for count in (3, 4)
]  # pay is one of these
MANY = [(name, count) for name in FAILPOINTS for count in range(1, 9) if (name, count) not in FEW]


@pytest.mark.parametrize(("failpoint", "count"), FEW)
def test_a_run_survives_kill_9_at(tmp_path: Path, failpoint: str, count: int) -> None:
    scene = Scene(tmp_path)
    assert scene.run(f"{failpoint}:{count}") is None, "the failpoint was not reached"
    scene.check_rest()


@pytest.mark.slow
@pytest.mark.parametrize(("failpoint", "count"), MANY)
def test_a_run_survives_kill_9_later_at(tmp_path: Path, failpoint: str, count: int) -> None:
    scene = Scene(tmp_path)
    scene.run(f"{failpoint}:{count}")
    scene.check_rest()


def test_a_run_survives_a_kill_at_every_start(tmp_path: Path) -> None:
    """Each process gets one commit further than the one before it, and is killed."""
    scene = Scene(tmp_path)
    seen: set[str] = set()
    while (output := scene.run("result_commit.after")) is None:
        finished = scene.finished()
        assert seen <= finished
        seen = finished
    assert output == scene.right_answer
    assert Counter(log_of(scene.log))["pay"] == 1
    # What is not recorded runs again. Up to five things are under way; one row a process is sure to be kept.
    assert max(Counter(log_of(scene.log)).values()) <= 6


SLOW = pytest.mark.slow


@pytest.mark.parametrize(("seed", "num_kills"), [(1, 3), *(pytest.param(n, 50, marks=SLOW) for n in (2, 3))])
def test_a_run_survives_kills_at_random_moments(tmp_path: Path, seed: int, num_kills: int) -> None:
    scene, chance = Scene(tmp_path, length=40), random.Random(seed)
    for _ in range(num_kills):
        finished, before = scene.finished(), Counter(log_of(scene.log))
        with scene.process() as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            try:
                process.wait(timeout=chance.uniform(0.0, 0.01))
            except subprocess.TimeoutExpired:
                process.kill()
        again = Counter(log_of(scene.log)) - before
        assert not finished & set(again), "a recorded node ran again"
        assert finished <= scene.finished(), "a recorded result was lost"
    scene.check_rest()


def test_a_person_answers_in_another_process(tmp_path: Path) -> None:
    """One process asks and ends, the next one answers and goes on; what was done is not done again."""
    scene = Scene(tmp_path)
    assert scene.run("question.after") is None
    assert Counter(log_of(scene.log))["pay"] == 1
    scene.check_rest()
