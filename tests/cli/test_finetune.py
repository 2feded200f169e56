"""agentctl finetune as a process, alone and under torchrun."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from tests.finetune.trainings import make_trainings, write_recipe

pytestmark = pytest.mark.slow


def start(root: Path, *options: str) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "shoal", "finetune", "finetune/sorter.yaml", *options]
    return subprocess.Popen(
        command, cwd=root, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def events(running: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    assert running.stdout is not None
    return map(json.loads, running.stdout)


def end(running: subprocess.Popen[str]) -> tuple[int, str]:
    _, said = running.communicate(timeout=120)
    return running.returncode, said.strip()


def test_two_processes_train_stop_at_ctrl_c_and_go_on(tmp_path: Path) -> None:
    root = make_trainings(tmp_path / "bank")
    write_recipe(root, "sorter", training="steps: 40000")
    first = start(root, "--processes", "2", "--json")
    told = events(first)
    assert next(told)["processes"] == 2
    assert next(each for each in told if each["event"] == "progress")["losses"].keys() == {"sorter"}
    first.send_signal(signal.SIGINT)
    last = list(told)[-1]
    assert last["event"] == "failed"
    assert end(first) == (130, last["message"])
    assert last["message"].startswith("stopped after step")
    assert last["message"].endswith("agentctl finetune finetune/sorter.yaml --processes 2")

    # One process goes on with what two have learnt.
    second = start(root, "--json")
    told = events(second)
    notice = next(each for each in told if each["event"] == "notice")
    assert notice["text"].startswith("goes on after step")
    second.terminate()
    list(told)
    assert end(second)[0] == 130


def test_a_person_sees_the_figures_and_the_next_step(tmp_path: Path) -> None:
    root = make_trainings(tmp_path / "bank")
    write_recipe(root, "sorter", training="steps: 2")
    running = start(root)
    out, said = running.communicate(timeout=120)
    assert running.returncode == 0
    assert "measure" in said
    assert out.splitlines()[-1] == ("sorter@1 is stored. To use it, say `adapter: sorter@1` in agents.yaml.")
    assert out.startswith("  accuracy  ")


def test_what_is_wrong_is_told_once_whoever_finds_it(tmp_path: Path) -> None:
    root = make_trainings(tmp_path / "bank")
    file = root / "finetune" / "made.py"
    file.write_text(file.read_text("utf-8").replace('"kind": kind', '"kind": "none"'), encoding="utf-8")
    code, said = end(start(root, "--processes", "2"))
    assert code == 2
    message = said.splitlines()[-1]
    assert message.startswith(
        "finetune/made.py:sorter, heldout example 1 does not fit agent 'sorter': output.kind"
    )
    assert said.count("does not fit") == 1
