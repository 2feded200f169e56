"""The flagship graph: its contract, its guards, and that a base is changed without touching it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from shoal.agents.embedded.engine import EmbeddedEngine
from shoal.agents.scripted import ScriptedEngine
from shoal.graphs.check import load_plan
from shoal.journal.memory import MemoryJournal
from shoal.runs.results import RunResult
from shoal.runs.runner import Runner
from shoal.workspace.types import read
from tests.agents.tiny_decoder import make_decoder

ROOT = Path(__file__).parents[1]
MESSAGE = "Could my limit go up by $500?"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the bank without adapters, on a decoder of random weights."""
    monkeypatch.setenv("BANK_DB", str(tmp_path / "bank.db"))
    for name in ("agents", "graphs", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name)
    manifest = (ROOT / "agents.yaml").read_text(encoding="utf-8")
    manifest = "\n".join(line for line in manifest.splitlines() if not line.strip().startswith("adapter:"))
    make_decoder(tmp_path / "tiny", window=2048)
    (tmp_path / "agents.yaml").write_text(manifest.replace("shoal/nano", "tiny"), encoding="utf-8")
    return tmp_path


def run(root: Path, script: Mapping[str, Any], customer_id: str = "C-1001") -> RunResult:
    engine = ScriptedEngine(script)
    inputs = {"message": MESSAGE, "customer_id": customer_id}
    return asyncio.run(Runner(engine, MemoryJournal()).start(load_plan(root, "credit_line"), inputs))


def answers(decision: str, reason: str, confidence: float = 0.99) -> dict[str, Any]:
    return {
        "triage": {"intent": "credit_line_increase"},
        "slots": {"amount": 500.0, "asks": "more", "card": None, "date": None, "merchant": None},
        "policy": {"decision": decision, "reason": reason, "confidence": confidence},
        "reply": lambda request: {"text": "{name} {amount} {decision}d {reason}".format(**request.values)},
    }


def test_an_approved_request_raises_the_limit_once(workspace: Path) -> None:
    result = run(workspace, answers("approve", "every rule is met"))
    assert result.status == "done"
    assert result.output is not None
    assert result.output["decision"] == "approve"
    assert result.output["reply"] == "Brunhilde O'Callaghan $500 approved every rule is met"
    assert result.nodes["raise"].output == {"customer_id": "C-1001", "old_limit": 3000.0, "new_limit": 3500.0}


@pytest.mark.parametrize(
    "answer",
    [
        answers("approve", "every rule is met", confidence=0.5),
        answers("decline", "every rule is met"),
        answers("refer", "account standing frozen is not good"),
        answers("approve", "account standing good is good"),
    ],
    ids=["unsure", "contradicts itself", "invents a reason", "takes a met rule for the reason"],
)
def test_what_the_model_may_not_say_is_referred_to_a_person(workspace: Path, answer: dict[str, Any]) -> None:
    result = run(workspace, answer)
    assert result.status == "waiting"
    assert result.nodes["decide"].status == "fallback"
    assert result.nodes["decide"].attempts == 3
    assert result.nodes["approve"].question == (
        "Approve $500 for Brunhilde O'Callaghan? this case needs a second look"
    )
    assert result.output is not None
    assert result.output["decision"] == "refer"
    assert "raise" not in result.nodes or result.nodes["raise"].status == "waiting"


def test_a_letter_without_the_name_never_goes_out(workspace: Path) -> None:
    script = answers("approve", "every rule is met") | {
        "reply": {"text": "Dear customer, $500: every rule is met"}
    }
    result = run(workspace, script)
    assert result.output is not None
    assert result.nodes["reply"].status == "fallback"
    assert result.nodes["reply"].attempts == 5
    assert result.output["reply"] == (
        "Dear Brunhilde O'Callaghan, this is about your request for $500. Our answer: approve. "
        "Reason: every rule is met."
    )


def test_other_wishes_are_handed_over(workspace: Path) -> None:
    result = run(workspace, {"triage": {"intent": "lost_card"}})
    assert result.status == "done"
    assert result.output == {
        "intent": "lost_card",
        "decision": None,
        "reason": None,
        "reply": "Brunhilde O'Callaghan, thank you for writing. We pass you on to the card desk, "
        "which blocks the card and sends a new one.",
    }


def test_an_encoder_becomes_a_decoder_without_a_change_in_any_graph(workspace: Path) -> None:
    before = load_plan(workspace, "credit_line")
    manifest = (workspace / "agents.yaml").read_text(encoding="utf-8")
    (workspace / "agents.yaml").write_text(manifest.replace("base: minilm", "base: nano"), encoding="utf-8")
    after = load_plan(workspace, "credit_line")
    assert {name: node.output for name, node in after.block.nodes.items()} == {
        name: node.output for name, node in before.block.nodes.items()
    }

    async def main() -> RunResult:
        engine = EmbeddedEngine(workspace)
        try:
            inputs = {"message": MESSAGE, "customer_id": "C-1001"}
            return await Runner(engine, MemoryJournal()).start(after, inputs)
        finally:
            await engine.close()

    # Weights are random, so what it says means nothing; but all of it is of the declared types.
    result = asyncio.run(main())
    assert result.status in ("done", "waiting")
    assert read(after.block.output_type, dict(result.output or {}))["reply"]
    assert result.nodes["triage"].output is not None


@pytest.mark.parametrize(
    "text",
    [
        "{name} {amount}: {reason}",
        "{name} {amount}: we cannot approve it, {reason}",
        "{name} {amount}: a colleague decides, {reason}",
    ],
)
def test_a_letter_that_does_not_say_what_was_decided_is_not_sent(workspace: Path, text: str) -> None:
    script = answers("approve", "every rule is met")
    script["reply"] = lambda request: {"text": text.format(**request.values)}
    result = run(workspace, script)
    assert result.nodes["reply"].status == "fallback"
    assert result.output is not None
    assert "Our answer: approve. Reason: every rule is met." in result.output["reply"]
