"""Going on with other files than a run began with, where what it has recorded does not fit them."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

from shoal.agents.scripted import ScriptedEngine
from shoal.graphs.plan import Node
from shoal.journal import MemoryJournal
from shoal.runs.migration import MigrationRefused
from shoal.runs.runner import Runner
from shoal.workspace.types import parse_record
from tests.graphs.plans import agent, each, human, node, plan, tool, value

pytestmark = pytest.mark.anyio


async def number() -> int:
    return 3


async def text() -> dict[str, Any]:
    return {"text": "hallo"}


TOOL = node("a", tool(number, "int"))
RECORD = node("a", tool(text, {"text": "str"}))
ASK = node("ask", human())


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (
            [TOOL, ASK],
            [node("a", agent("a", {"text": "str"})), ASK],
            "what is recorded of node 'a' is not what it gives now: its output is 3, expected an object with "
            "text. Restore them, or begin a new run there: `agentctl runs fork RUN --at a --migrate`",
        ),
        (
            [TOOL, ASK],
            [node("a", each(value([1]), TOOL), output="list[int]"), ASK],
            "its output is 3, expected a list",
        ),
        (
            [RECORD, ASK],
            [node("a", agent("a", {"text": "str"})), ASK],
            "what is recorded of node 'a' has no confidence, and it is an agent now",
        ),
        (
            [ASK],
            [node("ask", tool(text, {"text": "str"}))],
            "node 'ask' waits for a person, and asks nobody any more",
        ),
    ],
)
async def test_what_is_recorded_must_fit(before: list[Node], after: list[Node], reason: str) -> None:
    journal = MemoryJournal()
    runner = Runner(ScriptedEngine(), journal)
    old, new = plan(*before, sha256="0" * 64), plan(*after, sha256="1" * 64)
    run = await runner.start(old, {"message": "hallo"})
    assert run.status == "waiting"
    message = re.escape(reason.replace("RUN", run.run))
    with pytest.raises(MigrationRefused, match=message):
        await runner.resume(run.run, new, migrate=True)
    with pytest.raises(MigrationRefused, match=message):
        await runner.answer(run.run, new, "ask", "yes", migrate=True)
    assert (await runner.resume(run.run, old)).status == "waiting"


async def test_what_was_given_must_fit() -> None:
    runner = Runner(ScriptedEngine(), MemoryJournal())
    run = await runner.start(plan(ASK, sha256="0" * 64), {"message": "hallo"})
    new = dataclasses.replace(plan(ASK, sha256="1" * 64), input=parse_record({"message": "str", "n": "int"}))
    with pytest.raises(MigrationRefused, match="not what the graph takes now: input lacks the field 'n'"):
        await runner.resume(run.run, new, migrate=True)


async def test_a_tool_that_acted_must_be_one_still() -> None:
    async def act() -> int:
        raise ValueError("who knows")

    runner = Runner(ScriptedEngine(), MemoryJournal())
    old = plan(node("a", tool(act, "int", effect="once")), sha256="0" * 64)
    run = await runner.start(old, {"message": "hallo"})
    assert run.status == "unknown"
    with pytest.raises(MigrationRefused, match="node 'a' may have acted, and is no tool any more"):
        await runner.resume(run.run, plan(node("a", human()), sha256="1" * 64), migrate=True)


async def test_nodes_that_fit_or_are_gone_are_taken() -> None:
    runner = Runner(ScriptedEngine(), MemoryJournal())
    run = await runner.start(
        plan(TOOL, node("b", tool(text, {"text": "str"})), ASK, sha256="0" * 64), {"message": "hallo"}
    )
    new = plan(node("a", tool(number, "float")), ASK, sha256="1" * 64)
    assert (await runner.resume(run.run, new, migrate=True)).status == "waiting"
