"""The journal in PostgreSQL: groups, damage, refusals, and processes that die or stop."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from shoal.journal import JournalCorrupt, JournalError, NodeRow, RunBusy, RunLost, RunRow
from shoal.journal.postgres import PostgresJournal
from shoal.journal.postgres_link import explain, place_of
from tests.journal.server import PostgresServer

pytestmark = pytest.mark.anyio
LEASE_S = 1.0


@pytest.fixture
async def journal(url: str) -> AsyncIterator[PostgresJournal]:
    made = await PostgresJournal.open(url, lease_s=LEASE_S)
    yield made
    await made.close()


def run_row(run_id: str = "r1") -> RunRow:
    return RunRow(id=run_id, graph="g", file="f", plan_sha256="", parts={}, inputs={"message": "hallo"})


def node_row(path: str, **changes: Any) -> NodeRow:
    return NodeRow(**{"run": "r1", "path": path, "attempt": 1, "kind": "done", **changes})


async def ask(url: str, query: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


@contextmanager
def executing(url: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that executes run r1."""
    command = [sys.executable, "-m", "tests.journal.postgres_script", url, str(LEASE_S)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "owned\n"
            yield process
        finally:
            process.kill()


async def claim_when_free(journal: PostgresJournal) -> float:
    """Seconds until the run could be claimed."""
    begin = time.monotonic()
    while True:
        try:
            await journal.claim("r1")
        except RunBusy:
            assert time.monotonic() - begin < LEASE_S * 10, "nobody could take the run over"
            await asyncio.sleep(0.02)
        else:
            return time.monotonic() - begin


async def test_one_commit_carries_all_who_wait(journal: PostgresJournal, url: str) -> None:
    await journal.create(run_row())
    await asyncio.gather(*(journal.record(node_row(f"n{number}")) for number in range(500)))
    assert await ask(url, "SELECT count(*) FROM shoal.nodes") == 500
    assert await ask(url, "SELECT count(DISTINCT xmin::text) FROM shoal.nodes") == 1


async def test_a_refused_row_leaves_the_others_of_its_group(journal: PostgresJournal) -> None:
    await journal.create(run_row())
    await journal.record(node_row("old"))
    rows = [node_row("old"), *(node_row("a", output=n) for n in range(3)), node_row("b"), node_row("c")]
    lost = NodeRow(run="r9", path="a", attempt=1, kind="done")
    huge = node_row("huge", prompt_tokens=2**70)
    results = await asyncio.gather(*map(journal.record, [huge, *rows, lost]), return_exceptions=True)
    assert [type(result).__name__ for result in results] == [
        "JournalError",
        "AlreadyRecorded",
        "NoneType",
        "AlreadyRecorded",
        "AlreadyRecorded",
        "NoneType",
        "NoneType",
        "RunLost",
    ]
    assert len(await journal.rows("r1")) == 4


async def test_runs_rows_and_ends_go_in_one_group(journal: PostgresJournal) -> None:
    await asyncio.gather(*(journal.create(run_row(f"r{number}")) for number in range(3)))
    record = journal.record(node_row("a", output="x" * 9000))
    end = journal.finish("r2", "done", {"text": "y" * 9000}, None)
    await asyncio.gather(journal.create(run_row("r3")), record, end, journal.release("r0"))
    assert [(await journal.run(f"r{number}")).status for number in range(4)] == [
        "interrupted",
        "running",
        "done",
        "running",
    ]


async def test_a_message_that_the_server_cannot_store_is_stored_readable(journal: PostgresJournal) -> None:
    await journal.create(run_row())
    await journal.record(node_row("a", kind="failed", message="a\0b \ud800", output={"raw": "\0"}))
    (row,) = await journal.rows("r1")
    assert (row.message, row.output) == ("a\ufffdb ?", {"raw": "\0"})


async def test_many_who_open_an_empty_database_make_the_tables_once(url: str) -> None:
    journals = await asyncio.gather(*(PostgresJournal.open(url) for _ in range(8)))
    assert await ask(url, "SELECT count(*) FROM shoal.format") == 1
    await asyncio.gather(*(journal.close() for journal in journals))
    assert await ask(url, "SELECT count(*) FROM shoal.owners") == 0


async def test_a_newer_format_is_refused(journal: PostgresJournal, url: str) -> None:
    await ask(url, "UPDATE shoal.format SET number = 9")
    with pytest.raises(JournalError, match="written by a newer Shoal .journal format 9, this one reads 2"):
        await PostgresJournal.open(url)


async def test_what_cannot_be_connected_is_refused_at_once(server: PostgresServer, tmp_path: Path) -> None:
    cases = {
        f"postgresql://shoal:secret@/postgres?host={tmp_path}": "cannot be reached: .*Check that the server",
        f"postgresql://shoal@/nowhere?host={server.folder}": '"nowhere" does not exist. Create it with',
        f"postgresql://nobody@/postgres?host={server.folder}": '"nobody" does not exist. Check the user',
    }
    for url, message in cases.items():
        with pytest.raises(JournalError, match=message) as error:
            await PostgresJournal.open(url)
        assert "secret" not in str(error.value)


def test_sentences_name_the_place_and_the_remedy() -> None:
    place = place_of("postgresql://me:secret@db.example.org:5433/runs?sslmode=require")
    full = explain(place, asyncpg.DiskFullError("could not extend file: No space left on device"), "r1")
    assert str(full) == (
        "the journal at db.example.org:5433/runs cannot be used: could not extend file: No space left on "
        "device. Make room on the disk of the server, then `agentctl runs resume r1`"
    )


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("UPDATE shoal.nodes SET output = '{\"text\":1}' WHERE path = 'b'", "what is recorded of node 'b'"),
        ("UPDATE shoal.nodes SET kind = 'skipped' WHERE path = 'a'", "what is recorded of node 'a'"),
        ("UPDATE shoal.nodes SET path = 'd' WHERE path = 'a'", "what is recorded of node 'd'"),
        ("UPDATE shoal.nodes SET ms = 'Infinity' WHERE path = 'a'", "what is recorded of node 'a'"),
        ("UPDATE shoal.blobs SET data = '\"other\"'", "a stored value"),
        ("DELETE FROM shoal.blobs", "a stored value"),
        ("UPDATE shoal.runs SET inputs = '{}'", "its row in the table of runs"),
        ("UPDATE shoal.runs SET output = '{}'", "its row in the table of runs"),
    ],
)
async def test_a_changed_value_is_noticed_and_the_run_named(
    journal: PostgresJournal, url: str, change: str, what: str
) -> None:
    await journal.create(run_row())
    for path in "ab":
        await journal.record(node_row(path, output={"text": path}))
    await journal.record(node_row("big", output="z" * 9000))
    await journal.finish("r1", "done", {"text": "all"}, None)
    await ask(url, change)
    with pytest.raises(JournalCorrupt, match=f"run r1 is damaged: .*{what}"):
        await journal.run("r1")
        await journal.rows("r1")


