"""The floor: plain awaits, and where steps are durable, a row of JSON a step and nothing else."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Awaitable, Callable

from common import CHAIN, CONC, CONC_LEN, DCONC, LOOP, MAP, YIELD, scratch


async def step(n: int) -> int:
    if YIELD:
        await asyncio.sleep(0)
    return n + 1


async def loop() -> None:
    n = 0
    while n < LOOP:
        n = await step(n)


async def route() -> None:
    n = 0
    for _ in range(CHAIN):
        n = await step(n) if n % 2 else await step(n)
    assert n == CHAIN


async def fan_out() -> None:
    assert await asyncio.gather(*map(step, range(MAP))) == list(range(1, MAP + 1))


class Durable:
    """One transaction a step."""

    def __init__(self) -> None:
        self.db = sqlite3.connect(scratch(), isolation_level=None)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = FULL")
        self.db.execute("CREATE TABLE steps (run INTEGER, step INTEGER, state TEXT, PRIMARY KEY (run, step))")
        self.num_runs = 0

    def begin(self) -> Callable[[int], object]:
        self.num_runs += 1
        run = self.num_runs
        return lambda n: self.db.execute("INSERT INTO steps VALUES (?, ?, ?)", (run, n, json.dumps({"n": n})))


async def chain(length: int, durable: Durable | None) -> None:
    save = durable.begin() if durable else None
    n = 0
    for _ in range(length):
        n = await step(n)
        if save:
            save(n)
    assert n == length


async def setup(workload: str) -> tuple[Callable[[], Awaitable[None]], None]:
    alone = {"loop": loop, "route": route, "map": fan_out}
    if workload in alone:
        return alone[workload], None
    durable = Durable() if workload.endswith("sqlite") else None
    if workload.startswith("chain"):
        return lambda: chain(CHAIN, durable), None
    num_runs = CONC if workload == "conc" else DCONC

    async def many() -> None:
        await asyncio.gather(*(chain(CONC_LEN, durable) for _ in range(num_runs)))

    return many, None
