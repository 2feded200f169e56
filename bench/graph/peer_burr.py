"""Burr: actions and transitions; durable by its persister for SQLite, which saves at every step."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from burr.core import ApplicationBuilder, State, action, default, expr
from burr.core.graph import Graph, GraphBuilder
from burr.core.parallelism import MapStates
from burr.integrations.persisters.b_aiosqlite import AsyncSQLitePersister
from common import CHAIN, CONC, CONC_LEN, DCONC, LOOP, MAP, YIELD, scratch

numbers = itertools.count()


@action(reads=["n"], writes=["n"])  # type: ignore[untyped-decorator]  # Burr has no types
async def step(state: State) -> State:
    if YIELD:
        await asyncio.sleep(0)
    return state.update(n=state["n"] + 1)


@action(reads=["n"], writes=["n"])  # type: ignore[untyped-decorator]  # Burr has no types
async def end(state: State) -> State:
    return state


class FanOut(MapStates):  # type: ignore[misc]
    """`step` on each item."""

    reads, writes = ["n"], ["total"]

    def is_async(self) -> bool:
        return True

    def action(self, state: State, inputs: dict[str, Any]) -> Any:
        return step

    async def states(self, state: State, context: Any, inputs: Any) -> AsyncGenerator[State, None]:
        for item in range(MAP):
            yield state.update(n=item)

    async def reduce(self, state: State, states: AsyncGenerator[State, None]) -> State:
        return state.update(total=sum([each["n"] async for each in states]))


def graph(actions: dict[str, Any], edges: list[tuple[Any, ...]]) -> Graph:
    return GraphBuilder().with_actions(**actions).with_transitions(*edges).build()


def chain(length: int) -> Graph:
    names = [f"s{i}" for i in range(length)]
    return graph(dict.fromkeys(names, step), [*itertools.pairwise(names)])


def route() -> Graph:
    actions: dict[str, Any] = {"start": end, "end": end}
    edges: list[tuple[Any, ...]] = []
    before = ["start"]
    for i in range(CHAIN):
        even, odd = f"a{i}", f"b{i}"
        actions |= {even: step, odd: step}
        for name in before:
            edges += [(name, even, expr("n % 2 == 0")), (name, odd, default)]
        before = [even, odd]
    return graph(actions, edges + [(name, "end") for name in before])


async def setup(workload: str) -> tuple[Callable[[], Awaitable[None]], Callable[[], Awaitable[None]] | None]:
    saver = None
    if workload.endswith("sqlite"):
        saver = await AsyncSQLitePersister.from_values(scratch())
        await saver.initialize()

    def unit_of(
        over: Graph, first: str, last: str, field: str, expected: int
    ) -> Callable[[], Awaitable[None]]:
        async def unit() -> None:
            app = ApplicationBuilder().with_graph(over).with_identifiers(app_id=str(next(numbers)))
            app = app.with_state(n=0).with_entrypoint(first)
            app = app.with_state_persister(saver) if saver else app
            *_, state = await (await app.abuild()).arun(halt_after=[last])
            assert state[field] == expected

        return unit

    close = saver.cleanup if saver else None
    if workload == "loop":
        edges = [("a", "end", expr(f"n >= {LOOP}")), ("a", "a", default)]
        return unit_of(graph({"a": step, "end": end}, edges), "a", "end", "n", LOOP), close
    if workload == "route":
        return unit_of(route(), "start", "end", "n", CHAIN), close
    if workload == "map":
        return unit_of(graph({"m": FanOut()}, []), "m", "m", "total", MAP * (MAP + 1) // 2), close
    if workload.startswith("chain"):
        return unit_of(chain(CHAIN), "s0", f"s{CHAIN - 1}", "n", CHAIN), close
    one = unit_of(chain(CONC_LEN), "s0", f"s{CONC_LEN - 1}", "n", CONC_LEN)
    num_runs = CONC if workload == "conc" else DCONC

    async def many() -> None:
        await asyncio.gather(*(one() for _ in range(num_runs)))

    return many, close
