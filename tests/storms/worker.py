"""A process that carries all wanted runs to their end, whatever became of the process before it.

    worker JOURNAL LOG WANTED

JOURNAL is a file or a postgresql:// url. WANTED is a JSON file with [graph, name, width] for each run. Where
a run asks or is uncertain, this process is the person: it looks into the world whether a payment was made.
It says so there, too: `uncertain RUN:PATH`. Each run that is done is told as `done NAME`.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from shoal.graphs.plan import Plan
from shoal.journal import Journal, RunBusy, RunRow, SqliteJournal
from shoal.journal.postgres import PostgresJournal
from shoal.runs.results import RunResult
from shoal.runs.runner import Runner
from tests.storms.fleet import WORLD, World, inputs_of, load_fleet

LEASE_S = 0.12
"""Of PostgreSQL: after it the runs of a killed process are free."""
RUNS_AT_ONCE = 16
PLANS: dict[str, Plan] = {}


def prepare(arguments: Sequence[str]) -> None:
    """Read the workspace, once for all processes."""
    PLANS.update(load_fleet(Path(arguments[0])))


async def open_journal(place: str) -> Journal:
    """The journal in a file or on a server."""
    if place.startswith("postgresql:"):
        return await PostgresJournal.open(place, lease_s=LEASE_S)
    return SqliteJournal(Path(place))


class Person:
    """Who starts runs, answers them, and looks after what is uncertain."""

    def __init__(self, runner: Runner, plans: Mapping[str, Plan], world: World) -> None:
        self.runner = runner
        self.plans = plans
        self.world = world

    async def carry(self, graph: str, name: str, width: int, known: RunRow | None) -> RunResult:
        """Bring a run to its end."""
        plan = self.plans[graph]
        if known is None:
            result = await self.runner.start(plan, inputs_of(graph, name, width))
        else:
            result = await self.resume(known.id, plan)
        while result.status in {"waiting", "unknown"}:
            await self.look_after(result, plan)
            result = await self.runner.resume(result.run, plan)
        self.world.note(result.status, name)
        return result

    async def resume(self, run_id: str, plan: Plan) -> RunResult:
        """Go on with a run, as soon as its former owner is known to be gone."""
        deadline = time.monotonic() + 60
        while True:
            try:
                return await self.runner.resume(run_id, plan)
            except RunBusy:
                assert time.monotonic() < deadline, "the run of a killed process is never free"
                await asyncio.sleep(0.02)

    async def look_after(self, result: RunResult, plan: Plan) -> None:
        """Answer what is asked; settle what is uncertain by what the world shows."""
        for path, node in result.nodes.items():
            if node.status == "waiting" and node.question:
                await self.runner.answer(result.run, plan, path, "yes")
            elif node.status == "unknown":
                key = f"{result.run}:{path}"
                self.world.note("uncertain", key)
                if paid := self.world.counts("pay")[key]:
                    assert paid == 1
                    await self.runner.answer(result.run, plan, path, json.dumps(_owed(result, path)))
                else:
                    await self.runner.settle_undone(result.run, plan, path)


def _owed(result: RunResult, path: str) -> int:
    """What the payment at a path gives: ten times what it is given."""
    if "[" in path:
        return 10 * int(path.partition("[")[2].removesuffix("]"))
    before = {"points": "route", "person": "first"}[result.graph]
    return 10 * int(result.nodes[before].output)


async def carry_all(place: str, world: World, wanted: Sequence[tuple[str, str, int]]) -> None:
    """Bring all runs to their end, all at once."""
    os.environ[WORLD] = str(world.log)
    journal = await open_journal(place)
    try:
        runner = Runner(world.engine(), journal, backoff_s=lambda _: 0.0)
        known = {run.inputs.get("name"): run for run in await journal.runs(1_000_000)}
        person, free = Person(runner, PLANS, world), asyncio.Semaphore(RUNS_AT_ONCE)

        async def carry(graph: str, name: str, width: int) -> None:
            async with free:
                await person.carry(graph, name, width, known.get(name))

        async with asyncio.TaskGroup() as tasks:
            for graph, name, width in wanted:
                if name not in known or known[name].status != "done":
                    tasks.create_task(carry(graph, name, width))
    finally:
        await journal.close()


def main(arguments: Sequence[str]) -> int:
    """One process."""
    place, log, wanted = arguments
    asyncio.run(carry_all(place, World(Path(log)), json.loads(Path(wanted).read_text("utf-8"))))
    return 0
