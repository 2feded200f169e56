"""Workers and their database in a storm: killed, stopped, drained, cut off, while runs are queued.

    python -m tests.cluster.storm [SECONDS] [SEED]

Prints what came of it, and exits 1 if a run was lost, ended wrongly, or a step has two results.
"""

from __future__ import annotations

import asyncio
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from shoal.errors import ShoalError
from tests.cluster.herd import LEASE_S, Herd, WorkerProcess
from tests.journal.server import PostgresServer

NUM_WORKERS = 3
NODES = 5
KINDS = ("kill", "kill", "stop", "stop", "drain", "drain", "twice", "server")
"""What happens, as often as it stands here."""


class Storm:
    """One storm."""

    def __init__(self, herd: Herd, server: PostgresServer, seed: int) -> None:
        self._herd = herd
        self._server = server
        self._chance = random.Random(seed)
        self._workers = [self._worker() for _ in range(NUM_WORKERS)]
        self._asleep: set[asyncio.Task[None]] = set()
        self.faults: Counter[str] = Counter()
        self.run_ids: list[str] = []

    async def queue(self, until: float) -> None:
        """Queue runs in bursts; what the database was away for was not queued."""
        count = 0
        while time.monotonic() < until:
            names = [f"r{count + number}" for number in range(self._chance.randint(1, 40))]
            count += len(names)
            with suppress(ShoalError):
                self.run_ids += await self._herd.queue("chain", names)
            await asyncio.sleep(self._chance.random())

    async def rage(self, until: float) -> None:
        """Something every other second."""
        while time.monotonic() < until:
            await asyncio.sleep(self._chance.uniform(0.5, 3))
            kind = self._chance.choice(KINDS)
            self.faults[kind] += 1
            await self._strike(kind, self._chance.choice(self._workers))

    async def calm(self) -> None:
        """Wait until all that were stopped go on."""
        await asyncio.gather(*self._asleep)

    async def _strike(self, kind: str, worker: WorkerProcess) -> None:
        match kind:
            case "server":
                await asyncio.to_thread(self._server.stop, "immediate")
                await asyncio.sleep(self._chance.random() * 2)
                await asyncio.to_thread(self._server.start)
                return
            case "stop":
                worker.signal(signal.SIGSTOP)
                self._asleep.add(asyncio.create_task(self._wake(worker)))
                return
            case "kill":
                worker.signal(signal.SIGKILL)
            case _:
                worker.signal(signal.SIGTERM)
                if kind == "twice":
                    await asyncio.sleep(0.3)
                    worker.signal(signal.SIGTERM)
        self._workers.remove(worker)
        self._workers.append(self._worker())

    async def _wake(self, worker: WorkerProcess) -> None:
        await asyncio.sleep(self._chance.uniform(0.1, 2.5) * LEASE_S)
        worker.signal(signal.SIGCONT)

    def _worker(self) -> WorkerProcess:
        limits = ["--lease-s", str(LEASE_S), "--runs-at-once", "20"]
        return self._herd.begin_worker(*limits, "--drain-s", str(self._chance.choice([0, 1, 5])))


async def weather(seconds: float, seed: int) -> bool:
    """A storm, and whether all was well afterwards."""
    server = PostgresServer()
    server.start()
    with tempfile.TemporaryDirectory() as folder:
        herd = Herd(Path(folder), server.url)
        await herd.open()
        try:
            storm, until = Storm(herd, server, seed), time.monotonic() + seconds
            await asyncio.gather(storm.queue(until), storm.rage(until))
            await storm.calm()
            results = await herd.ends(storm.run_ids, within_s=60)
            rows = [row for run_id in storm.run_ids for row in await herd.journal.rows(run_id)]
            wrong = [each.run for each in results if each.output != {"n": NODES, "name": each.inputs["name"]}]
            is_whole = Counter(row.kind for row in rows) == {"done": NODES * len(results)}
            num_again = sum(count - 1 for count in herd.counts().values())
            print(f"seed {seed}: {len(results)} runs, {storm.faults.total()} faults {dict(storm.faults)}")
            print(
                f"wrong: {wrong or 0}; one result a step: {is_whole}; done again while under way: {num_again}"
            )
            return not wrong and is_whole
        finally:
            await herd.close()
            server.remove()


if __name__ == "__main__":
    given = [*sys.argv[1:], *("60", "1")[len(sys.argv) - 1 :]]
    sys.exit(not asyncio.run(weather(float(given[0]), int(given[1]))))
