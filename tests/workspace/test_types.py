"""Values of others are brought into their types, or refused with a sentence, whatever they are."""

from __future__ import annotations

import math

import pytest

from shoal.workspace.types import (
    ANY,
    FLOAT,
    INT,
    STR,
    Enum,
    Record,
    Type,
    TypeSyntaxError,
    ValueMismatch,
    parse_type,
    read,
)


class Equal:
    """Equal to everything, and no value."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        raise RuntimeError


def nested(depth: int) -> object:
    """A list in a list in a list."""
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("kind", "value", "word"),
    [
        (INT, 10**400, "expected int"),
        (INT, 1e300, "expected int"),
        (INT, 2**63, "expected int"),
        (FLOAT, 10**400, "expected float"),
        (FLOAT, 10**5000, "thousands of digits"),
        (FLOAT, math.nan, "expected float"),
        (STR, {"n": 10**5000}, "expected str"),
        (STR, "\ud83d", "surrogate"),
        (ANY, {"a": [math.inf]}, "holds inf"),
        (ANY, [10**400], "64 bits"),
        (ANY, {"\ud83d": 1}, "surrogate"),
        (Enum(("a", "b")), "x" * 1_000_000, "expected one of a, b"),
        (Enum(("a", "b")), Equal(), "a Equal, expected one of a, b"),
        (STR, Equal(), "a Equal, expected str"),
        (ANY, {1: "a"}, "has the key 1, expected text"),
        (ANY, [{1, 2}], "which JSON cannot"),
        (ANY, b"a", "a bytes, which JSON cannot"),
        (STR, nested(100_000), r"\[\.\.\.\]"),
        (Record({"a": STR}), {"\ud83d": 1}, "unknown field '.ud83d'"),
    ],
    ids=lambda given: type(given).__name__,
)
def test_what_json_cannot_hold_is_refused_in_one_short_sentence(kind: Type, value: object, word: str) -> None:
    with pytest.raises(ValueMismatch, match=word) as caught:
        read(kind, value)
    assert len(str(caught.value)) < 200


def test_values_that_may_be_anything_are_not_endless() -> None:
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(ValueMismatch, match="nested deeper than 64"):
        read(ANY, loop)
    assert read(ANY, {"a": [1, None, "é", 2.5]}) == {"a": [1, None, "é", 2.5]}


@pytest.mark.parametrize("text", ["list[" * 5000 + "str" + "]" * 5000, "str" + "?" * 5000])
def test_deep_types_are_refused(text: str) -> None:
    with pytest.raises(TypeSyntaxError, match="nested deeper than 64"):
        parse_type(text)
