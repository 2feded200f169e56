"""From every prefix of its journal, and whatever takes how long, a run of any graph ends the same."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shoal.agents.engine import Request
from shoal.agents.scripted import ScriptedEngine
from shoal.errors import InvalidInput
from shoal.graphs.plan import Block, Escalation, Node, Plan, Vote, walk_nodes
from shoal.journal import Journal, MemoryJournal, NodeRow, RunRow
from shoal.runs.results import RunResult
from shoal.runs.runner import Runner
from tests.graphs.plans import (
    Calc,
    agent,
    block,
    calc,
    each,
    graph,
    human,
    inline,
    node,
    plan,
    ref,
    repeat,
    switch,
    tool,
    value,
    vote,
)

FINISHED = {"done", "fallback", "answered"}


class Latencies:
    """How long each piece of work takes, in turns of the loop, by chance."""

    def __init__(self) -> None:
        self.chance = random.Random(0)

    async def wait(self) -> None:
        for _ in range(self.chance.randrange(4)):
            await asyncio.sleep(0)


LATENCIES = Latencies()


class Recorder(MemoryJournal):
    """Keeps all rows in the order in which they were written, open ones too."""

    def __init__(self) -> None:
        super().__init__()
        self.history: list[NodeRow] = []

    async def record(self, row: NodeRow) -> None:
        await super().record(row)
        self.history.append(row)


class Drawn:
    """A graph being drawn: leaves that work, fail, are refused or ask; all that can hold them, nested."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.graphs: dict[str, Block] = {}
        self.num_names = 0

    def name(self) -> str:
        self.num_names += 1
        return f"n{self.num_names}"

    def nodes(self, depth: int, most: int) -> list[Node]:
        made: list[Node] = []
        for _ in range(self.draw(st.integers(1, most))):
            others = [each.name for each in made]
            names = (
                [] if not others else self.draw(st.lists(st.sampled_from(others), unique=True, max_size=2))
            )
            marks = [self.draw(st.sampled_from(["", "", "?"])) for _ in names]
            condition = self.draw(st.sampled_from([True, True, True, False]))
            when = calc(" ".join(map("".join, zip(names, marks, strict=True))), _constant(condition))
            made.append(self.node(self.name(), depth, when=when))
        return made

    def node(self, name: str, depth: int, **options: Any) -> Node:
        kinds = ["tool", "tool", "fail", "agent", "refused", "unsure", "human", "once"]
        held = ["inline", "graph", "switch", "map", "map", "repeat", "vote"]
        kind = self.draw(st.sampled_from(kinds + (2 * held if depth else [])))
        if kind not in {"human", "once"}:
            options["retry"] = self.draw(st.integers(0, 1))
        if kind in held:
            return self.composite(kind, name, depth, options)
        return leaf(kind, name, options)

    def composite(self, kind: str, name: str, depth: int, options: dict[str, Any]) -> Node:
        if self.draw(st.sampled_from([False, False, True])):
            options["accept"] = calc("", _constant(False))
        if kind in {"inline", "graph"}:
            held = self.nodes(depth - 1, 3)
            shown = {"x": calc(f"{held[-1].name}?", lambda s: s.get(held[-1].name) is not None)}
            if self.draw(st.booleans()):
                options["fallback"] = {"x": value(True)}
            if kind == "inline":
                return node(name, inline(*held, output=shown), **options)
            self.graphs[name] = block(*held, output=shown)
            return node(name, graph(name), output={"x": "any?"}, **options)
        if kind == "vote":
            return node(name, self.voting(name), **options)
        body = self.node(name, depth - 1)
        if kind == "switch":
            cases = {"a": body, "b": self.node(name, depth - 1)}
            return node(name, switch(value(self.draw(st.sampled_from("ab"))), cases), **options)
        if kind == "map":
            items = value([*range(self.draw(st.integers(0, 3)))])
            return node(name, each(items, body, at_once=self.draw(st.integers(1, 3))), **options)
        num_rounds = self.draw(st.integers(1, 3))
        return node(name, repeat(body, value(False), num_rounds), **options)

    def voting(self, name: str) -> Vote:
        asked = node(name, agent("voter", {"x": "int"}))
        if self.draw(st.booleans()):
            asked = node(name, inline(asked, leaf("tool", self.name(), {}), output={"x": ref(f"{name}.x")}))
        return vote(asked, self.draw(st.integers(2, 5)), on=("x",), early=self.draw(st.booleans()))


def _constant(condition: bool) -> Any:
    return lambda _: condition


