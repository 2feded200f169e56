"""What an operator gives for the types on its sides."""

from __future__ import annotations

from shoal.expressions.kinds import (
    DURATION,
    NUMBERS,
    ORDERED,
    TIMESTAMP,
    Kind,
    is_comparable,
    is_text,
    item_of,
    join,
    list_of,
)
from shoal.workspace.types import ANY, BOOL, FLOAT, INT, STR, ListOf, Record


def unary(sign: str, of: Kind) -> Kind | None:
    """The type of `!of` or `-of`, or None where it has none."""
    if sign == "!":
        return BOOL if of in (BOOL, ANY) else None
    return of if of in (*NUMBERS, ANY) else None


def binary(sign: str, left: Kind, right: Kind) -> Kind | None:
    """The type of an operation, or None where it has none."""
    match sign:
        case "&&" | "||":
            return BOOL if left in (BOOL, ANY) and right in (BOOL, ANY) else None
        case "==" | "!=":
            return BOOL if is_comparable(left, right) else None
        case "in":
            return _in(left, right)
        case "<" | "<=" | ">" | ">=":
            return _order(left, right)
        case "+":
            return _plus(left, right)
        case "-" if (left, right) == (TIMESTAMP, TIMESTAMP):
            return DURATION
        case "-" if right == DURATION and left in (TIMESTAMP, DURATION):
            return left
    return _arithmetic(sign, left, right)


def _in(left: Kind, right: Kind) -> Kind | None:
    if right == ANY:
        return BOOL
    if isinstance(right, Record):
        return BOOL if is_text(left) or left == ANY else None
    return BOOL if isinstance(right, ListOf) and is_comparable(left, item_of(right)) else None


def _order(left: Kind, right: Kind) -> Kind | None:
    for one, other in ((left, right), (right, left)):
        if one == ANY and (other in (*ORDERED, ANY) or is_text(other)):
            return BOOL
    same = left == right and left in ORDERED
    numbers = left in NUMBERS and right in NUMBERS
    return BOOL if same or numbers or (is_text(left) and is_text(right)) else None


def _plus(left: Kind, right: Kind) -> Kind | None:
    if is_text(left) and is_text(right):
        return STR
    if isinstance(left, ListOf) and isinstance(right, ListOf):
        item = join(item_of(left), item_of(right), is_inside=True)
        return list_of(item) if item else None
    for one, other in ((left, right), (right, left)):
        if one == ANY and is_text(other):
            return STR
        if one == ANY and isinstance(other, ListOf):
            return ListOf(ANY)
        if one == DURATION and other in (TIMESTAMP, DURATION):
            return other
    return _arithmetic("+", left, right)


def _arithmetic(sign: str, left: Kind, right: Kind) -> Kind | None:
    allowed = (INT,) if sign == "%" else NUMBERS
    if left in allowed and right in (left, ANY):
        return left
    if left == ANY and right in (*allowed, ANY):
        return INT if sign == "%" else right
    return FLOAT if left in allowed and right in allowed else None
