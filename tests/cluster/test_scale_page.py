"""docs/scale.md says what the code does."""

from __future__ import annotations

import json
import re
from inspect import signature
from pathlib import Path

from typer.testing import CliRunner

from shoal.cli.main import app
from shoal.cli.worker import worker
from shoal.cluster.queues import RUNS_AT_ONCE, SCHEMA
from shoal.cluster.sweep import MOST_ADOPTIONS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/scale.md").read_text("utf-8")


def options_of(*command: str) -> set[str]:
    done = CliRunner().invoke(app, [*command, "--help"])
    assert done.exit_code == 0
    return set(re.findall(r"--[a-z][a-z-]+", done.output))


def test_options_are_those_of_the_commands() -> None:
    told = set(re.findall(r"--[a-z][a-z-]+", PAGE))
    known = options_of("worker") | options_of("run") | options_of("runs", "prune")
    assert told <= known
    assert options_of("worker") - told == {"--help"}


def test_numbers_are_those_of_the_code() -> None:
    defaults = {name: each.default for name, each in signature(worker).parameters.items()}
    assert f"| `--drain-s S` | {defaults['drain_s']:g} |" in PAGE
    assert f"| `--lease-s S` | {defaults['lease_s']:g} |" in PAGE
    assert f"| `--runs-at-once N` | {RUNS_AT_ONCE} for a new queue |" in PAGE
    assert f"schema `{SCHEMA}`" in PAGE
    assert f"after {MOST_ADOPTIONS + 1} of them died" in PAGE


def test_figures_are_those_that_were_measured() -> None:
    lines = (ROOT / "bench/cluster/figures.jsonl").read_text("utf-8").splitlines()
    figures = [json.loads(line) for line in lines]
    readme = (ROOT / "bench/README.md").read_text("utf-8")
    for each in figures:
        if each["figure"] == "backlog":
            kind = f"{each['nodes']} step{'s' if each['nodes'] > 1 else ''}"
            workers = f"{each['workers']} worker{'s' if each['workers'] > 1 else ''}"
            cells = (each["runs_per_s"], f"{each['worker_cpu_ms']:.1f}", f"{each['server_cpu_ms']:.1f}")
            row = f"| {each['runs']:,} runs of {kind}, {workers} | {cells[0]:.0f} | {cells[1]} | {cells[2]} |"
            assert row in readme, row