def leaf(kind: str, name: str, options: dict[str, Any]) -> Node:
    async def count() -> int:
        await LATENCIES.wait()
        return int(name[1:])

    async def fail() -> int:
        await LATENCIES.wait()
        raise ValueError(name)

    if kind == "human":
        return node(name, human(f"{name}?"), **options)
    if kind == "refused":
        options["accept"] = calc("", _constant(False))
        options["fallback"] = {"x": value(7)} if int(name[1:]) % 2 else None
    if kind == "unsure":
        to = node(name, human(answer={"x": "int"}) if int(name[1:]) % 2 else agent("larger", {"x": "int"}))
        options["escalate"] = Escalation(when=value(True), to=to)
    if kind in {"agent", "refused", "unsure"}:
        return node(name, agent(name, {"x": "int"}), **options)
    effect: Any = "once" if kind == "once" else "pure"
    return node(name, tool(fail if kind == "fail" else count, effect=effect), **options)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    drawn = Drawn(draw)
    nodes = drawn.nodes(depth=2, most=4)
    shown: dict[str, Calc] = {each.name: calc(f"{each.name}?", _read(each.name)) for each in nodes}
    return plan(*nodes, output=shown, graphs=drawn.graphs)


def _read(name: str) -> Any:
    return lambda s: s.get(name)


def engine() -> ScriptedEngine:
    async def answer(request: Request) -> dict[str, Any]:
        await LATENCIES.wait()
        return {"x": request.seed % 2 if request.agent.name == "voter" else 1, "confidence": 0.5}

    names = ["voter", "larger", *(f"n{number}" for number in range(100))]
    return ScriptedEngine(dict.fromkeys(names, answer))


def essence(result: RunResult, made: Plan) -> Any:
    # How often something that fails was gone about again, and what that gave, depends on how often the run
    # was resumed. Of a vote that ends early, some samples may have come after all.
    early = [f"{each.name}[" for each in walk_nodes(made) if isinstance(each.work, Vote) and each.work.early]
    nodes = {
        path: (found.status, found.output if found.status != "failed" else None)
        for path, found in result.nodes.items()
        if "#" not in path and not any(sample in path for sample in early)
    }
    return result.status, result.output, (result.error or "").replace(result.run, "RUN"), nodes


async def to_the_end(runner: Runner, made: Plan, result: RunResult) -> RunResult | None:
    """Answer what is asked, and go on, until nothing changes.

    None if that never ends: two nodes that fail and then ask again, each whenever the other is answered.
    """
    for _ in range(12):
        num_answered = 0
        for path in [path for path, found in result.nodes.items() if found.status == "waiting"]:
            is_yes = hashlib.sha256(path.encode()).digest()[0] % 2 == 0
            try:
                await runner.answer(result.run, made, path, int(is_yes) if "escalate" in path else is_yes)
                num_answered += 1
            except InvalidInput as error:
                assert "is not waited for any more" in str(error)
        if not num_answered:
            return result
        result = await runner.resume(result.run, made)
    return None


async def as_a_crash_leaves_it(journal: Journal, rows: list[NodeRow], run_id: str) -> None:
    row = RunRow(id=run_id, graph="test", file="f", plan_sha256="0" * 64, parts={}, inputs={"message": ""})
    await journal.create(row)
    kept = [*{(row.path, row.attempt): row for row in rows}.values()]
    LATENCIES.chance.shuffle(kept)  # in which order rows come means nothing
    for one in kept:
        await journal.record(dataclasses.replace(one, run=run_id))
    await journal.release(run_id)


def runner_of(journal: Journal) -> Runner:
    return Runner(engine(), journal, backoff_s=lambda _: 0.0)


@settings(max_examples=100, deadline=None)
@given(made=plans(), seed=st.integers(0, 1000))
def test_from_every_prefix_of_the_journal_a_run_ends_the_same(made: Plan, seed: int) -> None:
    asyncio.run(_check(made, seed))


async def _check(made: Plan, seed: int) -> None:
    LATENCIES.chance = random.Random(seed)
    recorder = Recorder()
    runner = runner_of(recorder)
    whole = await to_the_end(runner, made, await runner.start(made, {"message": ""}))
    if whole is None:
        return
    for latency in range(3):
        LATENCIES.chance = random.Random(seed + latency)
        for length in range(latency, len(recorder.history) + 1, 3):
            if not _is_between_answers(recorder.history, length):
                await _check_prefix(made, whole, recorder.history, length)


def _is_between_answers(history: list[NodeRow], length: int) -> bool:
    """Whoever answers one question and goes on before the next gets what that leads to, and rightly so."""
    return [row.kind for row in history[length - 1 : length + 1]] == ["answered", "answered"]


async def _check_prefix(made: Plan, whole: RunResult, history: list[NodeRow], length: int) -> None:
    journal = Recorder()
    await as_a_crash_leaves_it(journal, history[:length], whole.run)
    known = {row.path for row in history[:length] if row.kind in FINISHED}
    runner = runner_of(journal)
    result = await to_the_end(runner, made, await runner.resume(whole.run, made))
    assert not known & {row.path for row in journal.history[length:]}, "a recorded node ran again"
    if result is None:
        return
    last = {row.path: row.kind for row in history[:length]}
    uncertain = {path for path, kind in last.items() if kind == "intent"}
    if uncertain:  # for good: the run says so and goes no further
        assert result.status == "unknown"
        assert {result.nodes[path].status for path in uncertain} == {"unknown"}
    else:
        assert essence(result, made) == essence(whole, made)
