"""LangGraph: a state graph; durable by its checkpointer for SQLite with durability="sync"."""

from __future__ import annotations

import asyncio
import itertools
import operator
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypedDict

from common import CHAIN, CONC, CONC_LEN, DCONC, LOOP, MAP, YIELD, scratch
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

numbers = itertools.count()


class Number(TypedDict):
    n: int


class Numbers(TypedDict):
    out: Annotated[list[int], operator.add]


async def step(state: Number) -> Number:
    if YIELD:
        await asyncio.sleep(0)
    return {"n": state["n"] + 1}


def chain(length: int) -> StateGraph:
    graph = StateGraph(Number)
    names = [START, *(f"s{i}" for i in range(length)), END]
    for name in names[1:-1]:
        graph.add_node(name, step)
    for edge in itertools.pairwise(names):
        graph.add_edge(*edge)
    return graph


def loop() -> StateGraph:
    graph = StateGraph(Number)
    graph.add_node("a", step)
    graph.add_edge(START, "a")
    graph.add_conditional_edges("a", lambda state: "a" if state["n"] < LOOP else END, ["a", END])
    return graph


def route() -> StateGraph:
    graph = StateGraph(Number)
    before: list[str] = [START]
    for i in range(CHAIN):
        pair = [f"a{i}", f"b{i}"]
        for name in pair:
            graph.add_node(name, step)
        for name in before:
            graph.add_conditional_edges(name, lambda state, pair=pair: pair[state["n"] % 2], pair)
        before = pair
    for name in before:
        graph.add_edge(name, END)
    return graph


def fan_out() -> StateGraph:
    async def work(state: Number) -> Numbers:
        return {"out": [state["n"] + 1]}

    graph = StateGraph(Numbers)
    graph.add_node("work", work)
    graph.add_conditional_edges(START, lambda _: [Send("work", {"n": i}) for i in range(MAP)], ["work"])
    graph.add_edge("work", END)
    return graph


async def setup(workload: str) -> tuple[Callable[[], Awaitable[None]], Callable[[], Awaitable[None]] | None]:
    manager = AsyncSqliteSaver.from_conn_string(scratch()) if workload.endswith("sqlite") else None
    saver = await manager.__aenter__() if manager else None
    how: dict[str, Any] = {"durability": "sync"} if saver else {}

    def unit_of(graph: StateGraph, given: Any, field: str, expected: Any) -> Callable[[], Awaitable[None]]:
        compiled = graph.compile(checkpointer=saver)

        async def unit() -> None:
            config = {"recursion_limit": 5000, "configurable": {"thread_id": str(next(numbers))}}
            assert (await compiled.ainvoke(given, config, **how))[field] == expected

        return unit

    async def close() -> None:
        if manager:
            await manager.__aexit__(None, None, None)

    if workload == "loop":
        return unit_of(loop(), {"n": 0}, "n", LOOP), close
    if workload == "route":
        return unit_of(route(), {"n": 0}, "n", CHAIN), close
    if workload == "map":
        return unit_of(fan_out(), {"out": []}, "out", [*range(1, MAP + 1)]), close
    if workload.startswith("chain"):
        return unit_of(chain(CHAIN), {"n": 0}, "n", CHAIN), close
    one = unit_of(chain(CONC_LEN), {"n": 0}, "n", CONC_LEN)
    num_runs = CONC if workload == "conc" else DCONC

    async def many() -> None:
        await asyncio.gather(*(one() for _ in range(num_runs)))

    return many, close
