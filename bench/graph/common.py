"""The work that every runtime is given, and how its time is taken.

A peer is a file `peer_<name>.py` with `async def setup(workload)`, which returns an async callable that does
the workload once and asserts its result, and an async callable that closes what it opened, or None. Work in
every node is the same: `n -> n + 1`, in an async function.

    python common.py PEER WORKLOAD
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

CHAIN = 100
MAP = int(os.environ.get("BENCH_ITEMS", "1000"))
LOOP = 1000
CONC, CONC_LEN = 1000, 10
DCONC = 100
NODES = {
    "chain": CHAIN,
    "route": CHAIN,
    "loop": LOOP,
    "map": MAP,
    "conc": CONC * CONC_LEN,
    "chain_sqlite": CHAIN,
    "dconc_sqlite": DCONC * CONC_LEN,
}
"""Nodes that a workload executes. *_sqlite: every step is durable before the next begins."""
RUNS = {"conc": CONC, "dconc_sqlite": DCONC}
"""Runs that are under way at once."""

YIELD = sys.argv[2:3] in (["conc"], ["dconc_sqlite"])
"""Every node gives others a turn, so that the runs really are under way together."""
SECONDS = float(os.environ.get("BENCH_SECONDS", "1"))


def scratch() -> str:
    """A fresh database: in memory where there is a file system for that, so that software alone is timed."""
    memory = Path("/dev/shm")
    base = memory if os.access(memory, os.W_OK) else None
    return os.path.join(tempfile.mkdtemp(prefix="shoal-bench-", dir=base), "db.sqlite")


async def measure(peer: str, workload: str) -> dict[str, object]:
    """Seconds of each unit, of as many as fit the time, two at least, after one that warms up."""
    unit, close = await importlib.import_module(f"peer_{peer}").setup(workload)
    await unit()
    seconds: list[float] = []
    end = time.perf_counter() + SECONDS
    while len(seconds) < 2 or time.perf_counter() < end:
        begin = time.perf_counter()
        await unit()
        seconds.append(time.perf_counter() - begin)
    if close is not None:
        await close()
    us_a_node = statistics.median(seconds) / NODES[workload] * 1e6
    return {"peer": peer, "workload": workload, "us_a_node": us_a_node, "units": len(seconds)}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(*sys.argv[1:3]))), flush=True)
    os._exit(0)  # threads that a runtime left behind are not waited for
