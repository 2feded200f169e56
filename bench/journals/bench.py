"""What a recorded step costs: through the runner, in each journal.

    python bench/journals/bench.py                                   memory and SQLite
    python bench/journals/bench.py postgresql://user@host/db         and PostgreSQL
    TMPDIR=/dev/shm python bench/journals/bench.py ...               SQLite without a disk, software alone

Two workloads of no-op async tools: one run of a chain of 100 steps, and 100 runs of 10 steps at once. Each
is repeated; the fastest and the median are shown, because other work on the machine only slows.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from shoal.agents.scripted import ScriptedEngine
from shoal.graphs.check import load_plan
from shoal.graphs.plan import Plan
from shoal.journal import Journal, MemoryJournal, SqliteJournal
from shoal.runs.runner import Runner

NUM_REPEATS = 15
MANIFEST = "version: 1\ntools:\n  step: {python: 'tools/step.py:step', effect: pure}\n"
TOOL = "async def step(n: int) -> int:\n    return n + 1\n"


def chain(root: Path, length: int) -> Plan:
    """A graph in which each step reads the one before."""
    nodes = [f"graph: chain{length}", "version: 1", "input: {n: int}", "nodes:"]
    for number in range(length):
        before = f"s{number - 1}" if number else "input.n"
        nodes.append(f"  s{number}: {{tool: step, with: {{n: '${{{before}}}'}}}}")
    nodes.append(f"output: {{n: '${{s{length - 1}}}'}}")
    (root / f"graphs/chain{length}.yaml").write_text("\n".join(nodes), encoding="utf-8")
    return load_plan(root, f"chain{length}")


def make_workspace(root: Path) -> None:
    """agents.yaml and a tool that does nothing."""
    for folder in ("graphs", "tools"):
        (root / folder).mkdir()
    (root / "agents.yaml").write_text(MANIFEST, encoding="utf-8")
    (root / "tools/step.py").write_text(TOOL, encoding="utf-8")


async def open_journal(kind: str, root: Path) -> Journal:
    """A journal by its kind: memory, sqlite, or a url."""
    if kind == "memory":
        return MemoryJournal()
    if kind == "sqlite":
        return SqliteJournal(root / "journal.db")
    from shoal.journal.postgres import PostgresJournal

    return await PostgresJournal.open(kind)


async def measure(work: Callable[[], Coroutine[Any, Any, object]]) -> list[float]:
    """Seconds of each repetition, after one that warms up."""
    await work()
    seconds = []
    for _ in range(NUM_REPEATS):
        begin = time.perf_counter()
        await work()
        seconds.append(time.perf_counter() - begin)
    return seconds


async def bench(kind: str, root: Path, long: Plan, short: Plan) -> None:
    """Measure one journal."""
    journal = await open_journal(kind, root)
    runner = Runner(ScriptedEngine(), journal)

    async def many() -> None:
        results = await asyncio.gather(*(runner.start(short, {"n": number}) for number in range(100)))
        assert all(result.status == "done" for result in results)

    in_chain = [seconds / 100 * 1e6 for seconds in await measure(lambda: runner.start(long, {"n": 0}))]
    at_once = [100 / seconds for seconds in await measure(many)]
    await journal.close()
    print(
        f"{kind.partition(':')[0]:10}  chain of 100: {min(in_chain):5.0f} us a step "
        f"(median {statistics.median(in_chain):.0f})   100 x 10: {max(at_once):5.0f} runs/s "
        f"(median {statistics.median(at_once):.0f})"
    )


def main() -> None:
    """Measure all journals in one process, so that they can be compared."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_workspace(root)
        long, short = chain(root, 100), chain(root, 10)
        for kind in ["memory", "sqlite", *sys.argv[1:]]:
            asyncio.run(bench(kind, root, long, short))


if __name__ == "__main__":
    main()
