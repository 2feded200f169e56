"""Random expressions: soups of tokens, well-typed ones, and well-typed ones with a slip.

What compiles must evaluate on every value of its declared types: it may fail by its values (an index out of
range, a division by zero), never by a type or a name, and what it gives is of the type that was told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

from shoal.expressions.compiled import compile_expression
from shoal.expressions.expression import ExpressionFailed
from shoal.expressions.scope import ExpressionError, Scope, Source
from shoal.expressions.values import source_type
from shoal.workspace.types import (
    Enum,
    ListOf,
    Nullable,
    Record,
    Scalar,
    Type,
    ValueMismatch,
    parse_record,
    plain,
    read,
)

_LINE = {"item": "str", "count": "int", "off": "float?", "kind": "enum[new, old]"}
_FIELDS: Mapping[str, Mapping[str, Any]] = {
    "input": {"message": "str", "n": "int", "flag": "bool"},
    "slots": {"amount": "span[number] from message", "card": "span[str] from message", "day": "int?"},
    "triage": {"intent": "enum[lost_card, other]", "mood": "enum[good, bad]?", "confidence": "float"},
    "shop": {
        "name": "str",
        "limit": "float",
        "in": "int",
        "owner": {"first": "str?", "age": "int", "score": "float", "home": {"town": "str?", "no": "int"}},
        "tags": "list[str]",
        "marks": "list[float]",
        "gaps": "list[float?]",
        "moods": "list[enum[good, bad]]",
        "extra": "any",
    },
    "approve": {"yes": "bool"},
}


def _sources() -> dict[str, Source]:
    sources = {
        name: Source(source_type(parse_record(fields)), f"node '{name}' gives")
        for name, fields in _FIELDS.items()
    }
    line = parse_record(_LINE)
    order = Record({"price": Scalar("float"), "note": Nullable(Scalar("str")), "lines": ListOf(line)})
    sources["orders"] = Source(source_type(ListOf(order)), "tool 'orders' gives")
    sources["last"] = Source(source_type(Nullable(line)), "tool 'last' gives")
    sources["age"] = Source(Scalar("int"), "tool 'age' gives")
    return sources


SCOPE = Scope(reader="node 'here'", sources=_sources(), own="here")

_TOKENS = (
    "slots", ".", ".?", "amount", "card", "triage", "intent", "shop", "limit", "tags", "orders", "exists",
    "(", ")", "[", "]", "{", "}", ",", ":", "?", "&&", "||", "!", "==", "!=", "<", "+", "-", "*", "/",
    "%", "1", "2.5", "'a'", '"b"', "null", "true", "has", "in", "x", "orValue", "size", "string",
    "'lost_card'", "here", "age", "input", "'é'", "\\", "`", "$", "@", "=", "&", "|", ";", "\n", "0x1F",
    "1u", "b'a'", "r'\\d'", "'\\q'", "'a\nb'", "#", "\'\'\'", "99999999999999999999", "1e999", "\x00",
    "\ud800", "\u2028", "\u202e", "not", "and", "optional.of", "optional.none()", ".map(",
    ".filter(o, o.", "[?", "{'", "'a':", "math.greatest(", "timestamp(", "duration(", "//", "matches(",
    "'['", "format(", "'%s'", "\'\'\'a\nb\'\'\'", ".value()", "dyn(", "type(", "cel.bind(", "..",
)  # fmt: skip

_TYPE_FAULTS = re.compile(
    r"No matching overloads|Key not found|No value with name|SELECT|no such|is null|Unable to convert"
    r"|expected integer type|UNKNOWN|optional\.none|not supported|unexpected"
)


class Writer:
    """Writes expressions of a wanted type, with a slip now and then."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.slip = random.choice((0.0, 0.0, 0.02, 0.1))
        self.bound: list[tuple[str, Type]] = []

    def any_kind(self) -> Type:
        """A type to write."""
        return self.random.choice(_KINDS)

    def write(self, kind: Type, depth: int) -> str:
        """An expression of the type, as a rule."""
        if self.random.random() < self.slip:
            kind = self.any_kind()
        if kind == _FLOAT and self.random.random() < 0.2:
            kind = _INT
        paths = self._paths(kind)
        choice = self.random.random()
        if depth <= 0 or choice < 0.25:
            return self.random.choice(paths) if paths and choice < 0.2 else self._constant(kind, depth)
        if choice < 0.35:
            test, yes, no = (
                self.write(_BOOL, depth - 1),
                self.write(kind, depth - 1),
                self.write(kind, depth - 1),
            )
            return f"({test} ? {yes} : {no})"
        if choice < 0.45 and (maybe := self._paths(Nullable(kind))):
            return self._unwrapped(self.random.choice(maybe), kind, depth)
        if choice < 0.55:
            return self._item(kind, depth)
        return self._operation(kind, depth)

    def _item(self, kind: Type, depth: int) -> str:
        """Something out of a list or a record."""
        holders = [(of, name) for of in _RECORDS for name, field in of.fields.items() if plain(field) == kind]
        choice = self.random.random()
        if holders and choice < 0.5:
            of, name = self.random.choice(holders)
            return f"({self.write(of, depth - 1)}).{name}"
        items = self.write(ListOf(kind), depth - 1)
        if choice < 0.7:
            return f"({items})[?{self.write(_INT, 0)}].orValue({self.write(kind, depth - 1)})"
        if choice < 0.8 and (maybe := self._paths(Nullable(kind))):
            path, last = self.random.choice(maybe).rpartition(".")[::2]
            asked = f"{path}.?{last}" if path else f"[{last}][?0]"
            return f"{asked}.optMap(q, q).orValue({self.write(kind, depth - 1)})"
        return f"({items})[{self.write(_INT, 0)}]"

    def _unwrapped(self, path: str, kind: Type, depth: int) -> str:
        head, _, last = path.rpartition(".")
        other = self.write(kind, depth - 1)
        if not head or self.random.random() < 0.3:
            return f"({path} != null ? {path} : {other})"
        return f"{head}.?{last}.orValue({other})"

    def _paths(self, kind: Type) -> list[str]:
        roots = [(name, source.type) for name, source in SCOPE.sources.items()] + self.bound
        return [path for name, of in roots for path in _paths_of(name, of, kind)]

    def _constant(self, kind: Type, depth: int) -> str:
        match kind:
            case Nullable(of):
                return "null" if depth <= 0 or self.random.random() < 0.5 else self.write(of, depth - 1)
            case ListOf(item):
                return (
                    f"[{', '.join(self.write(item, depth - 1) for _ in range(self.random.randrange(1, 3)))}]"
                )
            case Record(fields):
                entries = [f"{name!r}: {self.write(each, depth - 1)}" for name, each in fields.items()]
                return f"{{{', '.join(entries)}}}"
            case Enum(cases):
                return repr(self.random.choice(cases))
        return self.random.choice(_CONSTANTS[str(kind)])

    def _operation(self, kind: Type, depth: int) -> str:
        match kind:
            case Scalar("bool"):
                return self._test(depth)
            case Scalar("str"):
                return self._filled(_TEXTS, depth)
            case Scalar("int"):
                return self._filled(_INTS, depth)
            case Scalar("float"):
                return self._filled(_FLOATS, depth)
            case ListOf(item):
                return self._list(kind, item, depth)
        return self._constant(kind, depth)

    def _test(self, depth: int) -> str:
        choice = self.random.random()
        if choice < 0.3:
            sign = self.random.choice(("==", "!=", "==", "in"))
            kind = self.any_kind()
            other: Type = ListOf(kind) if sign == "in" else kind
            return f"({self.write(kind, depth - 1)} {sign} {self.write(other, depth - 1)})"
        if choice < 0.45 and (maybe := [path for kind in _KINDS for path in self._paths(Nullable(kind))]):
            path = self.random.choice(maybe)
            test = self.random.choice(("{} == null", "{} != null", "has({})", "!({} == null)")).format(path)
            return f"({test} {self.random.choice(('&&', '||'))} {self.write(_BOOL, depth - 1)})"
        if choice < 0.7:
            return self._macro(self.random.choice(("exists", "all", "exists_one")), _BOOL, depth)
        return self._filled(_TESTS, depth)

    def _macro(self, name: str, kind: Type, depth: int, item: Type | None = None) -> str:
        item = item or self.random.choice([*_KINDS, _ORDER, _ORDER])
        source = self.write(ListOf(item), depth - 1)
        variable = f"x{len(self.bound)}" if self.random.random() > self.slip else "x0"
        self.bound.append((variable, item))
        body = self.write(kind, depth - 1)
        self.bound.pop()
        return f"({source}).{name}({variable}, {body})"

    def _list(self, kind: ListOf, item: Type, depth: int) -> str:
        choice = self.random.random()
        if choice < 0.35:
            return self._macro("map", item, depth)
        if choice < 0.7:
            return self._macro("filter", _BOOL, depth, item)
        if choice < 0.85:
            return f"({self.write(kind, depth - 1)} + {self.write(kind, depth - 1)})"
        return self._constant(kind, depth)

    def _filled(self, forms: Sequence[str], depth: int) -> str:
        form = self.random.choice(forms)
        kinds: dict[str, Type] = {
            "S": _STR,
            "I": _INT,
            "F": _FLOAT,
            "B": _BOOL,
            "L": ListOf(_STR),
            "A": ListOf(self.any_kind()),
        }
        return re.sub(r"<(\w)>", lambda hole: self.write(kinds[hole[1]], depth - 1), form)


