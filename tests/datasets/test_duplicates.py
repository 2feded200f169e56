"""Rows that are the same, or nearly."""

from __future__ import annotations

import random

from shoal.datasets.duplicates import Duplicates, NearTexts, likeness, pairs_of
from shoal.datasets.rows import Row


def row(message: str, intent: str = "order", **more: str) -> Row:
    """A row with a message."""
    return Row(
        input={"message": message},
        output={"intent": intent, **more},
        source="x",
        licence="cc0-1.0",
        flow="skill@1",
        teacher="grammar",
    )


LONG = " ".join(f"word{number}" for number in range(40))


def test_the_same_input_is_told_from_a_contradiction() -> None:
    seen = Duplicates(0.85)
    first = row("Two rolls, please.")
    assert seen.look(first) is None
    same = seen.look(row("two  rolls, please"))
    assert same is not None
    assert (same.reason, same.detail) == ("the same input", f"as in {first.id}")
    other = seen.look(row("Two rolls, please", "complaint"))
    assert other is not None
    assert other.reason == "the same input with another output"


def test_nearly_the_same_needs_the_same_answer() -> None:
    seen = Duplicates(0.85)
    assert seen.look(row(LONG)) is None
    near = seen.look(row(LONG.replace("word20", "other")))
    assert near is not None
    assert near.reason == "nearly the same"
    assert near.detail.startswith("0.9")
    assert seen.look(row(LONG.replace("word20", "other"), "complaint")) is None
    assert seen.look(row(LONG.replace("word1 ", "").replace("word5", "x").replace("word9", "y"))) is None


def test_short_messages_with_one_other_word_are_new() -> None:
    seen = Duplicates(0.85)
    assert [seen.look(row(f"I lost my {what}")) for what in ("card", "wallet", "keys")] == [None, None, None]
    exact = Duplicates(None)
    assert [exact.look(row(LONG + each)) for each in (" a", " b")] == [None, None]


def test_near_texts_find_what_counting_finds() -> None:
    chance = random.Random(3)
    texts = [" ".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=30)) for _ in range(60)]
    texts += [text[:-2] + each for text in texts[:30] for each in (" q", "")]
    for near in (0.5, 0.7, 0.85):
        index, hits, expected = NearTexts(near), 0, 0
        for at, text in enumerate(texts):
            found = index.near(pairs_of(text))
            right = [other for other in range(at) if likeness(pairs_of(texts[other]), pairs_of(text)) >= near]
            assert {number for number, _ in found} <= set(right)
            hits, expected = hits + len(found), expected + len(right)
            index.add(pairs_of(text))
        assert hits >= 0.98 * expected > 0


def test_texts_without_words() -> None:
    seen = Duplicates(0.85)
    assert seen.look(row("?!")) is None
    assert seen.look(row("...")) is None
    assert likeness(pairs_of(""), pairs_of("")) == 0.0
