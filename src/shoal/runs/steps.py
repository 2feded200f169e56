"""What the interpreter asks of the runner, and how it says where a run stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from shoal.journal.journal import RowKind, RunStatus
from shoal.runs.frames import Instance


# Not frozen, because there is one for every step of every run, and freezing doubles what they cost.
@dataclass(slots=True)
class Start:
    """An agent or a tool can be called; or a graph that may be in the cache."""

    instance: Instance
    attempt: int
    inputs: Mapping[str, Any]
    is_intended: bool = False
    """A tool that acts once may have been called."""


@dataclass(slots=True)
class Close:
    """What is to be recorded of a node as it is: nobody has to be called."""

    instance: Instance
    attempt: int
    kind: RowKind
    message: str | None = None
    output: Any = None
    confidence: float | None = None


Step: TypeAlias = Start | Close


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a run stands when nothing is due and nothing is under way."""

    status: RunStatus
    output: Mapping[str, Any] | None
    error: str | None
