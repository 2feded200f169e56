"""Values in a plan: constants, texts with expressions inside, lists and mappings of these."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shoal.expressions.compiled import Cel, Compiled, Read
from shoal.expressions.expression import Expression, ExpressionFailed
from shoal.expressions.expression import Scope as Values
from shoal.expressions.joins import NoJoin, joint_type
from shoal.expressions.kinds import NEVER, declared
from shoal.expressions.tokens import Path
from shoal.workspace.types import (
    ANY,
    BOOL,
    FLOAT,
    INT,
    STR,
    ListOf,
    Nullable,
    Record,
    Scalar,
    Type,
    ValueMismatch,
    plain,
    read,
)

_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Constant:
    """A value as written."""

    value: Any
    type: Type
    reads: frozenset[str] = _NONE
    asks: frozenset[str] = _NONE

    def evaluate(self, scope: Values) -> Any:
        """The value itself."""
        return self.value


@dataclass(frozen=True, slots=True)
class Text:
    """Pieces of text and expressions, joined."""

    parts: tuple[str | Compiled, ...]

    @property
    def type(self) -> Type:
        """Always text."""
        return STR

    @property
    def reads(self) -> frozenset[str]:
        """What its expressions need."""
        return _NONE.union(*(part.reads for part in self.parts if not isinstance(part, str)))

    @property
    def asks(self) -> frozenset[str]:
        """What its expressions ask for."""
        return _NONE.union(*(part.asks for part in self.parts if not isinstance(part, str)))

    def evaluate(self, scope: Values) -> str:
        """The joined text."""
        return "".join(part if isinstance(part, str) else shown(part.evaluate(scope)) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Items:
    """A list or a mapping with expressions inside."""

    type: Type
    items: Mapping[str, Compiled] | Sequence[Compiled]

    @property
    def parts(self) -> list[Compiled]:
        """What is inside, in order."""
        return list(self.items.values() if isinstance(self.items, Mapping) else self.items)

    @property
    def reads(self) -> frozenset[str]:
        """What its expressions need."""
        return _NONE.union(*(part.reads for part in self.parts))

    @property
    def asks(self) -> frozenset[str]:
        """What its expressions ask for."""
        return _NONE.union(*(part.asks for part in self.parts))

    def evaluate(self, scope: Values) -> Any:
        """The list or mapping of values."""
        if isinstance(self.items, Mapping):
            return {name: part.evaluate(scope) for name, part in self.items.items()}
        return [part.evaluate(scope) for part in self.items]


@dataclass(frozen=True, slots=True)
class Fitted:
    """An expression whose records have more fields than their reader takes."""

    of: Compiled
    type: Type
    is_loose: bool = False
    """The type of the expression holds `any`, so its values are checked when they are read."""

    @property
    def reads(self) -> frozenset[str]:
        """What the expression needs."""
        return self.of.reads

    @property
    def asks(self) -> frozenset[str]:
        """What the expression asks for."""
        return self.of.asks

    def evaluate(self, scope: Values) -> Any:
        """The value with only the fields of the type."""
        value = trimmed(self.type, self.of.evaluate(scope))
        if not self.is_loose:
            return value
        try:
            return read(self.type, value)
        except ValueMismatch as err:
            raise ExpressionFailed(f"'{condition_text(self.of)}' has the type any: {err}") from None


def condition_text(expression: Expression) -> str:
    """A condition as it was written."""
    match expression:
        case Cel():
            return expression.text
        case Read(reference):
            return reference.written
    return "..."


def paths_of(expression: Expression) -> frozenset[Path]:
    """Every path that an expression reads or asks for."""
    match expression:
        case Read(reference):
            return frozenset({reference.path})
        case Cel():
            return frozenset(each.reference.path for each in expression.variables)
        case Text(parts):
            inner = [part for part in parts if not isinstance(part, str)]
        case Items():
            inner = expression.parts
        case Fitted(of):
            inner = [of]
        case _:
            inner = []
    return frozenset[Path]().union(*map(paths_of, inner))


def fitted(value: Compiled, target: Type) -> Compiled:
    """The value without fields that `target` does not name; what is `any` in it is checked when read."""
    is_loose = _is_loose(target, value.type)
    needs = is_loose or (_has_record(target) and value.type != target)
    return Fitted(value, target, is_loose) if needs else value


def widened(value: Compiled, target: Type) -> Compiled:
    """The value in a type that holds the values of several."""
    return value if value.type == target else Fitted(value, target)


def _is_loose(target: Type, source: Type) -> bool:
    """Whether `any` is given where a contract says more."""
    match plain(target), plain(source):
        case Scalar("any"), _:
            return False
        case _, Scalar("any"):
            return True
        case (Nullable(of), Nullable(inner)) | (ListOf(of), ListOf(inner)):
            return _is_loose(of, inner)
        case Nullable(of), other:
            return _is_loose(of, other)
        case Record(fields), Record(given):
            return any(_is_loose(kind, given[name]) for name, kind in fields.items() if name in given)
    return False


def _has_record(kind: Type) -> bool:
    match kind:
        case Record():
            return True
        case ListOf(inner) | Nullable(inner):
            return _has_record(inner)
    return False


def trimmed(kind: Type, value: Any) -> Any:
    """The value with the fields of its type and no others, those it lacks null, and floats as such."""
    if isinstance(kind, Scalar):
        return float(value) if kind.name == "float" and type(value) is int else value
    match kind:
        case Nullable(of):
            return None if value is None else trimmed(of, value)
        case ListOf(item) if isinstance(value, list):
            return [trimmed(item, each) for each in value]
        case Record(fields) if isinstance(value, Mapping):
            return {name: trimmed(field, value.get(name)) for name, field in fields.items()}
    return value


def shown(value: Any) -> str:
    """A value inside a text: whole numbers without a point, lists and records as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return json.dumps(value, ensure_ascii=False)


def common_type(kinds: Sequence[Type]) -> Type:
    """The one type that several values have, `any` where there is none."""
    try:
        return joint_type(kinds) if kinds else ANY
    except NoJoin:
        return ANY


def literal(value: Any) -> Constant:
    """A value as written in YAML, with its type."""
    kind = declared(_literal_type(value))
    assert kind is not None, "whatever YAML holds has a type"
    return Constant(trimmed(kind, value), kind)


def _literal_type(value: object) -> Type:
    match value:
        case bool():
            return BOOL
        case int():
            return INT
        case float():
            return FLOAT
        case str():
            return STR
        case list():
            return ListOf(common_type(list(map(_literal_type, value))))
        case dict():
            return Record({name: _literal_type(each) for name, each in value.items()})
    return Nullable(NEVER)  # type: ignore[arg-type]  # beside values of a type, null is one of these or null


def source_type(kind: Type) -> Type:
    """The type an expression sees where a contract says `kind`."""
    match plain(kind):
        case Record(fields):
            return Record({name: source_type(field) for name, field in fields.items()})
        case ListOf(item):
            return ListOf(source_type(item))
        case Nullable(of):
            return Nullable(source_type(of))
        case other:
            return other
