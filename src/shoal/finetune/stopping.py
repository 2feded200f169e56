"""Ctrl-C while training: the first one asks for a stop after this step, the second one ends at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from shoal.errors import ShoalError

__all__ = ["Stopped", "Stopping", "handled", "listening"]


class Stopped(ShoalError):
    """Somebody stopped a training; it can go on."""

    exit_code = 130


class Stopping:
    """Whether somebody wants this process to stop."""

    def __init__(self) -> None:
        self.is_wanted = False

    def ask(self, number: int = signal.SIGINT, frame: FrameType | None = None) -> None:
        """Ask for a stop; who asks twice will not wait."""
        if self.is_wanted:
            raise KeyboardInterrupt
        self.is_wanted = True


@contextmanager
def listening() -> Iterator[Stopping]:
    """Take SIGINT and SIGTERM as a wish to stop."""
    stopping = Stopping()
    with handled(stopping.ask):
        yield stopping


@contextmanager
def handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Have SIGINT and SIGTERM handled, where that can be: in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
