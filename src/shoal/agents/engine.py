"""The seam between agents and whatever computes their answers.

An engine is asked one question at a time, by many tasks at once, and batches as it sees fit: the
embedded engine groups what waits by adapter, a server does its own. `scripted.py` is the engine
without a model, for tests of graphs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from shoal.agents.agent import Agent

OnText: TypeAlias = Callable[[str, str], None]
"""Called with the name of a free-text field and what it gained; from any thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens read and tokens written."""

    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One question to one agent; `values` fit `agent.input`."""

    agent: Agent
    values: Mapping[str, Any]
    temperature: float = 0.0
    """0 is greedy; retries sample."""
    seed: int = 0
    on_text: OnText | None = field(default=None, compare=False, repr=False)
    """Somebody reads along: an engine that can calls it while it writes, never after its answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A typed answer: `output` fits `agent.output`.

    `confidence` is the smallest of `field_confidence`, the probabilities (0..1) with which the fields that
    hold a decision (enum, bool, number, span) were chosen; free text counts where there is nothing else.
    """

    output: Mapping[str, Any]
    confidence: float
    field_confidence: Mapping[str, float]
    usage: Usage


class Engine(Protocol):
    """Computes answers. Raises ShoalError when it cannot."""

    async def complete(self, request: Request) -> Answer:
        """Answer one request; called by many tasks at once."""
        ...

    async def close(self) -> None:
        """Release models and threads."""
        ...
