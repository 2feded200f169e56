"""Starts or resumes one run, for tests that kill this process: `crash_script.py JOURNAL LOG LENGTH`.

Each piece of work appends its name to LOG, so that the test can count. Where the run asks or is uncertain,
this script is the person: it looks into LOG whether the payment was made.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shoal.agents.engine import Request
from shoal.agents.scripted import ScriptedEngine
from shoal.graphs.plan import Block, Node, Plan, ToolCall
from shoal.journal import SqliteJournal
from shoal.runs.results import RunResult
from shoal.runs.runner import Runner
from tests.graphs.plans import (
    agent,
    block,
    calc,
    each,
    graph,
    human,
    log_of,
    node,
    plan,
    ref,
    repeat,
    switch,
    tool,
    value,
)

Note = Callable[[str], None]


def noting(log: Path) -> Note:
    def note(name: str) -> None:
        handle = os.open(log, os.O_APPEND | os.O_CREAT | os.O_WRONLY)
        os.write(handle, f"{name}\n".encode())
        os.close(handle)

    return note


def build(note: Note, length: int) -> Plan:
    """An agent that is refused once, beside a chain; then a payment, a question, a map, a loop, a graph."""

    async def step(name: str, n: int) -> int:
        note(name)
        return n + 1

    def send(n: int, idempotency_key: str) -> int:
        note("send")
        return n

    def pay(amount: float) -> dict[str, float]:
        note("pay")
        return {"paid": amount}

    inputs = {"name": "str", "n": "int"}
    chain = [node("c0", tool(step, input=inputs), inputs={"name": value("c0"), "n": value(0)})]
    for number in range(1, length):
        given = {"name": value(f"c{number}"), "n": ref(f"c{number - 1}")}
        chain.append(node(f"c{number}", tool(step, input=inputs), inputs=given))
    last = chain[-1].name
    paid = tool(pay, {"paid": "float"}, {"amount": "float"}, effect="once")
    sent = tool(send, "int", {"n": "int"}, effect="idempotent", takes_key=True)
    is_good = calc("reply", lambda s: s["reply"]["text"] == "good")
    return plan(
        node("reply", agent("reply", {"text": "str"}), accept=is_good, retry=2),
        *chain,
        node("skipped", human(), when=calc("reply", lambda s: False)),
        node("pay", paid, inputs={"amount": ref(last)}, when=calc("reply skipped?", lambda s: True)),
        node("send", sent, inputs={"n": ref(last)}),
        node("approve", human(), when=calc("pay send", lambda s: True)),
        *holders(tool(step, input=inputs)),
        node(
            "end",
            tool(step, input=inputs),
            inputs={"name": value("end"), "n": ref("send")},
            when=calc("approve many loop sub", lambda s: s["approve"]["yes"]),
        ),
        output={
            "paid": ref("pay.paid"),
            "end": ref("end"),
            "text": ref("reply.text"),
            "held": calc("many loop sub", lambda s: [s["many"], s["loop"], s["sub"]["n"]]),
        },
        graphs={"inner": inner(tool(step, input=inputs))},
    )


def holders(work: ToolCall) -> list[Node]:
    """A map, a loop and a graph; every piece of work notes its path."""
    item = {"name": calc("", lambda s: f"many[{s['item']}]"), "n": ref("item")}
    round_ = {
        "name": calc("", lambda s: f"loop[{s.get('loop', 0)}]"),
        "n": calc("loop?", lambda s: s.get("loop", 0)),
    }
    asked = ref("approve.yes")
    return [
        node("many", each(value([0, 1, 2]), node("many", work, inputs=item), at_once=2), when=asked),
        node(
            "loop",
            repeat(node("loop", work, inputs=round_), calc("", lambda s: s["loop"] >= 3)),
            when=asked,
        ),
        node("sub", graph("inner"), output={"n": "int"}, when=asked),
    ]


def inner(work: ToolCall) -> Block:
    """A switch whose case is a step."""
    case = node("x", work, inputs={"name": value("sub.x.a"), "n": value(6)})
    return block(node("x", switch(value("a"), {"a": case})), output={"n": ref("x")})


async def main(file: Path, log: Path, length: int) -> None:
    note = noting(log)
    made = build(note, length)

    def answer(request: Request) -> dict[str, Any]:
        note("reply")
        return {"text": "good" if request.temperature else "bad"}

    journal = SqliteJournal(file)
    runner = Runner(ScriptedEngine({"reply": answer}), journal)
    known = await journal.runs()
    print("ready", flush=True)
    result = await (runner.resume(known[0].id, made) if known else runner.start(made, {"message": "hallo"}))
    while result.status != "done":
        await be_the_person(runner, made, result, log)
        result = await runner.resume(result.run, made)
    await journal.close()
    print(json.dumps(result.output), flush=True)


async def be_the_person(runner: Runner, made: Plan, result: RunResult, log: Path) -> None:
    if result.status == "waiting":
        await runner.answer(result.run, made, "approve", "yes")
    elif result.status == "unknown" and "pay" in log_of(log):
        amount = sum(name.startswith("c") for name in made.block.nodes)
        await runner.answer(result.run, made, "pay", json.dumps({"paid": amount}))
    elif result.status == "unknown":
        await runner.settle_undone(result.run, made, "pay")
    else:
        raise SystemExit(f"{result.status}: {result.error}")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
