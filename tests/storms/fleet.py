"""A workspace with a graph of every shape, whose tools and agents write down what they do.

Each piece of work appends one line to the log of its world, `what RUN:PATH`, so that a test can count: what
was done, for whom, how often. Agents are told in their input for which place they work.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoal.agents.engine import Request
from shoal.agents.scripted import ScriptedEngine
from shoal.graphs.check import check_workspace
from shoal.graphs.plan import Plan

WORLD = "SHOAL_TEST_WORLD"
"""The variable of the environment that names the log."""

AGENTS = """\
version: 1
bases: {model: {model: fleet/model, kind: decoder}}
serving: {base: model}
agents:
  sort: {input: {place: str}, output: {kind: "enum[parcel, letter]"}}
tools:
  step: {python: "tools/world.py:step", effect: pure}
  count: {python: "tools/world.py:count", effect: pure}
  send: {python: "tools/world.py:send", effect: idempotent}
  pay: {python: "tools/world.py:pay", effect: once}
"""
TOOLS = f"""\
import os


def note(what: str, key: str) -> None:
    log = os.open(os.environ["{WORLD}"], os.O_APPEND | os.O_CREAT | os.O_WRONLY)
    try:
        os.write(log, f"{{what}} {{key}}\\n".encode())
    finally:
        os.close(log)


async def step(n: int, idempotency_key: str) -> int:
    note("step", idempotency_key)
    return n + 1


def count(n: int, idempotency_key: str) -> int:
    note("count", idempotency_key)
    return n + 1


async def send(n: int, idempotency_key: str) -> int:
    note("send", idempotency_key)
    return n


async def pay(n: int, idempotency_key: str) -> int:
    note("pay", idempotency_key)
    return n * 10
"""
POINTS = """\
version: 1
graph: points
input: {name: str, items: "list[int]"}
nodes:
  sort: {agent: sort, with: {place: "${input.name} sort"}, accept: sort.kind == 'parcel', retry: 2}
  first: {tool: count, with: {n: 0}}
  second: {tool: step, with: {n: "${first}"}}
  route:
    switch: sort.kind
    cases:
      parcel: {tool: step, with: {n: "${second}"}}
      letter: {tool: send, with: {n: "${second}"}}
  many: {map: {tool: step, with: {n: "${item}"}}, each: input.items, at_once: 2}
  rounds: {repeat: {tool: step, with: {n: "${rounds}"}}, start: 0, until: rounds >= 3, at_most: 9}
  sub: {graph: inner, with: {n: "${first}"}}
  skipped: {human: "Never asked", when: first > 1}
  pay: {tool: pay, with: {n: "${route}"}}
  send: {tool: send, with: {n: "${many[2]}"}}
  ask: {human: "Did ${pay} arrive?"}
  end: {tool: step, with: {n: "${rounds}"}, when: ask.yes && sub.n > 0}
output: {paid: "${pay}", sent: "${send}", end: "${end}", many: "${many}", kind: "${sort.kind}"}
"""
INNER = """\
version: 1
graph: inner
input: {n: int}
nodes:
  one: {tool: step, with: {n: "${input.n}"}}
  two: {nodes: {deep: {tool: step, with: {n: "${one}"}}}, output: {n: "${deep}"}}
output: {n: "${two.n}"}
"""
CHAIN = (
    """\
version: 1
graph: chain
input: {name: str}
nodes:
  c0: {tool: step, with: {n: 0}}
"""
    + "".join(f'  c{n}: {{tool: step, with: {{n: "${{c{n - 1}}}"}}}}\n' for n in range(1, 10))
    + """\
output: {n: "${c9}"}
"""
)
BRAID = (
    """\
version: 1
graph: braid
input: {name: str}
nodes:
  l0: {tool: step, with: {n: 0}}
  r0: {tool: count, with: {n: 0}}
"""
    + "".join(
        f'  l{n}: {{tool: step, with: {{n: "${{l{n - 1} + r{n - 1}}}"}}}}\n'
        f'  r{n}: {{tool: send, with: {{n: "${{r{n - 1} * 2 + l{n - 1}}}"}}}}\n'
        for n in range(1, 6)
    )
    + """\
