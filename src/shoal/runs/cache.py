"""Answers that later runs may use again: one SQLite file, which can be deleted at any time.

A cache never fails a run: what cannot be read is a miss, and what cannot be written is not kept.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from shoal.graphs.plan import GraphCall, Node, Plan
from shoal.journal.journal import encode
from shoal.runs.pins import parts_of_work

_IN_A_SLICE = 500

_log = logging.getLogger(__name__)
_PUT = "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)"


class Kept(NamedTuple):
    """What a node once gave."""

    output: Any
    confidence: float | None


class Cache(Protocol):
    """Keeps what nodes gave."""

    def get(self, key: str, max_age_s: float) -> Kept | None:
        """What is kept under a key, unless it is too old."""
        ...

    def put(self, key: str, kept: Kept) -> None:
        """Keep it under a key."""
        ...


class SqliteCache:
    """A Cache in a file, opened when it is first used."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._connection: sqlite3.Connection | None = None

    def get(self, key: str, max_age_s: float) -> Kept | None:
        """What is kept under a key, unless it is too old."""
        try:
            query = "SELECT value, confidence FROM answers WHERE key = ? AND made >= ?"
            row = self._open().execute(query, (key, time.time() - max_age_s)).fetchone()
            return Kept(json.loads(row[0]), row[1]) if row else None
        except (sqlite3.Error, OSError, ValueError) as error:
            _log.debug("the cache %s cannot be read: %s", self.file, error)
            return None

    def put(self, key: str, kept: Kept) -> None:
        """Keep it under a key."""
        self.put_all({key: kept})

    def put_all(self, answers: Mapping[str, Kept]) -> None:
        """Keep several in one transaction."""
        try:
            now = time.time()
            rows = [(key, encode(kept.output), kept.confidence, now) for key, kept in answers.items()]
            connection = self._open()
            if len(rows) == 1:
                connection.execute(_PUT, rows[0])
            elif rows:
                connection.execute("BEGIN IMMEDIATE")
                with connection:
                    connection.executemany(_PUT, rows)
        except (sqlite3.Error, OSError) as error:
            _log.debug("the cache %s cannot be written: %s", self.file, error)

    def forget(self, before: float) -> int:
        """Remove what was kept before a time, in slices; returns how many answers."""
        num_gone = 0
        if not self.file.exists():
            return num_gone
        try:
            query = "SELECT key FROM answers WHERE made < ?"
            keys = self._open().execute(query, (before,)).fetchall()
            for first in range(0, len(keys), _IN_A_SLICE):
                num_gone += self._remove(keys[first : first + _IN_A_SLICE], before)
        except (sqlite3.Error, OSError) as error:
            _log.debug("the cache %s cannot be written: %s", self.file, error)
        return num_gone

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _remove(self, keys: list[tuple[str]], before: float) -> int:
        db = self._open()
        marks = ", ".join("?" * len(keys))
        query = f"DELETE FROM answers WHERE key IN ({marks}) AND made < ?"
        return db.execute(query, [*(key for (key,) in keys), before]).rowcount

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self.file, timeout=1.0, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode = WAL")
            # What a power cut takes is made again; waiting for the disk would hold up every run.
            self._connection.execute("PRAGMA synchronous = OFF")
            self._connection.execute(
                "CREATE TABLE IF NOT EXISTS answers "
                "(key TEXT PRIMARY KEY, value TEXT, confidence REAL, made REAL) WITHOUT ROWID"
            )
        return self._connection


def key_of(plan: Plan, node: Node, inputs: Mapping[str, Any], sample: str, identity: str) -> str:
    """Of an answer: the same only if the same work is done on the same inputs by the same engine."""
    # A graph stands for all it depends on, and that is the whole plan.
    work = node.work
    what = [work.graph, plan.sha256] if isinstance(work, GraphCall) else parts_of_work(plan, work)
    text = encode([what, dict(inputs), sample, identity])
    return hashlib.sha256(text.encode()).hexdigest()
