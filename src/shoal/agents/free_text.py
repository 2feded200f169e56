"""The free texts of an answer while its JSON is being written, for people who read along.

Only fields that are texts of their own (`str`, `str?`) are told of; decisions come with the whole answer.
"""

from __future__ import annotations

import json
import re
from codecs import getincrementaldecoder

from shoal.agents.engine import OnText
from shoal.workspace.types import STR, Nullable, Record

_WHOLE = re.compile(r"(?:[^\"\\]|\\u(?!d[89ab])[0-9a-f]{4}|\\u[0-9a-f]{4}\\u[0-9a-f]{4}|\\[^u])*", re.I)
"""The part of a JSON string that can be read before the rest is there: no half escapes."""


class FreeTextReader:
    """Reads an answer piece by piece, and calls `on_text` with what its text fields gained."""

    def __init__(self, output: Record, on_text: OnText) -> None:
        self._fields = free_texts(output)
        self._on_text = on_text
        self._decoder = getincrementaldecoder("utf-8")(errors="replace")
        self._rest = ""
        """Of a string, what cannot be read yet."""
        self._name = ""
        self._depth = 0
        self._is_inside = False
        self._is_value = False

    def add(self, piece: bytes) -> None:
        """Take in the next bytes of the answer."""
        text = self._rest + self._decoder.decode(piece)
        at = 0
        while at < len(text):
            if not self._is_inside:
                self._mark(text[at])
                at += 1
                continue
            match = _WHOLE.match(text, at)
            end = match.end() if match else at
            self._take(text[at:end])
            at = end
            if at < len(text) and text[at] != '"':
                break  # half an escape
            if at < len(text):
                self._is_inside = False
                at += 1
        self._rest = text[at:]

    def _mark(self, char: str) -> None:
        """Pass over what stands between strings."""
        if char == '"':
            self._is_inside = True
            if self._depth == 1 and not self._is_value:
                self._name = ""
        elif char in "{[":
            self._depth += 1
        elif char in "}]":
            self._depth -= 1
        elif self._depth == 1 and char in ":,":
            self._is_value = char == ":"

    def _take(self, raw: str) -> None:
        """Take in a part of a string at the top of the answer."""
        if self._depth != 1 or not raw:
            return
        text = json.loads(f'"{raw}"', strict=False)
        if not self._is_value:
            self._name += text
        elif self._name in self._fields:
            self._on_text(self._name, text)


def free_texts(output: Record) -> frozenset[str]:
    """The fields of an output that are texts of their own."""
    return frozenset(name for name, kind in output.fields.items() if kind in (STR, Nullable(STR)))