output: {l: "${l5}", r: "${r5}"}
"""
)
WIDE = """\
version: 1
graph: wide
input: {name: str, items: "list[int]"}
nodes:
  many: {map: {tool: step, with: {n: "${item}"}}, each: input.items, at_once: 64}
output: {n: "${many}"}
"""
LOOP = """\
version: 1
graph: loop
input: {name: str}
nodes:
  rounds: {repeat: {tool: step, with: {n: "${rounds}"}}, start: 0, until: rounds >= 12, at_most: 20}
output: {n: "${rounds}"}
"""
NESTED = """\
version: 1
graph: nested
input: {name: str}
nodes:
  a: {graph: inner, with: {n: 1}}
  b: {map: {graph: inner, with: {n: "${item}"}}, each: "[1, 2, 3]"}
output: {a: "${a.n}", b: "${b}"}
"""
PERSON = """\
version: 1
graph: person
input: {name: str}
nodes:
  sort: {agent: sort, with: {place: "${input.name} sort"}, accept: sort.kind == 'parcel', retry: 2}
  first: {tool: step, with: {n: 1}}
  ask: {human: "May ${first} be paid?"}
  pay: {tool: pay, with: {n: "${first}"}, when: ask.yes}
  again: {human: "Did ${pay} arrive?"}
  last: {tool: send, with: {n: "${pay}"}, when: again.yes}
output: {paid: "${last}", kind: "${sort.kind}"}
"""
EFFECTS = """\
version: 1
graph: effects
input: {name: str, items: "list[int]"}
nodes:
  sent: {map: {tool: send, with: {n: "${item}"}}, each: input.items, at_once: 2}
  paid: {map: {tool: pay, with: {n: "${item}"}}, each: input.items, at_once: 2}
output: {sent: "${sent}", paid: "${paid}"}
"""
FILES: Mapping[str, str] = {
    "agents.yaml": AGENTS,
    "tools/world.py": TOOLS,
    "graphs/points.yaml": POINTS,
    "graphs/inner.yaml": INNER,
    "graphs/chain.yaml": CHAIN,
    "graphs/braid.yaml": BRAID,
    "graphs/wide.yaml": WIDE,
    "graphs/loop.yaml": LOOP,
    "graphs/nested.yaml": NESTED,
    "graphs/person.yaml": PERSON,
    "graphs/effects.yaml": EFFECTS,
}


def write_fleet(root: Path) -> Path:
    """Write the workspace."""
    for file, text in FILES.items():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(text, "utf-8")
    return root


def load_fleet(root: Path) -> Mapping[str, Plan]:
    """All graphs of the workspace."""
    checked = check_workspace(root)
    assert not checked.errors, [*map(str, checked.errors)]
    return checked.plans


def inputs_of(graph: str, name: str, width: int = 3) -> dict[str, Any]:
    """What a run of a graph is given; `name` is its own."""
    given: dict[str, Any] = {"name": name}
    if graph in {"points", "effects", "wide"}:
        given["items"] = [*range(width)]
    return given


@dataclass(frozen=True)
class World:
    """What all the work of a test did."""

    log: Path

    def note(self, what: str, key: str) -> None:
        """Write a line, in one piece."""
        handle = os.open(self.log, os.O_APPEND | os.O_CREAT | os.O_WRONLY)
        try:
            os.write(handle, f"{what} {key}\n".encode())
        finally:
            os.close(handle)

    def lines(self, start: int = 0) -> list[str]:
        """All that was done, or what came after the first `start` lines."""
        return self.log.read_text("utf-8").splitlines()[start:] if self.log.exists() else []

    def counts(self, what: str) -> Counter[str]:
        """How often a kind of work was done, by key."""
        lines = (line.partition(" ") for line in self.lines())
        return Counter(key for kind, _, key in lines if kind == what)

    def engine(self) -> ScriptedEngine:
        """Agents that write down for which place they were asked; no greedy answer is accepted."""

        def sort(request: Request) -> dict[str, Any]:
            self.note("sort", request.values["place"])
            return {"kind": "parcel" if request.temperature else "letter"}

        return ScriptedEngine({"sort": sort})
