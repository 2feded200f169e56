"""Texts as people type them."""

from __future__ import annotations

import random

from shoal.datasets.roughening import roughened

TEXT = "Hi, I'd like Rye Bread on Tuesday. Please!"


def test_what_is_kept_keeps_its_letters() -> None:
    made = {roughened(TEXT, ["Rye Bread", ""], random.Random(number)) for number in range(300)}
    assert all("Rye Bread" in each for each in made)
    assert len(made) > 20
    assert {each.islower() for each in made} == {False}
    assert any(each.startswith("hi, i'd like Rye Bread on tuesday") for each in made)
    assert any(each.endswith("Please") for each in made)


def test_a_slip_is_one_word() -> None:
    words = TEXT.split()
    for number in range(200):
        changed = roughened(TEXT, [], random.Random(number)).split()
        if len(changed) == len(words):
            letters = [
                (a, b)
                for a, b in zip(words, changed, strict=True)
                if a.lower().strip(".!,") != b.lower().strip(".!,")
            ]
            assert len([each for each in letters if "'" not in each[0]]) <= 1


def test_nothing_is_left_empty() -> None:
    assert all(roughened("!", [], random.Random(number)) == "!" for number in range(50))
