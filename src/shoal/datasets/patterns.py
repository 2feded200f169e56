r"""Texts with slots: `{Could|Can} I have {goods}{ by {day}|}?`, read into parts and written out.

`{goods}`           a piece of the lexicon `goods`, the same wherever it stands in one example
`{goods#2}`         another piece of it
`{wish.case}`       the case that a piece belongs to, of a lexicon with cases
`{amount.value}`    the number of a piece, of a lexicon of numbers
`{a|b|}`            one of these, each a text with slots; the last one here is nothing
`\{`, `\}`, `\|`    the sign itself
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Choice", "Part", "Parts", "PatternError", "Slot", "parse", "slots_of", "tidy"]

Look = Literal["text", "case", "value"]
_SLOT = re.compile(r"\s*([a-z_][a-z0-9_]*)(?:#([1-9]))?(?:\.([a-z]+))?\s*\Z")
_SIGNS = ("{", "}", "|")
_MAX_DEPTH = 8
_GAPS = re.compile(r"[ \t]+")
_GAP_BEFORE_MARK = re.compile(r" +([,.;:?!])(?=\s|\Z)")
_GAP_AT_END = re.compile(r" *\n *")


@dataclass(frozen=True, slots=True)
class Slot:
    """A place that a piece of a lexicon goes to."""

    lexicon: str
    number: int = 1
    """Slots of one lexicon with other numbers hold other pieces."""
    look: Look = "text"
    at: int = 0
    """Its place in the text, for problems."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A place where one of several texts goes."""

    options: tuple[Parts, ...]


Part: TypeAlias = str | Slot | Choice
Parts: TypeAlias = tuple[Part, ...]


class PatternError(ValueError):
    """A text with slots cannot be read; the message is a full sentence."""

    def __init__(self, at: int, message: str) -> None:
        self.at = at
        super().__init__(message)


def parse(text: str) -> Parts:
    """The parts of a text with slots.

    Raises:
        PatternError: with the place of the fault.
    """
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def whole(self) -> Parts:
        parts = self._sequence(0)
        if self.at < len(self.text):
            raise PatternError(self.at, "'}' closes nothing. Write \\} for a brace")
        return parts

    def _sequence(self, depth: int) -> Parts:
        """Parts up to the end, or to what ends an option."""
        parts: list[Part] = []
        literal = ""
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == "\\" and self.text[self.at + 1 : self.at + 2] in _SIGNS:
                literal += self.text[self.at + 1]
                self.at += 2
            elif char == "}" or (char == "|" and depth):
                break
            elif char == "{":
                parts += [literal] if literal else []
                literal = ""
                parts.append(self._braces(depth + 1))
            else:
                literal += char
                self.at += 1
        return (*parts, literal) if literal else tuple(parts)

    def _braces(self, depth: int) -> Part:
        start = self.at
        if depth > _MAX_DEPTH:
            raise PatternError(start, f"choices are nested deeper than {_MAX_DEPTH}. Flatten the text")
        options: list[Parts] = []
        while True:
            self.at += 1
            options.append(self._sequence(depth))
            if self.at >= len(self.text):
                raise PatternError(start, "'{' is never closed. Write \\{ for a brace")
            if self.text[self.at] == "}":
                break
        self.at += 1
        return Choice(tuple(options)) if len(options) > 1 else _slot(options[0], start)


def _slot(inside: Parts, start: int) -> Slot:
    match = _SLOT.match(inside[0]) if len(inside) == 1 and isinstance(inside[0], str) else None
    if match is None:
        what = "the name of a lexicon like {goods}, or a choice like {please|}"
        raise PatternError(start, f"braces hold {what}. Write \\{{ for a brace")
    look = match[3] or "text"
    if look not in ("text", "case", "value"):
        raise PatternError(start, f"a slot has no '.{look}'. Known: .case, .value")
    return Slot(match[1], int(match[2] or 1), look, start)  # type: ignore[arg-type]


def slots_of(parts: Parts) -> Iterator[Slot]:
    """All slots, also those inside choices."""
    for part in parts:
        if isinstance(part, Slot):
            yield part
        elif isinstance(part, Choice):
            for option in part.options:
                yield from slots_of(option)


def tidy(text: str) -> str:
    """The text without the gaps that empty choices leave."""
    text = _GAP_AT_END.sub("\n", _GAPS.sub(" ", text))
    return _GAP_BEFORE_MARK.sub(r"\1", text).strip()
