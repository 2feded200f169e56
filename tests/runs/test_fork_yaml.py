"""Forks of random graphs as people write them: they end as a run does in which the tool gave that."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, note, settings
from hypothesis import strategies as st

from shoal.agents.engine import Request
from shoal.agents.scripted import ScriptedEngine
from shoal.graphs.plan import HumanQuestion, Plan, ToolCall
from shoal.journal import Journal, MemoryJournal
from shoal.runs.interpreter import Progress
from shoal.runs.paths import node_at
from shoal.runs.replay import replay
from shoal.runs.results import RunResult
from shoal.runs.runner import Runner
from shoal.workspace.types import Type
from tests.fuzz.graphs import RandomGraphs
from tests.fuzz.writing import AGENTS, random_value

MOST_ANSWERS = 25


class World:
    """Tools, agents and people whose answers follow from where they stand and what they are given."""

    def __init__(self) -> None:
        self.told: dict[str, Any] = {}
        """What tools give at paths, whatever they are given."""
        self.graphs = RandomGraphs(self.giving)

    def giving(self, dice: Random, kind: Type) -> Any:
        async def function(idempotency_key: str, **given: Any) -> Any:
            path = idempotency_key.partition(":")[2]
            return self.told[path] if path in self.told else made_of(kind, path, given)

        return function

    def runner(self, journal: Journal) -> Runner:
        def answer(request: Request) -> dict[str, Any]:
            dice = Random(zlib.crc32(repr((request.agent.name, request.values)).encode()))
            return {**random_value(dice, request.agent.output), "confidence": dice.random()}

        return Runner(ScriptedEngine(dict.fromkeys(AGENTS, answer)), journal, backoff_s=lambda _: 0.0)


def made_of(kind: Type, *seeds: Any) -> Any:
    return random_value(Random(zlib.crc32(repr(seeds).encode())), kind)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    yield World()


@settings(
    max_examples=150,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32))
def test_a_fork_ends_as_a_run_in_which_the_tool_gave_that(world: World, seed: int) -> None:
    made, dice = world.graphs.plan(seed)
    assume(made is not None)
    assert made is not None
    assert asyncio.run(_compare(world, made, dice)) in {True, None}


async def _compare(world: World, made: Plan, dice: Random) -> bool | None:
    world.told = {}
    journal = MemoryJournal()
    runner = world.runner(journal)
    inputs = random_value(dice, made.input)
    run = await runner.start(made, inputs)
    if not (paths := [path for path in run.nodes if _is_plain_tool(made, path)]):
        return None
    path = dice.choice(paths)
    node = node_at(made, path)
    assert node is not None
    told = random_value(dice, node.output)
    fork = await runner.fork(run.run, made, at=path, output=told, again=True)
    fork = await _answered(runner, journal, made, fork)
    world.told = {path: told}
    whole = await _answered(runner, journal, made, await runner.start(made, inputs))
    note(f"at {path}: {told}")
    for each in (run, fork, whole):
        assert replay(made, await journal.run(each.run), await journal.rows(each.run)).differences == []
    if path not in whole.nodes or (whole.nodes[path].status, whole.nodes[path].output) != ("done", told):
        return None
    assert _end(fork) == _end(whole)
    if fork.status == "done":
        assert _nodes(fork) == _nodes(whole)
    return True


def _is_plain_tool(made: Plan, path: str) -> bool:
    node = node_at(made, path)
    if node is None or not isinstance(node.work, ToolCall):
        return False
    return not any((node.when, node.accept, node.escalate, node.fallback))


async def _answered(runner: Runner, journal: Journal, made: Plan, result: RunResult) -> RunResult:
    """Answer people, in the order of paths, until it ends."""
    for _ in range(MOST_ANSWERS):
        waiting = sorted(path for path, each in result.nodes.items() if each.status == "waiting")
        if result.status != "waiting" or not waiting:
            break
        for path in waiting:
            progress = Progress(made, result.inputs, await journal.rows(result.run), is_probe=True)
            progress.due()
            instance = progress.find(path)
            assert instance is not None
            assert isinstance(instance.node.work, HumanQuestion)
            given = made_of(instance.node.work.answer, path)
            await runner.answer(result.run, made, path, given)
        result = await runner.resume(result.run, made)
    return result


def _end(result: RunResult) -> Any:
    return result.status, result.output, (result.error or "").replace(result.run, "RUN")


def _nodes(result: RunResult) -> Any:
    return {path: (found.status, found.output) for path, found in result.nodes.items()}
