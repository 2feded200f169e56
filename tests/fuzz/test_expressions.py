from __future__ import annotations

import os
from random import Random

from tests.fuzz.expressions import case, cases, fault_of

COUNT = int(os.environ.get("SHOAL_FUZZ_EXPRESSIONS", "1000"))
"""`make fuzz` runs ten thousand."""


def test_what_compiles_never_fails_by_a_type_and_nothing_escapes() -> None:
    faults = {text: fault for text in cases(0, COUNT) if (fault := fault_of(text, Random(len(text))))}
    assert faults == {}


def test_a_seed_makes_the_same_expression() -> None:
    assert [case(seed) for seed in range(50)] == list(cases(0, 50))
