"""Many at once, always in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from shoal.datasets.teaching import in_order

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def numbers(count: int) -> AsyncIterator[int]:
    for number in range(count):
        yield number


async def test_results_come_in_order_and_no_more_than_so_many_are_under_way(anyio_backend: str) -> None:
    under_way: set[int] = set()
    most = 0
    turns = {number: asyncio.Event() for number in range(12)}

    async def work(number: int) -> int:
        nonlocal most
        under_way.add(number)
        most = max(most, len(under_way))
        if number % 4 == 0:  # the first of four waits for the last one
            await turns[number + 3].wait()
        turns[number].set()
        under_way.discard(number)
        return number * 10

    async with aclosing(in_order(numbers(12), work, 4)) as results:
        assert [each async for each in results] == [number * 10 for number in range(12)]
    assert most <= 4


async def test_who_has_enough_waits_for_what_is_paid_for(anyio_backend: str) -> None:
    done: list[int] = []
    go = asyncio.Event()

    async def work(number: int) -> int:
        if number:
            await go.wait()
        done.append(number)
        return number

    async with aclosing(in_order(numbers(9), work, 3)) as results:
        async for _ in results:
            go.set()
            break
    assert sorted(done) == [0, 1, 2]


async def test_a_fault_ends_what_is_under_way(anyio_backend: str) -> None:
    ended: list[int] = []

    async def work(number: int) -> int:
        if number == 0:
            raise ValueError("broken")
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(number)
        return number

    async with aclosing(in_order(numbers(9), work, 3)) as results:
        with pytest.raises(ValueError, match="broken"):
            async for _ in results:
                pass
    assert ended == [1, 2]
