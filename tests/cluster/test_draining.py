"""SIGTERM, once and twice."""

from __future__ import annotations

import signal

import pytest

from tests.cluster.herd import Herd, until

pytestmark = pytest.mark.anyio


async def held_run(herd: Herd) -> str:
    """A run in the middle of its second node."""
    (run_id,) = await herd.queue("held", ["r"])
    await until(lambda: herd.counts()["r.b"] == 1)
    return run_id


async def test_a_worker_that_is_drained_finishes_what_it_has_and_takes_no_more(herd: Herd) -> None:
    ready = herd.root / "ready"
    worker = await herd.worker("--ready", str(ready))
    assert ready.exists()
    run_id = await held_run(herd)
    worker.signal(signal.SIGTERM)
    await until(lambda: bool(worker.of("draining")))
    assert not ready.exists()
    (later,) = await herd.queue("chain", ["later"])
    herd.release()
    (result,) = await herd.ends([run_id])
    assert (result.status, result.output) == ("done", {"n": 3})
    assert await worker.ended() == 0
    assert (await herd.journal.run(later)).status == "queued"
    assert herd.counts() == {"r.a": 1, "r.b": 1, "r.c": 1}
    assert worker.errors == ""


async def test_what_takes_too_long_is_left_to_others_at_a_node_boundary(herd: Herd) -> None:
    worker = await herd.worker("--drain-s", "0")
    run_id = await held_run(herd)
    worker.signal(signal.SIGTERM)
    await until(lambda: bool(worker.of("pausing")))
    herd.release()
    assert await worker.ended() == 0
    assert [line["text"] for line in worker.of("left")] == ["1 runs are left to others"]
    assert await herd.recorded([run_id]) == {"r.a", "r.b"}, "what was under way was waited for"
    other = await herd.worker()
    await herd.ends([run_id])
    assert [(call.node, call.pid == other.pid) for call in herd.calls()] == [
        ("r.a", False),
        ("r.b", False),
        ("r.c", True),
    ]


async def test_a_second_signal_ends_it_at_once(herd: Herd) -> None:
    workers = [await herd.worker("--drain-s", "60", "--queue", name) for name in ("a", "b")]
    run_ids = [(await herd.queue("held", [name], name))[0] for name in ("a", "b")]
    await until(lambda: herd.counts().keys() >= {"a.b", "b.b"})
    for worker in workers:
        worker.signal(signal.SIGTERM)
    await until(lambda: all(worker.of("draining") for worker in workers))
    for worker, second in zip(workers, (signal.SIGTERM, signal.SIGINT), strict=True):
        worker.signal(second)
    assert [await worker.ended(within_s=8) for worker in workers] == [130, 130]
    herd.release()
    other = await herd.worker("--queue", "a", "--queue", "b")
    results = await herd.ends(run_ids, within_s=5)
    assert {(each.status, str(each.output)) for each in results} == {("done", "{'n': 3}")}
    assert not other.of("adopted"), "they were given back, nobody had to wait for the lease"
    assert herd.counts() == {f"{run}.{node}": 2 if node == "b" else 1 for run in "ab" for node in "abc"}
