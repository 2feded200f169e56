"""Graphs that would run for ever, or nearly: loops that never end, calls without end, storms of retries.

Each is refused by the checker, or stops at run time within its budget.
"""

from __future__ import annotations

import asyncio
import atexit
import shutil
import time
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

import yaml

from shoal.agents.engine import Request
from shoal.agents.scripted import ScriptedEngine
from shoal.errors import InvalidFiles
from shoal.graphs.check import load_plan
from shoal.graphs.plan import Plan
from shoal.journal import MemoryJournal
from shoal.runs.results import RunResult
from shoal.runs.runner import Runner
from tests.fuzz.harness import scratch_folder

AGENTS = """\
version: 1
bases: {model: {model: runaway/model, kind: decoder}}
serving: {base: model}
agents:
  guess: {input: {n: int}, output: {n: int, ok: bool}}
tools:
  work: {python: "tools/work.py:work", effect: pure}
  fail: {python: "tools/work.py:fail", effect: idempotent}
  hang: {python: "tools/work.py:hang", effect: pure}
"""
SOURCE = '''\
"""Tools that are called too often."""

import asyncio


async def work(n: int) -> int:
    return n + 1


async def fail(n: int) -> int:
    raise ValueError("no")


async def hang(n: int) -> int:
    await asyncio.Event().wait()
    return n
'''
WIDTH = 40
"""Items of the list that the run is given; the checker cannot know it."""
GRACE_S = 1.0
"""Which a run may take to end once its time is up, on a busy machine."""

Kind = Literal["int", "list", "record"]
_NEVER: dict[Kind, str] = {"int": "{0} < 0", "list": "{0}.size() == 1000", "record": "{0}.ok"}


@dataclass(slots=True)
class Writer:
    """Writes one graph."""

    random: Random
    depth: int = 0

    def step(self, name: str, item: str | None) -> tuple[dict[str, Any], Kind]:
        """A step inside the node `name`, and what it gives."""
        self.depth += 1
        kinds = ("repeat", "map", "retry", "vote") if self.depth < 5 else ("leaf",)
        match self.random.choice((*kinds, "leaf") if self.depth > 1 else kinds):
            case "repeat":
                body, kind = self.step(name, item)
                at_most = self.random.choice((3, 50, 1000, 10_000))
                return {"repeat": body, "until": _NEVER[kind].format(name), "at_most": at_most}, kind
            case "map":
                inner = f"item{self.depth}"
                body, _ = self.step(name, inner)
                at_once = self.random.choice((1, 16, 1000))
                return {"map": body, "each": "${input.items}", "as": inner, "at_once": at_once}, "list"
            case "retry":
                body, kind = self.leaf(item)
                accept = _NEVER[kind].format(name)
                return {**body, "accept": accept, "retry": self.random.choice((1, 5, 10))}, kind
            case "vote":
                step = {"agent": "guess", "with": {"n": self.number(item)}}
                escalate = {"when": f"{name}.confidence < 0.9", "to": "guess"}
                body = {**step, "escalate": escalate} if self.random.random() < 0.5 else step
                return {"vote": body, "samples": self.random.choice((2, 5, 64))}, "record"
        return self.leaf(item)

    def leaf(self, item: str | None) -> tuple[dict[str, Any], Kind]:
        """One call."""
        given = {"n": self.number(item)}
        if self.random.random() < 0.4:
            return {"agent": "guess", "with": given}, "record"
        return {"tool": self.random.choice(("work", "work", "work", "fail", "hang")), "with": given}, "int"

    def number(self, item: str | None) -> Any:
        """What a call is given."""
        return f"${{{item}}}" if item else 1


def _budget(random: Random) -> dict[str, Any]:
    limits = {
        "calls": random.choice((1, 7, 100, 300)),
        "tokens": random.choice((5, 60, 900)),
        "steps": random.choice((5, 60, 700)),
        "seconds": random.choice((0.05, 0.1, 0.2)),
    }
    chosen = random.sample(list(limits), random.choice((1, 1, 2, 4)))
    # What hangs is stopped by time alone.
    return {"seconds": 0.3, **{name: limits[name] for name in chosen}}


def _loop(random: Random) -> dict[str, Any]:
    body, _ = Writer(random).step("race", None)
    if random.random() < 0.3:
        body["budget"] = _budget(random)
    return {"nodes": {"race": body}, "output": {"n": 1}}


def _recursion(random: Random) -> dict[str, Any]:
    call = {
        "graph": "runaway", "with": {"items": "${input.items}"}, "at_most": random.choice((2, 4, 7, 16)),
        "fallback": {"n": 0},
    }  # fmt: skip
    wide = {"map": call, "each": "${input.items}", "at_once": random.choice((1, 16, 1000))}
    nodes = {"own": {"tool": "work", "with": {"n": 1}}, "again": random.choice((call, wide))}
    return {"nodes": nodes, "output": {"n": "${own}"}}