async def test_a_claim_that_nobody_waits_for_any_more_is_undone(journal: PostgresJournal, url: str) -> None:
    await journal.create(run_row())
    await journal.release("r1")
    claim = asyncio.create_task(journal.claim("r1"))
    await asyncio.sleep(0)
    claim.cancel()
    await asyncio.gather(claim, return_exceptions=True)
    other = await PostgresJournal.open(url, lease_s=LEASE_S)
    await claim_when_free(other)
    await other.close()


async def test_a_closed_journal_gives_its_runs_up_at_once(journal: PostgresJournal, url: str) -> None:
    other = await PostgresJournal.open(url, lease_s=1000)
    await other.create(run_row())
    with pytest.raises(RunBusy, match=f"is being executed by process {os.getpid()} on "):
        await journal.claim("r1")
    await other.close()
    assert (await journal.run("r1")).status == "interrupted"
    await journal.claim("r1")


async def test_a_run_of_a_killed_process_is_free_after_its_lease(journal: PostgresJournal, url: str) -> None:
    with executing(url) as process:
        with pytest.raises(RunBusy, match=f"executed by process {process.pid} on "):
            await journal.claim("r1")
        await asyncio.sleep(LEASE_S * 1.5)
        assert (await journal.run("r1")).status == "running"
        process.kill()
        process.wait()
        assert LEASE_S * 0.3 < await claim_when_free(journal) < LEASE_S * 3
        assert process.stdout is not None
        said = [line for line in process.stdout.read().splitlines() if line.startswith("recorded")]
    assert len(said) <= len(await journal.rows("r1")) <= len(said) + 1


