"""The journal in one SQLite file, the default: WAL, synchronous FULL, grouped commits.

Every row carries a digest of all its columns. Values over 4 KB are stored once, in `blobs`, under their
SHA-256. Several processes may use one file; `owner` says which of them executes a run.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from shoal.journal.commits import GroupCommits
from shoal.journal.digests import INLINE, PLACE, digest_of, sha256_of
from shoal.journal.faults import explain
from shoal.journal.journal import (
    ENDED,
    OPEN_KINDS,
    UNCERTAIN_KINDS,
    AlreadyRecorded,
    Found,
    JournalCorrupt,
    NodeRow,
    RunBusy,
    RunExists,
    RunNotFound,
    RunOver,
    RunRow,
    RunStatus,
    cancelled_error,
    check_standing,
    encode,
)
from shoal.journal.owners import Owners
from shoal.journal.sqlite_prune import delete_runs, find_runs, give_back_space
from shoal.journal.sqlite_schema import NODE, RUN, connect

T = TypeVar("T")
_RECORD = (
    f"INSERT INTO nodes ({NODE}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET "
    + ", ".join(f"{column} = excluded.{column}" for column in NODE.split(", ")[3:])
    + f" WHERE kind IN ({', '.join(repr(kind) for kind in sorted(OPEN_KINDS))})"
)
_STATUS = """CASE WHEN owner IN (SELECT value FROM json_each(:living)) THEN 'running'
    WHEN status = 'running' THEN 'interrupted' ELSE status END"""
_FILTERS = {"status": f"{_STATUS} = :status", "graph": "graph = :graph", "before": "created < :before"}


class SqliteJournal:
    """A Journal in a file."""

    def __init__(self, file: Path, *, busy_timeout_s: float = 10.0) -> None:
        self.file = file
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._connection = connect(file, busy_timeout_s)
        except (sqlite3.Error, OSError) as error:
            raise explain(file, error) from error
        self._owners = Owners(file.parent / "locks")
        self._commits = GroupCommits(self._connection, busy_timeout_s)

    async def create(self, run: RunRow, rows: Sequence[NodeRow] = ()) -> None:
        """Add a run with these rows, and own it unless it is queued."""
        inputs, parts = encode(run.inputs), encode(run.parts)
        outputs = [None if row.output is None else encode(row.output) for row in rows]

        def job(db: sqlite3.Connection) -> None:
            stored = (_put(db, parts, inline=0), _put(db, inputs))
            fixed = (run.id, run.graph, run.file, run.plan_sha256, *stored, float(run.created))
            outcome = (run.status, None, None)
            owner = None if run.status == "queued" else self._owners.hold()
            values = (*fixed, digest_of(fixed), *outcome, digest_of((run.id, *outcome)), owner)
            try:
                db.execute(f"INSERT INTO runs ({RUN}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)", values)
            except sqlite3.IntegrityError as error:
                raise RunExists(run.id) from error

        def job_with_rows(db: sqlite3.Connection) -> None:
            with _all_or_nothing(db):
                job(db)
                for row, output in zip(rows, outputs, strict=True):
                    _record(db, row, output)

        await self._submit(job_with_rows if rows else job)

    async def claim(self, run_id: str, only: Collection[RunStatus] | None = None) -> None:
        """Own a run that nobody executes, unless it stands elsewhere than `only`."""

        def job(db: sqlite3.Connection) -> None:
            row = self._select(db, run_id)
            status, output, owner = row[8], row[9], row[12]
            if owner is not None and self._owners.is_alive(owner):
                raise RunBusy(run_id, owner)
            check_standing(run_id, status, only)
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

        def job(db: sqlite3.Connection) -> None:
            if status not in ENDED and self._select(db, run_id)[8] == "cancelled":
                _disown(db, run_id, self._owners.me)
            else:
                _set_outcome(db, run_id, status, text, error, None)

        await self._submit(job, run_id)

    async def cancel(self, run_id: str) -> bool:
        """Give a run up for good, or leave that to who executes it."""

        def job(db: sqlite3.Connection) -> bool:
            row = self._select(db, run_id)
            status, output, owner = row[8], row[9], row[12]
            is_alive = owner is not None and self._owners.is_alive(owner)
            if not is_alive and status in ENDED:
                raise RunOver(run_id, status)
            error = cancelled_error(_uncertain(db, run_id))
            _set_outcome(db, run_id, "cancelled", output, error, owner if is_alive else None)
            return not is_alive

        return await self._submit(job, run_id)

    async def wanted(self) -> Sequence[str]:
        """Which of our runs somebody wants cancelled."""

        def job(db: sqlite3.Connection) -> list[str]:
            query = "SELECT id FROM runs WHERE status = 'cancelled' AND owner = ?"
            return [run_id for (run_id,) in db.execute(query, (self._owners.me,))]

        return await self._submit(job)

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

        await self._submit(lambda db: _record(db, row, output), row.run)

    async def run(self, run_id: str) -> RunRow:
        """One run."""
        return await self._submit(lambda db: self._read_run(db, self._select(db, run_id)), run_id)

    async def rows(self, run_id: str) -> Sequence[NodeRow]:
        """All rows of a run, attempts of a node in order."""

        def job(db: sqlite3.Connection) -> list[NodeRow]:
            self._select(db, run_id)
            query = f"SELECT {NODE} FROM nodes WHERE run = ? ORDER BY started, attempt"
            found = [self._read_node(db, row) for row in db.execute(query, (run_id,))]
            # A clock that was set back must not put a second attempt before the first.
            return sorted(found, key=lambda row: row.attempt)

        return await self._submit_large(job, run_id)

    async def runs(
        self,
        limit: int = 50,
        *,
        status: RunStatus | None = None,
        graph: str | None = None,
        before: float | None = None,
    ) -> Sequence[RunRow]:
        """The newest runs of a status, of a graph, created before a time; newest first."""

        def job(db: sqlite3.Connection) -> list[RunRow]:
            living = encode([*self._owners.living()]) if status else "[]"
            values = {"limit": limit, "status": status, "graph": graph, "before": before, "living": living}
            given = [name for name in _FILTERS if values[name] is not None]
            where = " AND ".join(["TRUE", *(_FILTERS[name] for name in given)])
            query = f"SELECT {RUN} FROM runs WHERE {where} ORDER BY created DESC, id DESC LIMIT :limit"
            return [self._read_run(db, row) for row in db.execute(query, values).fetchall()]

        return await self._submit_large(job)

    async def find(
        self, statuses: Collection[RunStatus], *, graph: str | None = None, before: float | None = None
    ) -> Sequence[Found]:
        """Which runs have one of these statuses, newest first."""
        return await find_runs(self._submit_large, self._owners.is_alive, statuses, graph, before)

    async def delete(
        self,
        run_ids: Sequence[str],
        *,
        only: Collection[RunStatus] | None = None,
        tell: Callable[[int], None] | None = None,
    ) -> int:
        """Remove runs that nobody executes, and values that no run refers to any more."""
        return await delete_runs(self._submit_large, self._owners.is_alive, run_ids, only, tell)

    async def compact(self) -> int:
        """Give space that nothing uses back to the disk."""

        def is_used() -> bool:
            return any(self._owners.living())

        try:
            return await give_back_space(self._submit_large, self.file, is_used)
        except (sqlite3.Error, OSError) as error:
            raise explain(self.file, error) from error

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

    async def _submit_large(self, job: Callable[[sqlite3.Connection], T], run_id: str | None = None) -> T:
        try:
            return await self._commits.submit(job, is_large=True)
        except (sqlite3.Error, OSError) as error:
            raise explain(self.file, error, run_id) from error

    def _select(self, db: sqlite3.Connection, run_id: str) -> Sequence[Any]:
        row: Sequence[Any] | None = db.execute(f"SELECT {RUN} FROM runs WHERE id = ?", (run_id,)).fetchone()
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


@contextmanager
def _all_or_nothing(db: sqlite3.Connection) -> Iterator[None]:
    """Undo what was written when something is raised; others in the transaction keep theirs."""
    db.execute("SAVEPOINT job")
    try:
        yield
    except BaseException:
        if db.in_transaction:  # else SQLite gave the whole transaction up
            db.execute("ROLLBACK TO job")
        raise
    finally:
        if db.in_transaction:
            db.execute("RELEASE job")


def _record(db: sqlite3.Connection, row: NodeRow, output: str | None) -> None:
    place = None if output is None else _put(db, output)
    given = (row.run, row.path, row.attempt, row.kind, place, row.message, row.confidence)
    spent = (row.prompt_tokens, row.completion_tokens, float(row.started), float(row.ms))
    values = given + spent
    if db.execute(_RECORD, (*values, digest_of(values))).rowcount != 1:
        raise AlreadyRecorded(row.run, row.path)


def _uncertain(db: sqlite3.Connection, run_id: str) -> list[str]:
    kinds = ", ".join(repr(kind) for kind in sorted(UNCERTAIN_KINDS))
    query = f"SELECT DISTINCT path FROM nodes WHERE run = ? AND kind IN ({kinds})"
    return [path for (path,) in db.execute(query, (run_id,))]


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
