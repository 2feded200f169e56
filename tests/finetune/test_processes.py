"""Several processes learn what one learns, and what is killed goes on to the same bytes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from tests.finetune.trainings import make_trainings, write_recipe

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PAIRS = {"decoder": ("writer", "judge"), "encoder": ("reader", "sorter")}


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    """Two agents on each of two bases; dropout is on, the dev loss is asked, passes are small."""
    root = make_trainings(tmp_path / "bank", dropout=0.1)
    recipes(root, save_seconds=60.0)
    return root


def recipes(root: Path, save_seconds: float) -> None:
    for agent in (each for pair in PAIRS.values() for each in pair):
        steps = 4 if agent in ("judge", "sorter") else 6
        training = f"steps: {steps}, save_seconds: {save_seconds}, evaluations: 2, pack_tokens: 256"
        write_recipe(root, agent, training=training, data=", dev: 10")


def run(*jobs: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Do jobs in processes of their own."""
    script = [sys.executable, "-m", "tests.finetune.process_script", json.dumps(jobs, default=str)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(script, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def losses(told: Mapping[str, Any]) -> dict[tuple[str, int], float]:
    return {(name, int(step)): loss for name, steps in told["losses"].items() for step, loss in steps.items()}


def test_one_two_and_four_processes_have_the_same_losses(bank: Path, tmp_path: Path) -> None:
    jobs = [
        {"root": shutil.copytree(bank, tmp_path / f"{kind}{n}"), "agents": agents, "processes": n}
        for kind, agents in PAIRS.items()
        for n in (1, 2, 4)
    ]
    found = [losses(each) for each in run(*jobs)]
    for one, *others in (found[:3], found[3:]):
        assert len(one) == 10
        for other in others:
            assert other == pytest.approx(one, abs=1e-4)


@pytest.mark.parametrize(("kind", "processes"), [("decoder", 1), ("encoder", 2)])
def test_killed_anywhere_it_goes_on_to_the_same_bytes(
    bank: Path, tmp_path: Path, kind: str, processes: int
) -> None:
    recipes(bank, save_seconds=0.0)
    job = {"root": bank, "agents": PAIRS[kind], "processes": processes}
    killed = {**job, "root": shutil.copytree(bank, tmp_path / "killed")}
    deaths: list[dict[str, float]] = [{"kill_at": 2}, {"kill_after_s": 0.25}, {"kill_at": 5}]
    expected, *dead, found = run(job, *({**killed, **death} for death in deaths), killed)
    assert all(each["is_killed"] for each in dead)
    assert found["notices"][0] == "goes on after step 4"
    assert found["made"] == expected["made"]
    after = losses(found)
    assert {key: losses(expected)[key] for key in after} == after


def test_it_goes_on_with_more_and_with_fewer_processes(bank: Path, tmp_path: Path) -> None:
    recipes(bank, save_seconds=0.0)
    job = {"root": bank, "agents": PAIRS["encoder"], "processes": 2}
    stopped = tmp_path / "stopped"
    expected, _ = run(job, {**job, "root": shutil.copytree(bank, stopped), "kill_at": 4})
    jobs = [{**job, "root": shutil.copytree(stopped, tmp_path / str(n)), "processes": n} for n in (1, 4)]
    for found in run(*jobs):
        assert found["notices"][0] == "goes on after step 3"
        after = losses(found)
        assert len(after) == 3 + 1
        assert after == pytest.approx({key: losses(expected)[key] for key in after}, abs=1e-4)
