"""The tree of an expression, each piece with its place in the text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from shoal.expressions.lexer import Path


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, a text, true, false or null."""

    start: int
    end: int
    kind: Literal["int", "float", "text", "bool", "null"]
    text: str
    word: str | None = None
    """What a text says, unless it holds escapes."""


@dataclass(frozen=True, slots=True)
class Name:
    """A word that stands alone."""

    start: int
    end: int
    name: str


@dataclass(frozen=True, slots=True)
class Select:
    """`of.name` or `of.?name`."""

    start: int
    end: int
    of: Syntax
    name: str
    is_question: bool

    @property
    def name_start(self) -> int:
        """Where the name begins."""
        return self.end - len(self.name)


@dataclass(frozen=True, slots=True)
class Index:
    """`of[key]` or `of[?key]`."""

    start: int
    end: int
    of: Syntax
    key: Syntax
    is_question: bool


@dataclass(frozen=True, slots=True)
class Call:
    """`name(...)` or `of.name(...)`."""

    start: int
    end: int
    of: Syntax | None
    name: str
    name_start: int
    bracket: int
    arguments: tuple[Syntax, ...]


@dataclass(frozen=True, slots=True)
class Unary:
    """`!of` or `-of`."""

    start: int
    end: int
    sign: str
    of: Syntax


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands and what stands between them."""

    start: int
    end: int
    sign: str
    sign_start: int
    left: Syntax
    right: Syntax


@dataclass(frozen=True, slots=True)
class Ternary:
    """`test ? yes : no`."""

    start: int
    end: int
    sign_start: int
    test: Syntax
    yes: Syntax
    no: Syntax


@dataclass(frozen=True, slots=True)
class Items:
    """`[a, b]`."""

    start: int
    end: int
    items: tuple[Syntax, ...]


@dataclass(frozen=True, slots=True)
class Fields:
    """`{'a': b}`."""

    start: int
    end: int
    entries: tuple[tuple[Syntax, Syntax], ...]


Syntax: TypeAlias = Constant | Name | Select | Index | Call | Unary | Binary | Ternary | Items | Fields


def path_of(node: Syntax) -> Path | None:
    """The names of `a.b.c`, with or without question marks."""
    names: list[str] = []
    while isinstance(node, Select):
        names.append(node.name)
        node = node.of
    return (node.name, *reversed(names)) if isinstance(node, Name) else None


def is_null(node: Syntax) -> bool:
    """Whether a piece is the word null."""
    return isinstance(node, Constant) and node.kind == "null"


def parts_of(node: Syntax) -> list[Syntax]:
    """What a piece is made of."""
    match node:
        case Select(of=of) | Unary(of=of):
            return [of]
        case Index(of=of, key=key):
            return [of, key]
        case Call(of=of, arguments=arguments):
            return [*([of] if of else []), *arguments]
        case Binary(left=left, right=right):
            return [left, right]
        case Ternary(test=test, yes=yes, no=no):
            return [test, yes, no]
        case Items(items=items):
            return list(items)
        case Fields(entries=entries):
            return [value for _, value in entries]
    return []
