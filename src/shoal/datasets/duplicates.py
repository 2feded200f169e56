"""What is the same, and what is nearly the same: MinHash (rensa) proposes, the words themselves decide.

Texts are compared by their pairs of neighbouring words: near is the share of pairs that two texts have in
common. One word in ten changed leaves about 0.65, one in forty 0.9.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rensa import RMinHash, RMinHashLSH

from shoal.datasets.rows import Row, key_of, question_of, texts_in, words

_PERMUTATIONS = 128
_SEED = 1
_EDGE = "\N{MIDDLE DOT}"


def pairs_of(text: str) -> frozenset[str]:
    """The pairs of neighbouring words of a text, its edges counted as words."""
    found = [_EDGE, *words(text), _EDGE]
    return (
        frozenset(f"{a} {b}" for a, b in zip(found, found[1:], strict=False))
        if len(found) > 2
        else frozenset()
    )


def likeness(a: frozenset[str], b: frozenset[str]) -> float:
    """The share of pairs in common, from 0 to 1."""
    return len(a & b) / len(a | b) if a and b else 0.0


class NearTexts:
    """Texts in which near ones are found fast."""

    def __init__(self, near: float) -> None:
        self._near = near
        # With so many bands what is just near enough is found in more than 99 of 100 cases.
        bands = 64 if near < 0.6 else 32 if near < 0.8 else 16
        self._index = RMinHashLSH(threshold=near, num_perm=_PERMUTATIONS, num_bands=bands)
        self._pairs: list[frozenset[str]] = []

    def add(self, pairs: frozenset[str]) -> int:
        """Add a text by its pairs; the number it is found under."""
        self._pairs.append(pairs)
        self._index.insert(len(self._pairs) - 1, _minhash(pairs))
        return len(self._pairs) - 1

    def near(self, pairs: frozenset[str]) -> list[tuple[int, float]]:
        """Numbers of texts that are near, in the order they were added, and how near."""
        if not pairs:
            return []
        found = [(at, likeness(pairs, self._pairs[at])) for at in sorted(self._index.query(_minhash(pairs)))]
        return [(at, like) for at, like in found if like >= self._near]


def _minhash(pairs: Iterable[str]) -> RMinHash:
    made = RMinHash(num_perm=_PERMUTATIONS, seed=_SEED)
    made.update(sorted(pairs))
    return made


@dataclass(frozen=True, slots=True)
class Repeat:
    """Why a row is not a new one."""

    reason: str
    detail: str


class Duplicates:
    """Knows all rows it let pass, and tells whether another one is new."""

    def __init__(self, near: float | None) -> None:
        self._near = near
        self._known: dict[str, tuple[str, str]] = {}
        self._texts = NearTexts(near) if near is not None else None
        self._ids: list[tuple[str, frozenset[str], str]] = []

    def look(self, row: Row) -> Repeat | None:
        """What is wrong with a row that repeats another one; None and remembered where it is new."""
        key, answer = key_of(row.input), key_of(row.output)
        if known := self._known.get(key):
            if known[1] == answer:
                return Repeat("the same input", f"as in {known[0]}")
            return Repeat("the same input with another output", f"as in {known[0]}")
        pairs, said = pairs_of(question_of(row)), _said(row.output)
        if self._texts is not None and self._near is not None:
            for at, like in self._texts.near(pairs):
                other, other_said, other_answer = self._ids[at]
                if other_answer == answer or likeness(said, other_said) >= self._near:
                    return Repeat("nearly the same", f"{like:.2f} like {other}")
            self._texts.add(pairs)
        self._known[key] = (row.id, answer)
        self._ids.append((row.id, said, answer))
        return None


def _said(output: Mapping[str, Any]) -> frozenset[str]:
    return pairs_of("\n".join(texts_in(output)))
