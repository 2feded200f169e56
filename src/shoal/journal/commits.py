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
_QUICK_S_A_JOB = 0.00005
_MOST_AT_ONCE = 1000
"""Jobs that an event loop does by itself."""
_SETTLED_AT_ONCE = 250
"""Of those who wait: all that go on in one turn of the loop hold up everybody else."""
_SLOW_IN_A_ROW = 3
"""So many commits that are not quick mean that the disk is not."""
_TRIED_EVERY = 256
"""After how many groups of the thread it is looked again whether the disk is."""


class _Waiting(NamedTuple):
    """A job and who waits for it."""

    job: Callable[[sqlite3.Connection], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]


class _Outcome(NamedTuple):
    result: Any
    error: Exception | None


class GroupCommits:
    """The one writer of a connection in autocommit mode (`isolation_level=None`), for one event loop."""

    def __init__(self, connection: sqlite3.Connection, busy_timeout_s: float) -> None:
        self._connection = connection
        self._busy_timeout_ms = int(busy_timeout_s * 1000)
        self._is_patient = True
        """Whether the connection waits for a lock; an event loop must not."""
        self._gathered: list[_Waiting] = []
        self._num_handed = self._num_done = 0
        """Jobs that the thread was given, and those it has done: while it has some, the connection is its."""
        self._num_slow = 0
        self._num_until_tried = 0
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="shoal-journal", daemon=True)
        self._thread.start()

    async def submit(self, job: Callable[[sqlite3.Connection], T], *, is_large: bool = False) -> T:
        """Run a job in the next transaction; returns when that is on disk.

        A job that raises fails alone (its statements are undone one by one by SQLite, so a job that
        may raise does so before it writes); a commit that fails, fails all who are in it. A large job
        is never done by the event loop.
        """
        assert self._thread.is_alive(), "the journal is closed"
        loop = asyncio.get_running_loop()
        waiting = _Waiting(job, loop, loop.create_future())
        if is_large:
            self._hand_over([*self._take_gathered(), waiting])
        else:
            if not self._gathered or self._gathered[0].loop is not loop:
                loop.call_soon(self._commit_gathered)
            self._gathered.append(waiting)
        made: T = await waiting.future
        return made

    def close(self) -> None:
        """Write what waits, then stop."""
        self._hand_over(self._take_gathered())
        self._queue.put(None)
        self._thread.join()

    def _take_gathered(self) -> list[_Waiting]:
        gathered, self._gathered = self._gathered, []
        return gathered

    def _hand_over(self, group: list[_Waiting]) -> None:
        """Give jobs to the thread, which does them in the order in which they came."""
        self._num_handed += len(group)
        for each in group:
            self._queue.put(each)

    # In the event loop.

    def _commit_gathered(self) -> None:
        """At the end of a turn of the loop: commit what has gathered, if that is quick."""
        group = self._take_gathered()
        if self._num_done != self._num_handed or not self._may_commit_here(group):
            self._hand_over(group)
            return
        begin = time.perf_counter()
        self._be_patient(False)
        outcomes = self._commit(group)
        if _is_locked(outcomes):
            self._hand_over(group)
            return
        is_slow = time.perf_counter() - begin > _QUICK_S + _QUICK_S_A_JOB * len(group)
        self._num_slow = self._num_slow + 1 if is_slow else 0
        _settle([(each.future, outcome) for each, outcome in zip(group, outcomes, strict=True)])

    def _may_commit_here(self, group: list[_Waiting]) -> bool:
        if self._num_slow >= _SLOW_IN_A_ROW:
            self._num_slow -= 1  # one more that is slow will be enough
            self._num_until_tried = _TRIED_EVERY
        self._num_until_tried -= 1
        return self._num_until_tried < 0 and len(group) <= _MOST_AT_ONCE

    # In the thread.

    def _write(self) -> None:
        is_open = True
        while is_open:
            group = [self._queue.get()]
            group += self._rest()
            is_open = None not in group
            waiting = [each for each in group if each is not None]
            if waiting:
                self._be_patient(True)
                outcomes = self._commit(waiting)
                self._num_done += len(waiting)
                _wake(waiting, outcomes)

    def _rest(self) -> Iterator[_Waiting | None]:
        try:
            while True:
                yield self._queue.get_nowait()
        except Empty:
            return

    # In either.

    def _be_patient(self, is_patient: bool) -> None:
        """Wait for a lock that another process holds, or give up at once."""
        if is_patient is not self._is_patient:
            timeout_ms = self._busy_timeout_ms if is_patient else 0
            self._connection.execute(f"PRAGMA busy_timeout = {timeout_ms}")
            self._is_patient = is_patient

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
    now, later = settled[:_SETTLED_AT_ONCE], settled[_SETTLED_AT_ONCE:]
    if later:
        asyncio.get_running_loop().call_soon(_settle, later)
    for future, outcome in now:
        if future.done():
            continue  # cancelled meanwhile; the row is written all the same
        if outcome.error is not None:
            future.set_exception(outcome.error)
        else:
            future.set_result(outcome.result)


def _is_locked(outcomes: list[_Outcome]) -> bool:
    """Whether another process held the lock, so that nothing was done."""
    error = outcomes[0].error
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode == sqlite3.SQLITE_BUSY
