"""Whether confidence is what it says, and whether two judges agree. Pure, as `statistics` is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from shoal.evals.statistics import Interval, Tails, normal_tail

_FEW_RESAMPLES = 2_000
"""Each is counted anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Whether confidence is what it says."""

    ece: float
    """The mean distance between confidence and accuracy, over bins of the same width."""
    brier: float
    """The mean squared distance of confidence from being right (1) or wrong (0)."""
    bins: list[tuple[float, float, int]]
    """Mean confidence, accuracy and number of each bin that is not empty."""


def calibration(pairs: Iterable[tuple[float, float]], num_bins: int = 10) -> Calibration:
    """Of pairs of confidence and score, at least one."""
    bins: dict[int, list[tuple[float, float]]] = {}
    squares = []
    for confidence, score in pairs:
        bins.setdefault(min(int(confidence * num_bins), num_bins - 1), []).append((confidence, score))
        squares.append((confidence - score) ** 2)
    means = [
        (
            math.fsum(sure for sure, _ in each) / len(each),
            math.fsum(right for _, right in each) / len(each),
            len(each),
        )
        for _, each in sorted(bins.items())
    ]
    ece = math.fsum(abs(sure - right) * count for sure, right, count in means) / len(squares)
    return Calibration(ece=ece, brier=math.fsum(squares) / len(squares), bins=means)


class CalibrationEvidence(NamedTuple):
    """What cases say of an expected calibration error."""

    ece: float
    interval: Interval
    tails: Tails
    deviation: float
    """Of one case, were the error a mean of cases."""


def calibration_evidence(
    pairs: Sequence[tuple[float, float]],
    limit: float,
    confidence: float,
    num_bins: int = 10,
    *,
    seed: int = 0,
) -> CalibrationEvidence:
    """Whether the ECE is above or below a limit, by a bootstrap of pairs of confidence and score.

    Samples have larger errors than the truth has. That it is below is asked of them as they are, which errs
    on the safe side; that it is above is asked of them without what they have too much.
    """
    import numpy as np

    sure, right = (np.array(each, dtype=float) for each in zip(*pairs, strict=True))
    bins = np.minimum((sure * num_bins).astype(int), num_bins - 1)
    gaps, num = sure - right, len(pairs)

    def ece(chosen: Any) -> float:
        sums = np.bincount(bins[chosen], weights=gaps[chosen], minlength=num_bins)
        return float(np.abs(sums).sum()) / num

    found = ece(slice(None))
    drawn = np.random.default_rng(seed)
    made = np.array([ece(drawn.integers(0, num, num)) for _ in range(_FEW_RESAMPLES)])
    level = made - (made.mean() - found)
    tail, count = (1 - confidence) / 2, _FEW_RESAMPLES + 1
    low, high = float(np.quantile(level, tail)), float(np.quantile(made, 1 - tail))
    above, below = (1 + float((level <= limit).sum())) / count, (1 + float((made >= limit).sum())) / count
    return CalibrationEvidence(
        found, Interval(max(0.0, low), high), Tails(above, below), float(made.std()) * math.sqrt(num)
    )


def cohens_kappa(pairs: Sequence[tuple[object, object]], confidence: float = 0.95) -> tuple[float, Interval]:
    """How much two judges agree beyond chance, and where the truth is (Fleiss, Cohen and Everitt 1969)."""
    num = len(pairs)
    labels = sorted({label for pair in pairs for label in pair}, key=repr)
    table = {(one, other): 0.0 for one in labels for other in labels}
    for one, other in pairs:
        table[one, other] += 1 / num
    rows = {label: math.fsum(table[label, other] for other in labels) for label in labels}
    columns = {label: math.fsum(table[one, label] for one in labels) for label in labels}
    agree = math.fsum(table[label, label] for label in labels)
    chance = math.fsum(rows[label] * columns[label] for label in labels)
    if chance >= 1:  # both always say the same one word
        return 1.0, Interval(1.0, 1.0)
    kappa = (agree - chance) / (1 - chance)
    on = math.fsum(
        table[label, label] * (1 - (rows[label] + columns[label]) * (1 - kappa)) ** 2 for label in labels
    )
    off = (1 - kappa) ** 2 * math.fsum(
        table[one, other] * (columns[one] + rows[other]) ** 2
        for one in labels
        for other in labels
        if one != other
    )
    variance = (on + off - (kappa - chance * (1 - kappa)) ** 2) / ((1 - chance) ** 2 * num)
    width = normal_tail((1 - confidence) / 2) * math.sqrt(max(variance, 0.0))
    return kappa, Interval(max(-1.0, kappa - width), min(1.0, kappa + width))
