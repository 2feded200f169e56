"""The types that only exist inside expressions, and how types meet in an operator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from shoal.workspace.types import (
    ANY,
    BOOL,
    CASE,
    FLOAT,
    INT,
    STR,
    Enum,
    ListOf,
    Nullable,
    Record,
    Type,
    plain,
)


@dataclass(frozen=True, slots=True)
class Words:
    """A text that is one of the words written in the expression."""

    cases: tuple[str, ...]

    def __str__(self) -> str:
        return "str"


@dataclass(frozen=True, slots=True)
class Option:
    """What `?` reads: a value, or nothing."""

    of: Kind

    def __str__(self) -> str:
        return f"{self.of}?"


@dataclass(frozen=True, slots=True)
class Only:
    """A type that no field can have: null, the item of [], points in time and spans of it."""

    name: str

    def __str__(self) -> str:
        return self.name


Kind: TypeAlias = "Type | Words | Option | Only"

NULL, NEVER, TIMESTAMP, DURATION = Only("null"), Only("nothing"), Only("timestamp"), Only("duration")


def is_text(kind: Kind) -> bool:
    """Whether a value is a text."""
    return kind == STR or isinstance(kind, Enum | Words)


def item_of(kind: Kind) -> Kind:
    """The type of the items of a list, which may be one of the types that only exist here."""
    assert isinstance(kind, ListOf)
    return plain(kind.item)


def list_of(kind: Kind) -> ListOf:
    """A list, whose items may be of a type that only exists here."""
    return ListOf(kind)  # type: ignore[arg-type]


def nullable(kind: Kind) -> Kind:
    """The type of a value of this type, or null."""
    if kind in (ANY, NULL) or isinstance(kind, Nullable):
        return kind
    return Nullable(kind)  # type: ignore[arg-type]


def join(one: Kind, other: Kind, *, is_inside: bool = False) -> Kind | None:
    """The type of a value that is one or the other, or None where they have no type together."""
    one, other = _plain(one), _plain(other)
    if one == other or other == NEVER:
        return one
    if one == NEVER or other == ANY:
        return other
    if one == ANY:
        return ANY
    if NULL in (one, other):
        there = other if one == NULL else one
        return None if isinstance(there, Option | Only) else nullable(there)
    if is_text(one) and is_text(other):
        return _joined_texts(one, other)
    if one in NUMBERS and other in NUMBERS:
        return FLOAT
    return _joined_parts(one, other, is_inside=is_inside)


def _joined_parts(one: Kind, other: Kind, *, is_inside: bool) -> Kind | None:
    match one, other:
        case (Nullable(of), Nullable(inner)):
            joint = join(of, inner, is_inside=True)
            return nullable(joint) if joint else None
        case (Option(of), Option(inner)):
            joint = join(of, inner)
            return Option(joint) if joint else None
        case (ListOf(item), ListOf(other_item)):
            joint = join(item, other_item, is_inside=True)
            return list_of(joint) if joint else None
        case (Record(fields), Record(others)) if set(fields) == set(others):
            joined = {name: join(kind, others[name], is_inside=True) for name, kind in fields.items()}
            return None if None in joined.values() else Record(joined)  # type: ignore[arg-type]
        case (Nullable(of), there) | (there, Nullable(of)) if is_inside:
            joint = join(of, there, is_inside=True)
            return nullable(joint) if joint else None
    return None


def _joined_texts(one: Kind, other: Kind) -> Kind:
    if STR in (one, other):
        return STR
    assert isinstance(one, Enum | Words) and isinstance(other, Enum | Words)
    cases = (*one.cases, *(case for case in other.cases if case not in one.cases))
    if isinstance(one, Words) and isinstance(other, Words):
        return Words(cases)
    if isinstance(one, Words):
        cases = (*other.cases, *(case for case in one.cases if case not in other.cases))
    return Enum(cases) if all(map(CASE.match, cases)) else STR


def is_comparable(one: Kind, other: Kind, *, is_inside: bool = False) -> bool:
    """Whether `==` between two types can say anything."""
    one, other = _plain(one), _plain(other)
    if one == other or ANY in (one, other) or NEVER in (one, other):
        return True
    if NULL in (one, other):
        there = other if one == NULL else one
        return is_inside or isinstance(there, Nullable | Option)
    if (is_text(one) and is_text(other)) or (one in NUMBERS and other in NUMBERS):
        return True
    match one, other:
        case (Nullable(of), Nullable(inner)) | (Option(of), Option(inner)):
            return is_comparable(of, inner, is_inside=True)
        case (ListOf(item), ListOf(other_item)):
            return is_comparable(item, other_item, is_inside=True)
        case (Record(fields), Record(others)) if set(fields) == set(others):
            return all(is_comparable(kind, others[name], is_inside=True) for name, kind in fields.items())
        case (Nullable(of), there) | (there, Nullable(of)) if is_inside:
            return is_comparable(of, there, is_inside=True)
    return False


def declared(kind: Kind) -> Type | None:
    """The type as contracts can say it, or None: points in time have none."""
    match kind:
        case Words(cases):
            return Enum(cases) if len(cases) > 1 and all(map(CASE.match, cases)) else STR
        case Only():
            return Nullable(ANY) if kind == NULL else ANY if kind == NEVER else None
        case Option(of) | Nullable(of):
            inner = declared(of)
            return inner if inner is None or isinstance(inner, Nullable) else Nullable(inner)
        case ListOf(item):
            inner = declared(item)
            return ListOf(inner) if inner else None
        case Record(fields):
            named = {name: declared(field) for name, field in fields.items()}
            return None if None in named.values() else Record(named)  # type: ignore[arg-type]
    return plain(kind)


def has_option(kind: Kind) -> bool:
    """Whether a value read with `?` stands inside a list or record."""
    match kind:
        case Option():
            return True
        case ListOf(inner) | Nullable(inner):
            return has_option(inner)
        case Record(fields):
            return any(map(has_option, fields.values()))
    return False


def _plain(kind: Kind) -> Kind:
    return kind if isinstance(kind, Words | Option | Only) else plain(kind)


NUMBERS: tuple[Kind, ...] = (INT, FLOAT)
ORDERED: tuple[Kind, ...] = (INT, FLOAT, BOOL, TIMESTAMP, DURATION)
