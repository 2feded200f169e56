"""DBOS in this process: takes runs from queues, as many as their limits say, and has each of them carried on.

There can be one in a process. Its coroutines run in the event loop that starts it.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from dbos import DBOS
from sqlalchemy.exc import SQLAlchemyError

from shoal.cluster.queues import WORKFLOW, Queues

Warn = Callable[[str], None]
Carry = Callable[[str], Awaitable[str]]
"""Goes as far with a run as it goes, and says how it stands; cancelled, it leaves the run to others."""


class Carrier:
    """Takes runs between `start` and `stop`."""

    def __init__(self, queues: Queues, worker: str, carry: Carry, warn: Warn) -> None:
        """`warn` is told, in the event loop, what DBOS could not do."""
        self._queues = queues
        self._warn = warn
        self._worker = worker
        self._carry = carry
        self._is_stopping = False
        self._is_stopped = asyncio.Event()

    def start(self, names: Sequence[str]) -> None:
        """Take runs of these queues from now on; blocks for the moment it takes. Raises JournalError."""
        carry = self._carry

        async def run(run_id: str) -> str:
            return await carry(run_id)

        DBOS(config=self._queues.config(self._worker))
        _hear(logging.getLogger("dbos"), self._warn)
        # How often a run may be tried is ours to say, see the sweep.
        DBOS.workflow(name=WORKFLOW, max_recovery_attempts=None)(run)
        DBOS.listen_queues(list(names))
        try:
            DBOS.launch()
        except SQLAlchemyError as fault:
            raise self._queues.explained(fault) from fault

    def stop(self, patience_s: float) -> None:
        """Take no more runs; those under way go on, for as long as the patience lasts."""
        if not self._is_stopping:
            self._is_stopping = True
            loop = asyncio.get_running_loop()

            def stop() -> None:
                DBOS.destroy(destroy_registry=True, workflow_completion_timeout_sec=max(1, round(patience_s)))
                loop.call_soon_threadsafe(self._is_stopped.set)

            threading.Thread(target=stop, name="shoal-carrier-stop", daemon=True).start()

    async def stopped(self) -> None:
        """Wait until nothing of it is left."""
        await self._is_stopped.wait()
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())  # DBOS left its own, closed


def _hear(logger: logging.Logger, warn: Warn) -> None:
    """Of what DBOS logs, tell what fails; the rest is for those who debug DBOS."""
    logger.handlers.clear()
    logger.addHandler(_Hearer(warn))
    logger.setLevel(logging.WARNING)


class _Hearer(logging.Handler):
    def __init__(self, warn: Warn) -> None:
        super().__init__()
        self._warn = warn
        self._loop = asyncio.get_running_loop()

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.levelno >= logging.ERROR or text.startswith("Exception"):
            with suppress(RuntimeError):  # the loop is closed, so nobody reads
                self._loop.call_soon_threadsafe(self._warn, text.partition("\n")[0])
