"""What every journal promises, whatever it is stored in."""

from __future__ import annotations

from typing import Any

import pytest

from shoal.journal import (
    AlreadyRecorded,
    Journal,
    NodeRow,
    RunBusy,
    RunExists,
    RunNotFound,
    RunRow,
)

pytestmark = pytest.mark.anyio


def run_row(run_id: str = "r1", **changes: Any) -> RunRow:
    values: dict[str, Any] = {
        "id": run_id,
        "graph": "bank",
        "file": "graphs/bank.yaml",
        "plan_sha256": "0" * 64,
        "parts": {"node 'a'": "tool t"},
        "inputs": {"message": "hallo"},
        "created": 10.5,
    }
    return RunRow(**values | changes)


def node_row(path: str, attempt: int = 1, **changes: Any) -> NodeRow:
    return NodeRow(**{"run": "r1", "path": path, "attempt": attempt, "kind": "done", **changes})


async def test_what_is_written_is_read_back(journal: Journal) -> None:
    full = node_row(
        "b",
        kind="rejected",
        output={"text": "\ud800 ü \u2028", "n": 1, "x": 0.1, "none": None, "list": [True, "a"]},
        message="its output was not accepted",
        confidence=0.25,
        prompt_tokens=3,
        completion_tokens=4,
        started=12.25,
        ms=0.125,
    )
    await journal.create(run_row())
    await journal.record(node_row("a"))
    await journal.record(full)
    assert await journal.run("r1") == run_row()
    assert sorted(await journal.rows("r1"), key=lambda row: row.path) == [node_row("a"), full]


async def test_attempts_come_in_order_even_when_the_clock_went_back(journal: Journal) -> None:
    await journal.create(run_row())
    await journal.record(node_row("a", 1, kind="rejected", started=20.0))
    await journal.record(node_row("a", 2, started=10.0))
    assert [row.attempt for row in await journal.rows("r1")] == [1, 2]


async def test_a_result_is_recorded_once(journal: Journal) -> None:
    await journal.create(run_row())
    await journal.record(node_row("a", output=1))
    with pytest.raises(AlreadyRecorded, match="node 'a' of run r1"):
        await journal.record(node_row("a", output=2))
    assert [row.output for row in await journal.rows("r1")] == [1]


@pytest.mark.parametrize("kind", ["intent", "unknown", "waiting"])
async def test_an_open_row_is_closed_once(journal: Journal, kind: str) -> None:
    await journal.create(run_row())
    await journal.record(node_row("a", kind=kind, message="well?"))
    await journal.record(node_row("a", kind="answered", output={"yes": True}))
    with pytest.raises(AlreadyRecorded):
        await journal.record(node_row("a", kind="answered", output={"yes": False}))
    assert [row.output for row in await journal.rows("r1")] == [{"yes": True}]


async def test_large_values_come_back_whole(journal: Journal) -> None:
    inputs = {"message": "x" * 100_000}
    await journal.create(run_row(inputs=inputs))
    await journal.record(node_row("a", output=["y" * 5000] * 3))
    await journal.finish("r1", "done", inputs, None)
    found = await journal.run("r1")
    assert (found.inputs, found.output) == (inputs, inputs)
    assert (await journal.rows("r1"))[0].output == ["y" * 5000] * 3


async def test_an_id_is_given_once(journal: Journal) -> None:
    await journal.create(run_row())
    with pytest.raises(RunExists):
        await journal.create(run_row())


async def test_a_run_has_one_owner_until_it_is_given_up(journal: Journal) -> None:
    await journal.create(run_row())
    with pytest.raises(RunBusy, match="run r1 is being executed by process"):
        await journal.claim("r1")
    await journal.release("r1")
    assert (await journal.run("r1")).status == "interrupted"
    await journal.claim("r1")
    assert (await journal.run("r1")).status == "running"
    await journal.finish("r1", "failed", None, "node 'a' failed: no")
    found = await journal.run("r1")
    assert (found.status, found.error) == ("failed", "node 'a' failed: no")
    await journal.claim("r1")


async def test_a_run_that_is_carried_on_keeps_its_output_so_far(journal: Journal) -> None:
    await journal.create(run_row())
    await journal.finish("r1", "waiting", {"reply": "soon"}, None)
    await journal.claim("r1")
    assert (await journal.run("r1")).output == {"reply": "soon"}


async def test_a_run_can_be_pinned_anew(journal: Journal) -> None:
    await journal.create(run_row())
    await journal.repin("r1", "1" * 64, {"node 'b'": "human"})
    found = await journal.run("r1")
    assert (found.plan_sha256, found.parts) == ("1" * 64, {"node 'b'": "human"})


async def test_runs_are_listed_newest_first(journal: Journal) -> None:
    for number in range(5):
        await journal.create(run_row(f"r{number}", created=float(number)))
    assert [run.id for run in await journal.runs(3)] == ["r4", "r3", "r2"]


async def test_an_unknown_run_is_said_to_be_unknown(journal: Journal) -> None:
    for call in (journal.run, journal.rows, journal.claim):
        with pytest.raises(RunNotFound, match="there is no run 'r9'. Run `agentctl runs list`"):
            await call("r9")
