"""The tokens of an expression, and what can be told from them before anything is compiled."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Path = tuple[str, ...]

TokenKind = Literal["name", "text", "number", "sign"]

RESERVED = frozenset({
    "input", "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for",
    "function", "if", "import", "let", "loop", "package", "namespace", "return", "var", "void", "while",
    "math", "strings", "optional", "base64", "cel", "has", "int", "uint", "double", "bool", "string",
    "bytes", "list", "map", "type", "dyn",
})  # fmt: skip
"""Names that a node cannot have: they mean something in CEL."""

_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*)
      | (?P<text>[rRbB]{0,2}(?:\"\"\"(?:\\.|[^\\])*?\"\"\" | '''(?:\\.|[^\\])*?'''
                             | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'))
      | (?P<number>0[xX][0-9a-fA-F]+u?|[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+(?:[eE][+-]?[0-9]+|u)?)
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<sign>\.\?|==|!=|<=|>=|&&|\|\||.)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of an expression; white space and comments are left out."""

    kind: TokenKind
    text: str
    start: int

    @property
    def end(self) -> int:
        """Where the next character stands."""
        return self.start + len(self.text)


def tokenize(text: str) -> list[Token]:
    """The tokens of an expression."""
    found = (match for match in _TOKEN.finditer(text) if match.lastgroup != "space")
    return [Token(match.lastgroup, match[0], match.start()) for match in found]  # type: ignore[arg-type]


def needed_and_asked(text: str) -> tuple[set[str], set[str]]:
    """The names in an expression that could be nodes: those it needs, and those it only asks for with `?`."""
    tokens = tokenize(text)
    words = ["", "", *(token.text for token in tokens), ""]
    needed: set[str] = set()
    asked: set[str] = set()
    for i, token in enumerate(tokens, start=2):
        if token.kind == "name" and words[i - 1] not in (".", ".?") and words[i + 1] != "(":
            is_asked = words[i + 1] == ".?" or words[i - 2 : i] == ["has", "("]
            (asked if is_asked else needed).add(token.text)
    return needed, asked - needed


def known_after(text: str) -> frozenset[Path]:
    """Paths that are not null once the condition `text` holds: it compares them with null."""
    tokens = tokenize(text)
    if top_level(tokens) & {"||", "?"}:
        return frozenset()
    return frozenset(path for part in _split(tokens, "&&") if (path := tested_path(part, "!=")))


def top_level(tokens: Sequence[Token]) -> set[str]:
    """The signs outside of all brackets."""
    return {token.text for depth, token in depths(tokens) if depth == 0 and token.kind == "sign"}


def depths(tokens: Sequence[Token]) -> Iterator[tuple[int, Token]]:
    """Each token with the number of brackets around it."""
    depth = 0
    for token in tokens:
        if token.kind == "sign" and token.text in ")]}":
            depth -= 1
        yield depth, token
        if token.kind == "sign" and token.text in "([{":
            depth += 1


def _split(tokens: Sequence[Token], operator: str) -> list[list[Token]]:
    parts: list[list[Token]] = [[]]
    for depth, token in depths(tokens):
        if depth == 0 and token.text == operator:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def tested_path(part: Sequence[Token], operator: str) -> Path | None:
    """The path of `a.b != null`, `null != a.b` or `has(a.b)`."""
    words = [token.text for token in part]
    if words[:2] == ["has", "("] and words[-1:] == [")"] and operator == "!=":
        return _path(part[2:-1])
    if words[-2:] == [operator, "null"]:
        return _path(part[:-2])
    if words[:2] == ["null", operator]:
        return _path(part[2:])
    return None


def _path(part: Sequence[Token]) -> Path | None:
    names, dots = part[::2], part[1::2]
    is_path = (
        len(part) % 2
        and all(each.kind == "name" for each in names)
        and all(d.text in (".", ".?") for d in dots)
    )
    return tuple(each.text for each in names) if is_path else None
