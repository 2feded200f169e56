"""Going on with runs: after a failure, after a person, after a crash, and from every prefix of a journal."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoal.agents.scripted import ScriptedEngine
from shoal.errors import InvalidInput
from shoal.expressions.expression import Scope
from shoal.graphs.plan import Node, Plan
from shoal.journal import Journal, JournalError, MemoryJournal, NodeRow, RunBusy, RunRow, SqliteJournal
from shoal.runs.pins import PlanChanged
from shoal.runs.results import RunResult
from shoal.runs.runner import Runner
from tests.graphs.plans import agent, calc, human, node, plan, ref, tool, value

pytestmark = pytest.mark.anyio
MESSAGE = {"message": "hallo"}


def make(journal: Journal, script: Any = None) -> Runner:
    return Runner(ScriptedEngine(script), journal, backoff_s=lambda _: 0.0)


async def run_with(journal: Journal, rows: list[NodeRow], run_id: str = "r1") -> None:
    """A journal as a crash leaves it."""
    row = RunRow(
        id=run_id, graph="test", file="f", plan_sha256="0" * 64, parts={}, inputs=MESSAGE, created=1.0
    )
    await journal.create(row)
    for each in rows:
        await journal.record(dataclasses.replace(each, run=run_id))
    await journal.release(run_id)


async def test_a_failed_node_is_tried_again_and_the_others_are_not() -> None:
    calls: list[str] = []
    is_mended = False

    async def good() -> int:
        calls.append("good")
        return 1

    async def bad(x: int) -> int:
        calls.append("bad")
        if not is_mended:
            raise ValueError("no")
        return x + 1

    made = plan(
        node("good", tool(good)),
        node("bad", tool(bad, input={"x": "int"}), inputs={"x": ref("good")}, retry=1),
        output={"n": ref("bad")},
    )
    runner = make(MemoryJournal())
    result = await runner.start(made, MESSAGE)
    assert result.status == "failed"
    again = await runner.resume(result.run, made)
    assert (again.status, again.nodes["bad"].attempts) == ("failed", 4)
    is_mended = True
    last = await runner.resume(result.run, made)
    assert (last.status, last.output, last.error) == ("done", {"n": 2}, None)
    assert calls == ["good"] + ["bad"] * 5
    assert await runner.resume(result.run, made) == last
    assert len(calls) == 6


async def test_a_resumed_run_samples_the_same() -> None:
    made = plan(node("a", agent("a", {"x": "int"}), accept=calc("a", lambda s: False), retry=2))
    rows = [NodeRow(run="", path="a", attempt=n, kind="rejected") for n in (1, 2)]
    seeds = []
    for known in (0, 1, 2):
        engine, journal = ScriptedEngine(), MemoryJournal()
        await run_with(journal, rows[:known])
        await Runner(engine, journal).resume("r1", made)
        seeds.append([request.seed for request in engine.requests])
    assert seeds[1] == seeds[0][1:]
    assert seeds[2] == seeds[0][2:]


async def test_a_crash_before_the_fallback_leads_to_the_fallback() -> None:
    made = plan(
        node("a", agent("a", {"x": "int"}), retry=1, fallback={"x": value(9)}), output={"x": ref("a.x")}
    )
    journal = MemoryJournal()
    await run_with(journal, [NodeRow(run="", path="a", attempt=n, kind="rejected") for n in (1, 2)])
    engine = ScriptedEngine()
    result = await Runner(engine, journal).resume("r1", made)
    assert (result.output, engine.requests) == ({"x": 9}, [])


class Bank:
    """A tool that acts once, and may raise after it has acted."""

    def __init__(self, error: Exception | None = None) -> None:
        self.num_effects = 0
        self.error = error

    def plan(self, **options: Any) -> Plan:
        async def pay(amount: float) -> dict[str, float]:
            self.num_effects += 1
            if self.error:
                raise self.error
            return {"paid": amount}

        work = tool(pay, {"paid": "float"}, {"amount": "float"}, effect="once")
        pays = node("pay", work, inputs={"amount": value(5)}, **options)
        return plan(pays, output={"paid": ref("pay.paid")})


async def test_a_tool_that_acts_once_is_not_retried_after_it_raised() -> None:
    bank = Bank(ConnectionError("lost"))
    made = bank.plan(retry=3, fallback={"paid": value(0)})
    runner = make(MemoryJournal())
    result = await runner.start(made, MESSAGE)
    assert (result.status, bank.num_effects) == ("unknown", 1)
    assert result.nodes["pay"].status == "unknown"
    assert result.error == (
        "node 'pay' may have acted or not: tool 'pay' raised ConnectionError: lost. Look whether it did, "
        f"then run `agentctl runs answer {result.run} pay RESULT`, or with --not-done instead of the result"
    )
    assert (await runner.resume(result.run, made)).status == "unknown"
    assert bank.num_effects == 1


async def test_a_person_settles_an_uncertain_effect_with_its_result() -> None:
    bank = Bank()
    made, journal = bank.plan(), MemoryJournal()
    await run_with(journal, [NodeRow(run="", path="pay", attempt=1, kind="intent")])
    runner = make(journal)
    assert (await runner.resume("r1", made)).status == "unknown"
    with pytest.raises(InvalidInput, match="does not answer node 'pay', expected {paid: float} as JSON"):
        await runner.answer("r1", made, "pay", '{"payed": 5}')
    await runner.answer("r1", made, "pay", '{"paid": 5}')
    result = await runner.resume("r1", made)
    assert (result.status, result.output, bank.num_effects) == ("done", {"paid": 5.0}, 0)


async def test_a_person_says_that_it_did_not_act_and_it_runs_again() -> None:
    bank = Bank()
    made, journal = bank.plan(), MemoryJournal()
    await run_with(journal, [NodeRow(run="", path="pay", attempt=1, kind="intent")])
    runner = make(journal)
    await runner.settle_undone("r1", made, "pay")
    result = await runner.resume("r1", made)
    assert (result.status, result.output, bank.num_effects) == ("done", {"paid": 5.0}, 1)


async def test_an_effect_that_is_known_but_not_accepted_falls_back_or_is_settled() -> None:
    refuses = calc("pay", lambda s: s["pay"]["paid"] > 9)
    bank = Bank()
    result = await make(MemoryJournal()).start(
        bank.plan(accept=refuses, fallback={"paid": value(0)}), MESSAGE
    )
    assert (result.status, result.output, bank.num_effects) == ("done", {"paid": 0.0}, 1)
    result = await make(MemoryJournal()).start(bank.plan(accept=refuses), MESSAGE)
    assert (result.status, bank.num_effects) == ("unknown", 2)


async def test_wrong_inputs_are_found_before_the_intent() -> None:
    def pay(amount: float) -> float:
        raise AssertionError

    made = plan(
        node(
            "pay",
            tool(pay, "float", {"amount": "float"}, effect="once"),
            inputs={"amount": ref("input.message")},
        )
    )
    result = await make(MemoryJournal()).start(made, MESSAGE)
    assert result.error == "node 'pay' failed: input.amount is 'hallo', expected float"


ASKS = plan(
    node("approve", human("Approve 5 for Ada?")),
    node("after", agent("a", {"x": "int"}), when=ref("approve.yes")),
    output={"yes": ref("approve.yes")},
)


@pytest.mark.parametrize("given", ["yes", "Yes", "true", True, '{"yes": true}', {"yes": True}])
async def test_an_answer_continues_the_run(given: object) -> None:
    engine = ScriptedEngine()
    runner = Runner(engine, MemoryJournal())
    waiting = await runner.start(ASKS, MESSAGE)
    assert (waiting.status, waiting.output) == ("waiting", None)
    await runner.answer(waiting.run, ASKS, "approve", given)
    result = await runner.resume(waiting.run, ASKS)
    assert (result.status, result.output, len(engine.requests)) == ("done", {"yes": True}, 1)
    assert result.nodes["approve"].question == "Approve 5 for Ada?"


async def test_what_is_no_answer_is_refused_and_the_run_still_waits() -> None:
    runner = make(MemoryJournal())
    run_id = (await runner.start(ASKS, MESSAGE)).run
    for text in ("maybe", "5", '{"no": true}', ""):
        with pytest.raises(InvalidInput, match="does not answer node 'approve', expected yes or no"):
            await runner.answer(run_id, ASKS, "approve", text)
    with pytest.raises(InvalidInput, match="graph 'test' has no node 'aprove'. Did you mean 'approve'?"):
        await runner.answer(run_id, ASKS, "aprove", "yes")
    with pytest.raises(InvalidInput, match="node 'after' of run .* does not wait for an answer"):
        await runner.answer(run_id, ASKS, "after", "yes")
    with pytest.raises(InvalidInput, match="asks a question; it is no tool"):
        await runner.settle_undone(run_id, ASKS, "approve")
    assert (await runner.resume(run_id, ASKS)).status == "waiting"


async def test_a_second_answer_is_refused() -> None:
    runner = make(MemoryJournal())
    run_id = (await runner.start(ASKS, MESSAGE)).run
    await runner.answer(run_id, ASKS, "approve", "no")
    with pytest.raises(InvalidInput, match="node 'approve' of run .* has been answered already"):
        await runner.answer(run_id, ASKS, "approve", "yes")
    assert (await runner.resume(run_id, ASKS)).output == {"yes": False}


async def test_answers_fit_the_record_of_their_node() -> None:
    made = plan(
        node("text", human(answer={"text": "str"})),
        node("form", human(answer={"amount": "float", "why": "str?"}), accept=calc("form", lambda s: False)),
        output={"text": ref("text.text")},
    )
    runner = make(MemoryJournal())
    run_id = (await runner.start(made, MESSAGE)).run
    await runner.answer(run_id, made, "text", "just words")
    with pytest.raises(InvalidInput, match="does not accept this answer"):
        await runner.answer(run_id, made, "form", '{"amount": 3}')
    assert (await runner.resume(run_id, made)).output == {"text": "just words"}


async def test_a_run_is_executed_once_at_a_time(tmp_path: Path) -> None:
    begun, finish = asyncio.Event(), asyncio.Event()

    async def wait() -> int:
        begun.set()
        await finish.wait()
        return 1

    made = plan(node("ask", human()), node("a", tool(wait)))
    one, other = SqliteJournal(tmp_path / "j.db"), SqliteJournal(tmp_path / "j.db")
    first = asyncio.create_task(make(one).start(made, MESSAGE))
    await begun.wait()
    (row,) = await other.runs()
    assert row.status == "running"
    for journal in (one, other):
        with pytest.raises(RunBusy, match=f"run {row.id} is being executed by process"):
            await make(journal).resume(row.id, made)
        with pytest.raises((RunBusy, InvalidInput)):
            await make(journal).answer(row.id, made, "ask", "yes")
    finish.set()
    assert (await first).status == "waiting"
    await make(other).answer(row.id, made, "ask", "yes")
    assert (await make(other).resume(row.id, made)).status == "done"
    await one.close()
    await other.close()


async def test_a_cancelled_run_is_given_up_and_goes_on_later() -> None:
    begun = asyncio.Event()
    is_again = False

    async def wait() -> int:
        begun.set()
        if not is_again:
            await asyncio.Event().wait()
        return 1

    made, journal = plan(node("a", tool(wait)), output={"n": ref("a")}), MemoryJournal()
    task = asyncio.create_task(make(journal).start(made, MESSAGE))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (row,) = await journal.runs()
    assert row.status == "interrupted"
    is_again = True
    assert (await make(journal).resume(row.id, made)).output == {"n": 1}


async def test_a_run_goes_on_when_the_disk_has_room_again(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "j.db")
    calls: list[str] = []

    async def fill() -> str:
        calls.append("fill")
        (pages,) = journal._connection.execute("PRAGMA page_count").fetchone()
        journal._connection.execute(f"PRAGMA max_page_count = {pages}")
        return "ok"

    async def large() -> str:
        calls.append("large")
        return "x" * 100_000

    made = plan(
        node("fill", tool(fill, "str")),
        node("large", tool(large, "str"), when=calc("fill", lambda s: True)),
        output={"text": ref("large")},
    )
    with pytest.raises(
        JournalError, match="the disk is full. Make room, then `agentctl runs resume"
    ) as refusal:
        await make(journal).start(made, MESSAGE)
    journal._connection.execute("PRAGMA max_page_count = 1000000")
    (row,) = await journal.runs()
    assert (row.status, row.id in str(refusal.value)) == ("interrupted", True)
    assert (await make(journal).resume(row.id, made)).output == {"text": "x" * 100_000}
    assert calls == ["fill", "large", "large"]
    await journal.close()


async def test_another_plan_is_refused_in_words_and_taken_on_request() -> None:
    def work(prompt: str, adapter: str, *extra: Node) -> Plan:
        asked = agent("a", {"x": "int"})
        changed = dataclasses.replace(asked.agent, prompt=prompt)
        return plan(
            node("ask", human()),
            node("a", dataclasses.replace(asked, agent=changed), when=ref("ask.yes")),
            *extra,
            sha256=adapter * 64,
        )

    old, journal = work("Say it.", "0"), MemoryJournal()
    new = work("Say it well.", "1", node("b", human()))
    runner = make(journal)
    run_id = (await runner.start(old, MESSAGE)).run
    message = (
        f"run {run_id} started with other files: node 'b' is new, the prompt of agent 'a' changed. Restore "
        f"them, or go on with what there is now: `agentctl runs %s --migrate`"
    )
    for command, attempt in {
        f"resume {run_id}": runner.resume(run_id, new),
        f"answer {run_id} ask VALUE": runner.answer(run_id, new, "ask", "yes"),
        f"fork {run_id} --at ask": runner.fork(run_id, new, at="ask"),
    }.items():
        with pytest.raises(PlanChanged) as refusal:
            await attempt
        assert str(refusal.value) == message % command
    same_parts = dataclasses.replace(old, sha256="2" * 64)
    with pytest.raises(PlanChanged, match="graphs/test.yaml or a file it depends on changed"):
        await runner.resume(run_id, same_parts)
    await runner.answer(run_id, new, "ask", "yes", migrate=True)
    result = await runner.resume(run_id, new, migrate=True)
    assert {name: each.status for name, each in result.nodes.items()} == {
        "ask": "done",
        "a": "done",
        "b": "waiting",
    }
    assert (await runner.resume(run_id, new)).status == "waiting"


class Recorder(MemoryJournal):
    """Keeps all rows in the order in which they were written, open ones too."""

    def __init__(self) -> None:
        super().__init__()
        self.history: list[NodeRow] = []

    async def record(self, row: NodeRow) -> None:
        await super().record(row)
        self.history.append(row)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Graphs of up to eight nodes: tools that fail, agents that are refused, skips, questions, effects."""
    nodes: list[Node] = []
    for number in range(draw(st.integers(1, 8))):
        name = f"n{number}"
        others = [each.name for each in nodes]
        needs = draw(st.lists(st.sampled_from(others), unique=True, max_size=2)) if others else []
        asks = draw(st.lists(st.sampled_from(others), unique=True, max_size=1)) if others else []
        names = " ".join([*needs, *(f"{other}?" for other in asks)])
        options: dict[str, Any] = {}
        condition = draw(st.sampled_from([None, True, True, False]))
        if condition is not None or names:
            options["when"] = calc(names, _constant(condition))
        nodes.append(_any_node(draw, name, options))
    shown = draw(st.lists(st.sampled_from([each.name for each in nodes]), unique=True, min_size=1))
    return plan(*nodes, output={name: ref(name) for name in shown})


