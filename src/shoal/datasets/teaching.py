"""Teachers: they are given orders and give lessons, many at a time, always in the order of the orders.

An order says everything a lesson depends on, so the same flow with the same seed asks the same things: what
was answered once is found again and not asked twice.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from shoal.datasets.grammar import Grammar
from shoal.datasets.lexicons import SplitPart

_GENEROUS = 10

A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a teacher is asked for."""

    number: int
    part: SplitPart
    count: int
    """How many rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """One example as a teacher gave it: not yet held against any type."""

    input: Any
    output: Any
    source: str
    licence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What a teacher gave for an order."""

    order: Order
    rows: tuple[Taught, ...] = ()
    fault: str | None = None
    """Why there are fewer rows than were ordered."""
    detail: str = ""


class Teacher(Protocol):
    """Gives examples."""

    name: str
    each: int
    """Rows of one order."""
    at_once: int
    """Orders under way at the same time."""
    keeps_parts: bool
    """Whether its held-out rows come from other wordings than those to train on."""

    def budget(self, part: SplitPart, wanted: int, factor: float) -> int:
        """The most orders for so many wanted rows of a part; a flow says by which factor."""
        ...

    async def teach(self, order: Order) -> Lesson:
        """Give the rows of an order.

        Raises:
            ShoalError: the teacher cannot be asked any more; what it gave until now is kept.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class GrammarTeacher:
    """The built-in teacher: templates and lexicons."""

    name = "grammar"
    each = 64
    at_once = 1

    def __init__(self, grammar: Grammar, seed: int, noise: float) -> None:
        self.keeps_parts = grammar.has_templates
        self._grammar = grammar
        self._seed = seed
        self._noise = noise

    def budget(self, part: SplitPart, wanted: int, factor: float) -> int:
        """Ten times as much as for others: sentences cost nothing."""
        return math.ceil(wanted * factor * _GENEROUS / self.each)

    async def teach(self, order: Order) -> Lesson:
        """Write the sentences of an order."""
        first = order.number * self.each
        drawn = [
            self._grammar.sentence(number, order.part, self._seed, self._noise)
            for number in range(first, first + order.count)
        ]
        rows = tuple(
            Taught(input=each.input, output=each.output, source=each.source, licence=each.licence)
            for each in drawn
            if each is not None
        )
        await asyncio.sleep(0)  # others have their turn
        fault = None if len(rows) == len(drawn) else "a lexicon has too few different pieces"
        return Lesson(order=order, rows=rows, fault=fault)

    async def close(self) -> None:
        """Nothing is held."""


async def in_order(
    items: AsyncIterator[A], work: Callable[[A], Awaitable[B]], at_once: int
) -> AsyncGenerator[B]:
    """What work makes of each item, in the order of the items; at most so many are under way.

    How far it reads ahead does not depend on how long anything takes, so everything that counts along is the
    same in every run. Who has enough closes it: then what is under way is waited for, because its answers are
    paid for and will be found when the same is asked again.
    """
    pending: deque[asyncio.Future[B]] = deque()
    try:
        async for item in items:
            pending.append(asyncio.ensure_future(work(item)))
            if len(pending) >= at_once:
                yield await pending.popleft()
        while pending:
            yield await pending.popleft()
    except GeneratorExit:
        await asyncio.gather(*pending, return_exceptions=True)
        raise
    except BaseException:
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        raise
