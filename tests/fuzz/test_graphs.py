"""A graph that passes `check` never fails at run time by a type or a name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.fuzz.graphs import RandomGraphs, make

NUM_RUN = 2_000


@pytest.fixture(scope="module")
def graphs() -> Iterator[RandomGraphs]:
    made = make()
    yield made
    assert made.num_run >= NUM_RUN


@pytest.mark.slow
@settings(
    max_examples=NUM_RUN,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32))
def test_what_passes_check_runs(graphs: RandomGraphs, seed: int) -> None:
    before = graphs.num_run
    fault = graphs.fault(seed)
    assert fault is None, f"python -m tests.fuzz graphs --seed {seed}: {fault}"
    assume(graphs.num_run > before)