_STR, _INT, _FLOAT, _BOOL = Scalar("str"), Scalar("int"), Scalar("float"), Scalar("bool")
_KINDS: tuple[Type, ...] = (
    _STR, _INT, _FLOAT, _BOOL, Enum(("lost_card", "other")), Enum(("good", "bad")), Enum(("new", "old")),
    source_type(parse_record(_LINE)), ListOf(_STR), ListOf(_FLOAT),
)  # fmt: skip
_RECORDS = [kind for kind in _KINDS if isinstance(kind, Record)]
_ORDER = SCOPE.sources["orders"].type.item  # type: ignore[union-attr]
_CONSTANTS: Mapping[str, Sequence[str]] = {
    "str": ("'a'", "''", "'lost_card'", '"é"', "r'\\d'"), "int": ("0", "1", "-3", "0x1F"),
    "float": ("0.0", "1.5", "-2.5e3"), "bool": ("true", "false"),
    "any": ("shop.extra", "shop.extra.q", "shop.extra[0]", "shop.?extra.?z"),
}  # fmt: skip
_TEXTS = (
    "(<S> + <S>)", "string(<I>)", "string(<F>)", "<S>.upperAscii()", "<S>.replace(<S>, <S>)", "<L>.join(<S>)",
    "<S>.substring(<I>)", "<S>.trim()", "'%s %d'.format([<S>, <I>])", "<S>.charAt(<I>)", "string(<B>)",
)  # fmt: skip
_INTS = (
    "(<I> + <I>)", "(<I> - <I>)", "(<I> / <I>)", "(<I> % <I>)", "-(<I>)", "size(<S>)", "<A>.size()",
    "int(<F>)", "<S>.indexOf(<S>)", "int(<S>)", "math.greatest(<I>, <I>)", "timestamp(<I>).getFullYear()",
)  # fmt: skip
_FLOATS = (
    "(<F> * <F>)",
    "(<F> / <F>)",
    "double(<I>)",
    "math.floor(<F>)",
    "math.least(<F>, <F>)",
    "double(<S>)",
)
_TESTS = (
    "(<B> && <B>)", "(<B> || <B>)", "!(<B>)", "(<I> < <I>)", "(<F> >= <F>)", "(<S> < <S>)",
    "<S>.contains(<S>)", "<S>.matches('^a+$')", "<S>.startsWith(<S>)", "approve.?yes.orValue(<B>)",
    "has(approve.yes)",
)  # fmt: skip


