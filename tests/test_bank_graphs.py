"""The graphs of the bank through every branch: what they give, what they do to the bank, whom they ask."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from shoal.agents.manifest import load_workspace
from shoal.agents.scripted import ScriptedEngine
from shoal.errors import InvalidInput
from shoal.graphs.check import load_plan
from shoal.graphs.plan import Plan, Tool, walk_nodes
from shoal.graphs.tools import load_tools
from shoal.journal.sqlite import SqliteJournal
from shoal.runs.cache import SqliteCache
from shoal.runs.results import RunResult
from shoal.runs.runner import Runner

ROOT = Path(__file__).parents[1]
GRAPHS = ("collect_missing", "credit_line", "dispute", "lost_card", "policy_vote", "triage_all")
NOTHING = {"amount": None, "asks": "more", "card": None, "date": None, "merchant": None}
MET = "charge age 13 days is at most 120 days: met\nopen disputes 0 is at most 2: met"
TOO_OLD = "charge age 140 days is not at most 120 days"


class Bank:
    """A bank of its own, with scripted agents and a journal on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.engine = ScriptedEngine()

    def run(self, graph: str, message: str, customer_id: str | None = None, **script: Any) -> RunResult:
        self.engine = ScriptedEngine(script)
        inputs = {"message": message} | ({"customer_id": customer_id} if customer_id else {})
        return self.start(graph, inputs)

    def start(self, graph: str, inputs: Mapping[str, Any]) -> RunResult:
        return asyncio.run(self._begin(graph, inputs))

    def answer(self, result: RunResult, given: object, **script: Any) -> RunResult:
        """Answer the one question that is open, as another process would."""
        self.engine = ScriptedEngine(script) if script else self.engine
        (path,) = [node.path for node in result.nodes.values() if node.status == "waiting" and node.question]
        return asyncio.run(self._go_on(result, path, given))

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.folder / "bank.db") as connection:
            return connection.execute(query).fetchall()

    async def _begin(self, graph: str, inputs: Mapping[str, Any]) -> RunResult:
        journal = SqliteJournal(self.folder / "journal.db")
        try:
            return await self._runner(journal).start(plan_of(graph), inputs)
        finally:
            await journal.close()

    async def _go_on(self, result: RunResult, path: str, given: object) -> RunResult:
        journal = SqliteJournal(self.folder / "journal.db")
        plan = plan_of(result.graph)
        try:
            runner = self._runner(journal)
            await runner.answer(result.run, plan, path, given)
            return await runner.resume(result.run, plan)
        finally:
            await journal.close()

    def _runner(self, journal: SqliteJournal) -> Runner:
        return Runner(self.engine, journal, cache=SqliteCache(self.folder / "cache.db"))


@pytest.fixture
def bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bank:
    monkeypatch.setenv("BANK_DB", str(tmp_path / "bank.db"))
    return Bank(tmp_path)


@cache
def plan_of(graph: str) -> Plan:
    return load_plan(ROOT, graph)


@cache
def tools() -> dict[str, Tool]:
    return load_tools(load_workspace(ROOT, with_adapters=False))[0]


def tool(name: str) -> Any:
    return tools()[name].function


def question(result: RunResult) -> str:
    (found,) = [node.question for node in result.nodes.values() if node.status == "waiting" and node.question]
    return found


def output(result: RunResult) -> Mapping[str, Any]:
    assert (result.status, result.error) == ("done", None)
    assert result.output is not None
    return result.output


def test_the_graphs_together_use_all_of_the_language() -> None:
    kinds, policies = set(), set()
    for name in GRAPHS:
        plan = plan_of(name)
        policies |= {"budget"} if plan.block.budget else set()
        for node in walk_nodes(plan):
            kinds.add(type(node.work).__name__)
            given = ("when", "accept", "timeout_s", "fallback", "escalate", "cache_s", "budget")
            policies |= {key for key in given if getattr(node, key) is not None}
            policies |= {"retry"} if node.retry else set()
    assert kinds == {
        "AgentCall", "ToolCall", "HumanQuestion", "GraphCall", "Inline", "Switch", "Map", "Repeat", "Vote",
    }  # fmt: skip
    assert policies == {
        "when", "accept", "retry", "timeout_s", "fallback", "escalate", "cache_s", "budget",
    }  # fmt: skip


