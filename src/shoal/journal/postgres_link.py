"""A connection to PostgreSQL that comes back.

What was under way when the server went away is done again as soon as it answers, so a job given to a Link
may run twice: it says the same a second time, or finds out what became of the first. A server that stays
away for longer than the patience is an error for everybody who waits.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import asyncpg

from shoal.journal.journal import JournalError

T = TypeVar("T")
FAULTS = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""Everything that comes out of a Link when the server cannot or will not do its part."""

PASSING = (
    OSError,  # refused, reset, no such host, and every timeout
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.TransactionRollbackError,  # a deadlock or a conflict: nothing was done
    asyncpg.ReadOnlySQLTransactionError,  # a standby that takes over in a moment
    asyncpg.InternalClientError,  # the answer was cut off in the middle
)
"""After these it is worth to try again."""
_SETTINGS = {
    "application_name": "shoal",
    "synchronous_commit": "on",
    "jit": "off",
    # Planned once, while tables are still empty: only plans that use the indexes stay good.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
_REMEDIES: tuple[tuple[type[Exception], str], ...] = (
    (
        asyncpg.InvalidAuthorizationSpecificationError,
        "Check the user in `journal:` of agents.yaml, and PGPASSWORD or ~/.pgpass",
    ),
    (asyncpg.InvalidCatalogNameError, "Create it with `createdb`, or correct `journal:` in agents.yaml"),
    (asyncpg.InsufficientPrivilegeError, "Grant it, or name another user in `journal:` of agents.yaml"),
    (asyncpg.ClientConfigurationError, "Correct `journal:` in agents.yaml"),
    (asyncpg.DiskFullError, "Make room on the disk of the server"),
)


class Link:
    """One connection, used by one job at a time, and made anew when it breaks."""

    def __init__(self, url: str, patience_s: float, statement_timeout_s: float) -> None:
        self.place = place_of(url)
        self._url = url
        self._patience_s = patience_s
        self._timeout_s = statement_timeout_s
        self._lock = asyncio.Lock()
        self._connection: Any = None
        self._lost_since: float | None = None

    async def call(self, job: Callable[[Any], Awaitable[T]]) -> T:
        """What a job makes of the connection; once more after every break. Raises one of FAULTS."""
        async with self._lock:
            pause_s = 0.01
            while True:
                try:
                    result = await job(await self._connected())
                except FAULTS as error:
                    if not self._is_passing(error) or self._is_over():
                        raise
                else:
                    self._lost_since = None
                    return result
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, 1.0)

    async def open(self) -> None:
        """Connect, without patience: at first a wrong address is likelier than a server that comes back."""
        await self._connected()

    async def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            with suppress(*FAULTS):
                await self._connection.close(timeout=1.0)

    async def _connected(self) -> Any:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(
                self._url,
                timeout=self._timeout_s,
                command_timeout=self._timeout_s,
                max_cached_statement_lifetime=0,
                server_settings=_SETTINGS,
            )
        return self._connection

    def _is_passing(self, error: Exception) -> bool:
        is_broken = self._connection is None or self._connection.is_closed()
        is_passing = isinstance(error, PASSING) or (is_broken and type(error) is asyncpg.InterfaceError)
        if is_passing and not is_broken and not isinstance(error, asyncpg.TransactionRollbackError):
            self._connection.terminate()  # what it may still say belongs to nobody
        return is_passing

    def _is_over(self) -> bool:
        now = time.monotonic()
        self._lost_since = self._lost_since or now
        return now - self._lost_since >= self._patience_s


def explain(place: str, error: Exception, run_id: str | None = None) -> JournalError:
    """The error a user sees for one of the server, the driver or the network."""
    said = (str(error).splitlines() or [""])[0].rstrip(".") or "it did not answer in time"
    remedy = next((remedy for kind, remedy in _REMEDIES if isinstance(error, kind)), None)
    if remedy is not None:
        sentence = f"the journal at {place} cannot be used: {said}. {remedy}"
        return JournalError(sentence + (f", then `agentctl runs resume {run_id}`" if run_id else ""))
    verb = "reached" if isinstance(error, PASSING) else "used"
    sentence = f"the journal at {place} cannot be {verb}: {said}."
    if run_id is None:
        return JournalError(f"{sentence} Check that the server runs, and `journal:` in agents.yaml")
    return JournalError(f"{sentence} The run stops here and can be resumed: `agentctl runs resume {run_id}`")


def place_of(url: str) -> str:
    """Host and database of a url, for people: no user, no password."""
    parts = urlsplit(url)
    hosts = parts.netloc.rpartition("@")[2] or parse_qs(parts.query).get("host", ["localhost"])[0]
    return f"{hosts}{parts.path}"
