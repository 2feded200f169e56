"""One run that is stopped at some place and goes on, and what must be true of it then."""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any, Literal

from shoal.errors import ShoalError
from shoal.journal import NodeRow, RunRow
from shoal.journal.failpoints import FailpointReached, arm
from shoal.runs.results import RunResult, result_of
from shoal.runs.runner import Runner
from tests.storms import worker
from tests.storms.fleet import World
from tests.storms.nursery import Nursery

How = Literal["kill -9", "exception", "cancel"]
FINISHED = {"done", "fallback", "answered", "skipped", "rejected"}
BARRIER = RunRow(id="", graph="", file="", plan_sha256="", parts={}, inputs={"name": ""})


@dataclass(frozen=True)
class Scene:
    """One run, the journal it is in, and the world it works in."""

    name: str
    place: str
    world: World
    nursery: Nursery

    @property
    def wanted(self) -> tuple[str, str, int]:
        return "points", self.name, 3

    async def look(self) -> tuple[RunResult | None, list[NodeRow]]:
        """Where the run stands, and all that is recorded of it."""
        journal = await worker.open_journal(self.place)
        try:
            found = [run.id for run in await journal.runs(10_000) if run.inputs.get("name") == self.name]
            assert len(found) <= 1
            if not found:
                return None, []
            return await result_of(journal, found[0]), [*await journal.rows(found[0])]
        finally:
            await journal.close()

    def carry(self, failpoint: str = "") -> bool:
        """Carry the run on in a process of its own; whether it was killed."""
        wanted = self.world.log.with_name("wanted.json")
        wanted.write_text(json.dumps([self.wanted]), "utf-8")
        ended = self.nursery.run([self.place, str(self.world.log), str(wanted)], failpoint=failpoint)
        assert ended.code in {0, -signal.SIGKILL}, ended.stderr
        return ended.code != 0

    async def carry_here(self, failpoint: str, how: str) -> list[NodeRow] | None:
        """Carry the run on in this process, which breaks off and then goes on; what was recorded between."""
        journal = await worker.open_journal(self.place)
        try:
            person = worker.Person(Runner(self.world.engine(), journal), worker.PLANS, self.world)
            if not await self._break_off(person, failpoint, how):
                return None
            await journal.create(replace(BARRIER, id=secrets.token_hex(4)))  # behind what was under way
            self.world.note("stopped", self.name)
            found = [run for run in await journal.runs(10_000) if run.inputs.get("name") == self.name]
            assert all(run.status != "running" for run in found), "it was not given up"
            rows = [*await journal.rows(found[0].id)] if found else []
            await person.carry(*self.wanted, found[0] if found else None)
            return rows
        finally:
            await journal.close()

    async def _break_off(self, person: worker.Person, failpoint: str, how: str) -> bool:
        task = asyncio.create_task(person.carry(*self.wanted, None))
        loop = asyncio.get_running_loop()
        arm(
            f"{failpoint}:raise",
            None if how == "exception" else lambda: loop.call_soon_threadsafe(task.cancel),
        )
        try:
            await task
        except (FailpointReached, ShoalError, asyncio.CancelledError):
            return True
        finally:
            arm("")
        return False


def essence(scene: Scene) -> Any:
    """All that must be the same, crash or not: what the run gave, and what was done in the world."""
    result, _ = asyncio.run(scene.look())
    assert result is not None
    nodes = {path: (node.status, node.output) for path, node in result.nodes.items()}
    did = {
        line.replace(result.run, "RUN").replace(scene.name, "NAME")
        for line in scene.world.lines()
        if not line.startswith(("uncertain", "stopped", "done"))
    }
    return result.status, result.output, nodes, did


def check(scene: Scene, how: How, failpoint: str, whole: Any) -> bool:
    """Stop a run and go on; False if it never comes to that place."""
    recorded: list[NodeRow] | None = None
    if how != "kill -9":
        recorded = asyncio.run(scene.carry_here(failpoint, how))
    elif scene.carry(failpoint):
        recorded = asyncio.run(scene.look())[1]
        scene.world.note("stopped", scene.name)
        assert not scene.carry()
    assert essence(scene) == whole
    if recorded is not None:
        check_recorded(scene, [row for row in recorded if row.kind in FINISHED])
    return recorded is not None


def check_recorded(scene: Scene, recorded: list[NodeRow]) -> None:
    """What was recorded is there as it was, and was not done again; and nobody paid twice."""
    _, rows = asyncio.run(scene.look())
    assert [row for row in recorded if row not in rows] == [], "a recorded row was lost"
    lines = scene.world.lines()
    again = Counter(line.partition(" ")[2] for line in lines[lines.index(f"stopped {scene.name}") :])
    done = {f"{row.run}:{row.path}" for row in recorded}
    assert not done & again.keys(), "a recorded step ran again"
    asked = sum(row.path == "sort" for row in recorded)
    assert again[f"{scene.name} sort"] <= 2 - asked, "a recorded question to a model was asked again"
    assert [*scene.world.counts("pay").values()] == [1]
