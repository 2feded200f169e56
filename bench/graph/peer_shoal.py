"""Shoal among the peers of the graph benchmark: graphs from YAML, type-checked, nodes are real Python tools.

The harness (`common.py`, beside the other peers) imports this file as `peer_shoal` and calls `setup`.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from common import CHAIN, CONC, CONC_LEN, DCONC, LOOP, MAP, YIELD, scratch

from shoal.agents.scripted import ScriptedEngine
from shoal.graphs.check import load_plan
from shoal.graphs.plan import Plan
from shoal.journal import MemoryJournal, SqliteJournal
from shoal.runs.runner import Runner

AGENTS = """\
version: 1
tools:
  inc: {python: "tools/steps.py:inc", effect: pure}
"""
TOOLS = f"""\
import asyncio


async def inc(n: int) -> int:
    {"await asyncio.sleep(0)" if YIELD else "pass"}
    return n + 1
"""


HEAD = """\
version: 1
graph: {}
input: {{n: int}}
nodes:
"""


def chain(length: int) -> str:
    """Nodes that each read the one before."""
    before = ["input.n", *(f"s{i}" for i in range(length))]
    nodes = "".join(f'  s{i}: {{tool: inc, with: {{n: "${{{before[i]}}}"}}}}\n' for i in range(length))
    return f'{HEAD.format("chain")}{nodes}output: {{n: "${{{before[-1]}}}"}}\n'


def route() -> str:
    """A choice between two nodes at every step, by the value so far."""
    before = ["input.n", *(f"r{i}" for i in range(CHAIN))]
    nodes = ""
    for i in range(CHAIN):
        step = f'{{tool: inc, with: {{n: "${{{before[i]}}}"}}}}'
        nodes += f"  r{i}: {{switch: {before[i]} % 2, cases: {{0: {step}}}, default: {step}}}\n"
    return f'{HEAD.format("route")}{nodes}output: {{n: "${{{before[-1]}}}"}}\n'


LOOPED = f"""\
{HEAD.format("loop")}\
  a:
    repeat: {{tool: inc, with: {{n: "${{a}}"}}}}
    start: "${{input.n}}"
    until: a >= {LOOP}
    at_most: {LOOP}
output: {{n: "${{a}}"}}
"""
MAPPED = """\
version: 1
graph: map
input: {items: "list[int]"}
nodes:
  each: {map: {tool: inc, with: {n: "${item}"}}, each: input.items}
output: {items: "${each}"}
"""


def plan_of(text: str) -> Plan:
    """The checked plan of a graph, through a workspace on disk as a user has it."""
    root = Path(tempfile.mkdtemp(prefix="shoal_peer_"))
    for name, content in {"agents.yaml": AGENTS, "tools/steps.py": TOOLS, "graphs/bench.yaml": text}.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(content, encoding="utf-8")
    return load_plan(root, "graphs/bench.yaml")


async def setup(workload: str) -> tuple[Callable[[], Awaitable[None]], Callable[[], Awaitable[None]]]:
    """One unit of a workload, which asserts its result, and what ends it."""
    durable = "sqlite" in workload
    journal = SqliteJournal(Path(scratch())) if durable else MemoryJournal()
    runner = Runner(ScriptedEngine(), journal)

    async def run(plan: Plan, inputs: dict[str, Any], expected: Any) -> None:
        result = await runner.start(plan, inputs)
        assert result.status == "done", result.error
        assert result.output is not None and next(iter(result.output.values())) == expected

    def unit_of(text: str, inputs: dict[str, Any], expected: Any) -> Callable[[], Awaitable[None]]:
        plan = plan_of(text)
        return lambda: run(plan, inputs, expected)

    if workload == "route":
        return unit_of(route(), {"n": 0}, CHAIN), journal.close
    if workload == "loop":
        return unit_of(LOOPED, {"n": 0}, LOOP), journal.close
    if workload == "map":
        return unit_of(MAPPED, {"items": list(range(MAP))}, list(range(1, MAP + 1))), journal.close
    if workload.startswith("chain"):
        return unit_of(chain(CHAIN), {"n": 0}, CHAIN), journal.close
    one = unit_of(chain(CONC_LEN), {"n": 0}, CONC_LEN)
    num_runs = CONC if workload == "conc" else DCONC

    async def many() -> None:
        await asyncio.gather(*(one() for _ in range(num_runs)))

    return many, journal.close