def test_a_database_of_an_earlier_version_gets_what_it_lacks(bank: Bank) -> None:
    before = tool("lookup_account")(customer_id="C-1001")
    assert {name for (name,) in bank.ask("SELECT name FROM sqlite_master WHERE type = 'table'")} == {
        "accounts", "cards", "payments", "limit_changes",
    }  # fmt: skip
    assert tool("find_cards")(customer_id="C-1001")["open"]
    assert tool("list_charges")(customer_id="C-1001")["charges"]
    assert tool("lookup_account")(customer_id="C-1001") == before


# -- lost_card ----------------------------------------------------------------------------------------------


def test_the_only_card_is_blocked_and_replaced(bank: Bank) -> None:
    result = bank.run("lost_card", "I lost my card", "C-1001", slots=NOTHING)
    assert output(result) == {
        "blocked": "silver card ending 6744",
        "reply": "Dear Brunhilde O'Callaghan, your silver card ending 6744 is blocked: nobody can pay with "
        "it any more. A new silver card ending 8789 reaches you within 5 working days.",
    }
    assert bank.ask("SELECT card_id, reason FROM card_blocks") == [("C-1001-0", "lost")]
    assert bank.ask("SELECT card_id, replaces FROM card_orders") == [("C-1001-1", "C-1001-0")]


@pytest.mark.parametrize(
    "message", ["my card ending 0328 is gone", "card no. 0328 was stolen!", "I lost my Gold card"]
)
def test_what_says_exactly_which_card_needs_no_model(bank: Bank, message: str) -> None:
    result = bank.run("lost_card", message, "C-1002")
    assert output(result)["blocked"] == "gold card ending 0328"
    assert bank.engine.requests == []


def test_where_nothing_says_it_exactly_an_agent_reads_which_card(bank: Bank) -> None:
    result = bank.run("lost_card", "my gold one is gone", "C-1002", slots=NOTHING | {"card": "gold one"})
    assert output(result)["blocked"] == "gold card ending 0328"
    assert result.nodes["said.escalate"].output["card"] == "gold one"


def test_who_names_two_cards_is_asked_which(bank: Bank) -> None:
    message = "I lost my basic card, the gold card is here"
    result = bank.run("lost_card", message, "C-1002", slots=NOTHING)
    assert result.status == "waiting"


def test_of_two_cards_a_person_says_which_and_a_wrong_answer_is_asked_again(bank: Bank) -> None:
    result = bank.run("lost_card", "I lost my card", "C-1002", slots=NOTHING)
    assert question(result) == (
        "Which card does Yoko Nirmala Balogun miss: basic card ending 5368 or gold card ending 0328? "
        "Its last four digits, please."
    )
    result = bank.answer(result, "1234")
    assert result.status == "waiting"
    assert bank.ask("SELECT count(*) FROM card_blocks") == [(0,)]
    result = bank.answer(result, "0328")
    assert output(result)["blocked"] == "gold card ending 0328"
    assert bank.ask("SELECT card_id FROM card_blocks") == [("C-1002-1",)]


def test_after_three_wrong_answers_nothing_is_blocked_and_a_colleague_calls(bank: Bank) -> None:
    result = bank.run("lost_card", "I lost my card", "C-1002", slots=NOTHING)
    for _ in range(3):
        result = bank.answer(result, "none")
    assert output(result) == {
        "blocked": None,
        "reply": "Dear Yoko Nirmala Balogun, we could not find out which card is lost. A colleague calls you "
        "at once.",
    }
    assert bank.ask("SELECT count(*) FROM card_blocks") == [(0,)]


def test_who_has_no_open_card_left_is_called(bank: Bank) -> None:
    bank.run("lost_card", "I lost my card", "C-1001", slots=NOTHING)
    bank.run("lost_card", "and the new one", "C-1001", slots=NOTHING)
    assert len(tool("find_cards")(customer_id="C-1001")["open"]) == 1
    tool("block_card")(card_id="C-1001-2", reason="lost", idempotency_key="k")
    result = bank.run("lost_card", "lost again", "C-1001", slots=NOTHING)
    assert output(result)["blocked"] is None


