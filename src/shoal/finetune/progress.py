"""What a training reports: while it runs, and when it is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a training stands."""

    phase: str
    step: int
    steps: int
    loss: float
    seconds: float
    """Since this phase began."""

    @property
    def seconds_left(self) -> float:
        """At the pace so far."""
        return self.seconds / self.step * (self.steps - self.step) if self.step else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was measured on the held-out part."""

    figures: Mapping[str, float]
    calibration: Mapping[str, float]
    """The temperature of each decided field."""
