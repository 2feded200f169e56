"""The types of the YAML language: parsing, printing, JSON Schema, reading values, assignability.

str  int  float  bool  any        scalars
enum[approve, decline]            one of the words
list[T]   T?                      lists; a value or null
[{amount: float}]                 a list of records; written as a YAML list of one
span[str] from message            a piece of the input field `message`, or null
span[number] from message         the same, read as a number
{amount: float, reason: str}      a record; written as a YAML mapping
"""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

ScalarName = Literal["str", "int", "float", "bool", "any"]
_SCALARS: tuple[ScalarName, ...] = ("str", "int", "float", "bool", "any")
CASE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")
"""What can be a case of an enum."""
_FIELD = re.compile(r"[a-z_][a-z0-9_]*\Z")
MAX_DEPTH = 64
"""Of types and of values that may be anything."""
_SPAN = re.compile(r"span\[(str|number)\](\?)?(?:\s+from\s+([a-z_][a-z0-9_]*))?\Z")


@dataclass(frozen=True, slots=True)
class Scalar:
    """A plain value."""

    name: ScalarName

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Enum:
    """One of a fixed set of words."""

    cases: tuple[str, ...]

    def __str__(self) -> str:
        return f"enum[{', '.join(self.cases)}]"


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of one type."""

    item: Type

    def __str__(self) -> str:
        return f"list[{self.item}]"


@dataclass(frozen=True, slots=True)
class Nullable:
    """A value or null."""

    of: Type

    def __str__(self) -> str:
        return f"{self.of}?"


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of an input text, or null; `number` pieces are read into floats."""

    of: Literal["str", "number"]
    source: str | None = None
    """The input field it is found in; None while there is only one text it could be."""

    def __str__(self) -> str:
        return f"span[{self.of}]" + (f" from {self.source}" if self.source else "")


@dataclass(frozen=True, slots=True)
class Record:
    """Named fields, in order."""

    fields: Mapping[str, Type]

    def __str__(self) -> str:
        return "{" + ", ".join(f"{name}: {kind}" for name, kind in self.fields.items()) + "}"


_BOOLEANS = frozenset(["yes", "no", "on", "off", "true", "false", "y", "n"])
"""What other languages write for them."""

Type: TypeAlias = Scalar | Enum | ListOf | Nullable | Span | Record

STR, INT, FLOAT, BOOL, ANY = map(Scalar, _SCALARS)


class TypeSyntaxError(ValueError):
    """A type in YAML cannot be read; the message is a full sentence."""


class ValueMismatch(ValueError):
    """A value does not fit its type; the message is a full sentence without the place."""


def parse_type(source: object) -> Type:
    """Read a type as written in YAML: text, a mapping for records, or a list of one for lists of that.

    Raises:
        TypeSyntaxError: with what was found and what is allowed.
    """
    if isinstance(source, Mapping):
        return parse_record(source)
    if isinstance(source, list):
        if len(source) != 1:
            raise TypeSyntaxError(f"a list of {len(source)} types, expected one: the type of its items")
        return ListOf(parse_type(source[0]))
    if not isinstance(source, str):
        raise TypeSyntaxError(f"a type is text, a mapping or a list of one, not {source!r}")
    text = source.strip()
    if text.count("[") + text.count("?") > MAX_DEPTH:
        raise TypeSyntaxError(f"the type {text[:40]}... is nested deeper than {MAX_DEPTH}. Flatten it")
    if match := _SPAN.match(text):
        of: Literal["str", "number"] = "number" if match[1] == "number" else "str"
        return Span(of, match[3])
    if text.endswith("?"):
        return Nullable(parse_type(text[:-1]))
    if text.startswith("enum[") and text.endswith("]"):
        return _parse_enum(text)
    if text.startswith("list[") and text.endswith("]"):
        return ListOf(parse_type(text[5:-1]))
    for name in _SCALARS:
        if text == name:
            return Scalar(name)
    raise TypeSyntaxError(_unknown_type(text))


def parse_record(source: Mapping[str, object]) -> Record:
    """Read a mapping of field names to types."""
    fields: dict[str, Type] = {}
    for name, kind in source.items():
        if not _FIELD.match(str(name)):
            raise TypeSyntaxError(f"'{name}' is not a field name. Use lower case letters, digits and _")
        fields[str(name)] = parse_type(kind)
    return Record(fields)


def _parse_enum(text: str) -> Enum:
    cases = tuple(case.strip() for case in text[5:-1].split(","))
    for case in cases:
        if not CASE.match(case):
            raise TypeSyntaxError(
                f"'{case}' cannot be a case of {text}. Cases are words of letters, digits, _ and -"
            )
    if len(set(cases)) < len(cases):
        raise TypeSyntaxError(f"{text} names a case twice")
    return Enum(cases)


def _unknown_type(text: str) -> str:
    from shoal.errors import suggest
    from shoal.workspace.foreign import type_remedy

    known = (*_SCALARS, "enum[a, b]", "list[str]", "span[str]", "span[number]")
    return f"'{text}' is not a type. {type_remedy(text) or suggest(text, known)}"


def json_schema(kind: Type) -> dict[str, Any]:
    """The JSON Schema (2020-12) of the values of a type."""
    match kind:
        case Scalar("any"):
            return {}
        case Scalar(name):
            return {"type": {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}[name]}
        case Enum(cases):
            return {"type": "string", "enum": list(cases)}
        case ListOf(item):
            return {"type": "array", "items": json_schema(item)}
        case Nullable(of):
            return {"anyOf": [json_schema(of), {"type": "null"}]}
        case Span(of):
            return {"anyOf": [{"type": "number" if of == "number" else "string"}, {"type": "null"}]}
        case Record(fields):
            return {
                "type": "object",
                "properties": {name: json_schema(field) for name, field in fields.items()},
                "required": list(fields),
                "additionalProperties": False,
            }


