"""What queued runs cost: worker processes on a real PostgreSQL.

    python bench/cluster/load.py postgresql://user@host/db              all of it, about four minutes
    python bench/cluster/load.py postgresql://user@host/db --quick      a first look, half a minute

The database must be empty or hold nothing but what this left. Tools are async and do nothing, so what is
measured is the cost of queue, journal and runner. Figures go to standard output as lines of JSON, which
`simulate.py` reads.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import asyncpg

from shoal.cluster.queues import Queues
from shoal.cluster.submit import submit
from shoal.graphs.check import load_plan
from shoal.graphs.plan import Plan
from shoal.journal.postgres import PostgresJournal

TICK = os.sysconf("SC_CLK_TCK")
MANIFEST = """\
version: 1
journal: "{url}"
tools:
  step: {{python: "tools/step.py:step", effect: pure}}
"""
TOOL = "async def step(n: int) -> int:\n    return n + 1\n"
LENGTHS = (1, 5, 11)
"""Nodes of the graphs, to tell the cost of a node from that of a run."""
_WAITS = """
SELECT first - created AS waited FROM (
    SELECT runs.created, min(nodes.started) AS first FROM shoal.runs JOIN shoal.nodes ON nodes.run = runs.id
    WHERE runs.created >= $1 GROUP BY runs.id
) AS waits"""
_WRITES = """
SELECT xact_commit AS commits, tup_inserted + tup_updated + tup_deleted AS rows,
pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 AS wal
FROM pg_stat_database WHERE datname = current_database()"""


class Workers:
    """`agentctl worker` processes."""

    def __init__(self, root: Path, number: int, at_once: int) -> None:
        command = [sys.executable, "-m", "shoal", "worker", "--json", "--engine", "scripted"]
        command += ["--runs-at-once", str(at_once)]
        self._log = (root / "workers.log").open("w", encoding="utf-8")
        self._processes = [
            subprocess.Popen(command, cwd=root, stdout=self._log, stderr=subprocess.STDOUT)
            for _ in range(number)
        ]
        self._file = root / "workers.log"

    async def ready(self) -> None:
        """Wait until all take runs."""
        while self._file.read_text("utf-8").count('"ready"') < len(self._processes):
            await asyncio.sleep(0.05)

    @property
    def cpu_s(self) -> float:
        """Seconds of processor that they used."""
        return sum(_cpu_s(each.pid) for each in self._processes)

    @property
    def rss_mb(self) -> float:
        """The memory of one."""
        text = Path(f"/proc/{self._processes[0].pid}/status").read_text("utf-8")
        return int(text.partition("VmRSS:")[2].split()[0]) / 1024

    def close(self) -> None:
        """Drain them."""
        for each in self._processes:
            each.terminate()
        for each in self._processes:
            each.wait()
        self._log.close()


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


class Bench:
    """One database, one workspace."""

    def __init__(self, url: str, root: Path) -> None:
        self.url = url
        self.root = root
        for folder in ("graphs", "tools"):
            (root / folder).mkdir()
        (root / "agents.yaml").write_text(MANIFEST.format(url=url), encoding="utf-8")
        (root / "tools/step.py").write_text(TOOL, encoding="utf-8")
        for length in LENGTHS:
            (root / f"graphs/chain{length}.yaml").write_text(_chain(length), encoding="utf-8")

    async def open(self) -> None:
        """Connect."""
        self.journal = await PostgresJournal.open(self.url)
        self.queues = await Queues.open(self.url)
        self.database = await asyncpg.connect(self.url)

    async def close(self) -> None:
        """Hang up."""
        await self.database.close()
        await self.queues.close()
        await self.journal.close()

    def plan(self, length: int) -> Plan:
        """A chain."""
        return load_plan(self.root, f"chain{length}")

    async def queue(self, plan: Plan, number: int, pause_s: float = 0.0) -> float:
        """Queue runs, evenly in time if there is a pause; seconds it took."""
        begin = time.perf_counter()
        if not pause_s:
            inputs = ({"n": n} for n in range(number))
            async with aclosing(submit(self.journal, self.queues, plan, inputs, "default")) as queued:
                return len([run async for run in queued]) and time.perf_counter() - begin
        for n in range(number):
            async with aclosing(submit(self.journal, self.queues, plan, [{"n": n}], "default")) as queued:
                await anext(queued)
            await asyncio.sleep(max(0.0, begin + (n + 1) * pause_s - time.perf_counter()))
        return time.perf_counter() - begin

    async def until_done(self) -> None:
        """Wait until no run is queued or under way."""
        query = "SELECT count(*) FROM shoal.runs WHERE status IN ('queued', 'running')"
        while await self.database.fetchval(query):
            await asyncio.sleep(0.1)

    async def writes(self) -> dict[str, float]:
        """What the database wrote so far."""
        await asyncio.sleep(1.2)  # statistics come late
        return dict(await self.database.fetchrow(_WRITES))

    async def server_cpu_s(self) -> float:
        """Seconds of processor that the server used; 0 if it is elsewhere or does not let us look."""
        try:
            text = await self.database.fetchval("SELECT pg_read_file('postmaster.pid')")
            main = int(text.split()[0])
            children = Path(f"/proc/{main}/task/{main}/children").read_text("utf-8").split()
        except (asyncpg.PostgresError, OSError):
            return 0.0
        fields = Path(f"/proc/{main}/stat").read_text("utf-8").rpartition(")")[2].split()
        own = sum(map(int, fields[11:15])) / TICK  # with that of children that ended
        return own + sum(_cpu_s(int(pid)) for pid in children)

    async def waits(self, since: float) -> list[float]:
        """Seconds from the queueing of runs to the start of their first nodes."""
        return [row["waited"] for row in await self.database.fetch(_WAITS, since)]


def _chain(length: int) -> str:
    lines = [f"graph: chain{length}", "version: 1", "input: {n: int}", "nodes:"]
    for number in range(length):
        before = f"s{number - 1}" if number else "input.n"
        lines.append(f"  s{number}: {{tool: step, with: {{n: '${{{before}}}'}}}}")
    return "\n".join([*lines, f"output: {{n: '${{s{length - 1}}}'}}"])


async def backlog(bench: Bench, length: int, workers: int, runs: int, at_once: int) -> None:
    """Queue runs, then start workers: how fast they go, and what it costs."""
    before = await bench.writes()
    queued_s = await bench.queue(bench.plan(length), runs)
    herd = Workers(bench.root, workers, at_once)
    await herd.ready()
    begin, cpu_s, server_s = time.perf_counter(), herd.cpu_s, await bench.server_cpu_s()
    await bench.until_done()
    seconds, cpu_s, rss_mb = time.perf_counter() - begin, herd.cpu_s - cpu_s, herd.rss_mb
    server_s = await bench.server_cpu_s() - server_s
    herd.close()
    after = await bench.writes()
    a_run = {name: (after[name] - before[name]) / runs for name in after}
    _print(
        {
            "figure": "backlog",
            "nodes": length,
            "workers": workers,
            "runs": runs,
            "at_once": at_once,
            "queued_per_s": runs / queued_s,
            "runs_per_s": runs / seconds,
            "worker_cpu_ms": cpu_s / runs * 1000,
            "server_cpu_ms": server_s / runs * 1000,
            "rss_mb": rss_mb,
            "commits": a_run["commits"],
            "rows": a_run["rows"],
            "wal_kb": a_run["wal"] / 1024,
        }
    )


async def arrivals(bench: Bench, length: int, workers: int, per_s: float, for_s: float, at_once: int) -> None:
    """Queue runs evenly while workers execute them: how long each waits."""
    herd = Workers(bench.root, workers, at_once)
    await herd.ready()
    since, cpu_s, server_s = time.time(), herd.cpu_s, await bench.server_cpu_s()
    await bench.queue(bench.plan(length), round(per_s * for_s), 1 / per_s)
    await bench.until_done()
    took_s, cpu_s = time.time() - since, herd.cpu_s - cpu_s
    server_s = await bench.server_cpu_s() - server_s
    herd.close()
    waits = sorted(await bench.waits(since))
    told = {"figure": "arrivals", "nodes": length, "workers": workers, "asked_per_s": per_s}
    told |= {"runs_per_s": len(waits) / took_s, "busy": cpu_s / took_s / workers}
    told |= {"server_busy": server_s / took_s}
    told |= {"p50_s": statistics.median(waits), "p99_s": waits[int(len(waits) * 0.99)], "max_s": waits[-1]}
    _print(told)


async def idle(bench: Bench, workers: int, for_s: float) -> None:
    """What workers cost that have nothing to do."""
    herd = Workers(bench.root, workers, 64)
    await herd.ready()
    before, cpu_s, server_s = await bench.writes(), herd.cpu_s, await bench.server_cpu_s()
    begin = time.perf_counter()
    connections = await bench.database.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE datname IS NOT NULL"
    )
    await asyncio.sleep(for_s)
    seconds, cpu_s = time.perf_counter() - begin, herd.cpu_s - cpu_s
    server_s = await bench.server_cpu_s() - server_s
    after = await bench.writes()
    herd.close()
    told = {"figure": "idle", "workers": workers, "busy": cpu_s / seconds / workers}
    told |= {"commits_per_s": (after["commits"] - before["commits"]) / seconds / workers}
    told |= {"server_busy": server_s / seconds / workers, "connections": (connections - 5) / workers}
    _print(told)


def _print(told: dict[str, Any]) -> None:
    print(
        json.dumps({name: round(each, 4) if isinstance(each, float) else each for name, each in told.items()})
    )
    sys.stdout.flush()


async def main(arguments: Sequence[str]) -> None:
    """Measure all of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("url")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args(arguments)
    scale = 0.15 if options.quick else 1.0
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options.url, Path(folder))
        await bench.open()
        try:
            for length in LENGTHS:
                await backlog(bench, length, 1, round(2000 * scale), 200)
            for workers in (2, 3):
                await backlog(bench, 5, workers, round(4000 * scale), 200)
            for per_s in (10, 30, 60):
                await arrivals(bench, 5, 2, per_s, 30 * scale, 200)
            await idle(bench, 2, 20 * scale)
        finally:
            await bench.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
