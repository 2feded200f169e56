"""The journal in one SQLite file, the default: WAL, synchronous FULL, grouped commits.

Every row carries a digest of all its columns. Values over 4 KB are stored once, in `blobs`, under their
SHA-256. Several processes may use one file; `owner` says which of them executes a run.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from shoal.journal.commits import GroupCommits
from shoal.journal.digests import INLINE, PLACE, digest_of, sha256_of
from shoal.journal.faults import explain
from shoal.journal.journal import (
    OPEN_KINDS,
    AlreadyRecorded,
    JournalCorrupt,
    JournalError,
    NodeRow,
    RunBusy,
    RunExists,
    RunNotFound,
    RunRow,
    RunStatus,
    encode,
)
from shoal.journal.owners import Owners

T = TypeVar("T")
_FORMAT = 1
_SCHEMA = """
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
PRAGMA user_version = 1;
COMMIT;
"""
_RUN = "id, graph, file, plan, parts, inputs, created, digest, status, output, error, outcome_digest, owner"
_NODE = (
    "run, path, attempt, kind, output, message, confidence, "
    "prompt_tokens, completion_tokens, started, ms, digest"
)
_RECORD = (
    f"INSERT INTO nodes ({_NODE}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET "
    + ", ".join(f"{column} = excluded.{column}" for column in _NODE.split(", ")[3:])
    + f" WHERE kind IN ({', '.join(repr(kind) for kind in sorted(OPEN_KINDS))})"
)


class SqliteJournal:
    """A Journal in a file."""

    def __init__(self, file: Path, *, busy_timeout_s: float = 10.0) -> None:
        self.file = file
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._connection = _connect(file, busy_timeout_s)
        except (sqlite3.Error, OSError) as error:
            raise explain(file, error) from error
        self._owners = Owners(file.parent / "locks")
        self._commits = GroupCommits(self._connection)

    async def create(self, run: RunRow) -> None:
        """Add a run and own it."""
        inputs, parts = encode(run.inputs), encode(run.parts)

        def job(db: sqlite3.Connection) -> None:
            stored = (_put(db, parts, inline=0), _put(db, inputs))
            fixed = (run.id, run.graph, run.file, run.plan_sha256, *stored, float(run.created))
            outcome = (run.status, None, None)
            values = (*fixed, digest_of(fixed), *outcome, digest_of((run.id, *outcome)), self._owners.hold())
            try:
                db.execute(f"INSERT INTO runs ({_RUN}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)", values)
            except sqlite3.IntegrityError as error:
                raise RunExists(run.id) from error

        await self._submit(job)

    async def claim(self, run_id: str) -> None:
        """Own a run that nobody executes."""

        def job(db: sqlite3.Connection) -> None:
            row = self._select(db, run_id)
            output, owner = row[9], row[12]
            if owner is not None and self._owners.is_alive(owner):
                raise RunBusy(run_id, owner)
            _set_outcome(db, run_id, "running", output, None, self._owners.hold())

        await self._submit(job, run_id)

    async def release(self, run_id: str) -> None:
        """Give up an owned run without finishing it."""
        await self._submit(lambda db: _disown(db, run_id, self._owners.me), run_id)

    async def finish(
        self, run_id: str, status: RunStatus, output: Mapping[str, Any] | None, error: str | None
    ) -> None:
        """Record how an owned run ended or why it stopped, and give it up."""
        text = None if output is None else encode(output)
        await self._submit(lambda db: _set_outcome(db, run_id, status, text, error, None), run_id)

    async def repin(self, run_id: str, plan_sha256: str, parts: Mapping[str, str]) -> None:
        """Pin a run to another plan."""
        text = encode(parts)

        def job(db: sqlite3.Connection) -> None:
            fixed = list(self._select(db, run_id)[:7])
            fixed[3], fixed[4] = plan_sha256, _put(db, text, inline=0)
            change = (fixed[3], fixed[4], digest_of(fixed), run_id)
            db.execute("UPDATE runs SET plan = ?, parts = ?, digest = ? WHERE id = ?", change)

        await self._submit(job, run_id)

    async def record(self, row: NodeRow) -> None:
        """Add a row, or close the open row of the same attempt."""
        output = None if row.output is None else encode(row.output)

        def job(db: sqlite3.Connection) -> None:
            place = None if output is None else _put(db, output)
            given = (row.run, row.path, row.attempt, row.kind, place, row.message, row.confidence)
            spent = (row.prompt_tokens, row.completion_tokens, float(row.started), float(row.ms))
            values = given + spent
            if db.execute(_RECORD, (*values, digest_of(values))).rowcount != 1:
                raise AlreadyRecorded(row.run, row.path)

        await self._submit(job, row.run)

    async def run(self, run_id: str) -> RunRow:
        """One run."""
        return await self._submit(lambda db: self._read_run(db, self._select(db, run_id)), run_id)

    async def rows(self, run_id: str) -> Sequence[NodeRow]:
        """All rows of a run, attempts of a node in order."""

        def job(db: sqlite3.Connection) -> list[NodeRow]:
            self._select(db, run_id)
            query = f"SELECT {_NODE} FROM nodes WHERE run = ? ORDER BY started, attempt"
            found = [self._read_node(db, row) for row in db.execute(query, (run_id,))]
            # A clock that was set back must not put a second attempt before the first.
            return sorted(found, key=lambda row: row.attempt)

        return await self._submit(job, run_id)

    async def runs(self, limit: int = 50) -> Sequence[RunRow]:
        """The newest runs, newest first."""

        def job(db: sqlite3.Connection) -> list[RunRow]:
            query = f"SELECT {_RUN} FROM runs ORDER BY created DESC, id DESC LIMIT ?"
            return [self._read_run(db, row) for row in db.execute(query, (limit,)).fetchall()]

        return await self._submit(job)

    async def close(self) -> None:
        """Write what waits and let go of files and threads."""
        self._commits.close()
        self._connection.close()
        self._owners.close()

    async def _submit(self, job: Callable[[sqlite3.Connection], T], run_id: str | None = None) -> T:
        try:
            return await self._commits.submit(job)
        except (sqlite3.Error, OSError) as error:
            raise explain(self.file, error, run_id) from error

    def _select(self, db: sqlite3.Connection, run_id: str) -> Sequence[Any]:
        row: Sequence[Any] | None = db.execute(f"SELECT {_RUN} FROM runs WHERE id = ?", (run_id,)).fetchone()
        if row is None:
            raise RunNotFound(run_id)
        return row

    def _read_run(self, db: sqlite3.Connection, row: Sequence[Any]) -> RunRow:
        run_id, graph, file, plan, parts, inputs, created, digest, status, output, error, outcome, owner = row
        if digest != digest_of(row[:7]) or outcome != digest_of((run_id, status, output, error)):
            raise JournalCorrupt(str(self.file), str(run_id), "its row in the table of runs")
        if owner is not None and self._owners.is_alive(owner):
            status = "running"
        elif status == "running":
            status = "interrupted"
        return RunRow(
            id=run_id,
            graph=graph,
            file=file,
            plan_sha256=plan,
            parts=self._get(db, run_id, parts),
            inputs=self._get(db, run_id, inputs),
            status=status,
            created=created,
            output=self._get(db, run_id, output),
            error=error,
        )

    def _read_node(self, db: sqlite3.Connection, row: Sequence[Any]) -> NodeRow:
        run_id, path, attempt, kind, output, message, confidence, *spent, digest = row
        read, written, started, ms = spent
        if digest != digest_of(row[:-1]):
            raise JournalCorrupt(str(self.file), str(run_id), f"what is recorded of node '{path}'")
        return NodeRow(
            run=run_id,
            path=path,
            attempt=attempt,
            kind=kind,
            output=self._get(db, run_id, output),
            message=message,
            confidence=confidence,
            prompt_tokens=read,
            completion_tokens=written,
            started=started,
            ms=ms,
        )

    def _get(self, db: sqlite3.Connection, run_id: str, place: str | None) -> Any:
        if place is None:
            return None
        if not place.startswith(PLACE):
            return json.loads(place)
        sha256 = place.removeprefix(PLACE)
        found = db.execute("SELECT data FROM blobs WHERE sha256 = ?", (sha256,)).fetchone()
        if found is None or sha256_of(found[0]) != sha256:
            raise JournalCorrupt(str(self.file), run_id, f"a stored value ({sha256[:12]})")
        return json.loads(found[0])


def _connect(file: Path, busy_timeout_s: float) -> sqlite3.Connection:
    # The connection is made here, so that errors show at once, and used by the writing thread alone.
    db = sqlite3.connect(file, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False)
    try:
        (found,) = db.execute("PRAGMA user_version").fetchone()
        if found > _FORMAT:
            raise JournalError(
                f"{file} was written by a newer Shoal (journal format {found}, this one reads {_FORMAT}). "
                "Update Shoal"
            )
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        if found < _FORMAT:
            db.executescript(_SCHEMA)
    except BaseException:
        db.close()
        raise
    return db


def _set_outcome(
    db: sqlite3.Connection,
    run_id: str,
    status: RunStatus,
    output: str | None,
    error: str | None,
    owner: str | None,
) -> None:
    outcome = (status, None if output is None else _put(db, output), error)
    values = (*outcome, digest_of((run_id, *outcome)), owner, run_id)
    change = "UPDATE runs SET status = ?, output = ?, error = ?, outcome_digest = ?, owner = ? WHERE id = ?"
    db.execute(change, values)


def _disown(db: sqlite3.Connection, run_id: str, owner: str) -> None:
    db.execute("UPDATE runs SET owner = NULL WHERE id = ? AND owner = ?", (run_id, owner))


def _put(db: sqlite3.Connection, text: str, inline: int = INLINE) -> str:
    """Store a value and return what stands for it in its row: itself, or its place in `blobs`."""
    if len(text) <= inline:
        return text
    sha256 = sha256_of(text)
    db.execute("INSERT OR IGNORE INTO blobs VALUES (?, ?)", (sha256, text))
    return PLACE + sha256
