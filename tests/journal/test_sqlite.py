"""The journal in SQLite: other processes, damage, and disks that are full, locked or read-only."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shoal.errors import ShoalError
from shoal.journal import JournalCorrupt, JournalError, NodeRow, RunBusy, RunCancelled, RunRow, SqliteJournal

pytestmark = pytest.mark.anyio

HOLDER = """
import asyncio, sys
from pathlib import Path
from shoal.journal import RunRow, SqliteJournal

async def main():
    journal = SqliteJournal(Path(sys.argv[1]))
    await journal.create(RunRow(id="r1", graph="g", file="f", plan_sha256="", parts={}, inputs={}))
    print("owned", flush=True)
    sys.stdin.read()

asyncio.run(main())
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "store" / "journal.db"


@pytest.fixture
def journal(file: Path) -> Iterator[SqliteJournal]:
    made = SqliteJournal(file, busy_timeout_s=0.05)
    yield made
    asyncio.run(made.close())


def run_row(run_id: str = "r1") -> RunRow:
    return RunRow(id=run_id, graph="g", file="f", plan_sha256="", parts={}, inputs={"message": "hallo"})


async def fill(journal: SqliteJournal, run_id: str = "r1") -> None:
    await journal.create(run_row(run_id))
    for path in "abc":
        await journal.record(
            NodeRow(run=run_id, path=path, attempt=1, kind="done", output={"text": path * 50})
        )
    await journal.record(NodeRow(run=run_id, path="big", attempt=1, kind="done", output="z" * 9000))
    await journal.finish(run_id, "done", {"text": "all"}, None)


async def test_one_commit_carries_all_who_wait(journal: SqliteJournal, file: Path) -> None:
    await journal.create(run_row())
    rows = [NodeRow(run="r1", path=f"n{number}", attempt=1, kind="done") for number in range(500)]
    frames_before = file.with_name("journal.db-wal").stat().st_size
    await asyncio.gather(*map(journal.record, rows))
    # A commit writes each page it touched at least once: alone they would be 500 pages and more.
    assert (file.with_name("journal.db-wal").stat().st_size - frames_before) / 4096 < 250
    assert len(await journal.rows("r1")) == 500


async def test_a_refused_row_leaves_the_others_of_its_group(journal: SqliteJournal) -> None:
    await journal.create(run_row())
    same = [NodeRow(run="r1", path="a", attempt=1, kind="done", output=number) for number in range(3)]
    others = [NodeRow(run="r1", path=f"n{number}", attempt=1, kind="done") for number in range(3)]
    results = await asyncio.gather(*map(journal.record, [*same, *others]), return_exceptions=True)
    assert [type(result).__name__ for result in results] == [
        "NoneType",
        "AlreadyRecorded",
        "AlreadyRecorded",
        "NoneType",
        "NoneType",
        "NoneType",
    ]
    assert len(await journal.rows("r1")) == 4


