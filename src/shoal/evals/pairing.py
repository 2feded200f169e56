"""Two evaluations of the same cases, held against each other case by case."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shoal.evals import statistics
from shoal.evals.statistics import Interval, Pairs, Tails
from shoal.evals.summary import Entry


@dataclass(frozen=True, slots=True)
class Paired:
    """The scores of cases that both have, means of repeats."""

    ids: tuple[str, ...]
    old: tuple[float, ...]
    new: tuple[float, ...]

    @property
    def num(self) -> int:
        """How many cases."""
        return len(self.ids)

    @property
    def gain(self) -> float:
        """How much the new one is better, as a share."""
        return (math.fsum(self.new) - math.fsum(self.old)) / self.num

    @property
    def gains(self) -> list[float]:
        """Of each case."""
        return [new - old for old, new in zip(self.old, self.new, strict=True)]

    @property
    def pairs(self) -> Pairs | None:
        """Wins and losses, where every case is right or wrong."""
        if not {*self.old, *self.new} <= {0.0, 1.0}:
            return None
        kinds = Counter(zip(self.old, self.new, strict=True))
        return Pairs(kinds[0.0, 1.0], kinds[1.0, 0.0], self.num)

    @property
    def deviation(self) -> float:
        """Of the gains, with two cases added as the bootstrap adds them."""
        gains = [*self.gains, 1.0, -1.0]
        mean = math.fsum(gains) / len(gains)
        return math.sqrt(math.fsum((gain - mean) ** 2 for gain in gains) / len(gains))

    def tails(self, limit: float) -> Tails:
        """Whether the gain is shown to be above or below a limit."""
        pairs = self.pairs
        return (
            statistics.bootstrap_tails(self.gains, limit)
            if pairs is None
            else statistics.pair_tails(pairs, limit)
        )

    def interval(self, confidence: float) -> Interval:
        """Where the gain is."""
        pairs = self.pairs
        if pairs is None:
            return statistics.bootstrap_interval(self.gains, confidence)
        return statistics.pair_interval(pairs, confidence)

    def flipped(self) -> tuple[list[str], list[str]]:
        """Cases that got better, and cases that got worse."""
        gains = [*zip(self.ids, self.gains, strict=True)]
        return [each for each, gain in gains if gain > 0], [each for each, gain in gains if gain < 0]


def pair(score: str, old: Iterable[Entry], new: Sequence[Entry]) -> Paired:
    """The cases that both have, with the same question and gold answer, in the order of the new one."""
    before, after = _means(score, old), _means(score, new)
    common = [key for key in after if key in before]
    return Paired(
        tuple(name for name, _ in common),
        tuple(before[key] for key in common),
        tuple(after[key] for key in common),
    )


def _means(score: str, entries: Iterable[Entry]) -> dict[tuple[str, str], float]:
    """By id and content of the case."""
    found: dict[tuple[str, str], list[float]] = {}
    for entry in entries:
        if (value := entry.scores.get(score)) is not None:
            found.setdefault((entry.id, entry.case), []).append(value)
    return {key: scores[0] if len(scores) == 1 else _mean(scores) for key, scores in found.items()}


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
