"""Where two values differ, place by place, and how values are put into a sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from os.path import commonprefix
from typing import Any, Final, NamedTuple

NOTHING: Final = object()
"""Stands for a field or an item that only the other value has."""


class Place(NamedTuple):
    """Where two values differ."""

    name: str
    """`reply.lines[3]`; empty for the values as a whole."""
    first: Any
    second: Any


def differing(first: Any, second: Any, name: str = "") -> Iterator[Place]:
    """Where two values of plain JSON data differ, down to what is neither record nor list."""
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        for field in {**first, **second}:
            place = f"{name}.{field}" if name else field
            yield from differing(first.get(field, NOTHING), second.get(field, NOTHING), place)
    elif isinstance(first, list) and isinstance(second, list):
        for index in range(max(len(first), len(second))):
            one, other = (values[index] if index < len(values) else NOTHING for values in (first, second))
            yield from differing(one, other, f"{name}[{index}]")
    elif first is not second and (first is NOTHING or second is NOTHING or first != second):
        yield Place(name, first, second)


def in_short(value: Any, limit: int = 60) -> str:
    """A value as JSON on one line, cut where it gets long."""
    if value is NOTHING:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= limit else f"{text[: limit - 4]} ..."


def beside(first: Any, second: Any, limit: int) -> tuple[str, str]:
    """Two values as JSON, cut to where they begin to differ."""
    texts = [
        "nothing" if each is NOTHING else json.dumps(each, ensure_ascii=False) for each in (first, second)
    ]
    start = max(0, len(commonprefix(texts)) - limit // 3) if max(map(len, texts)) > limit else 0
    one, other = (_cut(text, start, limit) for text in texts)
    return one, other


def _cut(text: str, start: int, limit: int) -> str:
    piece = text[start : start + limit]
    return f"{'... ' if start else ''}{piece}{' ...' if start + limit < len(text) else ''}"
