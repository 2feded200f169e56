from __future__ import annotations

import os

from shoal.errors import Problem
from shoal.graphs.check import check_workspace
from tests.fuzz.files import fault_of, make
from tests.fuzz.harness import run

COUNT = int(os.environ.get("SHOAL_FUZZ_FILES", "10000"))
"""`make fuzz` runs a hundred thousand."""


def test_whatever_is_in_a_file_what_is_wrong_is_said_in_a_line_with_its_place() -> None:
    outcome = run("files", COUNT)
    assert outcome.faults == {}
    assert outcome.num_cases == COUNT


def test_a_seed_makes_the_same_file() -> None:
    one, other = make(), make()
    assert [one.show(seed) for seed in range(100)] == [other.show(seed) for seed in range(100)]


def test_the_good_workspaces_are_good() -> None:
    for manifest in sorted(make().folder.glob("*/agents.yaml")):
        assert check_workspace(manifest.parent).errors == ()


def test_what_nobody_could_use_is_a_fault() -> None:
    assert fault_of(Problem("f.yaml", 1, 1, "'x' is not a type")) is None
    assert "has no place" in str(fault_of(Problem("f.yaml", 0, 1, "x")))
    assert "speaks of" in str(fault_of(Problem("f.yaml", 1, 1, "KeyError: 'x'")))
    assert "not one line" in str(fault_of(Problem("f\n.yaml", 1, 1, "x")))