def test_cards_are_blocked_and_ordered_once(bank: Bank) -> None:
    block, order = tool("block_card"), tool("order_card")
    assert block(card_id="C-1001-0", reason="lost", idempotency_key="a") == block(
        card_id="C-1001-0", reason="fraud", idempotency_key="b"
    )
    assert order(replaces="C-1001-0", idempotency_key="a") == order(replaces="C-1001-0", idempotency_key="b")
    assert bank.ask("SELECT count(*) FROM cards WHERE customer_id = 'C-1001'") == [(2,)]
    assert bank.ask("SELECT reason FROM card_blocks") == [("lost",)]


# -- collect_missing ----------------------------------------------------------------------------------------


def collect(bank: Bank, needs: list[str], *answers: Mapping[str, Any], message: str = "hello") -> RunResult:
    bank.engine = ScriptedEngine({"slots": [NOTHING | dict(each) for each in answers]})
    return bank.start("collect_missing", {"message": message, "needs": needs})


def test_nothing_is_asked_where_nothing_is_missing(bank: Bank) -> None:
    result = collect(bank, ["amount", "date or merchant"], {"amount": 9.5, "merchant": "Papertown"})
    assert output(result) == {
        "amount": 9.5, "card": None, "date": None, "merchant": "Papertown", "is_complete": True,
    }  # fmt: skip


def test_what_is_missing_is_asked_for_until_it_is_there(bank: Bank) -> None:
    result = collect(bank, ["card", "merchant"], {})
    assert question(result) == "Which card is it, or which shop was it?"
    result = bank.answer(result, "the gold one", slots=NOTHING | {"card": "gold one"})
    assert question(result) == "Which shop was it?"
    result = bank.answer(result, "Papertown", slots=NOTHING | {"card": "gold one", "merchant": "Papertown"})
    assert output(result)["is_complete"]
    assert bank.engine.requests[-1].values["message"].split() == ["hello", "the", "gold", "one", "Papertown"]


def test_after_two_questions_it_goes_on_without(bank: Bank) -> None:
    result = collect(bank, ["card"], {})
    result = bank.answer(bank.answer(result, "what?"), "no idea")
    assert output(result) == {
        "amount": None, "card": None, "date": None, "merchant": None, "is_complete": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("heard", "amount"),
    [
        ("it was 42.10", 42.1),
        ("$1,200 at the hotel", 1200.0),
        ("on 3 October", None),
        ("12.00 or 13.00", None),
    ],
)
def test_a_sum_that_the_agent_missed_is_read_if_it_is_beyond_doubt(
    bank: Bank, heard: str, amount: float | None
) -> None:
    assert tool("take_stock")(said=NOTHING, heard=heard, needs=[])["said"]["amount"] == amount


def test_the_same_words_are_read_once(bank: Bank) -> None:
    said = {"amount": 9.5}
    assert collect(bank, ["amount"], said).nodes["collect[0].said"].output["amount"] == 9.5
    again = collect(bank, ["amount"], {"amount": 7.0})
    assert output(again)["amount"] == 9.5
    assert bank.engine.requests == []


# -- policy_vote --------------------------------------------------------------------------------------------


def vote(bank: Bank, checks: str, *answers: tuple[str, str]) -> RunResult:
    script = [{"decision": decision, "reason": reason} for decision, reason in answers]
    bank.engine = ScriptedEngine({"policy": script})
    return bank.start("policy_vote", {"checks": checks})


def test_what_four_of_five_say_is_decided(bank: Bank) -> None:
    met = ("approve", "every rule is met")
    result = vote(bank, MET, met, met, ("refer", "the weather"), met, met)
    assert output(result) == {"decision": "approve", "reason": "every rule is met"}
    assert result.nodes["decide"].confidence == 0.8
    assert len(bank.engine.requests) == 5


@pytest.mark.parametrize(
    ("checks", "answers"),
    [
        (MET, [("approve", "every rule is met")] * 3 + [("refer", "the weather")] * 2),
        (MET, [("decline", "the weather")] * 5),
        (f"{TOO_OLD}: not met\n{MET}", [("approve", "every rule is met")] * 5),
    ],
    ids=["split", "agreed on an invented reason", "agreed against the checks"],
)
def test_where_the_vote_cannot_be_trusted_a_person_decides(
    bank: Bank, checks: str, answers: list[tuple[str, str]]
) -> None:
    result = vote(bank, checks, *answers)
    assert question(result).startswith("What do the rules say here, and why?")
    assert "charge age" in question(result)
    result = bank.answer(result, {"decision": "decline", "reason": "told on the phone"})
    assert output(result) == {"decision": "decline", "reason": "told on the phone"}


