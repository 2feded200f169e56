"""Grouped commits: one fsync carries all who wait.

Small jobs gather during one turn of the event loop and are committed together at its end, right there where
a commit is quick: to wake a thread and be woken by it takes longer than SQLite does. Where the disk is slow,
the file is locked by another process, or a job is large, a thread does it: it takes everything that is there,
runs it in one transaction and wakes the callers, and while it waits the next group gathers by itself.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, TypeVar

from shoal.journal.failpoints import failpoint

T = TypeVar("T")

_QUICK_S = 0.0005
"""What an event loop may stand still for: a commit that takes longer is for the thread."""
_TRIED_EVERY = 256
"""After how many groups of the thread it is looked again whether commits are quick."""


class _Waiting(NamedTuple):
    """A job and who waits for it."""

    job: Callable[[sqlite3.Connection], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]


class _Outcome(NamedTuple):
    result: Any
    error: Exception | None


class GroupCommits:
    """The one writer of a connection in autocommit mode (`isolation_level=None`)."""

    def __init__(self, connection: sqlite3.Connection, busy_timeout_s: float) -> None:
        self._connection = connection
        self._busy_timeout_s = busy_timeout_s
        self._in_use = threading.Lock()
        """Held by whoever uses the connection."""
        self._gathered: list[_Waiting] = []
        self._commit_s = 0.0
        """What a commit takes, by those of the loop."""
        self._num_until_tried = 0
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="shoal-journal", daemon=True)
        self._thread.start()

    async def submit(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run a small job in the next transaction; returns when that is on disk.

        A job that raises fails alone (its statements are undone one by one by SQLite, so a job that
        may raise does so before it writes); a commit that fails, fails all who are in it.
        """
        assert self._thread.is_alive(), "the journal is closed"
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        if not self._gathered:
            loop.call_soon(self._flush)
        self._gathered.append(_Waiting(job, loop, future))
        return await future

    async def submit_large(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """The same for a job that takes its time."""
        assert self._thread.is_alive(), "the journal is closed"
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._hand_over()  # what came before is done before
        self._queue.put(_Waiting(job, loop, future))
        return await future

    def close(self) -> None:
        """Write what waits, then stop."""
        self._hand_over()
        self._queue.put(None)
        self._thread.join()

    def _hand_over(self) -> None:
        gathered, self._gathered = self._gathered, []
        for each in gathered:
            self._queue.put(each)
