"""pydantic-graph: steps and decisions; it keeps nothing on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from common import CHAIN, CONC, CONC_LEN, LOOP, MAP, YIELD
from pydantic_graph import GraphBuilder, StepContext, TypeExpression, reduce_sum


def number_graph() -> GraphBuilder:
    return GraphBuilder(input_type=int, output_type=int)


def step_in(graph: GraphBuilder, name: str) -> Any:
    async def step(ctx: StepContext[None, None, int]) -> int:
        if YIELD:
            await asyncio.sleep(0)
        number: int = ctx.inputs
        return number + 1

    return graph.step(step, node_id=name)


def choice(graph: GraphBuilder, test: Callable[[int], bool], yes: Any, no: Any) -> Any:
    chosen = graph.match(TypeExpression[int], matches=test)
    return graph.decision().branch(chosen.to(yes)).branch(graph.match(TypeExpression[int]).to(no))


def chain(length: int) -> Any:
    graph = number_graph()
    before = graph.start_node
    for i in range(length):
        step = step_in(graph, f"s{i}")
        graph.add(graph.edge_from(before).to(step))
        before = step
    graph.add(graph.edge_from(before).to(graph.end_node))
    return graph.build()


def loop() -> Any:
    graph = number_graph()
    step = step_in(graph, "a")
    again = choice(graph, lambda n: n < LOOP, step, graph.end_node)
    graph.add(graph.edge_from(graph.start_node).to(step), graph.edge_from(step).to(again))
    return graph.build()


def route() -> Any:
    graph = number_graph()
    before = [graph.start_node]
    for i in range(CHAIN):
        pair = [step_in(graph, f"a{i}"), step_in(graph, f"b{i}")]
        for each in before:
            graph.add(graph.edge_from(each).to(choice(graph, lambda n: n % 2 == 0, *pair)))
        before = pair
    for each in before:
        graph.add(graph.edge_from(each).to(graph.end_node))
    return graph.build()


def fan_out() -> Any:
    graph = number_graph()

    async def items(ctx: StepContext[None, None, int]) -> list[int]:
        return list(range(MAP))

    split, work, join = graph.step(items), step_in(graph, "work"), graph.join(reduce_sum, initial=0)
    graph.add(graph.edge_from(graph.start_node).to(split), graph.edge_from(split).map().to(work))
    graph.add(graph.edge_from(work).to(join), graph.edge_from(join).to(graph.end_node))
    return graph.build()


async def setup(workload: str) -> tuple[Callable[[], Awaitable[None]], None]:
    made = {
        "chain": lambda: (chain(CHAIN), CHAIN),
        "loop": lambda: (loop(), LOOP),
        "route": lambda: (route(), CHAIN),
        "map": lambda: (fan_out(), MAP * (MAP + 1) // 2),
        "conc": lambda: (chain(CONC_LEN), CONC_LEN),
    }
    graph, expected = made[workload]()

    async def one() -> None:
        assert await graph.run(inputs=0) == expected

    async def many() -> None:
        await asyncio.gather(*(one() for _ in range(CONC)))

    return many if workload == "conc" else one, None