def _paths_of(path: str, of: Type, wanted: Type) -> Iterator[str]:
    of = plain(of)
    if of == wanted:
        yield path
    if isinstance(of, Record):
        for name, field in of.fields.items():
            yield from _paths_of(f"{path}.{name}", field, wanted)


def value_of(kind: Type, random: Random) -> Any:
    """A value of a type; whole numbers stand for floats now and then."""
    match plain(kind):
        case Nullable(of):
            return None if random.random() < 0.4 else value_of(of, random)
        case ListOf(item):
            return [value_of(item, random) for _ in range(random.randrange(3))]
        case Record(fields):
            return {name: value_of(field, random) for name, field in fields.items()}
        case Enum(cases):
            return random.choice(cases)
        case Scalar("float"):
            return random.choice((0, 2, 1.5, -3.25))
    values: Mapping[str, Sequence[Any]] = {
        "str": ("", "a", "good", "12", "é"), "int": (0, 1, -7, 2**40), "bool": (True, False),
        "any": (None, 1, "x", [1], {"q": 1.5}),
    }  # fmt: skip
    return random.choice(values[str(kind)])


def values_of(random: Random) -> dict[str, Any]:
    """Outputs of all sources; `approve` may have been skipped."""
    values = {name: value_of(source.type, random) for name, source in SCOPE.sources.items()}
    if random.random() < 0.5:
        del values["approve"]
    return values