# -- dispute ------------------------------------------------------------------------------------------------


def dispute(bank: Bank, customer_id: str = "C-1001", **said: Any) -> RunResult:
    def decide(request: Any) -> dict[str, str]:
        """As the rules say."""
        first = request.values["checks"].split("\n", 1)[0]
        if first.endswith(": met"):
            return {"decision": "approve", "reason": "every rule is met"}
        return {
            "decision": "decline" if first.startswith("charge age") else "refer",
            "reason": first.removesuffix(": not met"),
        }

    return bank.run("dispute", "that is wrong", customer_id, slots=NOTHING | said, policy=decide)


def test_a_confirmed_charge_is_disputed_and_the_money_is_back(bank: Bank) -> None:
    before = tool("lookup_account")(customer_id="C-1001")["balance"]
    result = dispute(bank, amount=75.88, merchant="harbour grill", date="10 November")
    assert question(result).replace("\n", " ") == (
        "Brunhilde O'Callaghan writes: that is wrong Which charge is it? "
        "1: $75.88 at Harbour Grill on 10 November; 0: none of these"
    )
    assert bank.ask("SELECT count(*) FROM disputes WHERE transaction_id LIKE 'C-1001-%'") == [(0,)]
    result = bank.answer(result, 1)
    assert output(result) == {
        "decision": "approve",
        "dispute": {"dispute_id": "D-1001-T06", "refunded": 75.88},
        "reply": "Dear Brunhilde O'Callaghan, we dispute the charge of $75.88 at Harbour Grill on 10 "
        "November for you. Your money is back until this is settled. Your case is D-1001-T06.",
    }
    assert tool("lookup_account")(customer_id="C-1001")["balance"] == pytest.approx(before - 75.88)
    assert len(tool("list_charges")(customer_id="C-1001")["charges"]) == 7


def test_a_charge_that_is_too_old_is_not_disputed(bank: Bank) -> None:
    result = bank.answer(dispute(bank, merchant="Northern Rail"), 1)
    assert output(result) == {
        "decision": "decline",
        "dispute": None,
        "reply": "Dear Brunhilde O'Callaghan, we cannot dispute the charge of $71.91 at Northern Rail on 6 "
        f"July. Reason: {TOO_OLD}.",
    }
    assert bank.ask("SELECT count(*) FROM disputes WHERE transaction_id LIKE 'C-1001-%'") == [(0,)]


@pytest.mark.parametrize(
    ("customer_id", "merchant", "reason"),
    [
        ("C-1001", "Seaview Hotel", "charge amount $583.31 is not at most $500"),
        ("C-1003", "Dune Outdoor", "open disputes 3 is not at most 2"),
    ],
)
def test_a_case_for_a_colleague_is_opened_without_money(
    bank: Bank, customer_id: str, merchant: str, reason: str
) -> None:
    before = tool("list_charges")(customer_id=customer_id), tool("lookup_account")(customer_id=customer_id)
    result = bank.answer(dispute(bank, customer_id, merchant=merchant), 1)
    assert output(result)["decision"] == "refer"
    assert output(result)["dispute"]["refunded"] == 0.0
    assert f"A colleague looks into it first. Reason: {reason}." in output(result)["reply"]
    assert tool("list_charges")(customer_id=customer_id)["open_disputes"] == before[0]["open_disputes"] + 1
    assert tool("lookup_account")(customer_id=customer_id) == before[1]


def test_a_split_vote_inside_a_dispute_waits_for_a_second_person(bank: Bank) -> None:
    result = dispute(bank, amount=75.88)
    unsure = [
        {"decision": word, "reason": "?"} for word in ("approve", "decline", "refer", "refer", "decline")
    ]
    result = bank.answer(result, 1, policy=unsure)
    assert question(result).startswith("What do the rules say here")
    result = bank.answer(result, {"decision": "approve", "reason": "a regular customer"})
    assert output(result)["dispute"] == {"dispute_id": "D-1001-T06", "refunded": 75.88}


