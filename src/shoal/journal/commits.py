"""Grouped commits: one thread writes, and one fsync carries all who wait.

Jobs are handed over by a queue. The thread takes everything that is there, runs it in one transaction,
commits, and wakes the callers. While it waits for the disk, the next group gathers by itself.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, TypeVar

from shoal.journal.failpoints import failpoint

T = TypeVar("T")


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

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="shoal-journal", daemon=True)
        self._thread.start()

    async def submit(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run a job in the next transaction; returns when that is on disk.

        A job that raises fails alone (its statements are undone one by one by SQLite, so a job that
        may raise does so before it writes); a commit that fails, fails all who are in it.
        """
        assert self._thread.is_alive(), "the journal is closed"
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._queue.put(_Waiting(job, loop, future))
        return await future

    def close(self) -> None:
        """Write what waits, then stop."""
        self._queue.put(None)
        self._thread.join()

    def _write(self) -> None:
        is_open = True
        while is_open:
            group = [self._queue.get()]
            group += self._rest()
            is_open = None not in group
            waiting = [each for each in group if each is not None]
            if waiting:
                _wake(waiting, self._commit(waiting))

    def _rest(self) -> Iterator[_Waiting | None]:
        try:
            while True:
                yield self._queue.get_nowait()
        except Empty:
            return

    def _commit(self, group: list[_Waiting]) -> list[_Outcome]:
        try:
            # IMMEDIATE, because a transaction that reads first and then writes can be refused at once.
            self._connection.execute("BEGIN IMMEDIATE")
            outcomes = [self._run(each.job) for each in group]
            failpoint("group_commit.before")
            self._connection.execute("COMMIT")
            failpoint("group_commit.after")
        except Exception as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            return [_Outcome(None, error)] * len(group)
        return outcomes

    def _run(self, job: Callable[[sqlite3.Connection], Any]) -> _Outcome:
        try:
            return _Outcome(job(self._connection), None)
        except Exception as error:
            if not self._connection.in_transaction:
                raise  # SQLite gave the whole transaction up (disk full, I/O error): nobody's work is in it
            return _Outcome(None, error)


def _wake(group: list[_Waiting], outcomes: list[_Outcome]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], _Outcome]]] = {}
    for waiting, outcome in zip(group, outcomes, strict=True):
        by_loop.setdefault(waiting.loop, []).append((waiting.future, outcome))
    for loop, settled in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, settled)
        except RuntimeError:
            continue  # the loop was closed: nobody waits any more


def _settle(settled: list[tuple[asyncio.Future[Any], _Outcome]]) -> None:
    for future, outcome in settled:
        if future.done():
            continue  # cancelled meanwhile; the row is written all the same
        if outcome.error is not None:
            future.set_exception(outcome.error)
        else:
            future.set_result(outcome.result)