def case(seed: int) -> str:
    """One expression."""
    random = Random(seed)
    choice = random.random()
    if choice < 0.25:
        glue = random.choice(("", " "))
        return glue.join(random.choice(_TOKENS) for _ in range(random.randrange(1, 16)))
    if choice < 0.28:
        piece = random.choice(
            ("(", "!", "-", "[", "a ? ", "1 + ", "true && ", "shop.name + ", "{'a': ", "'x' + ")
        )
        return piece * random.choice((10, 40, 300, 3000)) + random.choice(("1", "true", "shop.name", ""))
    writer = Writer(random)
    text = writer.write(writer.any_kind(), random.randrange(1, 5))
    if choice < 0.4 and text:
        at, end = sorted((random.randrange(len(text)), random.randrange(len(text))))
        return text[:at] + random.choice(("", random.choice(_TOKENS), text[at:end] * 2)) + text[end:]
    return text


def cases(seed: int, count: int) -> Iterator[str]:
    """Expressions, the same for the same seed."""
    return (case(each) for each in range(seed, seed + count))


def fault_of(text: str, random: Random) -> str | None:
    """What is wrong with how an expression is dealt with, or None."""
    try:
        compiled = compile_expression(text, SCOPE)
    except ExpressionError as error:
        is_right = 0 <= error.offset <= len(text) and "\n" not in str(error) and len(str(error)) < 1200
        return None if is_right else f"told at {error.offset}: {error}"
    for _ in range(4):
        values = values_of(random)
        if not compiled.reads <= set(values):
            continue  # then the reader is skipped
        try:
            value = compiled.evaluate(values)
        except ExpressionFailed as error:
            if "extra" not in text and _TYPE_FAULTS.search(str(error).removeprefix(f"'{text}' failed: ")):
                return f"failed by a type on {values}: {error}"
            continue
        try:
            if "extra" not in text:
                read(compiled.type, value)
        except ValueMismatch as error:
            return f"is not of its type {compiled.type}: {error}"
    return None


class Expressions:
    """Cases for the harness."""

    def fault(self, seed: int) -> str | None:
        """What is wrong with a case."""
        return fault_of(case(seed), Random(seed))

    def show(self, seed: int) -> str:
        """The text of a case."""
        return case(seed)


def make() -> Expressions:
    """Cases for the harness."""
    return Expressions()
