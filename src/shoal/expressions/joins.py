"""The one type that values of several types have together: what a switch gives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce

from shoal.expressions.kinds import Only
from shoal.workspace.types import ANY, FLOAT, INT, STR, Enum, ListOf, Nullable, Record, Type, plain


class NoJoin(Exception):
    """Two types have nothing in common; the message says which."""


def joint_type(kinds: Sequence[Type]) -> Type:
    """The type of a value that has one of these types.

    Records give all their fields; what one of them lacks may be null. Cases of enums are put together, and
    whole numbers are floats where they stand with floats.

    Raises:
        NoJoin: say a number and a text.
    """
    return reduce(_joined, kinds)


def _joined(one: Type, other: Type) -> Type:
    one, other = plain(one), plain(other)
    if one == other:
        return one
    match one, other:
        case (Nullable(), _) | (_, Nullable()):
            return _nullable(_joined(_without_null(one), _without_null(other)))
        case Enum(cases), Enum(more):
            return Enum(tuple(dict.fromkeys((*cases, *more))))
        case ListOf(item), ListOf(more_items):
            return ListOf(_joined(item, more_items))
        case Record(fields), Record(more_fields):
            return _record({**fields, **more_fields}, Record(fields), Record(more_fields))
    if isinstance(one, Only):  # what only a null was seen of
        return other
    if isinstance(other, Only):
        return one
    if ANY in (one, other):
        return ANY
    if (one, other) in ((INT, FLOAT), (FLOAT, INT)):
        return FLOAT
    if STR in (one, other) and isinstance(one if other == STR else other, Enum):
        return STR
    raise NoJoin(f"{one} and {other}")


def _record(names: Iterable[str], one: Record, other: Record) -> Record:
    fields: dict[str, Type] = {}
    for name in names:
        kinds = [each.fields[name] for each in (one, other) if name in each.fields]
        try:
            fields[name] = joint_type(kinds) if len(kinds) == 2 else _nullable(plain(kinds[0]))
        except NoJoin as err:
            raise NoJoin(f"'{name}' is {err}") from None
    return Record(fields)


def _nullable(kind: Type) -> Type:
    return kind if isinstance(kind, Nullable) or kind == ANY else Nullable(kind)


def _without_null(kind: Type) -> Type:
    return kind.of if isinstance(kind, Nullable) else kind
