"""A process that writes run after run until its input ends, then says how many, and the longest wait for one.

python -m tests.journal.writing_script PLACE    a file of SQLite, or the url of PostgreSQL

Its large values are those of other runs too, so it refers to some just as the last other run with it goes.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable
from pathlib import Path

from shoal.journal import Journal, NodeRow, RunRow, SqliteJournal
from shoal.journal.postgres import PostgresJournal

NUM_VALUES = 40


def value(number: int) -> list[str]:
    """A large value that others have too."""
    return [f"value {number % NUM_VALUES}"] * 500


async def opened(place: str) -> Journal:
    """The journal at a place."""
    return await PostgresJournal.open(place) if "://" in place else SqliteJournal(Path(place))


async def write_run(journal: Journal, run_id: str, number: int, created: float) -> None:
    """A whole run."""
    row = RunRow(
        id=run_id,
        graph="g",
        file="f",
        plan_sha256="",
        parts={"n": str(number % NUM_VALUES)},
        inputs={"text": value(number)},
        created=created,
    )
    await journal.create(row)
    for step in range(3):
        output: object = value(number + step) if step < 2 else step
        await journal.record(
            NodeRow(run=run_id, path=f"n{step}", attempt=1, kind="done", output=output, started=step + 1.0)
        )
    await journal.finish(run_id, "done", {"text": value(number + 2)}, None)


async def main(place: str) -> None:
    journal, longest, number = await opened(place), 0.0, 0

    async def timed(work: Awaitable[None]) -> None:
        nonlocal longest
        begin = time.perf_counter()
        await work
        longest = max(longest, time.perf_counter() - begin)

    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    print("ready", flush=True)
    while not ended.done():
        await timed(write_run(journal, f"w{number:06}", number, time.time()))
        number += 1
    await journal.close()
    print(number, longest, flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