def _unbounded(random: Random) -> dict[str, Any]:
    work = {"tool": "work", "with": {"n": 1}}
    nodes: dict[str, Any] = random.choice((
        {"a": {"tool": "work", "with": {"n": "${b}"}}, "b": {"tool": "work", "with": {"n": "${a}"}}},
        {"a": {"graph": "runaway", "with": {"items": "${input.items}"}}},
        {"a": {"map": {"graph": "runaway", "with": {"items": "${input.items}"}}, "each": "${input.items}"}},
        {"a": {"nodes": {"b": {"graph": "runaway", "with": {"items": []}}}, "output": {"n": "${b.n}"}}},
        {"a": {"repeat": work, "until": "a < 0"}},
        {"a": {"repeat": work, "at_most": 5}},
        {"a": {"repeat": work, "until": "a < 0", "at_most": random.choice((0, -1, 10_001, 10**30))}},
        {"a": {**work, "retry": random.choice((11, -1, 10**30))}},
        {"a": {"vote": {"agent": "guess", "with": {"n": 1}}, "samples": random.choice((1, 65, 10**9))}},
        {"a": {**work, "budget": {random.choice(("calls", "steps", "seconds")): random.choice((0, -1))}}},
        {"a": {"graph": "runaway", "with": {"items": []}, "at_most": 17, "fallback": {"n": 0}}},
    ))  # fmt: skip
    return {"nodes": nodes, "output": {"n": 1}}


class Runaways:
    """Graphs that would not end by themselves."""

    def __init__(self) -> None:
        self.folder = scratch_folder()
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        for file, text in (("agents.yaml", AGENTS), ("tools/work.py", SOURCE), ("graphs/runaway.yaml", "")):
            (self.folder / file).parent.mkdir(exist_ok=True)
            (self.folder / file).write_text(text, "utf-8")
        self.num_refused = self.num_run = 0
        self.reasons: dict[str, int] = {}

    def case(self, seed: int) -> tuple[dict[str, Any], bool]:
        """A graph file, and whether it must be refused."""
        random = Random(seed)
        make = random.choice((_loop, _loop, _loop, _recursion, _unbounded))
        budget = {} if make is _unbounded else {"budget": _budget(random)}
        head = {"version": 1, "graph": "runaway", "input": {"items": "list[int]"}}
        return {**head, **budget, **make(random)}, make is _unbounded

    def fault(self, seed: int) -> str | None:
        """How a graph ran away."""
        graph, must_be_refused = self.case(seed)
        text = yaml.safe_dump(graph, sort_keys=False)
        (self.folder / "graphs/runaway.yaml").write_text(text, "utf-8")
        try:
            plan = load_plan(self.folder, "runaway")
        except InvalidFiles:
            self.num_refused += 1
            return None
        if must_be_refused:
            return "was not refused"
        self.num_run += 1
        return self._run(plan, graph["budget"])

    def _run(self, plan: Plan, budget: dict[str, Any]) -> str | None:
        num_asked = 0

        def answer(request: Request) -> dict[str, Any]:
            nonlocal num_asked
            num_asked += 1
            return {"n": num_asked, "ok": False, "confidence": 0.1}

        runner = Runner(ScriptedEngine({"guess": answer}), MemoryJournal(), backoff_s=lambda _: 0.0)
        start = time.monotonic()
        try:
            result = asyncio.run(asyncio.wait_for(runner.start(plan, {"items": [*range(WIDTH)]}), 20))
        except TimeoutError:
            return "did not end"
        seconds = time.monotonic() - start
        if seconds > budget["seconds"] + GRACE_S:
            return f"took {seconds:.1f} s with a budget of {budget['seconds']} s"
        self._count(result)
        return _overspent(result, num_asked, budget)

    def _count(self, result: RunResult) -> None:
        reason = next(
            (what for what in ("calls", "tokens", "steps", " s") if what in str(result.error)), "other"
        )
        self.reasons[reason if result.error else "done"] = self.reasons.get(reason, 0) + 1

    def show(self, seed: int) -> str:
        """The graph file."""
        return str(yaml.safe_dump(self.case(seed)[0], sort_keys=False))


def _overspent(result: RunResult, num_asked: int, budget: dict[str, Any]) -> str | None:
    if num_asked > budget.get("calls", num_asked):
        return f"asked {num_asked} times with a budget of {budget['calls']} calls"
    tokens = result.prompt_tokens + result.completion_tokens
    # The first answer of an agent shows what one takes; as many as are on the way may be unknown.
    if tokens > budget.get("tokens", tokens) + 4 * WIDTH**2:
        return f"took {tokens} tokens with a budget of {budget['tokens']}"
    begun = sum("used up" not in str(summary.reason) for summary in result.nodes.values())
    if begun > 2 * budget.get("steps", begun) + WIDTH:
        return f"began {begun} nodes with a budget of {budget['steps']} steps"
    return None if result.status in ("done", "failed") else f"ended as {result.status}"


def make() -> Runaways:
    """The cases of this kind."""
    return Runaways()