def test_none_of_the_charges_is_the_one(bank: Bank) -> None:
    result = dispute(bank, amount=75.88)
    for number in (2, -1):
        with pytest.raises(InvalidInput, match="It asks for: confirm.number >= 0 && confirm.number <= "):
            bank.answer(result, number)
    result = bank.answer(result, 0)
    assert output(result)["dispute"] is None
    assert "could not find the charge" in output(result)["reply"]


def test_nobody_is_asked_where_no_charge_fits(bank: Bank) -> None:
    result = dispute(bank, amount=12_000.0)
    assert output(result)["decision"] is None
    assert "could not find the charge" in output(result)["reply"]


def test_who_names_neither_sum_nor_shop_is_asked_first(bank: Bank) -> None:
    result = dispute(bank)
    assert question(result) == "How much was it, or which shop was it?"
    result = bank.answer(result, "the pharmacy", slots=NOTHING | {"merchant": "Moonlight Pharmacy"})
    assert "1: $18.07 at Moonlight Pharmacy on 16 November;" in question(result)


def test_a_charge_is_disputed_once(bank: Bank) -> None:
    open_dispute = tool("open_dispute")
    given = {"transaction_id": "C-1001-T06", "words": "wrong", "refund": True}
    before = tool("lookup_account")(customer_id="C-1001")["balance"]
    first = open_dispute(**given, idempotency_key="a")
    assert open_dispute(**given, idempotency_key="a") == first
    assert open_dispute(**given, idempotency_key="b") == first
    assert tool("lookup_account")(customer_id="C-1001")["balance"] == pytest.approx(before - 75.88)


@pytest.mark.parametrize(
    ("words", "day"),
    [
        ("10 November", "2026-11-10"),
        ("Nov 10th", "2026-11-10"),
        ("yesterday", "2026-11-22"),
        ("last Tuesday", "2026-11-17"),
        ("Monday", "2026-11-16"),
        ("24 December", "2025-12-24"),
        ("the 10th", None),
        ("31 February", None),
        ("maybe 3", None),
    ],
)
def test_days_are_read_as_people_say_them(bank: Bank, words: str, day: str | None) -> None:
    for candidate in ("2026-11-10", "2026-11-22", "2026-11-17", "2026-11-16", "2025-12-24", "2026-05-03"):
        charge = {"transaction_id": "T", "day": candidate, "merchant": "X", "amount": 1.0}
        assert tool("match_charge")(charge=charge, day=words)["points"] == (candidate == day)


def test_the_rules_in_the_graph_are_those_of_the_tool(bank: Bank) -> None:
    rules = dict(
        re.findall(r"- (.+?): \w+ unless (.+)\.", (ROOT / "graphs/dispute.yaml").read_text(encoding="utf-8"))
    )
    charge = {"transaction_id": "T", "day": "2026-11-10", "merchant": "X", "amount": 1.0}
    lines = tool("check_dispute")(charge=charge, open_disputes=0)["text"].splitlines()
    assert len(lines) == len(rules)
    for (subject, wanted), line in zip(rules.items(), lines, strict=True):
        assert line.startswith(f"{subject} ")
        assert line.endswith(f" is {wanted}: met")


# -- triage_all ---------------------------------------------------------------------------------------------


def triage(bank: Bank, intent: str, customer_id: str = "C-1001", **script: Any) -> RunResult:
    return bank.run("triage_all", "hello", customer_id, triage={"intent": intent}, **script)


def test_a_credit_line_is_raised_behind_the_front_door(bank: Bank) -> None:
    letter = "Brunhilde O'Callaghan $500 approved: every rule is met"
    result = triage(
        bank,
        "credit_line_increase",
        slots=NOTHING | {"amount": 500.0},
        policy={"decision": "approve", "reason": "every rule is met"},
        reply={"text": letter},
    )
    assert output(result) == {"intent": "credit_line_increase", "reply": letter}
    assert bank.ask("SELECT new_limit FROM limit_changes") == [(3500.0,)]


def test_a_lost_card_is_blocked_behind_the_front_door(bank: Bank) -> None:
    result = triage(bank, "lost_card", slots=NOTHING)
    assert output(result)["reply"].startswith(
        "Dear Brunhilde O'Callaghan, your silver card ending 6744 is blocked"
    )


