"""The errors a user can meet.

ShoalError                 one sentence: what happened, where, what was expected, what to do
├── InvalidFiles           files of the workspace are wrong; carries every Problem found
├── InvalidInput           a value given from outside does not fit its declared type
├── MissingExtra           an optional dependency is not installed
└── NodeFailed             a node of a run failed after its retries

Every other exception that reaches the edge is a bug of ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault at one place of one file; lines and columns count from 1."""

    file: str
    line: int
    column: int
    message: str
    """On one line, whatever it quotes."""
    is_warning: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", one_line(self.message))

    def __str__(self) -> str:
        kind = "warning: " if self.is_warning else ""
        return f"{self.file}:{self.line}:{self.column} {kind}{self.message}"


class ShoalError(Exception):
    """Base of all errors that are shown to users as one line."""

    exit_code = 2


class InvalidFiles(ShoalError):
    """Files of a workspace are wrong; all problems of all files come together."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))


class InvalidInput(ShoalError):
    """A value given from outside does not fit the type that was declared for it."""


class MissingExtra(ShoalError):
    """A feature needs packages that are not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"{feature} needs packages that are not installed. Run: pip install 'shoal[{extra}]'"
        )


class NodeFailed(ShoalError):
    """A node of a run failed and had no fallback."""

    exit_code = 1

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"node '{path}' failed: {reason}")


def one_line(text: str) -> str:
    """Text that may quote anything as one line that can be shown; where it is long its middle is left out."""
    text = _shortened(text)
    if text.isprintable():
        return text
    return _shortened("".join(char if char.isprintable() else ascii(char)[1:-1] for char in text))


def _shortened(text: str) -> str:
    return text if len(text) <= 1000 else f"{text[:700]} ... {text[-250:]}"


_MOST_NAMES = 20
"""How many names a sentence lists."""


def suggest(word: str, known: Iterable[str]) -> str:
    """The end of an error sentence: the nearest known name, or all of them."""
    return _suggested(word, tuple(sorted(known)))


@lru_cache(maxsize=256)
def _suggested(word: str, names: tuple[str, ...]) -> str:
    near = get_close_matches(word, names, n=1, cutoff=0.6) if len(word) <= 100 else []
    if near:
        return f"Did you mean '{near[0]}'?"
    if len(names) > _MOST_NAMES:
        return f"Known: {', '.join(names[:_MOST_NAMES])} and {len(names) - _MOST_NAMES} more."
    return f"Known: {', '.join(names)}." if names else "None are defined."
