"""Engines around engines: one that is made late, one that samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from shoal.agents.engine import Answer, Engine, Request


class LateEngine:
    """An Engine that is made with the first question: what the cache has needs no models."""

    def __init__(self, make: Callable[[], Engine]) -> None:
        self._make = make
        self._made: Engine | None = None

    async def complete(self, request: Request) -> Answer:
        """Answer one request."""
        if self._made is None:
            self._made = self._make()
        return await self._made.complete(request)

    async def close(self) -> None:
        """Close the engine if there is one."""
        if self._made is not None:
            await self._made.close()


class SampledEngine:
    """An Engine whose agents sample everywhere."""

    def __init__(self, engine: Engine, temperature: float) -> None:
        self._engine = engine
        self._temperature = temperature

    async def complete(self, request: Request) -> Answer:
        """Answer one request."""
        return await self._engine.complete(replace(request, temperature=self._temperature))

    async def close(self) -> None:
        """The engine belongs to others."""
