"""What a training reports, while it runs and when it is done; also as lines of JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A process speaks for all that train together; a SIGINT to it stops them in order."""

    pid: int
    processes: int


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
    """Model FLOPs utilisation: the part of the GPUs' peak that is used; None where it is not known."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """An adapter is stored and recorded."""

    adapter: str
    sha256: str
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The training ended before its end."""

    message: str
    exit_code: int


_DIGITS = 6

Event: TypeAlias = Started | Progress | Evaluated | Notice | Done | Failed
Report: TypeAlias = Callable[[Event], None]

_KINDS: dict[str, type[Event]] = {
    kind.__name__.lower(): kind for kind in (Started, Progress, Evaluated, Notice, Done, Failed)
}


def line_of(event: Event) -> str:
    """An event as a line of JSON, its kind under the key `event`."""
    fields: dict[str, Any] = asdict(event)
    if isinstance(event, Progress):
        fields["seconds_left"] = event.seconds_left
    fields = {
        name: round(value, _DIGITS) if isinstance(value, float) else value for name, value in fields.items()
    }
    return json.dumps({"event": type(event).__name__.lower(), **fields}, ensure_ascii=False)


def event_of(line: str) -> Event | None:
    """The event that a line holds; None for any other line."""
    try:
        fields = json.loads(line)
        kind = _KINDS[fields.pop("event")]
    except (ValueError, KeyError, AttributeError, TypeError):
        return None
    fields.pop("seconds_left", None)
    made: Event = kind(**fields)
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was measured on the held-out part."""

    figures: Mapping[str, float]
    calibration: Mapping[str, float]
    """The temperature of each decided field."""
