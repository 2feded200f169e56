"""The tables of the journal in SQLite, and how its file is opened.

A blob is found by what refers to it through indexes that hold nothing but large values, so they cost small
ones nothing. `runs_wanted` holds the runs under way that somebody wants cancelled: most of the time, none.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from shoal.journal.digests import PLACE
from shoal.journal.journal import JournalError

FORMAT = 2
RUN = "id, graph, file, plan, parts, inputs, created, digest, status, output, error, outcome_digest, owner"
NODE = (
    "run, path, attempt, kind, output, message, confidence, "
    "prompt_tokens, completion_tokens, started, ms, digest"
)
_END = PLACE[:-1] + chr(ord(PLACE[-1]) + 1)


def is_place(column: str) -> str:
    """The condition that a column holds the place of a blob, in the words of the indexes below."""
    return f"{column} >= '{PLACE}' AND {column} < '{_END}'"


# All of it does nothing where it is there already: of format 1 only the indexes of blobs are missing.
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY, graph TEXT, file TEXT, plan TEXT, parts TEXT, inputs TEXT, created REAL, digest BLOB,
    status TEXT, output TEXT, error TEXT, outcome_digest BLOB, owner TEXT
);
CREATE INDEX IF NOT EXISTS runs_by_time ON runs (created);
CREATE TABLE IF NOT EXISTS nodes (
    run TEXT, path TEXT, attempt INTEGER, kind TEXT, output TEXT, message TEXT, confidence REAL,
    prompt_tokens INTEGER, completion_tokens INTEGER, started REAL, ms REAL, digest BLOB,
    PRIMARY KEY (run, path, attempt)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blobs (sha256 TEXT PRIMARY KEY, data TEXT) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS runs_wanted ON runs (owner) WHERE status = 'cancelled' AND owner IS NOT NULL;
CREATE INDEX IF NOT EXISTS nodes_output ON nodes (output) WHERE {is_place("output")};
CREATE INDEX IF NOT EXISTS runs_parts ON runs (parts) WHERE {is_place("parts")};
CREATE INDEX IF NOT EXISTS runs_inputs ON runs (inputs) WHERE {is_place("inputs")};
CREATE INDEX IF NOT EXISTS runs_output ON runs (output) WHERE {is_place("output")};
PRAGMA user_version = {FORMAT};
COMMIT;
"""


def connect(file: Path, busy_timeout_s: float) -> sqlite3.Connection:
    """Open a journal, made or brought to our format if need be. Raises JournalError, sqlite3.Error."""
    # The connection is made here, so that errors show at once, and used by the writing thread alone.
    db = sqlite3.connect(file, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False)
    try:
        (found,) = db.execute("PRAGMA user_version").fetchone()
        if found > FORMAT:
            raise JournalError(
                f"{file} was written by a newer Shoal (journal format {found}, this one reads {FORMAT}). "
                "Update Shoal"
            )
        if found == 0:
            db.execute("PRAGMA auto_vacuum = INCREMENTAL")  # only before the first table: pruning gives back
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        if found < FORMAT:
            db.executescript(_SCHEMA)
    except BaseException:
        db.close()
        raise
    return db
