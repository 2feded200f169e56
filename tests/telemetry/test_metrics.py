"""Metrics of runs, as Prometheus reads them."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from shoal.agents.scripted import ScriptedEngine
from shoal.graphs.plan import Plan
from shoal.journal import MemoryJournal
from shoal.runs.cache import Cache, Kept
from shoal.runs.runner import Runner
from shoal.telemetry.kinds import place_of
from shoal.telemetry.metrics import Metrics
from tests.graphs.plans import agent, calc, each, human, node, plan, ref, tool, value

pytestmark = pytest.mark.anyio
MESSAGE = {"message": "hello"}
REPLY = agent("reply", {"text": "str"})


class Shelf(Cache):
    """A cache in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, Kept] = {}

    def get(self, key: str, max_age_s: float) -> Kept | None:
        return self.kept.get(key)

    def put(self, key: str, answer: Kept) -> None:
        self.kept[key] = answer


def samples(metrics: Metrics, file: Path) -> dict[str, dict[tuple[str, ...], float]]:
    """What is in the file, by name and values of labels; buckets left out."""
    metrics.write(file)
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(file.read_text(encoding="utf-8")):
        for sample in family.samples:
            if not sample.name.endswith(("_bucket", "_created")):
                found.setdefault(sample.name, {})[_key(sample.labels)] = sample.value
    return found


def _key(labels: dict[str, str]) -> tuple[str, ...]:
    names = ("graph", "node", "kind", "outcome", "status", "agent", "direction")
    return tuple(labels[name] for name in names if name in labels)


def shop() -> Plan:
    def half(n: int) -> dict[str, int]:
        if n == 3:
            raise ValueError("three")
        return {"n": n // 2}

    called = tool(half, {"n": "int"}, {"n": "int"})
    body = node("m", called, inputs={"n": ref("item")}, fallback={"n": value(0)})
    return plan(
        node("m", each(value([1, 2, 3, 4]), body)),
        node("reply", REPLY, accept=calc("reply", lambda s: s["reply"]["text"] != "no"), retry=1),
        node("gone", called, when=value(False), inputs={"n": value(1)}),
    )


async def test_what_is_counted(tmp_path: Path) -> None:
    metrics = Metrics()
    engine = ScriptedEngine({"reply": [{"text": "no"}, {"text": "yes it is"}]})
    runner = Runner(engine, MemoryJournal(), on_event=metrics.on_event)
    await runner.start(shop(), MESSAGE)
    found = samples(metrics, tmp_path / "shoal.prom")
    assert found["shoal_runs_total"] == {("test", "done"): 1}
    assert found["shoal_runs_active"] == {("test",): 0}
    assert found["shoal_node_attempts_total"] == {
        ("test", "m[]", "tool", "done"): 3,
        ("test", "m[]", "tool", "rejected"): 1,
        ("test", "m[]", "tool", "fallback"): 1,
        ("test", "m", "map", "done"): 1,
        ("test", "reply", "agent", "rejected"): 1,
        ("test", "reply", "agent", "done"): 1,
        ("test", "gone", "tool", "skipped"): 1,
    }
    assert found["shoal_tokens_total"] == {("reply", "input"): 0, ("reply", "output"): 4}
    assert found["shoal_node_seconds_count"][("test", "m[]", "tool")] == 4
    assert found["shoal_run_seconds_count"] == {("test", "done"): 1}


async def test_runs_that_wait_and_answers_of_the_cache(tmp_path: Path) -> None:
    metrics = Metrics()
    runner = Runner(ScriptedEngine(), MemoryJournal(), on_event=metrics.on_event, cache=Shelf())
    made = plan(node("ask", human()), node("reply", REPLY, cache_s=60.0))
    first = await runner.start(made, MESSAGE)
    await runner.start(made, MESSAGE)
    found = samples(metrics, tmp_path / "shoal.prom")
    assert found["shoal_runs_waiting"] == {("test",): 2}
    assert found["shoal_cache_hits_total"] == {("test", "reply"): 1}
    assert found["shoal_node_attempts_total"][("test", "reply", "agent", "cached")] == 1
    await runner.answer(first.run, made, "ask", "yes")
    await runner.resume(first.run, made)
    found = samples(metrics, tmp_path / "shoal.prom")
    assert found["shoal_runs_waiting"] == {("test",): 1}
    assert found["shoal_runs_total"] == {("test", "waiting"): 2, ("test", "done"): 1}


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("reply", "reply"),
        ("handle[3].reply", "handle[].reply"),
        ("handle#2[31].reply#12.escalate", "handle[].reply.escalate"),
    ],
)
def test_labels_have_no_numbers(path: str, place: str) -> None:
    assert place_of(path) == place
