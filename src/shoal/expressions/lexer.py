"""The tokens of an expression."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
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


@functools.lru_cache(maxsize=512)
def tokenize(text: str) -> tuple[Token, ...]:
    """The tokens of an expression."""
    return tuple(tokens_from(text, 0))


def tokens_from(text: str, start: int) -> Iterator[Token]:
    """The tokens from a place on, one by one: a text may go on long after the expression ends."""
    for match in _TOKEN.finditer(text, start):
        if match.lastgroup != "space":
            yield Token(match.lastgroup, match[0], match.start())  # type: ignore[arg-type]
