"""Where in a YAML file a character of a text stands that is folded, in a block, or written with escapes.

White space is what YAML changes on the way from the file to the text, so the other characters are counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

Style = Literal["'", '"', "|", ">"] | None
"""How a scalar is written; None without quotes."""

_SPACES = " \t\n\r"
_ESCAPED_SPACES = " \t\nntr"
_DIGITS = {"x": 2, "u": 4, "U": 8}


class Written(NamedTuple):
    """A scalar in the text of its file."""

    start: int
    end: int
    line: int
    """In which it starts, counted from 1."""
    style: Style

    def place(self, file: str, value: str, offset: int) -> tuple[int, int]:
        """Line and column of a character of the value, or of the next one that can be seen."""
        index = self._index(file, sum(char not in _SPACES for char in value[:offset]))
        return self.line + file.count("\n", self.start, index), index - file.rfind("\n", 0, index)

    def _index(self, file: str, number: int) -> int:
        index = self.start
        for each, index in enumerate(_visible(file, self)):
            if each == number:
                return index
        return index + 1


def _visible(file: str, written: Written) -> Iterator[int]:
    """Where each character begins that is no white space."""
    at, end = written.start, written.end
    if written.style in ("|", ">"):
        at = file.find("\n", at, end) + 1 or end  # behind what says how the block is to be read
    elif written.style:
        at, end = at + 1, end - 1
    while at < end:
        length, is_visible = _next(file, at, written.style)
        if is_visible:
            yield at
        at += length


def _next(file: str, at: int, style: Style) -> tuple[int, bool]:
    """How long what stands for the next character is, and whether that can be seen."""
    char = file[at]
    if style == "'" and char == "'":
        return 2, True
    if style != '"' or char != "\\":
        return 1, char not in _SPACES
    letter = file[at + 1]
    if num_digits := _DIGITS.get(letter):
        return 2 + num_digits, chr(int(file[at + 2 : at + 2 + num_digits], 16)) not in _SPACES
    return 2, letter not in _ESCAPED_SPACES
