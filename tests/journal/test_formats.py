"""Journals that earlier versions wrote: they are brought to the format of today when they are opened."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from shoal.journal import Journal, NodeRow, RunCancelled, SqliteJournal
from shoal.journal.postgres import PostgresJournal

pytestmark = pytest.mark.anyio

OLD = Path(__file__).with_name("format1")
"""Journals as format 1 wrote them, as SQL."""
WORDS = ["word"] * 600


async def check(journal: Journal) -> None:
    """All that was in it can be read, and all that is new can be done."""
    done, stopped = await journal.run("r1"), await journal.run("r2")
    assert (done.status, done.inputs, done.output) == ("done", {"message": WORDS}, {"text": WORDS})
    assert [(row.path, row.kind, row.output) for row in await journal.rows("r1")] == [
        ("a", "done", WORDS),
        ("b", "done", {"paid": True}),
    ]
    assert (stopped.status, stopped.parts) == ("interrupted", {"node 'a'": "tool t"})
    await journal.claim("r2")
    assert not await journal.cancel("r2")
    assert await journal.wanted() == ["r2"]
    await journal.record(NodeRow(run="r2", path="b", attempt=1, kind="done", output=WORDS))
    await journal.release("r2")
    with pytest.raises(RunCancelled):
        await journal.claim("r2")
    assert [run.id for run in await journal.runs(status="cancelled")] == ["r2"]
    assert await journal.delete(["r1"]) == 1
    assert (await journal.run("r2")).inputs == {"message": WORDS}
    assert [row.output for row in await journal.rows("r2")] == [WORDS, WORDS]


async def test_a_file_of_format_1_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "journal.db"
    old = sqlite3.connect(file)
    old.executescript((OLD / "sqlite.sql").read_text("utf-8"))
    assert old.execute("PRAGMA user_version").fetchone() == (1,)
    old.close()
    journals = [SqliteJournal(file), SqliteJournal(file)]
    await check(journals[0])
    for journal in journals:
        await journal.close()
    new = sqlite3.connect(file)
    assert new.execute("PRAGMA user_version").fetchone() == (2,)
    assert new.execute("SELECT count(*) FROM blobs").fetchone() == (3,)
    new.close()


async def test_tables_of_format_1_go_on(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute((OLD / "postgres.sql").read_text("utf-8"))
    journals: list[Any] = await asyncio.gather(*(PostgresJournal.open(url) for _ in range(4)))
    await check(journals[0])
    for journal in journals:
        await journal.close()
    assert await connection.fetchval("SELECT array_agg(number) FROM shoal.format") == [2]
    assert await connection.fetchval("SELECT count(*) FROM shoal.blobs") == 3
    await connection.close()


async def test_both_formats_have_the_same_tables_in_the_end(tmp_path: Path) -> None:
    """A journal that was brought here and one that was made here do not differ."""
    shapes = []
    for name in ("old", "new"):
        file = tmp_path / name / "journal.db"
        file.parent.mkdir()
        db = sqlite3.connect(file)
        if name == "old":
            db.executescript((OLD / "sqlite.sql").read_text("utf-8"))
        await SqliteJournal(file).close()
        shapes.append({tuple(row) for row in db.execute("SELECT type, name, sql FROM sqlite_schema")})
        db.close()
    assert shapes[0] == shapes[1]
