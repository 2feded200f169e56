"""What is known for certain at a place of a graph, because a condition on the way there says so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce

from shoal.expressions.cases import Cases, Contradiction, narrowed
from shoal.expressions.scope import EVERYTHING, Scope, joined
from shoal.expressions.tokens import Path, known_after


@dataclass(frozen=True, slots=True)
class Truths:
    """Certainties about the values that can be read."""

    facts: frozenset[Path] = frozenset()
    """Paths that are not null."""
    cases: Cases = field(default_factory=dict)
    """Words that are possible at paths."""


UNSURE = Truths(EVERYTHING)
"""After a condition that could not be read: whatever it was meant to prove is not asked for again."""


def all_of(truths: Iterable[Truths]) -> Truths:
    """What is known where all of these hold.

    Raises:
        Contradiction: they never hold together.
    """
    several = list(truths)
    return Truths(
        joined(each.facts for each in several), reduce(_merged, (each.cases for each in several), {})
    )


def after(condition: str, truths: Truths, scope: Scope) -> Truths:
    """What is known once a condition holds.

    Raises:
        Contradiction: it never does.
    """
    return Truths(joined([truths.facts, known_after(condition)]), narrowed(condition, truths.cases, scope))


def _merged(one: Cases, other: Cases) -> Cases:
    merged: dict[Path, frozenset[str]] = dict(one)
    for path, words in other.items():
        merged[path] = words & merged.get(path, words)
        if not merged[path]:
            raise Contradiction(path, words, one[path])
    return merged


def words_at(path: Path | None, truths: Truths, words: Iterable[str]) -> tuple[str, ...]:
    """Of all words that a type has, those that are possible at a path."""
    possible: Mapping[Path, frozenset[str]] = truths.cases
    allowed = possible.get(path) if path else None
    return tuple(word for word in words if allowed is None or word in allowed)
