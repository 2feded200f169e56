"""Several people who answer one run at nearly the same time, each in a process of their own."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shoal.agents.scripted import ScriptedEngine
from shoal.errors import InvalidInput
from shoal.graphs.plan import Plan
from shoal.journal import SqliteJournal
from shoal.runs import settling
from shoal.runs.results import RunResult
from shoal.runs.runner import Runner
from tests.graphs.plans import human, node, plan, ref, tool

pytestmark = pytest.mark.anyio


@pytest.fixture
async def journals(tmp_path: Path) -> AsyncIterator[tuple[SqliteJournal, SqliteJournal]]:
    """Two owners of one file."""
    pair = (SqliteJournal(tmp_path / "journal.db"), SqliteJournal(tmp_path / "journal.db"))
    yield pair
    for journal in pair:
        await journal.close()


def asking(calls: list[str]) -> Plan:
    """Two questions, and what follows from both."""

    async def pay(first: bool, second: bool) -> bool:
        calls.append("pay")
        await asyncio.sleep(0)
        return first and second

    questions = [node(name, human(f"{name}?")) for name in ("first", "second")]
    inputs = {name: ref(f"{name}.yes") for name in ("first", "second")}
    return plan(*questions, node("pay", tool(pay, "bool", dict.fromkeys(inputs, "bool")), inputs=inputs))


def runner(journal: SqliteJournal) -> Runner:
    return Runner(ScriptedEngine(), journal)


@pytest.mark.parametrize("seed", range(40))
async def test_both_answers_count_and_the_run_is_never_left_alone(
    journals: tuple[SqliteJournal, SqliteJournal], seed: int
) -> None:
    calls: list[str] = []
    made, chance = asking(calls), random.Random(seed)
    run_id = (await runner(journals[0]).start(made, {"message": "hallo"})).run

    async def answer(journal: SqliteJournal, path: str, after_s: float) -> RunResult:
        await asyncio.sleep(after_s)
        mine = runner(journal)
        await mine.answer(run_id, made, path, "yes")
        await asyncio.sleep(chance.random() * 0.005)
        return await mine.resume_answered(run_id, made)

    await asyncio.gather(
        answer(journals[0], "first", chance.random() * 0.005),
        answer(journals[1], "second", chance.random() * 0.005),
    )
    assert (await journals[0].run(run_id)).status == "done"
    assert calls == ["pay"]


@pytest.mark.parametrize("seed", range(20))
async def test_one_question_has_one_answer_and_the_other_person_is_told(
    journals: tuple[SqliteJournal, SqliteJournal], seed: int
) -> None:
    made, chance = asking([]), random.Random(seed)
    run_id = (await runner(journals[0]).start(made, {"message": "hallo"})).run

    async def answer(journal: SqliteJournal, after_s: float) -> str | None:
        await asyncio.sleep(after_s)
        try:
            await runner(journal).answer(run_id, made, "first", "yes")
        except InvalidInput as error:
            return str(error)
        await runner(journal).resume_answered(run_id, made)
        return None

    told = await asyncio.gather(*(answer(each, chance.random() * 0.003) for each in journals))
    assert sorted(map(str, told)) == ["None", f"node 'first' of run {run_id} has been answered already"]
    assert (await journals[0].run(run_id)).status == "waiting"


async def test_an_answer_may_be_left_to_a_worker(journals: tuple[SqliteJournal, SqliteJournal]) -> None:
    made = asking([])
    run_id = (await runner(journals[0]).start(made, {"message": "hallo"})).run
    await settling.answer(journals[1], run_id, made, "first", "yes", is_queued=True)
    assert (await journals[0].run(run_id)).status == "queued"
    with pytest.raises(InvalidInput):
        await settling.answer(journals[1], run_id, made, "second", "perhaps", is_queued=True)
    assert (await journals[0].run(run_id)).status == "queued"
    assert (await runner(journals[0]).resume(run_id, made)).status == "waiting"
