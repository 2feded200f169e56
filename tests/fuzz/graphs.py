"""Random graphs: one that passes `check` never fails at run time by a type or a name.

What the checker lets through is run with random answers of agents, tools and people, nulls, empty lists and
negative numbers among them.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

import yaml

from shoal.agents.engine import Request
from shoal.agents.manifest import read_workspace
from shoal.agents.scripted import ScriptedEngine
from shoal.graphs.files import GraphFiles
from shoal.graphs.plan import Effect, HumanQuestion, Plan, Tool
from shoal.journal import MemoryJournal
from shoal.runs.interpreter import Progress
from shoal.runs.replay import replay
from shoal.runs.results import RunResult
from shoal.runs.runner import Runner
from shoal.workspace.types import Record, Type, ValueMismatch, read
from tests.fuzz.harness import scratch_folder
from tests.fuzz.writing import AGENTS, SUB_GRAPHS, TYPES, Writer, random_value

Giving: TypeAlias = Callable[[Random, Type], Any]
"""Makes the function of a tool that gives a type."""
_LEGITIMATE = re.compile(
    r"was not accepted|the budget of|were not accepted|cannot convert string to double|a condition gave null"
)
"""Reasons for which a run may fail that have nothing to do with types and names: values, also of `any`."""


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """Writes without anchors, which graph files may not have."""

    def ignore_aliases(self, data: Any) -> bool:
        """Always."""
        return True


def _tools(dice: Random, giving: Giving) -> dict[str, Tool]:
    """Tools of random types, which return whatever fits theirs."""
    made = {}
    for i in range(8):
        given = Record({f"a{j}": dice.choice(TYPES) for j in range(dice.randint(0, 2))})
        output = dice.choice(TYPES)
        effect: Effect = dice.choice(["pure", "pure", "idempotent", "once"])
        made[f"t{i}"] = Tool(
            name=f"t{i}",
            effect=effect,
            input=given,
            required=frozenset(given.fields),
            output=output,
            function=giving(dice, output),
            takes_key=True,
        )
    return made


def _giving(dice: Random, kind: Type) -> Any:
    async def function(**_: Any) -> Any:
        return random_value(dice, kind)

    return function


class RandomGraphs:
    """One random graph for a seed."""

    def __init__(self, giving: Giving = _giving) -> None:
        self.giving = giving
        self.root = scratch_folder()
        (self.root / "graphs").mkdir()
        agents = "\n".join(
            f"  {name}: {{input: {given}, output: {gives}}}" for name, (given, gives) in AGENTS.items()
        )
        manifest = "version: 1\nbases: {b: {model: none/such, kind: decoder}}\nserving: {base: b}\nagents:\n"
        (self.root / "agents.yaml").write_text(manifest + agents + "\n", encoding="utf-8")
        for name, text in SUB_GRAPHS.items():
            self._path(name).write_text(text, encoding="utf-8")
        self.file = self._path("random")
        self.file.touch()
        self.workspace, problems = read_workspace(self.root)
        assert not problems, problems
        assert not [each for name in SUB_GRAPHS for each in self._files({}).check(self._path(name))[1]]
        self.num_run = 0

    def _path(self, graph: str) -> Path:
        return self.root / "graphs" / f"{graph}.yaml"

    def show(self, seed: int) -> str:
        """The graph of a seed, and what check says of it."""
        dice, tools = self._write(seed)
        _, problems = self._files(tools).check(self.file)
        return self.file.read_text(encoding="utf-8") + "\n".join(["", *map(str, problems)])

    def fault(self, seed: int) -> str | None:
        """What went wrong in a run of a graph that was accepted."""
        dice, tools = self._write(seed)
        plan, problems = self._files(tools).check(self.file)
        if plan is None:
            return None if any(not each.is_warning for each in problems) else "neither accepted nor refused"
        self.num_run += 1
        return asyncio.run(_run(plan, dice))

    def plan(self, seed: int) -> tuple[Plan | None, Random]:
        """The plan of a seed, if it is accepted, and the dice as they lie then."""
        dice, tools = self._write(seed)
        return self._files(tools).check(self.file)[0], dice

    def _write(self, seed: int) -> tuple[Random, dict[str, Tool]]:
        dice = Random(seed)
        tools = _tools(dice, self.giving)
        agents = {name: (agent.input, agent.output) for name, agent in self.workspace.agents.items()}
        slip = dice.choice([0.0, 0.0, 0.01, 0.05])
        graph = Writer(dice, tools, agents, slip).graph()
        self.file.write_text(
            yaml.dump(graph, Dumper=_Dumper, sort_keys=False, width=10_000), encoding="utf-8"
        )
        return dice, tools

    def _files(self, tools: Mapping[str, Tool]) -> GraphFiles:
        return GraphFiles(self.workspace, self.workspace.agents, tools, frozenset())


async def _run(plan: Plan, dice: Random) -> str | None:
    """Run a plan, answering people, until it ends; what is wrong with how it ended."""

    def answer(request: Request) -> dict[str, Any]:
        return {**random_value(dice, request.agent.output), "confidence": dice.random()}

    engine = ScriptedEngine({name: answer for name in AGENTS})
    journal = MemoryJournal()
    runner = Runner(engine, journal, backoff_s=lambda _: 0.0)
    inputs = random_value(dice, plan.input)
    result = await runner.start(plan, inputs)
    for _ in range(40):
        waiting = [each.path for each in result.nodes.values() if each.status == "waiting"]
        if result.status != "waiting" or not waiting:
            break
        path = dice.choice(waiting)
        asked = _asked(Progress(plan, inputs, await journal.rows(result.run)), path)
        await runner.answer(result.run, plan, path, random_value(dice, asked))
        result = await runner.resume(result.run, plan)
    differences = replay(plan, await journal.run(result.run), await journal.rows(result.run)).differences
    return f"a replay: {differences[0]}" if differences else _verdict(plan, result)


def _asked(progress: Progress, path: str) -> Type:
    progress.due()
    instance = progress.find(path)
    assert instance is not None and isinstance(instance.node.work, HumanQuestion)
    return instance.node.work.answer


def _verdict(plan: Plan, result: RunResult) -> str | None:
    if result.status == "failed":
        reasons = [each.reason or "" for each in result.nodes.values() if each.status == "failed"]
        wrong = [reason for reason in reasons or [result.error or ""] if not _LEGITIMATE.search(reason)]
        return wrong[0] if wrong else None
    if result.status == "waiting":
        return None  # of many questions, more than were answered
    if result.status != "done":
        return None if result.status == "unknown" else f"ended as {result.status}"
    try:
        read(plan.block.output_type, result.output)
    except ValueMismatch as error:
        return f"the output {result.output} is not {plan.block.output_type}: {error}"
    return None


def make() -> RandomGraphs:
    """The cases of this kind."""
    return RandomGraphs()
