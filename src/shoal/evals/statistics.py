"""What figures of evaluations prove: tests, intervals, numbers of cases. It imports nothing of shoal.

Tests are one-sided and come in pairs, for a gate asks both: is it shown that the truth is above a limit, is
it shown that it is below? Distributions are those of scipy, which is imported when it is needed.

    share_tails, share_interval           a share of right answers: exact binomial (Clopper-Pearson)
    pair_tails, pair_interval             two targets on the same cases, right or wrong: exact McNemar where
                                          the limit is 0, else the score test of Tango (1998)
    bootstrap_tails, bootstrap_interval   scores in between, or several repeats a case: paired bootstrap
    cases_for_share, cases_for_pairs, cases_for_mean   how many cases would show it
    holm, pass_hat
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "Interval",
    "Pairs",
    "Tails",
    "bootstrap_interval",
    "bootstrap_tails",
    "cases_for_mean",
    "cases_for_pairs",
    "cases_for_share",
    "holm",
    "normal_tail",
    "pair_interval",
    "pair_tails",
    "pass_hat",
    "share_interval",
    "share_tails",
]

MOST_CASES = 1_000_000
"""A number of cases beyond which nobody goes."""
_RESAMPLES = 10_000
_MOST_DRAWN = 20_000_000
"""Numbers that a bootstrap draws at once, for the memory's sake."""


class Tails(NamedTuple):
    """How surprising the data would be if the truth were not on one side of a limit."""

    above: float
    """Small: it is shown that the truth is above."""
    below: float


class Interval(NamedTuple):
    """Where the truth is, with some confidence."""

    low: float
    high: float


class Pairs(NamedTuple):
    """Two targets on the same cases, each right or wrong."""

    wins: int
    """Cases that only the new one has right."""
    losses: int
    num: int
    """All cases."""

    @property
    def gain(self) -> float:
        """What the new one has right more often, as a share."""
        return (self.wins - self.losses) / self.num


# One share.


def share_tails(successes: float, num: int, limit: float) -> Tails:
    """The exact binomial test against a limit.

    Where successes are a sum of scores from 0 to 1 this errs on the safe side: no such scores vary more than
    those that are 0 or 1.
    """
    from scipy.special import betainc

    above = float(betainc(successes, num - successes + 1, limit)) if successes > 0 else 1.0
    below = 1.0 - float(betainc(successes + 1, num - successes, limit)) if successes < num else 1.0
    return Tails(above, below)


def share_interval(successes: float, num: int, confidence: float) -> Interval:
    """Clopper and Pearson's interval, with the same chance on either side."""
    from scipy.special import betaincinv

    tail = (1 - confidence) / 2
    low = float(betaincinv(successes, num - successes + 1, tail)) if successes > 0 else 0.0
    high = float(betaincinv(successes + 1, num - successes, 1 - tail)) if successes < num else 1.0
    return Interval(low, high)


def cases_for_share(share: float, limit: float, alpha: float, power: float) -> int:
    """How many cases show, with this power, on which side of the limit a true share is."""
    if share < limit:
        share, limit = 1 - share, 1 - limit
    if share <= limit:
        return MOST_CASES
    spread = normal_tail(alpha) * math.sqrt(limit * (1 - limit)) + normal_tail(1 - power) * math.sqrt(
        share * (1 - share)
    )
    return _first_enough(
        (spread / (share - limit)) ** 2, lambda num: _share_power(share, limit, alpha, num), power
    )


def _share_power(share: float, limit: float, alpha: float, num: int) -> float:
    from scipy.stats import binom

    needed = int(binom.isf(alpha, num, limit)) + 1
    return float(binom.sf(needed - 1, num, share))


# Pairs.


def pair_tails(pairs: Pairs, limit: float = 0.0) -> Tails:
    """Whether the gain is above or below a limit: exact McNemar at 0, else Tango's score test."""
    from scipy.special import ndtr
    from scipy.stats import binom

    if limit == 0:
        differing = pairs.wins + pairs.losses
        return Tails(
            float(binom.sf(pairs.wins - 1, differing, 0.5)), float(binom.cdf(pairs.wins, differing, 0.5))
        )
    z = _tango(pairs, limit)
    return Tails(float(ndtr(-z)), float(ndtr(z)))


def pair_interval(pairs: Pairs, confidence: float) -> Interval:
    """The gains that Tango's score test does not refuse."""
    from scipy.special import ndtri

    z = float(ndtri((1 + confidence) / 2))
    edge = 1 - 1e-9
    low = (
        -1.0 if _tango(pairs, -edge) <= z else _root(lambda gain: _tango(pairs, gain) - z, -edge, pairs.gain)
    )
    high = 1.0 if _tango(pairs, edge) >= -z else _root(lambda gain: _tango(pairs, gain) + z, pairs.gain, edge)
    return Interval(low, high)


