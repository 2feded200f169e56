"""Runs under way here that somebody wants cancelled, in this process or in another one.

The journal is asked every half second, only while there are runs. What a run is in the middle of is given up
as a limit of time gives it up, and may take a moment to clean up; what ignores that is told again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import TypeVar

from shoal.journal.journal import Journal, JournalError

T = TypeVar("T")
_EVERY_S = 0.5
_PATIENCE_S = 10.0
"""After which what is still at work is told again."""


class _UnderWay:
    """The task that carries a run on, and how often it was told to give up."""

    __slots__ = ("again_at", "num_told", "num_told_before", "task")

    def __init__(self, task: asyncio.Task[object]) -> None:
        self.task = task
        self.num_told_before = task.cancelling()
        self.num_told = 0
        self.again_at = 0.0

    @property
    def is_told_by_others(self) -> bool:
        """Whether somebody else cancels the task too."""
        return self.task.cancelling() > self.num_told_before + self.num_told


class Cancelling:
    """Carries runs on until somebody wants them cancelled."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._under_way: dict[str, _UnderWay] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._asking: asyncio.Task[None] | None = None

    async def carry(self, run_id: str, work: Awaitable[T]) -> T | None:
        """What the work gives; None if the run was cancelled meanwhile."""
        task = asyncio.current_task()
        assert task is not None, "runs are carried on by tasks"
        mine = self._under_way[run_id] = _UnderWay(task)
        if self._timer is None:
            self._wait()
        try:
            result = await work
            if mine.num_told:  # the work itself may have asked for it, and ended before it was told
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(0)
            return result
        except asyncio.CancelledError:
            if mine.num_told == 0 or mine.is_told_by_others:
                raise
            return None
        finally:
            self._forget(run_id, mine)

    def give_up(self, run_id: str) -> None:
        """Tell a run that it is cancelled, if it is under way here."""
        found, now = self._under_way.get(run_id), asyncio.get_running_loop().time()
        if found is not None and now >= found.again_at:
            found.again_at = now + _PATIENCE_S
            found.num_told += 1
            found.task.cancel()

    def _forget(self, run_id: str, mine: _UnderWay) -> None:
        del self._under_way[run_id]
        for _ in range(mine.num_told):
            mine.task.uncancel()
        if not self._under_way and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(_EVERY_S, self._look)

    def _look(self) -> None:
        self._wait()
        if self._asking is None or self._asking.done():
            self._asking = asyncio.get_running_loop().create_task(self._ask())

    async def _ask(self) -> None:
        with suppress(JournalError):  # whoever writes is told; the next time may be better
            for run_id in await self._journal.wanted():
                self.give_up(run_id)
