"""How much may be under way at once: places that are handed over in turn, free while there is room.

That of asyncio looks through all who wait each time one is woken, which thousands of runs at once feel.
"""

from __future__ import annotations

import asyncio
from collections import deque

_CLOSED = 1 << 40


class Slots:
    """A number of places; who finds none waits for the next in the order of arrival."""

    def __init__(self, number: int) -> None:
        self._number = self._num_free = number
        self._waiting: deque[asyncio.Future[None]] = deque()

    def take(self) -> asyncio.Future[None] | None:
        """Take a place if there is one; else get in line, and `wait` for what this returns."""
        if self._num_free > 0:
            self._num_free -= 1
            return None
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        return turn

    async def wait(self, turn: asyncio.Future[None]) -> None:
        """Wait until one's turn comes; a place is taken then."""
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()  # it came together with the cancellation
            raise

    def release(self) -> None:
        """Give a place to the next in turn."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._num_free += 1

    def close(self) -> None:
        """Give no places any more: whoever asks for one waits until it is cancelled."""
        self._num_free -= _CLOSED
        self._number -= _CLOSED
        self._waiting = _Forgetful()

    @property
    def is_empty(self) -> bool:
        """Whether all places that were taken have been given back."""
        return self._num_free == self._number


class _Forgetful(deque[asyncio.Future[None]]):
    """The line before places that are given to nobody."""

    def append(self, turn: asyncio.Future[None]) -> None:
        """Remember nothing: who waits here holds on to it."""


class Turns:
    """So many may begin in one turn of the event loop, the others in the next ones, in the order of arrival.

    Who begins ten thousand runs at once would hold up everybody else in the loop for a second.
    """

    def __init__(self, number: int) -> None:
        self._number = self._num_left = number
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_counting = False

    async def come(self) -> None:
        """Wait until one's turn comes."""
        loop = asyncio.get_running_loop()
        if not self._is_counting:
            self._is_counting = True
            loop.call_soon(self._begin, loop)
        if self._num_left:
            self._num_left -= 1
            return
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """A turn of the loop: those who waited longest are next."""
        self._num_left = self._number
        while self._waiting and self._num_left:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                self._num_left -= 1
        self._is_counting = self._num_left < self._number
        if self._is_counting:
            loop.call_soon(self._begin, loop)
