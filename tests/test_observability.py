"""docs/observability.md names the events, attributes and metrics that there are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest

from shoal.agents.scripted import ScriptedEngine
from shoal.journal import MemoryJournal
from shoal.runs import events
from shoal.runs.events import RunFinished, TokensWritten, to_json  # noqa: F401 - the page's example names them
from shoal.runs.results import NodeSummary, RunResult
from shoal.runs.runner import Runner
from shoal.telemetry.metrics import Metrics
from tests.graphs.plans import agent, node, plan, ref

SOURCE = Path(__file__).parents[1]
PAGE = (SOURCE / "docs/observability.md").read_text(encoding="utf-8")
RESULT = RunResult(run="r", graph="g", status="done", inputs={}, output=None, error=None, nodes={})
EVENTS = (
    events.RunStarted("r", "g", False),
    events.NodeStarted("r", "a", 1),
    events.TokensWritten("r", "a", 1, "x", "text"),
    events.TokensDropped("r", 2),
    events.AttemptRejected("r", "a", 1, "why"),
    events.NodeFinished("r", "a", NodeSummary(path="a", status="done")),
    events.NodeSkipped("r", "a", "why"),
    events.NodeWaiting("r", "a", "Well?"),
    events.RunFinished("r", RESULT),
    events.RunStopped("r", "why"),
)


def rows(title: str) -> list[list[str]]:
    """The table below a heading, without its head."""
    section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_event_has_the_fields_that_stand_there() -> None:
    assert {type(event) for event in EVENTS} == {*get_args(events.Event)}
    told = {row[0].strip("`"): (row[1].strip("`"), re.findall(r"`(\w+)`", row[3])) for row in rows("Events")}
    made = {}
    for event in EVENTS:
        line = to_json(event)
        made[type(event).__name__] = (line.pop("type"), [name for name in line if name != "run"])
    assert told == made


def test_every_metric_has_the_labels_that_stand_there() -> None:
    told = {row[0].strip("`"): (row[1], re.findall(r"`(\w+)`", row[2])) for row in rows("Metrics")}
    made = {
        f"{family.name}_total" if family.type == "counter" else family.name: family.type
        for family in Metrics().registry.collect()
    }
    assert {name: kind for name, (kind, _) in told.items()} == made
    source = (SOURCE / "src/shoal/telemetry/metrics.py").read_text(encoding="utf-8")
    for name, (_, labels) in told.items():
        assert name.removesuffix("_total") in source
        assert all(f'"{label}"' in source for label in labels)


def test_every_attribute_stands_there() -> None:
    source = "".join(
        (SOURCE / f"src/shoal/telemetry/{name}.py").read_text(encoding="utf-8") for name in ("genai", "spans")
    )
    named = r"\"((?:gen_ai|shoal|error)\.[\w.]+)\""
    missing = {name for name in re.findall(named, source) if f"`{name}`" not in PAGE}
    assert missing == {"shoal.reason"}  # of span events


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_the_example_runs(capsys: pytest.CaptureFixture[str], anyio_backend: str) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    body = "".join(f"    {line}\n" for line in code.splitlines())
    names: dict[str, Any] = globals() | {}
    exec(f"async def example(runner, plan):\n{body}", names)
    made = plan(node("reply", agent("reply", {"text": "str"})), output={"text": ref("reply.text")})
    runner = Runner(ScriptedEngine({"reply": {"text": "Dear Ada"}}), MemoryJournal())
    await names["example"](runner, made)
    assert capsys.readouterr().out == "reply.text: Dear\nreply.text:  Ada\ndone\n"
