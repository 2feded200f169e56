"""Verdicts and their reasons; how often they err, on cases of which the truth is known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest

from shoal.errors import InvalidFiles
from shoal.evals.gate import Verdict, judge
from shoal.evals.gate_file import ProofEntry, Question, questions
from shoal.evals.summary import Entry, Table

from .desk import AGENT_SUITE, Desk
from .simulations import SIMULATIONS, Simulation, outcomes


def table(scores: Sequence[float], **fields: Any) -> Table:
    return Table([entry(at, {"right": score}, **fields) for at, score in enumerate(scores)])


def entry(at: int, scores: dict[str, float], **fields: Any) -> Entry:
    empty: dict[str, Any] = {
        "id": str(at), "repeat": 0, "case": "", "slices": (), "error": None, "failed": {}, "confidence": {},
        "ms": None, "tokens": None,
    }  # fmt: skip
    return Entry(**{**empty, "scores": scores, **fields})


def ask(gate: dict[str, Any], new: Table, old: Table | None = None, **proof: Any) -> Verdict:
    suite = {"version": 1, "suite": "s", "target": {"agent": "a"}, "cases": "c", "repeats": 9}
    from shoal.evals.suite import SuiteFile

    read = SuiteFile.model_validate(
        {**suite, "scorers": {"right": "exact"}, "gate": gate, "slices": ["x", "y"]}
    )
    asked = [*questions(read.gate, read.slices)]
    return judge(asked, ProofEntry.model_validate(proof), new, old, "old" if old else None)


def rights(right: int, num: int) -> list[float]:
    return [1.0] * right + [0.0] * (num - right)


@pytest.mark.parametrize(
    ("right", "num", "words", "reason"),
    [
        (
            200,
            213,
            "GO",
            "right is 93.9% right of 213 cases (90.5% to 96.4%), 90.0% is asked",
        ),
        (
            170,
            213,
            "NO-GO",
            "right is 79.8% right of 213 cases (74.8% to 84.2%), 90.0% is asked",
        ),
        (
            59,
            63,
            "NEEDS 318 MORE",
            "right is 93.7% right of 63 cases (86.1% to 97.8%), 90.0% is asked; 318 more cases would tell",
        ),
        (9, 9, "NEEDS 20 MORE", None),
        (0, 0, "NO-GO", "right: no case says what is right"),
    ],
)
def test_a_share(right: int, num: int, words: str, reason: str | None) -> None:
    verdict = ask({"right": 0.9}, table(rights(right, num)))
    assert verdict.words == words
    assert reason is None or verdict.reason == reason
    assert verdict.exit_code == {"GO": 0, "NO-GO": 1}.get(words, 3)


def test_the_number_that_is_needed_is_enough() -> None:
    verdict = ask({"right": 0.9}, table(rights(59, 63)))
    num = 63 + verdict.more
    assert ask({"right": 0.9}, table(rights(round(num * 59 / 63), num))).words == "GO"


def test_gains() -> None:
    old = table([1.0] * 300 + [0.0] * 100)
    better = table([1.0] * 290 + [0.0] * 10 + [1.0] * 35 + [0.0] * 65)
    verdict = ask({"right": {"better_by": 0}}, better, old)
    assert verdict.words == "GO"
    assert verdict.reason == (
        "right gains +6.2 points over the baseline on 400 cases (+3.6 to +9.1 points), "
        "more than 0.0 points is asked"
    )
    worse = ask({"right": {"not_worse_by": 0.02}}, old, better)
    assert (worse.words, worse.exit_code) == ("NO-GO", 1)
    assert worse.reason == (
        "right gains -6.2 points over the baseline on 400 cases (-9.1 to -3.6 points), "
        "2.0 points less are allowed"
    )
    same = ask({"right": [{"not_worse_by": 0.02}, {"better_by": 0.0}]}, old, old)
    assert [finding.answer for finding in same.findings] == ["GO", "NO-GO"]  # a gain of 2 points is excluded


def test_gains_of_repeats_and_grades_are_bootstrapped() -> None:
    old = Table(
        [entry(at, {"right": float(repeat < 2)}, repeat=repeat) for at in range(300) for repeat in range(4)]
    )
    new = Table(
        [entry(at, {"right": float(repeat < 3)}, repeat=repeat) for at in range(300) for repeat in range(4)]
    )
    verdict = ask({"right": {"better_by": 0.2}}, new, old)
    assert (verdict.words, verdict.findings[0].estimate, verdict.findings[0].num) == ("GO", 0.25, 300)


def test_only_cases_that_both_have_are_compared() -> None:
    old = Table([entry(at, {"right": 0.0}, case="other" if at < 50 else "") for at in range(150)])
    verdict = ask({"right": {"better_by": 0}}, table([1.0] * 120), old)
    assert verdict.findings[0].num == 70
    gone = Table([entry(at, {"right": 0.0}, case="other") for at in range(150)])
    verdict = ask({"right": {"better_by": 0}}, table([1.0] * 120), gone)
    assert verdict.reason == "right: the baseline has none of the cases"


def test_slices_by_themselves() -> None:
    entries = [
        entry(at, {"right": float(at < 100 or at % 2)}, slices=("x" if at < 100 else "y",))
        for at in range(200)
    ]
    verdict = ask({"right": [{"at_least": 0.6}, {"at_least": 0.9, "slice": "each"}]}, Table(entries))
    assert [finding.answer for finding in verdict.findings] == ["GO", "GO", "NO-GO"]
    assert verdict.reason == "right on slice y is 50.0% right of 100 cases (41.4% to 58.6%), 90.0% is asked"


def test_all_of_several_repeats() -> None:
    entries = [
        entry(at, {"right": float(repeat > 0 or at % 2)}, repeat=repeat)
        for at in range(200)
        for repeat in (0, 1, 2)
    ]
    verdict = ask({"right": [{"at_least": 0.7}, {"at_least": 0.7, "pass": 3}]}, Table(entries))
    assert [round(finding.estimate or 0, 3) for finding in verdict.findings] == [0.833, 0.5]
    assert [finding.answer for finding in verdict.findings] == ["GO", "NO-GO"]
    assert verdict.reason.startswith("right (pass^3) is 50.0% right of 200 cases")


def test_calibration() -> None:
    sure = [entry(at, {"right": 1.0}, confidence={"right": 0.98}) for at in range(300)]
    verdict = ask({"right": {"ece": 0.05, "brier": 0.05}}, Table(sure))
    assert verdict.words == "GO"
    liars = [entry(at, {"right": float(at % 2)}, confidence={"right": 0.98}) for at in range(300)]
    verdict = ask({"right": {"ece": 0.05, "brier": 0.05}}, Table(liars))
    assert verdict.words == "NO-GO"
    assert verdict.reason.startswith("right has an ECE of 0.480 on 300 cases (0.435 to 0.5")
    assert (
        ask({"right": {"ece": 0.05}}, table([1.0] * 9)).reason == "right: no answer comes with a confidence"
    )


def test_errors_are_no_go_unless_they_are_allowed() -> None:
    scores = table([1.0] * 195)
    failing = [entry(at, {}, error="the server is gone") for at in range(200, 205)]
    both = Table([*scores.entries, *failing])
    verdict = ask({"right": 0.9}, both)
    assert (verdict.words, verdict.more) == ("NO-GO", 0)
    assert verdict.reason == "5 of 200 cases have no answer, allowed is none: the server is gone"
    assert ask({"right": 0.9}, both, errors=0.03).words == "GO"
    unscored = Table(
        [*scores.entries, *[entry(at, {}, failed={"right": "no clock"}) for at in range(300, 303)]]
    )
    assert ask({"right": 0.9}, unscored).reason == "right: 3 of 198 cases could not be scored: no clock"


def test_of_many_questions_one_may_look_bad_by_chance() -> None:
    """A p-value of 0.03 is a NO-GO by itself, and none among ten (Holm)."""
    entries = [
        entry(at, {"right": float(at % 100 < 84), **{f"n{number}": 1.0 for number in range(9)}})
        for at in range(100)
    ]
    alone = judge([Question("right", "at_least", 0.9, None, None)], proof(), Table(entries), None, None)
    names = ["right", *(f"n{number}" for number in range(9))]
    among = judge(
        [Question(name, "at_least", 0.9, None, None) for name in names], proof(), Table(entries), None, None
    )
    assert (alone.answer, among.answer) == ("NO-GO", "NEEDS MORE")


def test_who_looks_twice_is_less_sure() -> None:
    # 0.9 is excluded with 0.031: enough for one look, not for the first of two.
    assert ask({"right": 0.9}, table(rights(200, 213))).words == "GO"
    assert ask({"right": 0.9}, table(rights(200, 213)), looks=2).answer == "NEEDS MORE"


def proof() -> ProofEntry:
    return ProofEntry.model_validate({})


@pytest.mark.parametrize(
    ("gate", "problem"),
    [
        ("{intent: {}}", "expected one of at_least, not_worse_by, better_by, ece, brier"),
        ("{intent: {at_most: 1}}", "'at_most' is not a known key"),
        ("{intent: {at_least: 0.9, slice: long}}", "'long' is not one of `slices`"),
        ("{intent: {at_least: 0.9, slice: each}}", "the suite has no `slices`"),
        ("{intent: {at_least: 0.9, pass: 3}}", "3 repeats are asked for, and `repeats` is 1"),
        ("{intent: {pass: 3, ece: 0.1}}", "expected `at_least` beside `pass`"),
        ("{intent: [{at_least: 9}]}", "expected at most 1"),
        ("{intent: {not_worse_by: 0}}", "expected more than 0"),
        ("{intnt: 0.9}", "the gate names 'intnt', which has no scorer. Did you mean 'intent'?"),
    ],
)
def test_faults_of_gates(desk: Desk, gate: str, problem: str) -> None:
    desk.write("evals/triage.yaml", f"{AGENT_SUITE}gate: {gate}\n")
    with pytest.raises(InvalidFiles) as refused:
        desk.suite("triage")
    assert problem in str(refused.value)


@pytest.mark.parametrize("simulation", SIMULATIONS, ids=lambda simulation: simulation.name)
def test_the_gate_errs_as_rarely_as_it_says(simulation: Simulation) -> None:
    """A tenth of `python -m tests.evals.simulations`, where nothing is to be shown; docs/evals.md has all."""
    number = 1000 if max(high for _, high in simulation.limits.values()) < 1 else 200
    found = outcomes(simulation, number)
    for answer, (low, high) in simulation.limits.items():
        share = found[answer] / number
        chance = 3 * math.sqrt(high * (1 - high) / number), 3 * math.sqrt(low * (1 - low) / number)
        assert low - chance[1] <= share <= high + chance[0], found
