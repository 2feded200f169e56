"""The cache: what a later run need not ask again, and what it must."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from shoal.agents.engine import Request
from shoal.agents.scripted import ScriptedEngine
from shoal.graphs.plan import Budget, Node, Plan
from shoal.journal import MemoryJournal
from shoal.runs.cache import Cache, Kept, SqliteCache
from shoal.runs.results import RunResult
from shoal.runs.runner import Runner
from tests.graphs.plans import agent, block, calc, graph, node, plan, ref, tool, value, vote

pytestmark = pytest.mark.anyio
EVER = float("inf")


class MemoryCache:
    """A Cache in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, Kept] = {}

    def get(self, key: str, max_age_s: float) -> Kept | None:
        return self.kept.get(key)

    def put(self, key: str, kept: Kept) -> None:
        self.kept[key] = kept


class Counting:
    """An engine's script that counts how often it is asked."""

    def __init__(self) -> None:
        self.num_asked = 0

    def __call__(self, request: Request) -> dict[str, Any]:
        self.num_asked += 1
        return {"text": str(self.num_asked), "confidence": 0.5}


def asks(text: str = "hallo", **options: Any) -> Plan:
    made = node(
        "a", agent("a", {"text": "str"}, {"q": "str"}), inputs={"q": value(text)}, cache_s=EVER, **options
    )
    return plan(made, output={"text": ref("a.text")})


async def run(made: Plan, cache: Cache, script: Any, identity: str = "model") -> RunResult:
    runner = Runner(ScriptedEngine({"a": script}), MemoryJournal(), cache=cache, identity=identity)
    return await runner.start(made, {"message": ""})


async def test_the_same_question_is_asked_once() -> None:
    cache, script = MemoryCache(), Counting()
    first = await run(asks(), cache, script)
    second = await run(asks(), cache, script)
    assert (first.output, second.output, script.num_asked) == ({"text": "1"}, {"text": "1"}, 1)
    summary = second.nodes["a"]
    assert (summary.reason, summary.prompt_tokens, summary.confidence) == ("from the cache", 0, 0.5)


async def test_other_inputs_another_prompt_another_engine_are_asked_anew() -> None:
    cache, script = MemoryCache(), Counting()
    await run(asks(), cache, script)
    await run(asks("servus"), cache, script)
    await run(asks(), cache, script, identity="another model")
    work = agent("a", {"text": "str"}, {"q": "str"})
    changed = dataclasses.replace(work, agent=dataclasses.replace(work.agent, prompt="Be brief."))
    await run(plan(dataclasses.replace(asks().block.nodes["a"], work=changed)), cache, script)
    assert script.num_asked == 4
    assert len(cache.kept) == 4


async def test_only_what_was_accepted_is_kept_and_a_second_attempt_asks_anew() -> None:
    cache, script = MemoryCache(), Counting()
    accepts = calc("", lambda s: s["a"]["text"] == "2")
    assert (await run(asks(accept=accepts, retry=2), cache, script)).output == {"text": "2"}
    assert [kept.output for kept in cache.kept.values()] == [{"text": "2"}]
    refuses = calc("", lambda s: s["a"]["text"] == "3")
    assert (await run(asks(accept=refuses, retry=2), cache, script)).output == {"text": "3"}


async def test_the_samples_of_a_vote_are_kept_apart() -> None:
    cache, script = MemoryCache(), Counting()
    body = node("v", agent("a", {"text": "str"}), cache_s=EVER)
    made = plan(node("v", vote(body, 3, on=("text",))), output={"v": ref("v")})
    first = await run(made, cache, script)
    assert (await run(made, cache, script)).output == first.output
    assert script.num_asked == 3


async def test_tools_and_graphs_are_kept_too() -> None:
    calls: list[int] = []

    async def square(n: int) -> int:
        calls.append(n)
        return n * n

    def build(n: int) -> Plan:
        work = tool(square, "int", {"n": "int"})
        inner = block(node("s", work, inputs={"n": ref("input.n")}), output={"n": ref("s")})
        held = node("g", graph("g", {"n": "int"}), inputs={"n": value(n)}, cache_s=EVER, output={"n": "int"})
        return plan(
            node("t", work, inputs={"n": value(n)}, cache_s=EVER),
            held,
            output={"t": ref("t"), "g": ref("g.n")},
            graphs={"g": inner},
        )

    cache = MemoryCache()
    for _ in range(2):
        result = await run(build(3), cache, None)
        assert result.output == {"t": 9, "g": 9}
    assert calls == [3, 3]
    assert [*result.nodes] == ["t", "g"]
    await run(build(4), cache, None)
    assert calls == [3, 3, 4, 4]


async def test_what_comes_from_the_cache_counts_no_call() -> None:
    cache, script = MemoryCache(), Counting()
    await run(asks(), cache, script)
    many = [dataclasses.replace(asks().block.nodes["a"], name=name) for name in "abc"]
    other: Node = node("d", agent("a", {"text": "str"}), when=calc("a b c", lambda s: True))
    result = await run(plan(*many, other, budget=Budget(calls=1)), cache, script)
    assert (result.status, script.num_asked) == ("done", 2)
    result = await run(plan(asks("new").block.nodes["a"], budget=Budget(calls=0)), cache, script)
    assert result.error == "node 'a' failed: the budget of graph 'test' is used up: 0 of 0 calls"


def test_answers_are_kept_in_a_file(tmp_path: Path) -> None:
    cache = SqliteCache(tmp_path / "new" / "cache.db")
    assert cache.get("k", EVER) is None
    cache.put("k", Kept({"x": [1, None]}, 0.5))
    cache.close()
    cache = SqliteCache(tmp_path / "new" / "cache.db")
    assert cache.get("k", EVER) == ({"x": [1, None]}, 0.5)
    assert cache.get("k", 60.0) is not None
    assert cache.get("k", -1.0) is None
    cache.close()


def test_a_broken_cache_is_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "cache.db").write_text("no database at all, but long enough to be taken for one" * 100)
    cache = SqliteCache(tmp_path / "cache.db")
    assert cache.get("k", EVER) is None
    cache.put("k", Kept(1, None))
    assert cache.get("k", EVER) is None
    cache.close()