async def test_a_run_of_a_living_process_is_busy_and_free_when_it_is_killed(
    journal: SqliteJournal, file: Path
) -> None:
    command = [sys.executable, "-c", HOLDER, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "owned\n"
        assert (await journal.run("r1")).status == "running"
        with pytest.raises(RunBusy, match=f"run r1 is being executed by process {holder.pid}"):
            await journal.claim("r1")
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
    assert (await journal.run("r1")).status == "interrupted"
    await journal.claim("r1")
    assert (await journal.run("r1")).status == "running"


async def test_a_process_that_is_killed_before_it_hears_of_it_leaves_a_cancelled_run(
    journal: SqliteJournal, file: Path
) -> None:
    command = [sys.executable, "-c", HOLDER, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "owned\n"
        assert not await journal.cancel("r1")
        assert [run.status for run in await journal.runs(status="running")] == ["running"]
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
    assert [run.status for run in await journal.runs(status="cancelled")] == ["cancelled"]
    with pytest.raises(RunCancelled):
        await journal.claim("r1")


async def test_two_journals_write_one_file(journal: SqliteJournal, file: Path) -> None:
    other = SqliteJournal(file)
    await asyncio.gather(*(each.create(run_row(f"{id(each)}")) for each in (journal, other)))
    assert len(await journal.runs()) == len(await other.runs()) == 2
    await other.close()


async def test_a_locked_file_is_said_to_be_locked_and_works_when_it_is_free(
    journal: SqliteJournal, file: Path
) -> None:
    await journal.create(run_row())
    blocker = sqlite3.connect(file, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    row = NodeRow(run="r1", path="a", attempt=1, kind="done")
    with pytest.raises(
        JournalError, match="another program keeps the file locked.*`agentctl runs resume r1`"
    ):
        await journal.record(row)
    blocker.execute("ROLLBACK")
    blocker.close()
    await journal.record(row)


async def test_a_full_disk_is_said_to_be_full_and_works_when_there_is_room(
    journal: SqliteJournal, file: Path
) -> None:
    await journal.create(run_row())
    (pages,) = journal._connection.execute("PRAGMA page_count").fetchone()
    journal._connection.execute(f"PRAGMA max_page_count = {pages}")
    row = NodeRow(run="r1", path="a", attempt=1, kind="done", output="x" * 50_000)
    with pytest.raises(JournalError, match="the disk is full. Make room, then `agentctl runs resume r1`"):
        await journal.record(row)
    journal._connection.execute("PRAGMA max_page_count = 100000")
    await journal.record(row)
    assert len(await journal.rows("r1")) == 1


async def test_a_read_only_file_is_said_to_be_read_only(journal: SqliteJournal) -> None:
    journal._connection.execute("PRAGMA query_only = ON")
    with pytest.raises(JournalError, match="is read-only"):
        await journal.create(run_row())


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda file: file.write_bytes(b"not a journal at all" * 100), "the file is not a journal"),
        (lambda file: file.mkdir(), "the file cannot be opened"),
        (lambda file: file.parent.rmdir() or file.parent.touch(), "a file is where its folder should be"),
    ],
)
def test_what_is_no_journal_is_refused(file: Path, spoil: Callable[[Path], object], message: str) -> None:
    file.parent.mkdir()
    spoil(file)
    with pytest.raises(JournalError, match=message):
        SqliteJournal(file)


def test_a_newer_format_is_refused(file: Path) -> None:
    file.parent.mkdir()
    with sqlite3.connect(file) as db:
        db.execute("PRAGMA user_version = 9")
    db.close()
    with pytest.raises(JournalError, match="written by a newer Shoal .journal format 9, this one reads 2"):
        SqliteJournal(file)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("UPDATE nodes SET output = '{\"text\":\"other\"}' WHERE path = 'b'", "what is recorded of node 'b'"),
        ("UPDATE nodes SET kind = 'skipped' WHERE path = 'a'", "what is recorded of node 'a'"),
        ("UPDATE nodes SET run = 'r1', path = 'd' WHERE path = 'a'", "what is recorded of node 'd'"),
        ("UPDATE blobs SET data = '\"other\"'", "a stored value"),
        ("DELETE FROM blobs", "a stored value"),
        ("UPDATE runs SET inputs = '{}'", "its row in the table of runs"),
        ("UPDATE runs SET output = '{}'", "its row in the table of runs"),
        ("UPDATE nodes SET ms = 9e999 WHERE path = 'a'", "what is recorded of node 'a'"),
    ],
)
async def test_a_changed_value_is_noticed_and_the_run_named(
    journal: SqliteJournal, change: str, what: str
) -> None:
    await fill(journal)
    journal._connection.execute(change)
    with pytest.raises(JournalCorrupt, match=f"run r1 is damaged: .*{what}"):
        await journal.run("r1")
        await journal.rows("r1")


async def test_flipped_bits_are_noticed_or_harmless(tmp_path: Path) -> None:
    """Damage anywhere in the file gives an error or the right result, never a wrong one."""
    whole = tmp_path / "whole.db"
    journal = SqliteJournal(whole)
    await fill(journal)
    right = await journal.run("r1"), await journal.rows("r1")
    await journal.close()
    chance, content = random.Random(7), whole.read_bytes()
    num_noticed = 0
    for number in range(100):
        damaged = bytearray(content)
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        file = tmp_path / f"{number}.db"
        file.write_bytes(damaged)
        try:
            journal = SqliteJournal(file)
        except ShoalError:
            num_noticed += 1
            continue
        try:
            assert (await journal.run("r1"), await journal.rows("r1")) == right
        except ShoalError:
            num_noticed += 1
        finally:
            await journal.close()
    assert num_noticed > 10
