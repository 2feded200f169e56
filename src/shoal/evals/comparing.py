"""Whether a value is the right one: equality, texts, numbers, fields. Pure."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

_NO_WORD = re.compile(r"[\W_]+")
_INDEX = re.compile(r"\[\d+\]")


class Score(NamedTuple):
    """How right an answer is, from 0 to 1; None: there is nothing to hold it against."""

    value: float | None
    note: str = ""
    """Why it is not right."""


UNSCORED = Score(None)
RIGHT = Score(1.0)


def exact(found: Any, gold: Any) -> Score:
    """The same JSON value; 1 and 1.0 are the same."""
    return RIGHT if is_same(found, gold) else wrong(found, gold)


def normalised(found: Any, gold: Any) -> Score:
    """The same text, but for case, spaces and punctuation."""
    if not (isinstance(found, str) and isinstance(gold, str)):
        return exact(found, gold)
    return RIGHT if plain_text(found) == plain_text(gold) else wrong(found, gold)


def number(found: Any, gold: Any, tolerance: float, relative: float) -> Score:
    """The same number within a tolerance; null is no number."""
    if not (_is_number(found) and _is_number(gold)):
        return exact(found, gold)
    return RIGHT if _is_near(found, gold, max(tolerance, relative * abs(gold))) else wrong(found, gold)


def field_by_field(found: Any, gold: Any, tolerance: float, ignore: Sequence[str]) -> Score:
    """The share of fields that are right, of all that are there or should be."""
    have, want = ({path: each for path, each in leaves(value)} for value in (found, gold))
    paths = [path for path in {**want, **have} if not _is_ignored(path, ignore)]
    off = [path for path in paths if not _fits(path, have, want, tolerance)]
    if not off:
        return RIGHT
    told = ", ".join(f"{path or 'the value'} {_told(path, have, want)}" for path in off[:4])
    more = f" and {len(off) - 4} more" if len(off) > 4 else ""
    return Score(1 - len(off) / len(paths), told + more)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """What a value holds, by path: `lines[0].price`; an empty mapping or list is a leaf."""
    if isinstance(value, Mapping) and value:
        for name, each in value.items():
            yield from leaves(each, f"{path}.{name}" if path else name)
    elif isinstance(value, list | tuple) and value:
        for index, each in enumerate(value):
            yield from leaves(each, f"{path}[{index}]")
    else:
        yield path, value


def is_same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal; a boolean is no number."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(is_same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(is_same, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)


def plain_text(text: str) -> str:
    """A text without case, punctuation, and differences of spaces."""
    return _NO_WORD.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()


def wrong(found: Any, gold: Any) -> Score:
    """Not right at all, and why."""
    return Score(0.0, f"{brief(found)}, expected {brief(gold)}")


def brief(value: Any, most: int = 200) -> str:
    """A value on one line."""
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _fits(path: str, have: Mapping[str, Any], want: Mapping[str, Any], tolerance: float) -> bool:
    if path not in have or path not in want:
        return False
    one, other = have[path], want[path]
    if _is_number(one) and _is_number(other):
        return _is_near(one, other, tolerance)
    return is_same(one, other)


def _told(path: str, have: Mapping[str, Any], want: Mapping[str, Any]) -> str:
    if path not in have:
        return "is missing"
    if path not in want:
        return "should not be there"
    return f"is {brief(have[path], 60)}, expected {brief(want[path], 60)}"


def _is_ignored(path: str, ignore: Sequence[str]) -> bool:
    bare = _INDEX.sub("[]", path)
    return any(bare == each or bare.startswith((f"{each}.", f"{each}[")) for each in ignore)


def _is_near(found: float, gold: float, tolerance: float) -> bool:
    return bool(found == gold or math.isclose(found, gold, rel_tol=1e-9) or abs(found - gold) <= tolerance)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