def _tango(pairs: Pairs, limit: float) -> float:
    """The score of a limit: how far the gain is above it, in standard deviations under the limit.

    Tango T. Equivalence test and confidence interval for the difference in proportions for the paired-sample
    design. Statistics in Medicine 17 (1998) 891-908.
    """
    wins, losses, num = pairs
    a, b = 2 * num, -wins - losses + (2 * num - wins + losses) * limit
    c = -losses * limit * (1 - limit)
    lost = (math.sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)
    variance = num * (2 * lost + limit * (1 - limit))
    distance = wins - losses - num * limit
    if variance <= 0:
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance / math.sqrt(variance)


def _root(function: Any, low: float, high: float) -> float:
    from scipy.optimize import brentq

    if function(low) == 0 or low == high:
        return low
    return high if function(high) == 0 else float(brentq(function, low, high, xtol=1e-9))


def cases_for_pairs(wins: float, losses: float, limit: float, alpha: float, power: float) -> int:
    """How many cases show, with this power, on which side of the limit the gain is.

    Args:
        wins: The share of cases that only the new target has right.
        losses: The share that only the old one has right.
        limit: For the gain, wins - losses.
        alpha: The level of the test.
        power: How often it is to show it.
    """
    distance, differing = wins - losses - limit, wins + losses
    if distance == 0:
        return MOST_CASES
    if limit == 0:
        better, gain = max(wins, losses), abs(distance)
        spread = normal_tail(alpha) * math.sqrt(differing) + normal_tail(1 - power) * math.sqrt(
            max(differing - gain**2, 0.0)
        )
        start = (spread / gain) ** 2
        return _first_enough(start, lambda num: _mcnemar_power(better, differing, alpha, num), power)
    variance = max(differing - (wins - losses) ** 2, abs(limit) * (1 - abs(limit)))
    return _whole(((normal_tail(alpha) + normal_tail(1 - power)) / distance) ** 2 * variance)


def _mcnemar_power(better: float, differing: float, alpha: float, num: int) -> float:
    """How often the exact test shows it, over all numbers of cases that may differ."""
    import numpy as np
    from scipy.stats import binom

    low, high = binom.ppf([1e-7, 1 - 1e-7], num, differing)
    counts = np.arange(int(low), int(high) + 1)
    needed = binom.isf(alpha, counts, 0.5) + 1
    shown = binom.sf(needed - 1, counts, better / differing)
    return float(np.sum(binom.pmf(counts, num, differing) * shown))


# Scores in between, or several repeats of a case.


def bootstrap_tails(gains: Sequence[float], limit: float = 0.0, *, seed: int = 0) -> Tails:
    """Whether the mean gain of cases is above or below a limit, by the percentiles of a paired bootstrap.

    Two cases that speak for either side are added, or a few cases without a difference would prove that
    there never is any.
    """
    means = _resampled(gains, seed)
    count = len(means) + 1
    return Tails((1 + float((means <= limit).sum())) / count, (1 + float((means >= limit).sum())) / count)


def bootstrap_interval(gains: Sequence[float], confidence: float, *, seed: int = 0) -> Interval:
    """Where the mean gain is."""
    import numpy as np

    tail = (1 - confidence) / 2
    low, high = np.quantile(_resampled(gains, seed), [tail, 1 - tail])
    return Interval(float(low), float(high))


def _resampled(gains: Sequence[float], seed: int) -> NDArray[np.float64]:
    """Means of samples of the cases; a value that many cases have is drawn by its share."""
    import numpy as np

    drawn = np.random.default_rng(seed)
    values, counts = np.unique(np.round([*gains, -1.0, 1.0], 9), return_counts=True)
    num = int(counts.sum())
    at_once = max(1, min(_RESAMPLES, _MOST_DRAWN // len(values)))
    parts = [
        drawn.multinomial(num, counts / num, size=min(at_once, _RESAMPLES - begin)) @ values / num
        for begin in range(0, _RESAMPLES, at_once)
    ]
    return np.concatenate(parts)


def cases_for_mean(deviation: float, distance: float, alpha: float, power: float) -> int:
    """How many cases show, with this power, that a mean is this far from a limit."""
    if distance == 0:
        return MOST_CASES
    return _whole(((normal_tail(alpha) + normal_tail(1 - power)) * deviation / distance) ** 2)


# Several of them.


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values of several tests, each made larger so that all of them together err as rarely as one."""
    adjusted = [0.0] * len(p_values)
    least = 0.0
    for rank, at in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[at]))
        adjusted[at] = least
    return adjusted


def pass_hat(successes: int, trials: int, k: int) -> float:
    """The chance that k of a case's trials, drawn at random, are all successes."""
    return math.comb(successes, k) / math.comb(trials, k)


def normal_tail(tail: float) -> float:
    """Standard deviations beyond which this share of a normal distribution lies."""
    from scipy.special import ndtri

    return -float(ndtri(tail))


def _first_enough(start: float, power_at: Any, power: float) -> int:
    """From an estimate upwards, the first number of cases with enough power by the exact test."""
    num = _whole(start)
    while num < MOST_CASES and power_at(num) < power:
        num += max(1, num // 50)
    return min(num, MOST_CASES)


def _whole(num: float) -> int:
    return min(max(2, math.ceil(num)), MOST_CASES)
