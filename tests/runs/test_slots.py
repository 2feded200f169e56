"""Places are handed over in turn, and none is lost when somebody who waits is cancelled."""

from __future__ import annotations

import asyncio

import pytest

from shoal.runs.slots import Slots, Turns

pytestmark = pytest.mark.anyio


async def test_places_are_handed_over_in_turn() -> None:
    slots, order = Slots(1), []

    async def use(name: str) -> None:
        if (turn := slots.take()) is not None:
            await slots.wait(turn)
        order.append(name)
        await asyncio.sleep(0)
        slots.release()

    await asyncio.gather(*(use(name) for name in "abc"))
    assert order == ["a", "b", "c"]
    assert slots.take() is None


async def test_who_is_cancelled_gives_up_a_place_that_came_too_late() -> None:
    slots = Slots(1)
    assert slots.take() is None
    turns = [slots.take(), slots.take()]
    waiting = [asyncio.create_task(slots.wait(turn)) for turn in turns if turn is not None]
    await asyncio.sleep(0)
    slots.release()  # to the first, who is cancelled before it runs
    waiting[0].cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert waiting[0].cancelled()
    slots.release()
    assert slots.take() is None
    assert slots.take() is not None


async def test_closed_places_are_given_to_nobody_and_are_empty_when_all_are_back() -> None:
    slots = Slots(2)
    assert slots.take() is None and slots.take() is None
    before = slots.take()
    slots.close()
    after = slots.take()
    assert before is not None and after is not None and not slots.is_empty
    waiting = [asyncio.create_task(slots.wait(turn)) for turn in (before, after)]
    slots.release()
    slots.release()
    await asyncio.sleep(0)
    assert slots.is_empty and not any(task.done() for task in waiting)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert slots.is_empty


async def test_many_that_begin_at_once_leave_others_their_turn() -> None:
    turns, order = Turns(2), list[str]()

    async def begin(name: str) -> None:
        await turns.come()
        order.append(name)

    async def watch() -> None:
        for _ in range(3):
            await asyncio.sleep(0)
            order.append("|")

    await asyncio.gather(*(begin(str(number)) for number in range(6)), watch())
    assert "".join(order).replace("||", "|").startswith("01|23|45")


async def test_a_turn_that_nobody_waits_for_any_more_is_passed_on() -> None:
    turns = Turns(1)
    await turns.come()
    gone = asyncio.create_task(turns.come())
    others = [asyncio.create_task(turns.come()) for _ in range(3)]
    await asyncio.sleep(0)
    gone.cancel()
    async with asyncio.timeout(5):
        await asyncio.gather(*others)
