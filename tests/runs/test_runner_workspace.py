"""From the files of a workspace to an answer: the checker and the runtime together."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from shoal.agents.engine import Request
from shoal.agents.scripted import ScriptedEngine
from shoal.graphs.check import load_plan
from shoal.journal import SqliteJournal
from shoal.runs.pins import PlanChanged
from shoal.runs.results import RunResult
from shoal.runs.runner import Runner

pytestmark = pytest.mark.anyio

FILES = {
    "agents.yaml": """
        version: 1
        bases:
          minilm: {model: sentence-transformers/all-MiniLM-L6-v2, kind: encoder}
        agents:
          triage:
            about: Names what a caller wants.
            base: minilm
            input: {message: str}
            output: {intent: "enum[raise, balance]"}
          slots:
            about: Finds the amount.
            base: minilm
            input: {message: str}
            output: {amount: "span[number] from message"}
          judge:
            about: Decides.
            base: minilm
            input: {text: str}
            output: {decision: "enum[approve, refer]"}
        tools:
          account: {python: "tools/bank.py:account", effect: pure}
          pay: {python: "tools/bank.py:pay", effect: once}
        """,
    "tools/bank.py": """
        from typing import TypedDict

        class Account(TypedDict):
            name: str
            limit: float

        def account(customer: str) -> Account:
            return {"name": "Ada", "limit": 1000}

        async def pay(amount: float, idempotency_key: str) -> str:
            return f"{amount} for {idempotency_key}"
        """,
    "graphs/bank.yaml": """
        version: 1
        graph: bank
        input: {message: str, customer: str}
        nodes:
          triage: {agent: triage, with: {message: "${input.message}"}}
          slots:
            agent: slots
            with: {message: "${input.message}"}
            when: triage.intent == 'raise'
          account: {tool: account, with: {customer: "${input.customer}"}}
          judge:
            agent: judge
            with: {text: "raise by ${slots.amount} to ${account.limit}"}
            when: slots.amount != null
            accept: judge.decision == 'approve' || judge.confidence > 0.8
            retry: 1
            fallback: {decision: refer}
          approve: {human: "Raise ${slots.amount} for ${account.name}?", when: judge.decision == 'refer'}
          pay:
            tool: pay
            with: {amount: "${slots.?amount.orValue(0.0)}"}
            when: judge.decision == 'approve' || approve.?yes.orValue(false)
        output:
          intent: "${triage.intent}"
          decision: "${judge.decision}"
          paid: "${pay}"
        """,
}
INPUTS = {"message": "500 more, please", "customer": "C-1001"}
RAISE = {"triage": {"intent": "raise"}, "slots": {"amount": 500}}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(dedent(text).lstrip(), encoding="utf-8")
    return tmp_path


async def start(workspace: Path, script: dict[str, object]) -> tuple[RunResult, SqliteJournal, Runner]:
    journal = SqliteJournal(workspace / ".shoal" / "journal.db")
    runner = Runner(ScriptedEngine(script), journal)  # type: ignore[arg-type]
    return await runner.start(load_plan(workspace, "bank"), INPUTS), journal, runner


async def test_an_approved_raise_is_paid_once(workspace: Path) -> None:
    result, journal, _ = await start(workspace, {**RAISE, "judge": {"decision": "approve"}})
    assert result.output == {"intent": "raise", "decision": "approve", "paid": f"500.0 for {result.run}:pay"}
    assert {path: node.status for path, node in result.nodes.items()} == {
        "triage": "done",
        "account": "done",
        "slots": "done",
        "judge": "done",
        "approve": "skipped",
        "pay": "done",
    }
    await journal.close()


@pytest.mark.parametrize("script", [{"triage": {"intent": "balance"}}, {**RAISE, "slots": {"amount": None}}])
async def test_what_is_not_needed_is_skipped_and_null(workspace: Path, script: dict[str, object]) -> None:
    result, journal, _ = await start(workspace, script)
    assert result.status == "done"
    assert result.output is not None
    assert (result.output["decision"], result.output["paid"]) == (None, None)
    await journal.close()


async def test_a_person_decides_where_the_agent_is_unsure(workspace: Path) -> None:
    texts: list[str] = []

    def unsure(request: Request) -> dict[str, object]:
        texts.append(request.values["text"])
        return {"decision": "refer", "confidence": 0.4}

    result, journal, runner = await start(workspace, {**RAISE, "judge": unsure})
    assert (result.status, result.nodes["judge"].status) == ("waiting", "fallback")
    assert result.nodes["approve"].question == "Raise 500 for Ada?"
    assert texts == ["raise by 500 to 1000"] * 2
    plan = load_plan(workspace, "bank")
    await runner.answer(result.run, plan, "approve", "yes")
    result = await runner.resume(result.run, plan)
    assert result.output is not None
    assert result.output["paid"] == f"500.0 for {result.run}:pay"
    assert len(texts) == 2
    await journal.close()


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (
            "tools/bank.py",
            "Ada",
            "Eve",
            "the source of tool 'account' changed, the source of tool 'pay' changed",
        ),
        ("agents.yaml", "approve, refer]", "approve, refer, ask]", "the contract of agent 'judge' changed"),
        (
            "agents.yaml",
            'bank.py:pay", effect: once',
            'bank.py:pay", effect: pure',
            "the contract of tool 'pay'",
        ),
        ("graphs/bank.yaml", "> 0.8", "> 0.7", "graphs/bank.yaml or a file it depends on changed"),
        ("graphs/bank.yaml", "'refer'}", "'refer'}\n  more: {human: Well?}", "node 'more' is new"),
    ],
)
async def test_a_run_does_not_go_on_with_other_files(
    workspace: Path, file: str, old: str, new: str, message: str
) -> None:
    result, journal, runner = await start(workspace, {**RAISE, "judge": {"decision": "refer"}})
    text = (workspace / file).read_text(encoding="utf-8")
    assert old in text
    (workspace / file).write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(PlanChanged, match=message):
        await runner.resume(result.run, load_plan(workspace, "bank"))
    await journal.close()
