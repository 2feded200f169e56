"""Texts as people type them: no capitals, no full stop, no apostrophes, a slip of the finger.

What is marked in the answer keeps its letters, so that the answer stays right.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Sequence

__all__ = ["roughened"]

_LONG_WORD = re.compile(r"[A-Za-z]{5,}")
_END = re.compile(r"[.!]+\s*\Z")
_INNER_MARKS = re.compile(r"[,;:](?=\s)")

Change = Callable[[str, random.Random], str]


def roughened(text: str, kept: Iterable[str], chance: random.Random) -> str:
    """The text with one or two changes outside of what is kept."""
    pieces = _split(text, sorted({each for each in kept if each}, key=len, reverse=True))
    loose = [at for at in range(len(pieces)) if at % 2 == 0]
    for change in chance.sample(_CHANGES, k=chance.choice((1, 1, 2))):
        places = loose
        if change is _without_end:
            places = [len(pieces) - 1]
        elif change is _slip:
            places = [chance.choice(loose)]
        for at in places:
            pieces[at] = change(pieces[at], chance)
    made = "".join(pieces)
    return made if made.strip() else text


def _split(text: str, kept: Sequence[str]) -> list[str]:
    """The text in pieces; every second one is one to keep."""
    return re.split(f"({'|'.join(map(re.escape, kept))})", text) if kept else [text]


def _lower(text: str, _: random.Random) -> str:
    return text.lower()


def _without_end(text: str, _: random.Random) -> str:
    return _END.sub("", text)


def _without_marks(text: str, _: random.Random) -> str:
    return _INNER_MARKS.sub("", text)


def _without_apostrophes(text: str, _: random.Random) -> str:
    return text.replace("'", "").replace("\N{RIGHT SINGLE QUOTATION MARK}", "")


def _slip(text: str, chance: random.Random) -> str:
    """Two letters swapped, one doubled or one left out, inside one word."""
    words = list(_LONG_WORD.finditer(text))
    if not words:
        return text
    word = chance.choice(words)
    at = word.start() + chance.randrange(1, len(word[0]) - 2)
    slips = (text[at + 1] + text[at], text[at] + text[at : at + 2], text[at + 1])
    return text[:at] + chance.choice(slips) + text[at + 2 :]


_CHANGES: tuple[Change, ...] = (_lower, _without_end, _without_marks, _without_apostrophes, _slip)
