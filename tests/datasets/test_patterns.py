"""Texts with slots."""

from __future__ import annotations

import pytest

from shoal.datasets.patterns import Choice, PatternError, Slot, parse, slots_of, tidy


def test_slots_and_choices() -> None:
    parts = parse("{Could|Can} I have {goods}{ by {day#2}|}?")
    assert parts == (
        Choice((("Could",), ("Can",))),
        " I have ",
        Slot("goods", at=19),
        Choice(((" by ", Slot("day", 2, at=31)), ())),
        "?",
    )
    assert [slot.lexicon for slot in slots_of(parts)] == ["goods", "day"]


def test_what_is_seen_of_a_piece() -> None:
    assert parse("{wish.case}") == (Slot("wish", look="case"),)
    assert parse("{ n.value }") == (Slot("n", look="value"),)


def test_braces_and_bars_themselves() -> None:
    assert parse(r"\{a\} {x\|y|z} | \n") == ("{a} ", Choice((("x|y",), ("z",))), " | \\n")


@pytest.mark.parametrize(
    ("text", "at", "message"),
    [
        ("I have {goods", 7, "'{' is never closed"),
        ("a}", 1, "'}' closes nothing"),
        ("{two words}", 0, "braces hold the name of a lexicon like {goods}"),
        ("x {wish.colour}", 2, "a slot has no '.colour'"),
        ("{a|" * 9 + "}" * 9, 24, "nested deeper than 8"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(text: str, at: int, message: str) -> None:
    with pytest.raises(PatternError) as caught:
        parse(text)
    assert message in str(caught.value)
    assert caught.value.at == at


def test_gaps_of_empty_choices_close() -> None:
    assert tidy("  Hi ,  there  !  \n  Ada ") == "Hi, there!\nAda"
