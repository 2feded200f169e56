"""What is measured is never trained on."""

from __future__ import annotations

from pathlib import Path

import pytest

from shoal.datasets.decontamination import Contamination, Measured, suites_of
from shoal.errors import InvalidFiles

from .test_duplicates import row

RUN = "could you please raise my limit by a good deal"


def look(*cases: str) -> Contamination:
    """Of a suite with these messages."""
    return Contamination([Measured("evals/desk.yaml", tuple((each,) for each in cases))], run=8, near=0.8)


def test_cases_near_cases_and_runs_of_words() -> None:
    seen = look("My card is lost", RUN + " before June", "hello")
    reasons = {
        "my card is lost!": "a case of an eval",
        "could you please raise my limit by a good deal before May": "words of an eval",
        "hello": None,  # one word is nobody's
        "My purse is lost": None,
    }
    for message, reason in reasons.items():
        found = seen.look(row(message))
        assert (found and found.reason) == reason, message
    detail = seen.look(row(RUN + " at once"))
    assert detail is not None
    assert detail.detail == "'could you please raise my limit by a' is in evals/desk.yaml"


def test_nearly_a_case() -> None:
    words = [f"w{number}" for number in range(40)]
    changed = [f"x{number}" if number % 14 == 7 else word for number, word in enumerate(words)]
    seen = Contamination([Measured("evals/desk.yaml", ((" ".join(words),),))], run=20, near=0.7)
    found = seen.look(row(" ".join(changed)))
    assert found is not None
    assert (found.reason, found.detail) == ("nearly a case of an eval", "0.74 like one of evals/desk.yaml")


def test_a_short_case_inside_a_row() -> None:
    assert look("a b c d e f g").look(row("a b c d e f g h")) is not None
    assert look("a b c d").look(row("a b c d e f g h")) is None


def test_the_form_of_a_suite_gives_nothing_away() -> None:
    form = "the rules are these: no card without a name on it."
    cases = [f"{form} Case {number} of {number * 7}" for number in range(30)]
    assert (
        look(*cases).look(row(f"{form} Something quite different from all of them, and much longer too"))
        is None
    )
    assert look(*cases[:3]).look(row(f"{form} Something else")) is not None


def test_suites_are_read_whatever_holds_their_cases(tmp_path: Path) -> None:
    folder = tmp_path / "evals"
    folder.mkdir()
    head = "version: 1\nsuite: x\ntarget: {agent: a}\nscorers: {intent: exact}\n"
    (folder / "a.yaml").write_text(head + "cases: [{input: {m: one case}, gold: {intent: x}}]\n", "utf-8")
    (folder / "b.yaml").write_text(head + "cases: b.jsonl\n", "utf-8")
    (folder / "b.jsonl").write_text('{"input": {"m": "two", "n": ["x", 5]}, "output": {}}\n\n', "utf-8")
    (folder / "c.yaml").write_text(head + "cases: c.csv\n", "utf-8")
    (folder / "c.csv").write_text("id,input.m,gold.intent\n7,three cases,x\n", "utf-8")
    assert suites_of(tmp_path) == [
        Measured("evals/a.yaml", (("one case",),)),
        Measured("evals/b.yaml", (("two", "x"),)),
        Measured("evals/c.yaml", (("three cases",),)),
    ]


def test_a_suite_that_cannot_be_read_stops_everything(tmp_path: Path) -> None:
    (tmp_path / "evals").mkdir()
    (tmp_path / "evals/a.yaml").write_text("cases: gone.jsonl\n", "utf-8")
    (tmp_path / "evals/b.yaml").write_text("cases: [", "utf-8")
    with pytest.raises(InvalidFiles) as caught:
        suites_of(tmp_path)
    assert [each.file for each in caught.value.problems] == ["evals/a.yaml", "evals/b.yaml"]
    assert "training could repeat them" in caught.value.problems[0].message