def _constant(condition: bool | None) -> Callable[[Scope], Any]:
    return lambda _: condition is not False


def _any_node(draw: st.DrawFn, name: str, options: dict[str, Any]) -> Node:
    async def count() -> int:
        return int(name[1:])

    async def fail() -> int:
        raise ValueError(name)

    kind = draw(st.sampled_from(["tool", "tool", "fail", "agent", "refused", "human", "once", "broken"]))
    if kind in {"fail", "refused"}:
        options["retry"] = draw(st.integers(0, 2))
    if kind == "refused":
        options["accept"] = calc(name, lambda s: False)
        options["fallback"] = {"x": value(7)} if draw(st.booleans()) else None
    if kind == "human":
        return node(name, human(f"{name}?"), **options)
    if kind in {"agent", "refused"}:
        return node(name, agent(name, {"x": "int"}), **options)
    effect: Any = "once" if kind in {"once", "broken"} else "pure"
    return node(name, tool(fail if kind in {"fail", "broken"} else count, effect=effect), **options)


def essence(result: RunResult) -> Any:
    nodes = {path: (each.status, each.output) for path, each in result.nodes.items()}
    return result.status, result.output, (result.error or "").replace(result.run, "RUN"), nodes


@settings(max_examples=150, deadline=None)
@given(made=plans(), answers=st.lists(st.booleans(), min_size=8, max_size=8))
def test_from_every_prefix_of_the_journal_a_run_ends_the_same(made: Plan, answers: list[bool]) -> None:
    asyncio.run(_check_prefixes(made, answers))


