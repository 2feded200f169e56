"""Removing thousands of runs while others write: nobody waits long, and nothing goes that is needed."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from shoal.journal import Journal, NodeRow, RunRow, SqliteJournal
from tests.journal.writing_script import opened, value, write_run

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]
NUM_RUNS = 5000
REMOVER = """
import asyncio, sys
from tests.journal.writing_script import opened

async def main():
    journal = await opened(sys.argv[1])
    print("ready", flush=True)
    await journal.delete([run.id for run in await journal.find({"done"})])

asyncio.run(main())
"""


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path, url: str) -> str:
    """Where a journal is that processes share."""
    return str(tmp_path / "journal.db") if request.param == "sqlite" else url


@contextmanager
def started(*command: str) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"}
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, *command], stdin=pipe, stdout=pipe, text=True, cwd=ROOT, env=environment
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


async def fill(journal: Journal, num_runs: int) -> None:
    for first in range(0, num_runs, 500):
        numbers = range(first, min(first + 500, num_runs))
        await asyncio.gather(*(write_run(journal, f"a{n:06}", n, float(n)) for n in numbers))


async def check_whole(journal: Journal, num_runs: int) -> None:
    """What is left can be read, each value of it."""
    left = await journal.runs(1_000_000)
    assert len(left) == num_runs
    for run in left:
        number = int(run.id[1:])
        assert (run.inputs, run.output) == ({"text": value(number)}, {"text": value(number + 2)})
        outputs = [row.output for row in await journal.rows(run.id)]
        assert outputs == [value(number), value(number + 1), 2]


async def count(place: str, table: str) -> int:
    if "://" not in place:
        db = sqlite3.connect(place)
        (found,) = db.execute(f"SELECT count(*) FROM {table}").fetchone()
        db.close()
        return int(found)
    connection = await asyncpg.connect(place)
    found = await connection.fetchval(f"SELECT count(*) FROM shoal.{table}")
    await connection.close()
    return int(found)


async def test_thousands_of_runs_go_while_another_process_writes(place: str) -> None:
    journal = await opened(place)
    await fill(journal, NUM_RUNS)
    with started("-m", "tests.journal.writing_script", place) as writer:
        old = [run.id for run in await journal.find({"done"}, before=float(NUM_RUNS))]
        assert len(old) == NUM_RUNS
        assert await journal.delete(old) == NUM_RUNS
        told, _ = writer.communicate()
    num_written, longest_s = int(told.split()[0]), float(told.split()[1])
    assert num_written > 10
    assert longest_s < 1.0, "the writer waited"
    await check_whole(journal, num_written)
    assert await journal.delete([run.id for run in await journal.find({"done"})]) == num_written
    assert [await count(place, table) for table in ("runs", "nodes", "blobs")] == [0, 0, 0]
    await journal.close()


async def test_what_a_kill_leaves_behind_the_next_time_removes(place: str) -> None:
    journal = await opened(place)
    await fill(journal, 1000)
    for _ in range(5):
        left = len(await journal.find({"done"}))
        with started("-c", REMOVER, place) as remover:
            async with asyncio.timeout(30):
                while len(await journal.find({"done"})) >= left - 20:
                    await asyncio.sleep(0.001)
            remover.send_signal(signal.SIGKILL)
            remover.wait()
        num_left = len(await journal.find({"done"}))
        if not num_left:
            break
        await check_whole(journal, num_left)
    await journal.delete([run.id for run in await journal.find({"done"})])
    assert [await count(place, table) for table in ("runs", "nodes", "blobs")] == [0, 0, 0]
    await journal.close()


async def test_a_value_stays_that_somebody_is_just_referring_to(url: str) -> None:
    """A writer that found the value there, and has not committed the row that refers to it."""
    journal = await opened(url)
    for name in ("old", "new"):
        await journal.create(RunRow(id=name, graph="g", file="f", plan_sha256="", parts={}, inputs={}))
    await journal.record(NodeRow(run="old", path="a", attempt=1, kind="done", output=value(1)))
    await journal.finish("old", "done", None, None)
    writer = await asyncpg.connect(url)
    await writer.execute("""
        BEGIN;
        INSERT INTO shoal.blobs SELECT * FROM shoal.blobs ON CONFLICT DO NOTHING;
        INSERT INTO shoal.nodes SELECT 'new', path, attempt, kind, output, message, confidence,
            prompt_tokens, completion_tokens, started, ms, digest FROM shoal.nodes WHERE run = 'old';
    """)
    deleting = asyncio.create_task(journal.delete(["old"]))
    async with asyncio.timeout(10):
        while [run.id for run in await journal.find({"done"})]:
            await asyncio.sleep(0.01)
    await asyncio.wait([deleting], timeout=0.5)
    assert not deleting.done(), "it does not know yet whether the value is needed"
    await writer.execute("COMMIT")
    assert await deleting == 1
    assert await count(url, "blobs") == 2  # the value, and the parts of the run
    await writer.close()
    await journal.close()


async def test_a_file_gives_its_space_back(tmp_path: Path) -> None:
    file = tmp_path / "journal.db"
    journal = SqliteJournal(file)
    await fill(journal, 500)
    await journal.close()
    size = file.stat().st_size
    journal = SqliteJournal(file)
    run_ids = [run.id for run in await journal.find({"done"})]
    await journal.delete(run_ids[10:])
    given_back = await journal.compact()
    assert file.stat().st_size == size - given_back < size * 0.6
    await check_whole(journal, 10)
    await journal.close()


async def test_a_file_of_format_1_gives_its_space_back_when_nobody_executes_runs(tmp_path: Path) -> None:
    file = tmp_path / "journal.db"
    old = sqlite3.connect(file)
    old.executescript((Path(__file__).parent / "format1/sqlite.sql").read_text("utf-8"))
    old.close()
    journal, other = SqliteJournal(file), SqliteJournal(file)
    await fill(journal, 300)
    await journal.delete([run.id for run in await journal.find({"done"})])
    await other.create(RunRow(id="x", graph="g", file="f", plan_sha256="", parts={}, inputs={}))
    await journal.close()
    journal = SqliteJournal(file)
    assert await journal.compact() == 0
    await other.close()
    assert await journal.compact() > 500_000
    assert (await journal.run("r2")).inputs == {"message": ["word"] * 600}
    await journal.delete(["r2"])
    await journal.close()


async def test_a_run_of_very_many_steps_goes_in_slices(tmp_path: Path) -> None:
    journal, other = SqliteJournal(tmp_path / "journal.db"), SqliteJournal(tmp_path / "journal.db")
    row = RunRow(id="big", graph="g", file="f", plan_sha256="", parts={}, inputs={})
    steps = [NodeRow(run="big", path=f"n[{n}]", attempt=1, kind="done", output=n) for n in range(60_000)]
    await journal.create(row, steps)
    await journal.release("big")
    deleting = asyncio.create_task(journal.delete(["big"]))
    num_written = 0
    while not deleting.done():
        async with asyncio.timeout(1.0):
            await other.create(replace(row, id=f"r{num_written}"))
        num_written += 1
    assert (await deleting, num_written > 3) == (1, True)
    for each in (journal, other):
        await each.close()