def plain(kind: Type) -> Type:
    """The type of the values an expression sees: a span is a nullable text or number."""
    if isinstance(kind, Span):
        return Nullable(FLOAT if kind.of == "number" else STR)
    return kind


def accepts(target: Type, source: Type) -> bool:
    """Whether every value of `source` may be given where `target` is expected."""
    target, source = plain(target), plain(source)
    if target == source or ANY in (target, source):
        return True
    match target, source:
        case Nullable(of), Nullable(inner):
            return accepts(of, inner)
        case Nullable(of), _:
            return accepts(of, source)
        case Scalar("float"), Scalar("int"):
            return True
        case Scalar("str"), Enum():
            return True
        case Enum(allowed), Enum(cases):
            return set(cases) <= set(allowed)
        case ListOf(item), ListOf(given):
            return accepts(item, given)
        case Record(fields), Record(given_fields):
            return all(
                accepts(field, given_fields[name])
                if name in given_fields
                else isinstance(plain(field), Nullable)
                for name, field in fields.items()
            )
    return False


def read(kind: Type, value: object, where: str = "value") -> Any:
    """Check a JSON value against a type and return it, integers widened to float where asked.

    Raises:
        ValueMismatch: names the place inside the value, what was given and what was expected.
    """
    if isinstance(kind, Scalar):
        return _read_scalar(kind.name, value, where)
    match plain(kind):
        case Scalar(name):
            return _read_scalar(name, value, where)
        case Enum(cases):
            if not isinstance(value, str) or value not in cases:
                raise ValueMismatch(f"{where} is {_show(value)}, expected one of {', '.join(cases)}")
            return str.__str__(value)
        case Nullable(of):
            return None if value is None else read(of, value, where)
        case ListOf(item):
            if not isinstance(value, list | tuple):
                raise ValueMismatch(f"{where} is {_show(value)}, expected a list")
            return [read(item, each, f"{where}[{i}]") for i, each in enumerate(value)]
        case Record(fields):
            return _read_record(fields, value, where)


def _read_scalar(name: ScalarName, value: object, where: str) -> Any:
    if name == "int" and type(value) is int and -(2**63) <= value < 2**63:
        return value
    if name == "any":
        _check_plain(value, where, 0)
        return value
    if name == "str" and isinstance(value, str):
        return _storable(value, where)
    if name == "bool" and isinstance(value, bool):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and _is_in_range(value):
        if name == "float":
            return float(value)
        if name == "int" and value == int(value) and _is_in_range(int(value)):
            return int(value)
    shown = _show(value)
    is_boolean = name == "bool" and shown.strip("'").lower() in _BOOLEANS
    hint = ". Write true or false" if is_boolean else ""
    raise ValueMismatch(f"{where} is {shown}, expected {name}{hint}")


def _check_plain(value: object, where: str, depth: int) -> None:
    """Refuse what looks like JSON data and cannot be written as such, or not be read again."""
    if depth > MAX_DEPTH:
        raise ValueMismatch(f"{where} is nested deeper than {MAX_DEPTH}")
    match value:
        case None | bool():
            pass
        case str():
            _storable(value, where)
        case int() | float():
            if not _is_in_range(value):
                raise ValueMismatch(f"{where} holds {_show(value)}, expected a finite number of 64 bits")
        case Mapping():
            for name, each in value.items():
                if not isinstance(name, str):
                    raise ValueMismatch(f"{where} has the key {_show(name)}, expected text")
                _storable(name, where)
                _check_plain(each, where, depth + 1)
        case list() | tuple():
            for each in value:
                _check_plain(each, where, depth + 1)
        case _:
            raise ValueMismatch(f"{where} holds {_show(value)}, which JSON cannot")


def _is_in_range(value: float) -> bool:
    """Whether a number is one that JSON and expressions can hold."""
    return -(2**63) <= value < 2**63 if isinstance(value, int) else math.isfinite(value)


def _storable(text: str, where: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        message = f"{where} holds half a character (a surrogate). Write the character itself"
        raise ValueMismatch(message) from None
    return str.__str__(text)  # and not a subclass, like those of numpy


def _read_record(fields: Mapping[str, Type], value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueMismatch(f"{where} is {_show(value)}, expected an object with {', '.join(fields)}")
    for name in value:
        if name not in fields:
            from shoal.errors import suggest

            shown = _show(name)
            known = suggest(shown.strip("'"), fields)
            raise ValueMismatch(f"{where} has an unknown field {shown}. {known}")
    result = {}
    for name, kind in fields.items():
        if name not in value and not isinstance(plain(kind), Nullable):
            raise ValueMismatch(f"{where} lacks the field '{name}' ({kind})")
        result[name] = read(kind, value.get(name), f"{where}.{name}")
    return result


class _Brief(reprlib.Repr):
    """Values of others: neither their size and depth nor what they say of themselves is trusted."""

    def repr_instance(self, x: object, level: int) -> str:
        """Of anything but texts, whole numbers and collections."""
        if x is None or isinstance(x, bool):
            return {None: "null", True: "true", False: "false"}[x]
        return float.__repr__(x) if isinstance(x, float) else f"a {type(x).__name__}"


_BRIEF = _Brief()
_BRIEF.maxstring = _BRIEF.maxlong = 60


def _show(value: object) -> str:
    try:
        text = _BRIEF.repr(value)
    except ValueError:
        return "a number of thousands of digits"  # which Python does not print
    return text if len(text) <= 60 else text[:57] + "..."
