"""Forks of random graphs: they end as a run does in which the node gave that, and call nobody else."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from shoal.graphs.plan import AgentCall, Plan, ToolCall, Vote
from shoal.journal import Journal, MemoryJournal, NodeRow
from shoal.runs.budgets import spent_by_path
from shoal.runs.downstream import split
from shoal.runs.forks import GIVEN
from shoal.runs.paths import enclosing, node_at
from shoal.runs.results import RunResult
from shoal.runs.runner import Runner
from tests.runs.test_replay import to_the_end
from tests.runs.wired import Wired, World, wired

SETTLED = {"done", "fallback", "answered"}
UNHURRIED = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def runner_in(world: World, drawn: Wired, journal: Journal) -> Runner:
    drawn.world = world
    return Runner(world.engine(), journal, backoff_s=lambda _: 0.0)


def nodes_of(result: RunResult) -> dict[str, Any]:
    """What is recorded of each node; how often a failure was tried again does not count."""
    return {
        path: (found.status, found.output)
        for path, found in result.nodes.items()
        if not re.search(r"#\d+\.escalate", path)
    }


def end_of(result: RunResult) -> Any:
    return result.status, result.output, (result.error or "").replace(result.run, "RUN")


@UNHURRIED
@given(drawn=wired(), seed=st.integers(0, 1000))
def test_a_fork_ends_as_a_run_in_which_the_node_gave_that(drawn: Wired, seed: int) -> None:
    asyncio.run(_compare_with_whole(drawn, Random(seed)))


async def _compare_with_whole(drawn: Wired, dice: Random) -> None:
    made = drawn.plan
    journal = MemoryJournal()
    runner = runner_in(World(), drawn, journal)
    run = await runner.start(made, {"message": ""})
    tools = [path for path in run.nodes if _is_plain_tool(made, path)]
    if not tools:
        return
    path, told = dice.choice(tools), dice.randrange(997)
    fork = await to_the_end(runner, made, await runner.fork(run.run, made, at=path, output=told))
    whole = runner_in(World({path: told}), drawn, MemoryJournal())
    expected = await to_the_end(whole, made, await whole.start(made, {"message": ""}))
    note(f"at {path}: {told}, {[(row.path, row.kind) for row in await journal.rows(run.run)]}")
    if fork is not None and expected is not None and expected.nodes[path].output == told:
        assert end_of(fork) == end_of(expected)
        kept = nodes_of(fork)  # some of it is not needed yet where the fork failed
        known = kept if fork.status == "done" else {path: kept.get(path) for path in nodes_of(expected)}
        assert known == nodes_of(expected)


def _is_plain_tool(made: Plan, path: str) -> bool:
    node = node_at(made, path)
    if node is None or not isinstance(node.work, ToolCall):
        return False
    return not any((node.when, node.accept, node.escalate, node.fallback))


@UNHURRIED
@given(drawn=wired(has_people=False), seed=st.integers(0, 1000))
def test_with_the_same_output_nothing_changes_and_only_what_follows_is_called(
    drawn: Wired, seed: int
) -> None:
    asyncio.run(_fork_the_same(drawn, Random(seed)))


async def _fork_the_same(drawn: Wired, dice: Random) -> None:
    made = drawn.plan
    journal, world = MemoryJournal(), World()
    runner = runner_in(world, drawn, journal)
    run = await runner.start(made, {"message": ""})
    rows = await journal.rows(run.run)
    settled = [row for row in rows if row.kind in SETTLED]
    if not settled:
        return
    row = dice.choice(settled)
    world.calls.clear()
    fork = await runner.fork(run.run, made, at=row.path, output=_output(made, row))
    note(f"at {row.path}: {row}")
    assert (fork.status, fork.output, fork.error) == (run.status, run.output, run.error)
    kept, dropped = split(made, rows, row.path)
    not_called = [*kept, *(each for each in dropped if row.path in enclosing(each.path))]
    assert len(world.calls) == _num_calls(made, rows) - _num_calls(made, not_called)
    again = {(each.path, each.attempt): each for each in await journal.rows(fork.run)}
    for each in kept:
        assert _told(again[each.path, each.attempt]) == _told(each)
    assert sum(each.message == GIVEN for each in again.values()) == 1


def _num_calls(made: Plan, rows: Sequence[NodeRow]) -> int:
    return spent_by_path(made, rows)[0][""].calls


def _told(row: NodeRow) -> Any:
    return row.kind, row.output, row.message, row.confidence, row.started, row.ms


def _output(made: Plan, row: NodeRow) -> Any:
    node = node_at(made, row.path)
    assert node is not None
    if isinstance(node.work, AgentCall | Vote):
        return {**row.output, "confidence": row.confidence}
    return row.output
