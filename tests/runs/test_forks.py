"""Forks: a new run that begins with what another has recorded, without a node and what follows from it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shoal.agents.scripted import ScriptedEngine
from shoal.errors import InvalidInput
from shoal.graphs.plan import Node, Plan
from shoal.journal import Journal, MemoryJournal, SqliteJournal
from shoal.runs.cache import SqliteCache
from shoal.runs.forks import GIVEN, ActsAgain
from shoal.runs.pins import Origin, origin_of
from shoal.runs.results import RunResult
from shoal.runs.runner import Runner
from tests.graphs.plans import (
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
    tool,
    value,
    vote,
)

pytestmark = pytest.mark.anyio
MESSAGE = {"message": "hallo"}


class Shop:
    """Tools that count their calls, and a runner."""

    def __init__(self, journal: Journal | None = None, script: Any = None) -> None:
        self.calls: list[str] = []
        self.is_broken = False
        self.journal = journal or MemoryJournal()
        self.engine = ScriptedEngine(script)
        self.runner = Runner(self.engine, self.journal, backoff_s=lambda _: 0.0)

    def add(self, name: str, given: Any, effect: Any = "pure", **options: Any) -> Node:
        """A tool node that adds one."""

        async def plus(n: int) -> int:
            self.calls.append(name)
            if self.is_broken:
                raise ValueError("broken")
            return n + 1

        return node(name, tool(plus, "int", {"n": "int"}, effect), inputs={"n": given}, **options)

    async def start(self, made: Plan) -> RunResult:
        result = await self.runner.start(made, MESSAGE)
        self.calls.clear()
        return result

    async def fork(self, made: Plan, run: RunResult, at: str, *output: Any, **options: Any) -> RunResult:
        if output:
            options["output"] = output[0]
        return await self.runner.fork(run.run, made, at=at, **options)


@pytest.fixture
def shop() -> Shop:
    return Shop()


def diamond(shop: Shop) -> Plan:
    both = calc("b c", lambda s: 100 * s["b"] + s["c"])
    a, b, c = shop.add("a", value(0)), shop.add("b", ref("a")), shop.add("c", ref("a"))
    return plan(a, b, c, shop.add("d", both), output={"d": ref("d")})


async def test_only_what_follows_runs_again(shop: Shop) -> None:
    made = diamond(shop)
    run = await shop.start(made)
    assert run.output == {"d": 203}
    fork = await shop.fork(made, run, "b")
    assert (fork.status, fork.output, shop.calls) == ("done", {"d": 203}, ["b", "d"])
    assert fork.run != run.run
    assert [*fork.nodes] == ["a", "c", "b", "d"]


async def test_an_output_takes_the_place_of_the_call(shop: Shop) -> None:
    made = diamond(shop)
    run = await shop.start(made)
    fork = await shop.fork(made, run, "b", 7)
    assert (fork.output, shop.calls) == ({"d": 703}, ["d"])
    assert (fork.nodes["b"].output, fork.nodes["b"].reason) == (7, GIVEN)
    assert (await shop.journal.run(run.run)).output == {"d": 203}, "the run itself stays"
    row = await shop.journal.run(fork.run)
    assert origin_of(row) == Origin(run.run, "b")
    assert origin_of(await shop.journal.run(run.run)) is None


async def test_forks_survive_the_process(tmp_path: Path) -> None:
    shop = Shop(SqliteJournal(tmp_path / "journal.db"))
    made = diamond(shop)
    run = await shop.start(made)
    shop.is_broken = True
    fork = await shop.fork(made, run, "b", 7)
    assert fork.error == "node 'd' failed: tool 'plus' raised ValueError: broken"
    await shop.journal.close()
    again = Shop(SqliteJournal(tmp_path / "journal.db"))
    made = diamond(again)
    assert (await again.runner.resume(fork.run, made)).output == {"d": 703}
    assert again.calls == ["d"]
    assert origin_of(await again.journal.run(fork.run)) == Origin(run.run, "b")
    await again.journal.close()


async def test_a_fork_of_a_fork(shop: Shop) -> None:
    made = diamond(shop)
    first = await shop.fork(made, await shop.start(made), "b", 7)
    second = await shop.fork(made, first, "c", 9)
    assert second.output == {"d": 710}
    third = await shop.fork(made, second, "a")
    assert third.output == {"d": 203}, "what was given follows from a, too"


async def test_an_item_of_a_map(shop: Shop) -> None:
    body = node("m", inline(shop.add("x", ref("item")), shop.add("y", ref("x")), output={"n": ref("y")}))
    total = calc("m", lambda s: sum(each["n"] for each in s["m"]))
    made = plan(node("m", each(value([0, 10, 20]), body)), shop.add("sum", total), output={"n": ref("sum")})
    run = await shop.start(made)
    assert run.output == {"n": 37}
    fork = await shop.fork(made, run, "m[1].x", 1000)
    assert (fork.output, shop.calls) == ({"n": 1026}, ["y", "sum"])
    fork = await shop.fork(made, run, "m[1]", {"n": 5})
    assert fork.output == {"n": 30}
    assert not [path for path in fork.nodes if path.startswith("m[1].")], "what was inside is gone"
    assert "m[0].x" in fork.nodes


async def test_a_round_and_those_after_it(shop: Shop) -> None:
    last = calc("", lambda s: s.get("r", 0))
    body = shop.add("r", last)
    made = plan(node("r", repeat(body, calc("", lambda s: s["r"] >= 5), 10)), output={"n": ref("r")})
    run = await shop.start(made)
    assert run.output == {"n": 5}
    fork = await shop.fork(made, run, "r[1]", 4)
    assert (fork.output, shop.calls) == ({"n": 5}, ["r"])
    assert {*fork.nodes} == {"r[0]", "r[1]", "r[2]", "r"}


async def test_a_sample_of_a_vote_with_its_confidence() -> None:
    script = {"a": lambda request: {"x": 1, "confidence": 0.6}}
    shop = Shop(script=script)
    body = node("v", agent("a", {"x": "int"}))
    made = plan(
        node("v", vote(body, 3, by="confidence", on=("x",))),
        output={"x": ref("v.x"), "sure": ref("v.confidence")},
    )
    run = await shop.start(made)
    assert run.output == {"x": 1, "sure": 0.6}
    asked = len(shop.engine.requests)
    fork = await shop.fork(made, run, "v[2]", {"x": 2})
    assert fork.output == {"x": 2, "sure": 1.0}, "who gives an output is sure of it"
    fork = await shop.fork(made, run, "v[2]", {"x": 2, "confidence": 0.1})
    assert fork.output == {"x": 1, "sure": 0.6}
    fork = await shop.fork(made, run, "v", {"x": 3, "confidence": 0.2})
    assert fork.output == {"x": 3, "sure": 0.2}
    assert len(shop.engine.requests) == asked


async def test_a_second_go(shop: Shop) -> None:
    held = inline(shop.add("x", value(0)), output={"n": ref("x")})
    refused = calc("", lambda s: s["o"]["n"] > 5)
    made = plan(node("o", held, retry=2, accept=refused, fallback=value({"n": 0})), output={"n": ref("o")})
    run = await shop.start(made)
    assert run.nodes["o"].status == "fallback"
    fork = await shop.fork(made, run, "o#2.x", 7)
    assert (fork.output, shop.calls) == ({"n": {"n": 7}}, [])
    assert (fork.nodes["o"].attempts, fork.nodes["o"].status) == (2, "done")
    fork = await shop.fork(made, run, "o#3")
    assert (fork.output, shop.calls) == ({"n": {"n": 0}}, ["x"])
    fork = await shop.fork(made, run, "o#2", {"n": 3})
    assert (fork.output, fork.nodes["o"].attempts) == ({"n": {"n": 3}}, 2)


async def test_what_others_wait_for_is_kept(shop: Shop) -> None:
    async def act() -> int:
        shop.calls.append("act")
        raise ValueError("lost")

    uncertain = node("act", tool(act, effect="once"))
    made = plan(shop.add("a", value(0)), node("ask", human()), uncertain, shop.add("b", ref("a")))
    run = await shop.start(made)
    fork = await shop.fork(made, run, "a")
    assert (fork.status, shop.calls) == ("unknown", ["a", "b"])
    assert {path: found.status for path, found in fork.nodes.items()} == {
        "a": "done",
        "b": "done",
        "ask": "waiting",
        "act": "unknown",
    }
    await shop.runner.answer(fork.run, made, "act", 3)
    await shop.runner.answer(fork.run, made, "ask", "yes")
    assert (await shop.runner.resume(fork.run, made)).status == "done"
    assert (await shop.journal.run(run.run)).status == "unknown"


async def test_a_failure_elsewhere_stays_one_until_the_fork_is_resumed(shop: Shop) -> None:
    async def fail() -> int:
        shop.calls.append("bad")
        raise ValueError("no")

    made = plan(shop.add("a", value(0)), node("bad", tool(fail)), output={"a": ref("a")})
    run = await shop.start(made)
    fork = await shop.fork(made, run, "a", 5)
    assert (fork.status, fork.error, shop.calls) == ("failed", run.error, [])
    await shop.runner.resume(fork.run, made)
    await shop.fork(made, run, "bad")
    assert shop.calls == ["bad", "bad"]


async def test_what_acts_once_acts_again_only_on_request(shop: Shop) -> None:
    made = plan(
        shop.add("a", value(0)),
        shop.add("pay", ref("a"), "once"),
        shop.add("tell", ref("pay")),
        output={"n": ref("tell")},
    )
    run = await shop.start(made)
    with pytest.raises(ActsAgain) as refused:
        await shop.fork(made, run, "a", 5)
    assert str(refused.value) == (
        f"a fork of run {run.run} at node 'a' may call tools again that act once and have acted: 'pay'. "
        "Fork behind it, or say that they may act again: --again"
    )
    with pytest.raises(ActsAgain, match=r"'pay'\. Give its output, or"):
        await shop.fork(made, run, "pay")
    assert len(await shop.journal.runs()) == 1
    fork = await shop.fork(made, run, "pay", 50)
    assert (fork.output, shop.calls) == ({"n": 51}, ["tell"])
    fork = await shop.fork(made, run, "tell")
    assert fork.output == run.output
    fork = await shop.fork(made, run, "a", 5, again=True)
    assert (fork.output, shop.calls) == ({"n": 7}, ["tell", "tell", "pay", "tell"])
    given = await shop.fork(made, await shop.fork(made, run, "pay", 50), "pay", 60)
    assert given.output == {"n": 61}


async def test_a_composite_that_holds_what_acts_once_can_be_given(shop: Shop) -> None:
    held = inline(shop.add("pay", value(0), "once"), output={"n": ref("pay")})
    made = plan(node("o", held), output={"o": ref("o")})
    run = await shop.start(made)
    with pytest.raises(ActsAgain, match="'o.pay'"):
        await shop.fork(made, run, "o")
    assert (await shop.fork(made, run, "o", {"n": 9})).output == {"o": {"n": 9}}
    assert shop.calls == []


@pytest.mark.parametrize(
    ("at", "output", "said"),
    [
        ("a", "x", "\"x\" is no output of node 'a', which gives int: the output is 'x', expected int"),
        (
            "small",
            {},
            "{} is no output of node 'small', which gives {x: int}: the output lacks the field 'x'",
        ),
        ("small", {"x": 1, "confidence": "low"}, "its confidence is 'low', expected float"),
        ("later", 1, "nothing is recorded of node 'later'."),
        ("smal", 1, "graph 'test' has no node 'smal'. Did you mean 'small'?"),
    ],
)
async def test_what_does_not_fit_is_refused_in_words(at: str, output: Any, said: str) -> None:
    shop = Shop(script={"small": {"x": 1, "confidence": 0.5}})
    made = plan(
        shop.add("a", value(0)),
        node("small", agent("small", {"x": "int"})),
        node("ask", human()),
        shop.add("later", calc("ask", lambda s: 0)),
    )
    run = await shop.start(made)
    with pytest.raises(InvalidInput) as refused:
        await shop.fork(made, run, at, output)
    assert said in str(refused.value)
    assert len(await shop.journal.runs()) == 1


async def test_other_files_need_a_word(shop: Shop) -> None:
    made = diamond(shop)
    run = await shop.start(made)
    other = replace(diamond(shop), sha256="1" * 64)
    fork = await shop.runner.fork(run.run, other, at="b", migrate=True)
    row = await shop.journal.run(fork.run)
    assert (fork.status, row.plan_sha256) == ("done", "1" * 64)
    third = await shop.fork(other, fork, "d")
    assert third.status == "done", "it is pinned to what it was forked with"


async def test_the_cache_neither_hides_an_output_nor_learns_it(shop: Shop, tmp_path: Path) -> None:
    cache = SqliteCache(tmp_path / "cache.db")
    shop.runner = Runner(shop.engine, shop.journal, cache=cache)
    inner = block(shop.add("x", ref("input.n"), cache_s=60.0), output={"n": ref("x")})
    called = node(
        "g", graph("inner", {"n": "int"}), inputs={"n": value(1)}, cache_s=60.0, output={"n": "int"}
    )
    made = plan(called, shop.add("after", ref("g.n")), output={"n": ref("after")}, graphs={"inner": inner})
    run = await shop.start(made)
    assert run.output == {"n": 3}
    fork = await shop.fork(made, run, "g.x", 50)
    assert (fork.output, shop.calls) == ({"n": 51}, ["after"])
    await shop.fork(made, run, "g.x")
    assert shop.calls == ["after", "x", "after"], "what is forked at is called, whatever the cache has"
    assert (await shop.start(made)).output == {"n": 3}
    cache.close()


async def test_thousands_of_items_are_forked_quickly(shop: Shop) -> None:
    body = shop.add("m", ref("item"))
    made = plan(node("m", each(value([*range(5000)]), body)), output={"m": ref("m")})
    run = await shop.start(made)
    began = asyncio.get_running_loop().time()
    fork = await shop.fork(made, run, "m[17]", -1)
    assert asyncio.get_running_loop().time() - began < 5
    assert fork.output is not None
    assert fork.output["m"][16:19] == [17, -1, 19]
    assert shop.calls == []
