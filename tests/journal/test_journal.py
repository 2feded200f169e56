"""What every journal promises, whatever it is stored in."""

from __future__ import annotations

from typing import Any

import pytest

from shoal.journal import (
    AlreadyRecorded,
    Journal,
    NodeRow,
    RunBusy,
    RunCancelled,
    RunChanged,
    RunExists,
    RunNotFound,
    RunOver,
    RunRow,
    RunStatus,
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
    for call in (journal.run, journal.rows, journal.claim, journal.cancel):
        with pytest.raises(RunNotFound, match="there is no run 'r9'. Run `agentctl runs list`"):
            await call("r9")


async def test_a_run_is_made_with_its_first_rows_or_not_at_all(journal: Journal) -> None:
    rows = [node_row("a", output=["y" * 5000]), node_row("b", kind="waiting", message="well?")]
    await journal.create(run_row(), rows)
    assert sorted(await journal.rows("r1"), key=lambda row: row.path) == rows
    assert (await journal.run("r1")).status == "running"
    await journal.record(node_row("b", kind="answered", output=True))
    with pytest.raises(RunExists):
        await journal.create(run_row(), [node_row("c")])
    assert [row.path for row in await journal.rows("r1")] == ["a", "b"]


@pytest.mark.parametrize("rows", [[], [node_row("a")]])
async def test_a_queued_run_belongs_to_nobody_until_it_is_claimed(
    journal: Journal, rows: list[NodeRow]
) -> None:
    await journal.create(run_row(status="queued"), rows)
    with pytest.raises(RunExists):
        await journal.create(run_row(status="queued"), rows)
    assert (await journal.run("r1")).status == "queued"
    await journal.claim("r1")
    assert (await journal.run("r1")).status == "running"
    assert await journal.rows("r1") == rows
    await journal.release("r1")
    assert (await journal.run("r1")).status == "interrupted"


@pytest.mark.parametrize("status", ["queued", "interrupted", "waiting", "failed", "unknown"])
async def test_a_run_that_nobody_executes_is_cancelled_at_once_and_for_good(
    journal: Journal, status: str
) -> None:
    await journal.create(run_row(status="queued" if status == "queued" else "running"))
    if status == "interrupted":
        await journal.release("r1")
    elif status != "queued":
        await journal.finish("r1", status, {"reply": "soon"}, None)  # type: ignore[arg-type]
    assert await journal.cancel("r1")
    found = await journal.run("r1")
    assert (found.status, found.error) == ("cancelled", "cancelled by a person")
    assert (found.output is None) == (status in {"queued", "interrupted"})
    with pytest.raises(RunCancelled, match="run r1 was cancelled and is not resumed. .*`agentctl runs fork"):
        await journal.claim("r1")
    with pytest.raises(RunOver, match="run r1 is cancelled already"):
        await journal.cancel("r1")


@pytest.mark.parametrize("status", ["queued", "interrupted", "waiting", "failed", "done"])
async def test_a_run_is_claimed_only_where_it_was_found(journal: Journal, status: RunStatus) -> None:
    await journal.create(run_row(status="queued" if status == "queued" else "running"))
    if status == "interrupted":
        await journal.release("r1")
    elif status != "queued":
        await journal.finish("r1", status, {"reply": "soon"}, None)
    with pytest.raises(RunChanged, match=f"run r1 is {status} meanwhile. .*`agentctl runs show r1`"):
        await journal.claim("r1", {"unknown"})
    assert (await journal.run("r1")).status == status
    await journal.claim("r1", {"unknown", status})
    assert (await journal.run("r1")).status == "running"


async def test_a_run_that_is_done_cannot_be_cancelled(journal: Journal) -> None:
    await journal.create(run_row())
    await journal.finish("r1", "done", {}, None)
    with pytest.raises(RunOver, match="run r1 is done already"):
        await journal.cancel("r1")


async def test_who_executes_a_run_is_told_that_somebody_wants_it_cancelled(journal: Journal) -> None:
    for number in range(3):
        await journal.create(run_row(f"r{number}"))
    assert not await journal.cancel("r1")
    assert not await journal.cancel("r1"), "a second wish is none"
    assert await journal.wanted() == ["r1"]
    assert (await journal.run("r1")).status == "running"
    with pytest.raises(RunBusy):
        await journal.claim("r1")
    await journal.record(node_row("a"))
    await journal.finish("r1", "cancelled", {"so": "far"}, "cancelled by a person; node 'a' may have acted")
    found = await journal.run("r1")
    assert (found.status, found.output) == ("cancelled", {"so": "far"})
    assert (found.error or "").endswith("may have acted")
    assert await journal.wanted() == []


@pytest.mark.parametrize(
    ("end", "status"),
    [("done", "done"), ("waiting", "cancelled"), ("failed", "cancelled"), (None, "cancelled")],
)
async def test_a_run_that_somebody_wants_cancelled_is_unless_it_is_done(
    journal: Journal, end: Any, status: str
) -> None:
    await journal.create(run_row())
    assert not await journal.cancel("r1")
    await (journal.release("r1") if end is None else journal.finish("r1", end, {"n": 1}, None))
    found = await journal.run("r1")
    assert (found.status, found.output is None) == (status, status == "cancelled")
    assert await journal.wanted() == []


async def test_a_cancelled_run_tells_which_tools_may_have_acted(journal: Journal) -> None:
    open_rows = [node_row(f"pay[{number}]", kind="intent") for number in range(6)]
    await journal.create(run_row(), [*open_rows, node_row("ask", kind="waiting"), node_row("a")])
    await journal.record(node_row("pay[0]"))
    await journal.release("r1")
    assert await journal.cancel("r1")
    assert (await journal.run("r1")).error == (
        "cancelled by a person; nodes 'pay[1]', 'pay[2]', 'pay[3]', 'pay[4]', 'pay[5]' may have acted or not"
    )


async def test_runs_are_found_by_status_graph_and_time(journal: Journal) -> None:
    statuses = ["done", "waiting", "failed", "unknown"]
    for number, status in enumerate(statuses):
        await journal.create(run_row(f"r{number}", created=float(number), graph=f"g{number % 2}"))
        await journal.finish(f"r{number}", status, None, None)  # type: ignore[arg-type]
    await journal.create(run_row("r4", created=4.0, status="queued"))
    await journal.create(run_row("r5", created=5.0))
    await journal.create(run_row("r6", created=6.0))
    await journal.release("r5")
    await journal.create(run_row("r7", created=7.0, status="queued"))
    await journal.cancel("r7")
    for number, status in enumerate([*statuses, "queued", "interrupted", "running", "cancelled"]):
        found = await journal.runs(status=status)  # type: ignore[arg-type]
        assert [(run.id, run.status) for run in found] == [(f"r{number}", status)]
    assert [run.id for run in await journal.runs(graph="g1")] == ["r3", "r1"]
    assert [run.id for run in await journal.runs(1, graph="g1", before=3.0)] == ["r1"]
    assert await journal.runs(status="done", graph="g1") == []
    assert [run.id for run in await journal.runs(before=2.0)] == ["r1", "r0"]


async def test_removed_runs_are_gone_and_those_under_way_stay(journal: Journal) -> None:
    for name in ("r1", "r2", "r3"):
        await journal.create(run_row(name), [node_row("a", run=name)])
    await journal.finish("r1", "done", {"n": 1}, None)
    await journal.release("r2")
    assert await journal.delete(["r1", "r2", "r3", "r9"]) == 2
    assert [run.id for run in await journal.runs()] == ["r3"]
    for call in (journal.run, journal.rows):
        with pytest.raises(RunNotFound):
            await call("r1")
    assert await journal.delete([]) == 0
    await journal.create(run_row("r1"))
    assert await journal.rows("r1") == [], "a row outlived its run"


async def test_values_that_other_runs_have_too_outlive_a_run(journal: Journal) -> None:
    shared = {"text": "x" * 5000}
    for name in ("gone", "input", "row", "output"):
        await journal.create(run_row(name, inputs=shared if name in {"gone", "input"} else {}))
        if name in {"gone", "row"}:
            await journal.record(node_row("a", run=name, output=shared))
        await journal.finish(name, "done", shared if name in {"gone", "output"} else None, None)
    for number, name in enumerate(("gone", "input", "row")):
        assert await journal.delete([name]) == 1
        assert len(await journal.runs()) == 3 - number
        for run in await journal.runs():
            assert run.parts == {"node 'a'": "tool t"}
            assert {"input": run.inputs, "output": run.output}.get(run.id, shared) == shared
            assert [row.output for row in await journal.rows(run.id)] == [shared] * (run.id == "row")


async def test_runs_are_found_whatever_else_is_known_of_them(journal: Journal) -> None:
    statuses = ["done", "failed", "done", "waiting"]
    for number, status in enumerate(statuses):
        await journal.create(run_row(f"r{number}", created=1.0, graph=f"g{number % 2}"))
        await journal.finish(f"r{number}", status, None, None)  # type: ignore[arg-type]
    await journal.create(run_row("r4", created=4.0))
    await journal.create(run_row("r5", created=5.0))
    await journal.release("r5")
    assert await journal.find({"done", "failed"}) == [
        ("r2", "done", 1.0),
        ("r1", "failed", 1.0),
        ("r0", "done", 1.0),
    ]
    assert await journal.find({"running", "interrupted"}) == [
        ("r5", "interrupted", 5.0),
        ("r4", "running", 4.0),
    ]
    assert [run.id for run in await journal.find({"waiting", "failed"}, graph="g1", before=1.5)] == [
        "r3",
        "r1",
    ]
    assert await journal.find({"done"}, before=1.0) == []
    assert await journal.find(set()) == []


async def test_who_went_on_meanwhile_is_not_removed(journal: Journal) -> None:
    for number in range(120):
        await journal.create(run_row(f"r{number:03}"))
        await journal.finish(f"r{number:03}", "failed" if number else "waiting", None, None)
    told: list[int] = []
    ids = [f"r{number:03}" for number in range(120)]
    assert await journal.delete(ids, only={"failed", "done"}, tell=told.append) == 119
    assert told == sorted(told) and all(number <= 119 for number in told)
    assert [run.id for run in await journal.runs()] == ["r000"]
    assert await journal.compact() >= 0
