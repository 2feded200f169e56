"""Grouped writes: one statement, so one round trip and one commit, carries what all runs wait for.

While a group is under way the next one gathers. A statement is a transaction of its own, so a process that
is stopped anywhere holds no lock. It writes a row only where the run has the owner and the epoch that the
writer names, and locks the run meanwhile: who takes a run over sees all its rows or keeps new ones out.

A group whose answer was lost is sent again. What is then missing from the answer is looked up: if the row
is there with the digest of ours, it was the first try that wrote it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from shoal.journal.failpoints import failpoint
from shoal.journal.journal import ENDED, OPEN_KINDS, AlreadyRecorded, RunExists, RunLost
from shoal.journal.postgres_link import FAULTS, PASSING, Link, explain
from shoal.journal.postgres_schema import FIXED, NODE, OUTCOME, TYPES

_MOST = 1000
"""Writes in a group."""
_CREATED, _NOTED, _ENDED = [*FIXED, *OUTCOME], [*NODE, "epoch"], ["id", *OUTCOME, "epoch"]


def _given(columns: list[str], first: int) -> str:
    """A table made of parameters, one array a column."""
    arrays = (f"${first + n}::{TYPES.get(column, 'text')}[]" for n, column in enumerate(columns))
    return f"unnest({', '.join(arrays)}) AS given({', '.join(columns)})"


_OPEN = ", ".join(repr(kind) for kind in sorted(OPEN_KINDS))
_HELD = "held.epoch = given.epoch AND held.owner = $1"
_ENDED_KINDS = ", ".join(repr(status) for status in sorted(ENDED))
_IS_KEPT = f"given.status IS NULL OR (held.status = 'cancelled' AND given.status NOT IN ({_ENDED_KINDS}))"
"""Somebody wants it cancelled: so it is, unless it is done."""
_GIVEN_OR_KEPT = ", ".join(
    f"{column} = CASE WHEN {_IS_KEPT} THEN held.{column} ELSE given.{column} END" for column in OUTCOME
)
_PUT = "INSERT INTO shoal.blobs SELECT * FROM unnest($2::text[], $3::text[]) ON CONFLICT DO NOTHING"


def _note(given: str) -> str:
    return f"""
    INSERT INTO shoal.nodes AS found ({", ".join(NODE)})
    SELECT {", ".join(f"given.{column}" for column in NODE)}
    FROM {given} JOIN shoal.runs AS held ON held.id = given.run
    WHERE {_HELD} FOR SHARE OF held
    ON CONFLICT (run, path, attempt)
    DO UPDATE SET {", ".join(f"{column} = excluded.{column}" for column in NODE[3:])}
    WHERE found.kind IN ({_OPEN}) RETURNING run, path, attempt"""


_NOTE = _note(_given(_NOTED, 4))
_CREATE = f"""
    INSERT INTO shoal.runs ({", ".join(_CREATED)}, owner, epoch)
    SELECT given.*, CASE WHEN given.status = 'queued' THEN NULL ELSE $1 END, 1
    FROM {_given(_CREATED, 4 + len(_NOTED))}
    ON CONFLICT DO NOTHING RETURNING id"""
_END = f"""
    UPDATE shoal.runs AS held
    SET owner = NULL, {_GIVEN_OR_KEPT}
    FROM {_given(_ENDED, 4 + len(_NOTED) + len(_CREATED))}
    WHERE held.id = given.id AND {_HELD} RETURNING held.id"""
_VALUES = ", ".join(f"${number}::{TYPES.get(column, 'text')}" for number, column in enumerate(_NOTED, 2))
_SINGLE = _note(f"(VALUES ({_VALUES})) AS given({', '.join(_NOTED)})")
"""What a run that is alone needs, a quarter faster than a group of one."""
_NOTES = f"WITH put AS ({_PUT}), noted AS ({_NOTE}) SELECT * FROM noted"
"""What most groups need."""
_ALL = f"""
WITH put AS ({_PUT}), noted AS ({_NOTE}), made AS ({_CREATE}), ended AS ({_END})
SELECT * FROM noted UNION ALL SELECT id, '', 0 FROM made UNION ALL SELECT id, '', 0 FROM ended"""
_MADE = ", ".join(f"${number}::{TYPES.get(column, 'text')}" for number, column in enumerate(_CREATED, 4))
_FIRST_ROWS = f"""
WITH put AS ({_PUT}), made AS (
    INSERT INTO shoal.runs ({", ".join(_CREATED)}, owner, epoch) VALUES ({_MADE}, $1, 1)
    ON CONFLICT DO NOTHING RETURNING id
), noted AS (
    INSERT INTO shoal.nodes ({", ".join(NODE)})
    SELECT given.* FROM {_given(NODE, 4 + len(_CREATED))} WHERE EXISTS (SELECT FROM made)
)
SELECT id FROM made"""
"""A run and its first rows, all or nothing."""
_FOUND = "SELECT digest FROM shoal.runs WHERE id = $1"
PUT = "INSERT INTO shoal.blobs VALUES ($1, $2) ON CONFLICT DO NOTHING"
"""One large value."""
_LOOK = """
SELECT held.owner, held.status, held.epoch, held.digest, held.outcome_digest, found.digest AS node_digest
FROM shoal.runs AS held
LEFT JOIN shoal.nodes AS found ON found.run = held.id AND found.path = $2 AND found.attempt = $3
WHERE held.id = $1"""

Key = tuple[str, str, int]


@dataclass(slots=True, eq=False)
class Write:
    """A row to be written. A `release` is an `end` without an outcome."""

    kind: Literal["create", "note", "end", "release"]
    values: Sequence[Any]
    """In the order of the columns above; the epoch in the end, but for `create`."""
    blobs: Mapping[str, str]
    settled: asyncio.Future[None]
    was_sent: bool = False
    """Whether it was tried already, and the answer lost."""
    key: Key = field(init=False)
    """What the database answers when it has written it; path and attempt are empty for a run itself."""

    def __post_init__(self) -> None:
        path, attempt = (self.values[1], self.values[2]) if self.kind == "note" else ("", 0)
        self.key = (self.values[0], path, attempt)

    @property
    def run(self) -> str:
        """The run it belongs to."""
        return self.key[0]


class GroupWrites:
    """All that one owner writes, in groups, in the order it came for each run."""

    def __init__(self, link: Link, owner: str) -> None:
        self._link = link
        self._owner = owner
        self._queue: deque[Write] = deque()
        self._owed: list[Write] = []
        self._task: asyncio.Task[None] | None = None

    def put(self, kind: Any, values: Sequence[Any], blobs: Mapping[str, str]) -> asyncio.Future[None]:
        """Write in the next group; the future is done when that is on disk."""
        write = Write(kind, values, blobs, asyncio.get_running_loop().create_future())
        self._queue.append(write)
        self._start()
        return write.settled

    def send_owed(self) -> None:
        """Try again to release what could not be released while the server was away."""
        self._queue.extend(self._owed)
        self._owed.clear()
        self._start()

    async def drain(self) -> None:
        """Wait until nothing waits to be written."""
        while self._task is not None:
            await asyncio.wait([self._task])

    def _start(self) -> None:
        if self._task is None and self._queue:
            self._task = asyncio.create_task(self._write_all())

    async def _write_all(self) -> None:
        try:
            while self._queue:
                await self._write(self._next_group())
        finally:
            self._task = None

    def _next_group(self) -> list[Write]:
        """What one statement may hold: no row twice, and of a run its nodes or the run itself, not both."""
        group: dict[Key, Write] = {}
        whole, parts = set[str](), set[str]()
        while self._queue and len(group) < _MOST:
            write = self._queue[0]
            is_part = write.kind == "note"
            if write.key in group or write.run in (whole if is_part else parts):
                break
            (parts if is_part else whole).add(write.run)
            group[write.key] = self._queue.popleft()
        return list(group.values())

    async def _write(self, group: list[Write]) -> None:
        try:
            failpoint("group_commit.before")
            refused = await self._link.call(lambda connection: self._send(connection, group))
            failpoint("group_commit.after")
        except Exception as error:
            if len(group) > 1 and not isinstance(error, PASSING):
                for write in group:  # one of them cannot be stored; the others shall not suffer for it
                    await self._write([write])
                return
            self._owed += [write for write in group if write.kind == "release"]
            refused = {write.key: self._explain(error, write.run) for write in group}
        for write in group:
            if write.settled.done():
                continue  # cancelled meanwhile; the row is written all the same
            if (refusal := refused.get(write.key)) is not None:
                write.settled.set_exception(refusal)
            else:
                write.settled.set_result(None)

    def _explain(self, error: Exception, run_id: str) -> Exception:
        return explain(self._link.place, error, run_id) if isinstance(error, FAULTS) else error

    async def _send(self, connection: Any, group: list[Write]) -> dict[Key, Exception]:
        """Write a group, and say what was refused and why."""
        try:
            return await self._try(connection, group)
        except PASSING:
            for write in group:
                write.was_sent = True
            raise

    async def _try(self, connection: Any, group: list[Write]) -> dict[Key, Exception]:
        query, arguments = _statement(group)
        written = {tuple(row) for row in await connection.fetch(query, self._owner, *arguments)}
        refused: dict[Key, Exception] = {}
        for write in group:
            if write.key not in written and write.kind != "release":
                refusal = await self._judge(connection, write)
                refused |= {write.key: refusal} if refusal else {}
        return refused

    async def _judge(self, connection: Any, write: Write) -> Exception | None:
        """Why a row was not written; None if the first try wrote it, of which we got no answer."""
        found = await connection.fetchrow(_LOOK, *write.key)
        if found is None:
            return RunLost(write.run)
        is_ours = found["owner"] == self._owner
        match write.kind:
            case "create":
                is_mine = is_ours or write.values[len(FIXED)] == "queued"  # which others may have by now
                is_there = is_mine and found["digest"] == write.values[FIXED.index("digest")]
                refusal: Exception = RunExists(write.run)
            case "note":
                is_there = found["node_digest"] == write.values[NODE.index("digest")]
                is_held = is_ours and found["epoch"] == write.values[-1]
                refusal = AlreadyRecorded(write.run, write.key[1]) if is_held else RunLost(write.run)
            case _:
                is_ended = found["outcome_digest"] == write.values[-2] or found["status"] == "cancelled"
                is_there = is_ended and found["epoch"] == write.values[-1]
                refusal = RunLost(write.run)
        return None if write.was_sent and is_there else refusal


async def create_whole(
    connection: Any,
    owner: str | None,
    run: Sequence[Any],
    rows: Iterable[Sequence[Any]],
    blobs: Mapping[str, str],
    was_sent: bool,
) -> None:
    """Add a run with its first rows, owned or not. Raises RunExists, unless the first try wrote it."""
    columns = list(zip(*rows, strict=True)) or [()] * len(NODE)
    arguments = (owner, *_sorted(blobs), *run, *columns)
    if await connection.fetchval(_FIRST_ROWS, *arguments) is None:
        found = await connection.fetchval(_FOUND, run[0])
        if not was_sent or found != run[FIXED.index("digest")]:
            raise RunExists(run[0])


def _statement(group: list[Write]) -> tuple[str, Sequence[Any]]:
    """What writes a group, and its parameters but for the owner."""
    notes = [write for write in group if write.kind == "note"]
    if len(group) == len(notes) == 1 and not notes[0].blobs:
        return _SINGLE, notes[0].values
    arguments = [*_blobs(group), *_columns(notes, _NOTED)]
    if len(notes) == len(group):
        return _NOTES, arguments
    arguments += _columns((each for each in group if each.kind == "create"), _CREATED)
    arguments += _columns((each for each in group if each.kind in {"end", "release"}), _ENDED)
    return _ALL, arguments


def _columns(writes: Iterable[Write], columns: list[str]) -> list[Sequence[Any]]:
    rows = [write.values for write in writes]
    return list(zip(*rows, strict=True)) if rows else [()] * len(columns)


def _blobs(group: list[Write]) -> tuple[list[str], list[str]]:
    return _sorted({sha256: data for write in group for sha256, data in write.blobs.items()})


def _sorted(blobs: Mapping[str, str]) -> tuple[list[str], list[str]]:
    # In one order, so that two processes with the same values never wait for each other.
    pairs = sorted(blobs.items())
    return [sha256 for sha256, _ in pairs], [data for _, data in pairs]
