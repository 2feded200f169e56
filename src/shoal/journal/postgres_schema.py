"""The tables of the journal in PostgreSQL: those of SQLite, and what a journal needs that machines share.

`owners` has a row per open journal: it is alive as long as it beats within its own lease, by the server's
clock. `runs.epoch` counts the owners of a run: whoever writes names the epoch that it owns the run in.
"""

from __future__ import annotations

from typing import Any

from shoal.journal.digests import PLACE
from shoal.journal.journal import JournalError

FORMAT = 2
FIXED = ["id", "graph", "file", "plan", "parts", "inputs", "created", "digest"]
"""Columns of `runs` that say what a run is, and the digest over them."""
OUTCOME = ["status", "output", "error", "outcome_digest"]
"""Columns of `runs` that say where it stands, and the digest over them and its id."""
NODE = ["run", "path", "attempt", "kind", "output", "message", "confidence"]
NODE += ["prompt_tokens", "completion_tokens", "started", "ms", "digest"]
TYPES = {
    "created": "float8",
    "digest": "bytea",
    "outcome_digest": "bytea",
    "attempt": "integer",
    "confidence": "float8",
    "prompt_tokens": "bigint",
    "completion_tokens": "bigint",
    "started": "float8",
    "ms": "float8",
    "epoch": "bigint",
}
"""Of columns that are not text."""

_IS_MADE = "SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = 'shoal' AND tablename = 'format')"
_LOCK = 0x5348_4F41_4C31
"""Any number, the same for all who make the tables."""


def declared(columns: list[str]) -> str:
    """Columns with their types."""
    return ", ".join(f"{column} {TYPES.get(column, 'text')}" for column in columns)


def is_place(column: str) -> str:
    """The condition that a column holds the place of a blob, in the words of the indexes below."""
    return f"left({column}, {len(PLACE)}) = '{PLACE}'"


def is_alive(owner: str) -> str:
    """The condition that an open journal lives: an expression gives its name."""
    # While the server was away nobody could beat, so for one lease after its start nobody is dead.
    return f"""EXISTS (
    SELECT FROM shoal.owners WHERE owners.id = {owner}
    AND greatest(beat, pg_postmaster_start_time()) > clock_timestamp() - lease_s * interval '1 second')"""


# What we failed to release when the server was away is not running, though we live.
STANDING = f"""CASE
    WHEN CASE WHEN owner = $1 THEN id = ANY($2) ELSE {is_alive("runs.owner")} END THEN 'running'
    WHEN status = 'running' THEN 'interrupted' ELSE status END"""
"""The status of a run as it is told to $1, the owner of the runs $2."""

# They hold nothing but large values, and runs under way that somebody wants cancelled.
_INDEXES = f"""
CREATE INDEX IF NOT EXISTS runs_queued ON shoal.runs (created) WHERE status = 'queued';
CREATE INDEX IF NOT EXISTS runs_wanted ON shoal.runs (owner) WHERE status = 'cancelled' AND owner IS NOT NULL;
CREATE INDEX IF NOT EXISTS nodes_output ON shoal.nodes (output) WHERE {is_place("output")};
CREATE INDEX IF NOT EXISTS runs_parts ON shoal.runs (parts) WHERE {is_place("parts")};
CREATE INDEX IF NOT EXISTS runs_inputs ON shoal.runs (inputs) WHERE {is_place("inputs")};
CREATE INDEX IF NOT EXISTS runs_output ON shoal.runs (output) WHERE {is_place("output")};
"""
# "C": bytes decide the order, so an update of the server's locale cannot spoil an index.
_SCHEMA = f"""
CREATE SCHEMA IF NOT EXISTS shoal;
CREATE TABLE shoal.runs (
    {declared(FIXED)}, {declared(OUTCOME)}, owner text, epoch bigint NOT NULL, PRIMARY KEY (id)
);
ALTER TABLE shoal.runs ALTER COLUMN id TYPE text COLLATE "C";
CREATE INDEX runs_by_time ON shoal.runs (created, id);
CREATE TABLE shoal.nodes ({declared(NODE)}, PRIMARY KEY (run, path, attempt));
ALTER TABLE shoal.nodes ALTER COLUMN run TYPE text COLLATE "C", ALTER COLUMN path TYPE text COLLATE "C";
CREATE TABLE shoal.blobs (sha256 text COLLATE "C" PRIMARY KEY, data text);
CREATE TABLE shoal.owners (id text COLLATE "C" PRIMARY KEY, beat timestamptz, lease_s float8);
CREATE TABLE shoal.format (number integer);
{_INDEXES}
INSERT INTO shoal.format VALUES ({FORMAT});
"""
_FROM_1_TO_2 = f"{_INDEXES} UPDATE shoal.format SET number = 2;"
_LONG_S = 3600.0
"""What making an index may take."""


async def make_tables(connection: Any, place: str) -> None:
    """The tables, made or brought to our format. Raises JournalError for those of a newer Shoal."""
    found = await _format(connection)
    if found is None or found < FORMAT:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK, timeout=_LONG_S)
            found = await _format(connection)  # somebody may have made them while we waited
            if found is None or found < FORMAT:
                change = _SCHEMA if found is None else _FROM_1_TO_2
                await connection.execute(change, timeout=_LONG_S)
                found = FORMAT
    if found > FORMAT:
        raise JournalError(
            f"{place} was written by a newer Shoal (journal format {found}, this one reads {FORMAT}). "
            "Update Shoal"
        )


async def _format(connection: Any) -> int | None:
    # Not to_regclass(): behind the lock it may still answer from before.
    if not await connection.fetchval(_IS_MADE):
        return None
    found: int = await connection.fetchval("SELECT max(number) FROM shoal.format")
    return found