def test_a_dispute_waits_behind_the_front_door(bank: Bank) -> None:
    result = triage(
        bank,
        "dispute_charge",
        slots=NOTHING | {"amount": 75.88},
        policy={"decision": "approve", "reason": "every rule is met"},
    )
    assert [path for path, node in result.nodes.items() if node.question] == ["answer.dispute_charge.confirm"]
    assert "we dispute the charge of $75.88" in output(bank.answer(result, 1))["reply"]


def test_where_somebody_else_acts_all_cards_are_blocked(bank: Bank) -> None:
    result = triage(bank, "report_fraud", "C-1002")
    assert output(result)["reply"] == (
        "Yoko Nirmala Balogun, thank you for writing. We pass you on to the fraud desk, which protects your "
        "account at once. All your cards (2) are blocked until then."
    )
    assert bank.ask("SELECT card_id, reason FROM card_blocks ORDER BY 1") == [
        ("C-1002-0", "fraud"),
        ("C-1002-1", "fraud"),
    ]


@pytest.mark.parametrize("intent", ["balance", "payment_due", "update_contact", "close_account", "other"])
def test_all_other_wishes_are_passed_on(bank: Bank, intent: str) -> None:
    assert output(triage(bank, intent))["reply"].startswith("Brunhilde O'Callaghan, thank you for writing.")


def test_who_is_not_understood_is_passed_on_to_a_person(bank: Bank) -> None:
    result = bank.run("triage_all", "blub", "C-1001", triage={"intent": "lost_card", "confidence": 0.4})
    assert output(result)["intent"] == "other"
    assert result.nodes["triage"].status == "fallback"
    assert output(result)["reply"].endswith("We pass you on to a colleague, who reads your message.")


# -- with the shipped models --------------------------------------------------------------------------------


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """The workspace as it is shipped, with a store of its own."""
    for name in ("agents", "graphs", "tools", "finetune", ".shoal/adapters"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "agents.yaml", tmp_path)
    return tmp_path


def agentctl(root: Path, *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "shoal", *arguments]
    environment = os.environ | {"BANK_DB": str(root / "bank.db")}
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=200, env=environment)
    assert done.returncode == 0, done.stderr
    record: dict[str, Any] = json.loads(done.stdout) if "--json" in arguments else {}
    return record


def run_shipped(root: Path, graph: str, message: str, customer_id: str) -> dict[str, Any]:
    return agentctl(root, "run", graph, message, "-i", f"customer_id={customer_id}", "--json")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("message", "customer_id", "blocked"),
    [
        ("My wallet was stolen on the tram, with my card in it", "C-1001", "silver card ending 6744"),
        ("Please block my card ending 0328, I can't find it", "C-1002", "gold card ending 0328"),
        ("my silver Visa got stolen on the bus", "C-1003", "silver card ending 4933"),
    ],
)
def test_shipped_models_find_the_lost_card(
    shipped: Path, message: str, customer_id: str, blocked: str
) -> None:
    done = run_shipped(shipped, "lost_card", message, customer_id)
    assert done["status"] == "done"
    assert done["output"]["blocked"] == blocked


@pytest.mark.slow
def test_shipped_models_dispute_a_charge(shipped: Path) -> None:
    message = "I don't recognise $75.88 from Harbour Grill on 10 November"
    asked = run_shipped(shipped, "dispute", message, "C-1001")
    assert asked["status"] == "waiting"
    done = agentctl(shipped, "runs", "answer", asked["run"], "confirm", "1", "--json")
    assert done["output"]["decision"] == "approve"
    assert done["output"]["dispute"] == {"dispute_id": "D-1001-T06", "refunded": 75.88}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("message", "intent", "reply"),
    [
        ("Could my limit go up by $500?", "credit_line_increase", "$500"),
        ("My purse was stolen on the bus with my card in it", "lost_card", "6744 is blocked"),
        (
            "Somebody is shopping with my card number, I did not buy any of this!",
            "report_fraud",
            "(1) are blocked",
        ),
        ("What is my balance?", "balance", "account desk"),
        ("blub blub", "other", "a colleague, who reads your message"),
    ],
)
def test_shipped_models_answer_at_the_front_door(
    shipped: Path, message: str, intent: str, reply: str
) -> None:
    done = run_shipped(shipped, "triage_all", message, "C-1001")
    assert (done["status"], done["output"]["intent"]) == ("done", intent)
    assert reply in done["output"]["reply"]