async def _check_prefixes(made: Plan, answers: list[bool]) -> None:
    recorder = Recorder()
    whole = await _to_the_end(make(recorder), made, answers, await make(recorder).start(made, MESSAGE))
    history = recorder.history
    for length in range(len(history) + 1):
        journal, engine = Recorder(), ScriptedEngine()
        await run_with(journal, history[:length], whole.run)
        known = {row.path for row in history[:length] if row.kind in {"done", "fallback", "answered"}}
        runner = Runner(engine, journal, backoff_s=lambda _: 0.0)
        result = await _to_the_end(runner, made, answers, await runner.resume(whole.run, made))
        assert not known & {row.path for row in journal.history[length:]}, "a recorded node ran again"
        assert not known & {request.agent.name for request in engine.requests}
        cut = history[length - 1] if length else None
        if cut is None or cut.kind != "intent":  # that one is uncertain for good, and says so
            assert essence(result) == essence(whole)
        else:
            assert result.nodes[cut.path].status == "unknown"


async def _to_the_end(runner: Runner, made: Plan, answers: list[bool], result: RunResult) -> RunResult:
    for number, name in enumerate(made.block.nodes):
        summary = result.nodes.get(name)
        if summary and summary.status == "waiting":
            await runner.answer(result.run, made, name, answers[number])
            result = await runner.resume(result.run, made)
    return result
