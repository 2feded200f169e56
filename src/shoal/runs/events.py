"""What happens in a run, as it happens: the terminal tree and `--json` read these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from shoal.runs.results import NodeSummary, RunResult


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run began or was resumed."""

    run: str
    graph: str
    is_resumed: bool


@dataclass(frozen=True, slots=True)
class NodeStarted:
    """A node's work began."""

    run: str
    path: str
    attempt: int


@dataclass(frozen=True, slots=True)
class AttemptRejected:
    """An attempt failed or was not accepted; another one or the fallback follows."""

    run: str
    path: str
    attempt: int
    reason: str


@dataclass(frozen=True, slots=True)
class NodeFinished:
    """A node is done, fell back, failed, or may or may not have acted: see `node.status`."""

    run: str
    path: str
    node: NodeSummary


@dataclass(frozen=True, slots=True)
class NodeSkipped:
    """A node is not needed."""

    run: str
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class NodeWaiting:
    """A person is asked."""

    run: str
    path: str
    question: str


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The run ended, or nothing more can happen until somebody does something."""

    run: str
    result: RunResult


Event: TypeAlias = (
    RunStarted | NodeStarted | AttemptRejected | NodeFinished | NodeSkipped | NodeWaiting | RunFinished
)
OnEvent: TypeAlias = Callable[[Event], None]
