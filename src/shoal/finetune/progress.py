"""What a training reports: while it runs, and when it is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a training stands."""

    phase: str
    step: int
    steps: int
    loss: float
    """Of this step; the mean of all agents in it."""
    seconds: float
    """Since this phase began, here; what a stopped training did before it went on is not in it."""
    steps_here: int
    """Steps in these seconds."""
    tokens_per_s: float = 0.0
    mfu: float | None = None
    """Model FLOPs utilisation: the part of the GPUs' bf16 peak that is used; None where it is not known."""
    losses: Mapping[str, float] | None = None
    """By agent."""

    @property
    def seconds_left(self) -> float:
        """At the pace so far."""
        return self.seconds / self.steps_here * (self.steps - self.step) if self.steps_here else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """The dev loss of an agent."""

    agent: str
    step: int
    loss: float
    is_best: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something worth a line."""

    text: str


Event: TypeAlias = Progress | Evaluated | Notice
Report: TypeAlias = Callable[[Event], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was measured on the held-out part."""

    figures: Mapping[str, float]
    calibration: Mapping[str, float]
    """The temperature of each decided field."""
