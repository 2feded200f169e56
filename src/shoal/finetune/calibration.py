"""How sure is sure: temperatures that make confidence mean what it says, and how far off it is."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["best_temperature", "calibration_error", "temperatures"]

_NUM_BINS = 10
_SOFTEST = 10.0
_SHARPEST = 0.2
_NUM_STEPS = 40


def temperatures(*, may_sharpen: bool) -> tuple[float, ...]:
    """What is tried. 1 is the model as it is, more softens it, less makes it surer of itself."""
    softer = [round(_SOFTEST ** (at / _NUM_STEPS), 4) for at in range(_NUM_STEPS + 1)]
    sharper = [round(_SHARPEST ** (at / _NUM_STEPS), 4) for at in range(_NUM_STEPS, 0, -1)]
    return (*(sharper if may_sharpen else ()), *softer)


def best_temperature(tried: Sequence[float], surprise: Sequence[float]) -> int:
    """The index of the temperature under which what is right surprises least; of equals, nearest to 1."""
    return min(range(len(tried)), key=lambda at: (surprise[at], abs(tried[at] - 1)))


def calibration_error(confidence: Sequence[float], is_right: Sequence[bool]) -> float:
    """Expected calibration error (ECE): how far confidence is from accuracy, over ten bins."""
    bins: dict[int, list[float]] = {}
    for sure, right in zip(confidence, is_right, strict=True):
        bins.setdefault(min(int(sure * _NUM_BINS), _NUM_BINS - 1), []).append(sure - right)
    return sum(abs(sum(members)) for members in bins.values()) / max(1, len(confidence))
