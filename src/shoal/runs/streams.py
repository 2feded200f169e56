"""Readers of events: a hub that tells all of them, and a queue for each, so that a slow one stalls no run.

    async for event in runner.stream(plan, {"message": "..."}):
        ...

A queue that is long takes in no more TokensWritten, but all other events; what it left out is counted, and
TokensDropped says so in its place.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Any

from shoal.runs.events import Event, OnEvent, RunFinished, RunStopped, TokensDropped, TokensWritten
from shoal.runs.results import RunResult
from shoal.workspace.redaction import RedactedText

_MOST_WAITING = 1000
"""Events that wait for a reader, from which on it gets no texts."""


class Hub:
    """All who listen to the runs of a runner."""

    __slots__ = ("_by_run", "_of_all", "_on_event", "_tasks", "emit")

    def __init__(self, on_event: OnEvent | None) -> None:
        self._on_event = on_event
        self._of_all: list[EventStream] = []
        self._by_run: dict[str, list[EventStream]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.emit: OnEvent | None = on_event
        """None where nobody listens: then events are not even made."""

    def add(self, reader: EventStream, run: str | None) -> None:
        """Tell a reader of one run, or of all."""
        (self._of_all if run is None else self._by_run.setdefault(run, [])).append(reader)
        self.emit = self._tell

    def remove(self, reader: EventStream) -> None:
        """Tell a reader nothing more."""
        for run, readers in [*self._by_run.items()]:
            if reader in readers:
                readers.remove(reader)
                if not readers:
                    del self._by_run[run]
        if reader in self._of_all:
            self._of_all.remove(reader)
        if not self._by_run and not self._of_all:
            self.emit = self._on_event

    def hears_text(self, run: str) -> bool:
        """Whether somebody reads along in a run."""
        return bool(self._of_all) or run in self._by_run

    def tell_text(self, event: TokensWritten) -> None:
        """Tell those who read along."""
        for reader in (*self._of_all, *self._by_run.get(event.run, ())):
            reader.take(event)

    def keep(self, task: asyncio.Task[None]) -> asyncio.Task[None]:
        """Hold a run that nobody may read any more until it is over; a loop holds its tasks weakly."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _tell(self, event: Event) -> None:
        if self._on_event is not None:
            self._on_event(event)
        for reader in (*self._of_all, *self._by_run.get(event.run, ())):
            reader.take(event)


class EventStream:
    """One reader: an async iterator of events, and a context manager that ends the reading.

    To stop reading, or to cancel the task that reads, does not end the run, unless the stream was opened so.
    """

    def __init__(self, hub: Hub, *, ends: bool = False, most_waiting: int = _MOST_WAITING) -> None:
        """With `ends` it ends behind the next RunFinished or RunStopped."""
        self.num_dropped = 0
        """How many TokensWritten it did not get."""
        self._hub = hub
        self._ends = ends
        self._most_waiting = most_waiting
        self._events: deque[Event] = deque()
        self._missed = 0
        self._last: Event | None = None
        self._is_over = False
        self._error: Exception | None = None
        self._wake = asyncio.Event()
        self._own: asyncio.Task[None] | None = None
        self._cancels = False

    def __aiter__(self) -> EventStream:
        return self

    async def __anext__(self) -> Event:
        while not self._events:
            if self._is_over:
                error, self._error = self._error, None
                raise error or StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        return self._events.popleft()

    async def __aenter__(self) -> EventStream:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop reading; the run goes on, unless the stream was opened with `cancels`."""
        self.end()
        self._events.clear()
        self._error = None
        if self._cancels and self._own is not None:
            self._own.cancel()
            with suppress(asyncio.CancelledError):
                await self._own

    def take(self, event: Event) -> None:
        """Take in an event; called by the hub, and never waits."""
        if isinstance(event, TokensWritten) and len(self._events) >= self._most_waiting:
            self.num_dropped += 1
            self._missed += 1
            return
        if self._missed:
            self._events.append(TokensDropped(event.run, self._missed))
            self._missed = 0
        self._events.append(event)
        self._last = event
        self._wake.set()
        if self._ends and isinstance(event, RunFinished | RunStopped):
            self.end()

    def follow(self, run: Coroutine[Any, Any, RunResult], *, cancels: bool) -> EventStream:
        """Carry a run on in a task of its own, and end with it; what it raises, the reader raises."""
        self._cancels = cancels
        self._own = self._hub.keep(asyncio.create_task(self._carry(run)))
        return self

    def end(self, error: Exception | None = None) -> None:
        """Nothing more comes."""
        self._hub.remove(self)
        if not self._is_over:
            self._is_over, self._error = True, error
        self._wake.set()

    async def _carry(self, run: Coroutine[Any, Any, RunResult]) -> None:
        try:
            result = await run
        except Exception as error:
            self.end(error)
            return
        except BaseException:
            self.end()
            raise
        if not self._is_over and not isinstance(self._last, RunFinished):
            self.take(RunFinished(result.run, result))  # it was done before
        self.end()


class Aloud:
    """Tells those who read along what one attempt writes: redacted, and in the thread of the run."""

    def __init__(self, hub: Hub, run: str, path: str, attempt: int, secrets: Sequence[str]) -> None:
        self._hub = hub
        self._place = (run, path, attempt)
        self._secrets = secrets
        self._fields: dict[str, RedactedText] = {}
        self._is_over = False
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()

    def on_text(self, field: str, text: str) -> None:
        """What a field gained; called by an engine, from any thread."""
        if threading.get_ident() == self._thread:
            self._take(field, text)
            return
        with suppress(RuntimeError):  # the loop is closed, so nobody reads
            self._loop.call_soon_threadsafe(self._take, field, text)

    def finish(self) -> None:
        """Tell what was held back: the answer is there."""
        for field, text in self._fields.items():
            self._tell(field, text.close())

    def stop(self) -> None:
        """Tell nothing more, whatever an engine that was given up still writes."""
        self._is_over = True

    def _take(self, field: str, text: str) -> None:
        if self._is_over:
            return
        if field not in self._fields:
            self._fields[field] = RedactedText(self._secrets)
        self._tell(field, self._fields[field].add(text))

    def _tell(self, field: str, text: str) -> None:
        if text:
            run, path, attempt = self._place
            self._hub.tell_text(TokensWritten(run, path, attempt, text, field))
