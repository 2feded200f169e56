"""What teachers answered, by the hash of all they were asked: one SQLite file in the store.

An answer is on the disk before anything is made of it. A flow that was killed asks again only what had not
been answered yet, and nothing at all where it was done.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

from shoal.errors import ShoalError

_WAIT_S = 30.0


class Answers:
    """The answers in a file; it is made when the first one is kept."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._connection: sqlite3.Connection | None = None
        self._lock = asyncio.Lock()
        self._busy = threading.Lock()
        """Held by the thread that uses the connection, which goes on when its task is cancelled."""
        self.num_found = 0
        """How many answers were there already."""

    async def get(self, key: str) -> str | None:
        """The answer to a question, where it is there."""
        if self._connection is None and not self._file.is_file():
            return None
        row = await self._run("SELECT text FROM answers WHERE key = ?", key)
        self.num_found += row is not None
        return None if row is None else str(row[0])

    async def put(self, key: str, text: str) -> None:
        """Keep an answer; it is on the disk when this returns."""
        await self._run("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", key, text, time.time())

    def close(self) -> None:
        """Let go of the file."""
        with self._busy:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    async def _run(self, query: str, *values: Any) -> Any:
        async with self._lock:  # one connection, which other threads may use one after the other
            try:
                return await asyncio.to_thread(self._execute, query, values)
            except (sqlite3.Error, OSError) as err:
                raise ShoalError(
                    f"{self._file}, where answers of teachers are kept, cannot be used: {err}. "
                    "Make room for it, or delete it: then teachers are asked again"
                ) from err

    def _execute(self, query: str, values: tuple[Any, ...]) -> Any:
        with self._busy:
            if self._connection is None:
                self._connection = _opened(self._file)
            return self._connection.execute(query, values).fetchone()


def _opened(file: Path) -> sqlite3.Connection:
    file.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(file, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, text TEXT, made REAL) WITHOUT ROWID"
    )
    return connection


def key_of_question(*asked: Any) -> str:
    """The hash of all that an answer depends on."""
    text = json.dumps(asked, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()
