"""Values held against the right ones."""

from __future__ import annotations

from typing import Any

import pytest

from shoal.evals.comparing import exact, field_by_field, normalised, number


@pytest.mark.parametrize(
    ("found", "gold", "is_right"),
    [
        (1, 1.0, True),
        (True, 1, False),
        (None, None, True),
        (None, 0, False),
        ([1, {"a": 2.0}], [1.0, {"a": 2}], True),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ("a", "A", False),
    ],
)
def test_exact(found: Any, gold: Any, is_right: bool) -> None:
    assert exact(found, gold).value == is_right


@pytest.mark.parametrize(
    ("found", "gold", "is_right"),
    [
        ("Hello,  World!", "hello world", True),
        ("STRASSE", "straße", True),
        ("ﬁne", "fine", True),
        ("hello world", "helloworld", False),
        (None, "hello", False),
        (None, None, True),
    ],
)
def test_normalised(found: Any, gold: Any, is_right: bool) -> None:
    assert normalised(found, gold).value == is_right


@pytest.mark.parametrize(
    ("found", "gold", "tolerance", "relative", "is_right"),
    [
        (100.5, 100, 0.5, 0, True),
        (100.51, 100, 0.5, 0, False),
        (101, 100, 0, 0.01, True),
        (101.01, 100, 0, 0.01, False),
        (0.1 + 0.2, 0.3, 0, 0, True),
        (None, 0, 5, 0, False),
        (None, None, 5, 0, True),
        (-101, -100, 0, 0.01, True),
    ],
)
def test_number(found: Any, gold: Any, tolerance: float, relative: float, is_right: bool) -> None:
    assert number(found, gold, tolerance, relative).value == is_right


def test_fields_are_counted_one_by_one() -> None:
    gold = {"name": "Ada", "lines": [{"id": 1, "price": 2.0}, {"id": 2, "price": 3.0}], "tags": []}
    assert field_by_field(gold, gold, 0, ()).value == 1
    off = {**gold, "lines": [{"id": 9, "price": 2.4}], "more": True}
    score = field_by_field(off, gold, 0.5, ())
    # name, lines[0].price and tags are right; lines[0].id is not, lines[1] is missing, more is too much.
    assert score.value == pytest.approx(3 / 7)
    assert score.note == (
        "lines[0].id is 9, expected 1, lines[1].id is missing, lines[1].price is missing, "
        "more should not be there"
    )
    assert field_by_field(off, gold, 0.5, ["lines", "more"]).value == 1
    assert field_by_field({**gold, "lines": []}, gold, 0, ["lines[].id"]).value == pytest.approx(2 / 5)
    assert field_by_field(5, 5.0, 0, ()).value == 1
    assert field_by_field(None, {"a": 1}, 0, ()).note == "a is missing, the value should not be there"