async def test_a_process_that_was_stopped_and_goes_on_writes_no_more(
    journal: PostgresJournal, url: str
) -> None:
    with executing(url) as process:
        await asyncio.sleep(0.2)
        process.send_signal(signal.SIGSTOP)
        await claim_when_free(journal)
        first = len(await journal.rows("r1"))
        for number in range(first, first + 5):
            await journal.record(node_row(f"n{number}", output=os.getpid()))
        process.send_signal(signal.SIGCONT)
        said, _ = process.communicate(timeout=10)
        assert process.returncode == 0
    assert "run r1 is not in the hands of this process" in said.splitlines()[-1]
    rows = {row.path: row.output for row in await journal.rows("r1")}
    assert len(rows) == first + 5
    owners = [rows[f"n{number}"] for number in range(first + 5)]
    assert owners == [process.pid] * first + [os.getpid()] * 5
    assert (await journal.run("r1")).status == "running", "the lost owner released what is ours"


@pytest.mark.parametrize("change", ["owner = 'another'", "epoch = epoch + 1"])
async def test_every_write_of_a_lost_run_is_refused(journal: PostgresJournal, url: str, change: str) -> None:
    for number in range(4):
        await journal.create(run_row(f"r{number}"))
    await ask(url, f"UPDATE shoal.runs SET {change}")
    writes = [
        journal.record(NodeRow(run="r0", path="a", attempt=1, kind="done")),
        journal.finish("r1", "done", {}, None),
        journal.repin("r2", "", {}),
    ]
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert [type(result) for result in results] == [RunLost] * 3
    await journal.release("r3")
    assert await ask(url, "SELECT count(*) FROM shoal.runs WHERE owner IS NOT NULL AND output IS NULL") == 4
    assert await ask(url, "SELECT count(*) FROM shoal.nodes") == 0


async def test_who_takes_a_run_over_sees_all_that_its_former_owner_wrote(
    journal: PostgresJournal, url: str
) -> None:
    """Whatever the moment: a row is there when the claim returns, or never."""
    former = await PostgresJournal.open(url, lease_s=1000)

    async def write_until_lost(run_id: str) -> None:
        for number in range(100_000):
            row = NodeRow(run=run_id, path=f"n{number}", attempt=1, kind="done")
            await asyncio.gather(former.record(row), former.record(replace(row, path=f"m{number}")))

    for number in range(40):
        run_id = f"r{number}"
        await former.create(run_row(run_id))
        writing = asyncio.create_task(write_until_lost(run_id))
        await asyncio.sleep(0.001 * (number % 7))
        await ask(url, "DELETE FROM shoal.owners WHERE lease_s = 1000")  # as if it had been silent
        await journal.claim(run_id)
        seen = await journal.rows(run_id)
        with pytest.raises(RunLost):
            await writing
        assert await journal.rows(run_id) == seen
    await former.close()


async def test_a_row_that_is_being_written_holds_up_who_takes_the_run_over(
    journal: PostgresJournal, url: str
) -> None:
    former = await PostgresJournal.open(url, lease_s=1000)
    await former.create(run_row())
    blocker = await asyncpg.connect(url)
    await blocker.execute("BEGIN; INSERT INTO shoal.nodes (run, path, attempt) VALUES ('r1', 'a', 1)")

    async def take_over() -> object:
        await journal.claim("r1")
        return await journal.rows("r1")

    writing = asyncio.create_task(former.record(node_row("a")))
    await asyncio.sleep(0.1)
    await ask(url, "DELETE FROM shoal.owners WHERE lease_s = 1000")  # as if it had been silent
    taking = asyncio.create_task(take_over())
    await asyncio.sleep(0.1)
    await blocker.execute("ROLLBACK")
    await blocker.close()
    await writing
    assert await taking == [node_row("a")]
    await former.close()
