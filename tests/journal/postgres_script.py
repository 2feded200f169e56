"""A process that executes a run: owns it, records a step every few milliseconds, says what became of it.

python -m tests.journal.postgres_script URL LEASE_S
"""

from __future__ import annotations

import asyncio
import os
import sys

from shoal.journal import NodeRow, RunLost, RunRow
from shoal.journal.postgres import PostgresJournal


async def main(url: str, lease_s: float) -> None:
    journal = await PostgresJournal.open(url, lease_s=lease_s)
    await journal.create(RunRow(id="r1", graph="g", file="f", plan_sha256="", parts={}, inputs={}))
    print("owned", flush=True)
    for number in range(100_000):
        row = NodeRow(run="r1", path=f"n{number}", attempt=1, kind="done", output=os.getpid())
        try:
            await journal.record(row)
        except RunLost as error:
            print(f"lost at {number}: {error}", flush=True)
            break
        print(f"recorded {number}", flush=True)
        await asyncio.sleep(0.005)
    await journal.release("r1")
    await journal.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2])))
