"""Votes that end early: whose winner is certain, the samples left over are given up."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import permutations, product
from typing import Any

import pytest

from shoal.agents.engine import Request
from shoal.agents.scripted import ScriptedEngine
from shoal.graphs.plan import Budget, Node, Plan, Vote
from shoal.journal import MemoryJournal
from shoal.runs.events import Event, NodeFinished, NodeSkipped
from shoal.runs.results import RunResult
from shoal.runs.runner import Runner
from shoal.runs.votes import num_counted, winner
from tests.graphs.plans import agent, calc, inline, node, plan, ref, value, vote

pytestmark = pytest.mark.anyio
MESSAGE = {"message": "hallo"}
VOTER = node("v", agent("v", {"x": "str"}))


def early(samples: int, body: Node = VOTER, **options: Any) -> Plan:
    voting = node("v", vote(body, samples, on=("x",), early=True), **options)
    return plan(voting, output={"v": ref("v")})


class Voters:
    """Samples answer when they are told to."""

    def __init__(self) -> None:
        self.waiting: list[asyncio.Future[str]] = []
        self.num_given_up = 0

    async def answer(self, request: Request) -> dict[str, Any]:
        told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.waiting.append(told)
        try:
            return {"x": await told, "confidence": 0.5}
        except asyncio.CancelledError:
            self.num_given_up += 1
            raise

    async def until(self, number: int) -> None:
        """Wait until so many were asked."""
        async with asyncio.timeout(10):
            while len(self.waiting) < number:
                await asyncio.sleep(0)

    async def tell(self, number: int, answer: str) -> None:
        """Let a sample answer, unless it was given up, and the run go on."""
        if not self.waiting[number].done():
            self.waiting[number].set_result(answer)
        for _ in range(20):
            await asyncio.sleep(0)


@pytest.fixture
def voters() -> Voters:
    return Voters()


def make(voters: Voters, **options: Any) -> Runner:
    return Runner(ScriptedEngine({"v": voters.answer, "a": {"x": "a"}}), MemoryJournal(), **options)


@pytest.mark.parametrize(
    ("samples", "answers", "counted"),
    [
        (2, "aa", 2),
        (3, "aa", 2),
        (3, "aba", 3),
        (5, "aaa", 3),
        (5, "aab", None),
        (5, "aaba", 4),
        (5, "abc", None),
        (5, "abcab", 5),
        (4, "aabb", 4),
        (7, "aabca", None),
        (7, "aabcad", 6),
        (7, "aabcaa", 6),
        (9, "aaaaa", 5),
    ],
)
def test_a_vote_is_certain_once_nobody_can_catch_up(samples: int, answers: str, counted: int | None) -> None:
    made = Vote(body=VOTER, samples=samples, by="majority", on=("x",), early=True)
    assert num_counted(made, [{"x": answer} for answer in answers]) == counted


def test_who_wins_early_wins_among_all() -> None:
    made = Vote(body=VOTER, samples=5, by="majority", on=("x",), early=True)
    for answers in product("abc", repeat=5):
        outputs = [{"x": answer} for answer in answers]
        counted = num_counted(made, outputs)
        assert counted is not None
        if counted < 5:
            samples = [(output, 0.5) for output in outputs]
            assert winner(made, samples[:counted])[0] == winner(made, samples)[0]


async def test_samples_that_nobody_waits_for_are_given_up(voters: Voters) -> None:
    events: list[Event] = []
    runner = make(voters, nodes_at_once=5, on_event=events.append)
    task = asyncio.create_task(runner.start(early(5), MESSAGE))
    await voters.until(5)
    for number in range(3):
        await voters.tell(number, "yes")
    result = await task
    assert result.output == {"v": {"x": "yes", "confidence": 1.0}}
    assert voters.num_given_up == 2
    assert sorted(result.nodes) == ["v", "v[0]", "v[1]", "v[2]"]
    skipped = [(event.path, event.reason) for event in events if isinstance(event, NodeSkipped)]
    assert skipped == [(f"v[{number}]", "the vote was decided without it") for number in (3, 4)]
    assert isinstance(events[-2], NodeFinished) and events[-2].path == "v"
    other = asyncio.create_task(runner.start(early(5), MESSAGE))
    await voters.until(10)  # so their places are free
    for number in range(5, 8):
        await voters.tell(number, "no")
    assert (await other).output == {"v": {"x": "no", "confidence": 1.0}}


@pytest.mark.parametrize("order", [*permutations(range(4))])
async def test_what_decides_follows_from_what_they_say_and_not_from_when(
    voters: Voters, order: Sequence[int]
) -> None:
    task = asyncio.create_task(make(voters).start(early(5), MESSAGE))
    await voters.until(5)
    for number in order:
        await voters.tell(number, "abaa"[number])
    assert (await task).output == {"v": {"x": "a", "confidence": 0.75}}
    assert voters.num_given_up == 1


async def test_a_later_sample_does_not_decide_before_an_earlier_one(voters: Voters) -> None:
    task = asyncio.create_task(make(voters).start(early(5), MESSAGE))
    await voters.until(5)
    for number in (4, 3, 2, 1):
        await voters.tell(number, "a")
    assert not task.done()
    await voters.tell(0, "b")
    assert (await task).output == {"v": {"x": "a", "confidence": 0.75}}


async def test_what_a_sample_is_in_the_middle_of_is_given_up_too(voters: Voters) -> None:
    steps = inline(
        node("one", agent("a", {"x": "str"})),
        node("two", agent("v", {"x": "str"}, {"x": "str"}), inputs={"x": ref("one.x")}),
        output={"x": ref("two.x")},
    )
    task = asyncio.create_task(make(voters).start(early(3, node("v", steps)), MESSAGE))
    await voters.until(3)
    for number in range(2):
        await voters.tell(number, "yes")
    result = await task
    assert result.output == {"v": {"x": "yes", "confidence": 1.0}}
    assert voters.num_given_up == 1
    assert "v[2].one" in result.nodes and "v[2].two" not in result.nodes


async def test_what_was_set_aside_for_them_is_there_for_others(voters: Voters) -> None:
    """Each call takes 10 tokens: with what is set aside for a sample that is given up, one is too many."""
    ten = " ".join("a" * 10)
    voting = node("v", vote(VOTER, 3, on=("x",), early=True), when=calc("first", lambda s: True))
    last = node("last", VOTER.work, when=calc("v", lambda s: True))
    made = plan(node("first", VOTER.work), voting, last, output={}, budget=Budget(tokens=40))
    task = asyncio.create_task(make(voters).start(made, MESSAGE))
    for number, asked in enumerate((1, 4, 4, 5)):
        await voters.until(asked)
        await voters.tell(number if asked < 5 else 4, ten)
    result = await task
    assert (result.status, result.completion_tokens, voters.num_given_up) == ("done", 40, 1)


async def refused_once(voters: Voters, **options: Any) -> RunResult:
    task = asyncio.create_task(make(voters).start(early(3, **options), MESSAGE))
    for first, answer in ((0, "no"), (3, "yes")):
        await voters.until(first + 3)
        await voters.tell(first, answer)
        await voters.tell(first + 1, answer)
    return await task


async def test_a_vote_that_is_refused_is_held_again(voters: Voters) -> None:
    accept = calc("v", lambda s: s["v"]["x"] == "yes")
    result = await refused_once(voters, accept=accept, retry=1)
    assert result.output == {"v": {"x": "yes", "confidence": 1.0}}
    assert voters.num_given_up == 2
    assert result.nodes["v"].attempts == 2


async def test_a_limit_of_time_holds_for_an_early_vote_too(voters: Voters) -> None:
    made = early(3, timeout_s=0.05, fallback={"x": value("late")})
    task = asyncio.create_task(make(voters).start(made, MESSAGE))
    await voters.until(3)
    await voters.tell(1, "a")
    result = await task
    assert result.output == {"v": {"x": "late", "confidence": 0.0}}
    assert result.nodes["v"].reason == "it took longer than 0.05 s"
    assert voters.num_given_up == 2


async def test_a_sample_that_is_skipped_skips_the_vote_at_once(voters: Voters) -> None:
    number = iter(range(3))

    def is_second(scope: Any) -> bool:
        return next(number) != 1

    body = node("v", agent("v", {"x": "str"}), when=calc("", is_second))
    task = asyncio.create_task(make(voters).start(early(3, body), MESSAGE))
    await voters.until(2)
    await voters.tell(0, "a")
    result = await task
    assert result.nodes["v"].status == "skipped"
    assert voters.num_given_up == 1
