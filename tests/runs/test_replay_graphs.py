"""Replays of random graphs: what was recorded comes out the same, whatever became of the run."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from random import Random

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from shoal.graphs.plan import Plan
from shoal.journal import Journal, NodeRow, RunRow
from shoal.runs.replay import replay
from tests.runs import test_replay as prefixes
from tests.runs.test_fork_graphs import runner_in
from tests.runs.wired import Wired, World, wired

UNHURRIED = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def same(made: Plan, run: RunRow, rows: list[NodeRow]) -> None:
    found = replay(made, run, rows)
    note("\n".join(f"{row.path} {row.attempt} {row.kind} {row.output} {row.message}" for row in rows))
    note(f"{run.status} {run.output} {run.error}")
    assert [str(each) for each in found.differences] == []


async def check(made: Plan, journal: Journal, run_id: str) -> None:
    same(made, await journal.run(run_id), [*await journal.rows(run_id)])


@UNHURRIED
@given(drawn=wired(), seed=st.integers(0, 1000))
def test_a_recorded_run_comes_out_the_same_and_so_does_each_prefix(drawn: Wired, seed: int) -> None:
    asyncio.run(_replay_all(drawn, Random(seed)))


async def _replay_all(drawn: Wired, dice: Random) -> None:
    journal, made = prefixes.Recorder(), drawn.plan
    runner = runner_in(World(), drawn, journal)
    run = await runner.start(made, {"message": ""})
    await check(made, journal, run.run)
    await prefixes.to_the_end(runner, made, run)
    await check(made, journal, run.run)
    row = replace(await journal.run(run.run), status="interrupted", output=None, error=None)
    for length in range(len(journal.history) + 1):
        same(made, row, last_of(journal.history[:length]))
    if recorded := [each.path for each in journal.history]:
        fork = await runner.fork(run.run, made, at=dice.choice(recorded))
        await check(made, journal, fork.run)


def last_of(history: list[NodeRow]) -> list[NodeRow]:
    """Each row as it stands by now, in an order of chance."""
    rows = [*{(row.path, row.attempt): row for row in history}.values()]
    return sorted(rows, key=lambda row: row.attempt)


@UNHURRIED
@given(made=prefixes.plans(), seed=st.integers(0, 1000))
def test_so_does_a_run_with_tools_that_act_once(made: Plan, seed: int) -> None:
    asyncio.run(_replay_prefixes(made, seed))


async def _replay_prefixes(made: Plan, seed: int) -> None:
    prefixes.LATENCIES.chance = Random(seed)
    journal = prefixes.Recorder()
    runner = prefixes.runner_of(journal)
    run = await runner.start(made, {"message": ""})
    await check(made, journal, run.run)
    await prefixes.to_the_end(runner, made, run)
    await check(made, journal, run.run)
    row = replace(await journal.run(run.run), status="interrupted", output=None, error=None)
    for length in range(len(journal.history) + 1):
        same(made, row, last_of(journal.history[:length]))


@UNHURRIED
@given(drawn=wired(has_people=False), seed=st.integers(0, 1000))
def test_a_row_that_is_missing_or_other_is_told_of(drawn: Wired, seed: int) -> None:
    asyncio.run(_tamper(drawn, Random(seed)))


async def _tamper(drawn: Wired, dice: Random) -> None:
    journal, made = prefixes.Recorder(), drawn.plan
    run = await runner_in(World(), drawn, journal).start(made, {"message": ""})
    rows, told = [*await journal.rows(run.run)], await journal.run(run.run)
    row = dice.choice(rows)
    rest = [each for each in rows if each is not row]
    assert replay(made, told, rest).differences, f"without {row}"
    other = replace(row, output={"other": 1}, message="another")
    assert replay(made, told, [*rest, other]).differences, f"{other} in the place of {row}"
