from __future__ import annotations

from tests.fuzz.runaways import make

COUNT = 100


def test_a_hundred_runaway_graphs_are_refused_or_stop_at_their_budget() -> None:
    cases = make()
    faults = {seed: fault for seed in range(COUNT) if (fault := cases.fault(seed))}
    assert faults == {}
    assert cases.num_refused + cases.num_run == COUNT
    assert cases.num_refused > COUNT // 5
    assert cases.num_run > COUNT // 5
    assert {"calls", "tokens", "steps", " s"} <= cases.reasons.keys()
