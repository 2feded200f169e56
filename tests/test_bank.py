"""The reference bank: its tools, and that they and the written policy say the same."""

from __future__ import annotations

import importlib.util
import re
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from shoal.agents.manifest import load_workspace
from shoal.finetune.examples import Example, load_examples
from shoal.finetune.recipe import DataPart

ROOT = Path(__file__).parents[1]
POLICY = (ROOT / "agents" / "policy" / "knowledge" / "credit_line.md").read_text(encoding="utf-8")
RULES = {
    subject: (decision, wanted)
    for subject, decision, wanted in re.findall(r"- (.+?): (\w+) unless (.+)\.", POLICY)
}
GOOD = {
    "customer_id": "C-1", "name": "Ada", "tier": "silver", "standing": "good", "limit": 5000.0, "balance":
    1000.0, "opened_months": 30, "late_payments_12m": 0,
}  # fmt: skip


def load(file: str) -> Any:
    spec = importlib.util.spec_from_file_location("bank_under_test", ROOT / file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("BANK_DB", str(tmp_path / "bank.db"))
    return load("tools/bank.py")


def first_line(bank: Any, amount: float | None = 500.0, asks: str = "more", **account: Any) -> str:
    text: str = bank.check_rules({**GOOD, **account}, amount, asks)["text"]
    return text.split("\n", 1)[0]


def test_there_are_two_hundred_customers_of_many_names(bank: Any) -> None:
    accounts = [bank.lookup_account(f"C-{number}") for number in range(1001, 1201)]
    assert len({account["name"] for account in accounts}) == 200
    assert {account["tier"] for account in accounts} == set(bank.TIERS)
    assert accounts[0] == bank.lookup_account("C-1001")


def test_an_unknown_customer_is_a_sentence(bank: Any) -> None:
    with pytest.raises(LookupError, match="no customer has the id 'C-7'. Ids are C-1001 to C-1200"):
        bank.lookup_account("C-7")


def test_many_threads_make_the_same_database(bank: Any) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(bank.lookup_account, ["C-1001"] * 16))
    assert all(each == found[0] for each in found)


def test_the_written_policy_names_every_rule_of_the_tool_in_its_order(bank: Any) -> None:
    lines = bank.check_rules(GOOD, 500.0)["text"].splitlines()
    assert [next(subject for subject in RULES if line.startswith(subject)) for line in lines] == list(RULES)
    assert "If every rule is met: approve." in POLICY
    assert "The first rule that is not met decides." in POLICY


@pytest.mark.parametrize("tier", ["basic", "silver", "gold", "platinum"])
def test_the_written_policy_and_the_tool_have_the_same_thresholds(bank: Any, tier: str) -> None:
    for line in bank.check_rules({**GOOD, "tier": tier}, 500.0)["text"].splitlines():
        subject = next(subject for subject in RULES if line.startswith(subject))
        wanted = re.fullmatch(rf"{subject} ?(.*?) is (.+): met", line)
        assert wanted is not None
        assert wanted[2].removeprefix("at most ") in RULES[subject][1]
        assert wanted[2].split()[:2] == RULES[subject][1].split()[:2] or subject == "increase"


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"standing": "frozen"}, "account standing frozen is not good: not met"),
        ({"opened_months": 5}, "account age 5 months is not at least 6 months: not met"),
        ({"opened_months": 1}, "account age 1 month is not at least 6 months: not met"),
        ({"late_payments_12m": 2}, "late payments 2 is not at most 1 in 12 months: not met"),
        ({"balance": 3500.0}, "utilisation 70 % is not below 70 %: not met"),
        ({"balance": 3499.99}, "account standing good is good: met"),
        ({"amount": 0.004}, "stated amount is not given: not met"),
        ({"amount": 1e30}, "stated amount is not given: not met"),
        ({"opened_months": 6, "late_payments_12m": 1}, "account standing good is good: met"),
        ({"amount": None}, "stated amount is not given: not met"),
        ({"amount": 3000.0}, "account standing good is good: met"),
        ({"amount": 3000.01}, "increase $3,000.01 is not at most $3,000 on a silver card: not met"),
        ({"amount": 3000.0, "asks": "total"}, "new limit $3,000 is not above the present limit: not met"),
        (
            {"amount": 8000.5, "asks": "total"},
            "increase $3,000.50 is not at most $3,000 on a silver card: not met",
        ),
        ({"amount": 8000.0, "asks": "total"}, "account standing good is good: met"),
    ],
)
def test_the_first_line_is_what_decides(bank: Any, change: dict[str, Any], line: str) -> None:
    assert first_line(bank, **change) == line


def test_unmet_lines_stand_first_and_keep_the_order_of_the_policy(bank: Any) -> None:
    checks = bank.check_rules({**GOOD, "standing": "closed", "balance": 4000.0}, None)
    assert [line.rpartition(": ")[2] for line in checks["text"].splitlines()] == ["not met"] * 3 + ["met"] * 2
    assert checks["amount"] == "a higher limit"
    assert checks["new_limit"] == 5000.0


def test_amounts_are_exact(bank: Any) -> None:
    shown = {
        900: "$900",
        12500: "$12,500",
        12500.5: "$12,500.50",
        1_200_000: "$1,200,000",
        0.1 + 0.2: "$0.30",
        -5: "-$5",
    }
    assert {amount: bank.money(amount) for amount in shown} == shown


def test_a_credit_line_is_changed_once_for_a_key(bank: Any) -> None:
    before = bank.lookup_account("C-1003")["limit"]
    first = bank.set_credit_line("C-1003", 77_000.0, "run:raise")
    assert bank.set_credit_line("C-1003", 88_000.0, "run:raise") == first
    assert first == {"customer_id": "C-1003", "old_limit": before, "new_limit": 77_000.0}
    assert bank.lookup_account("C-1003")["limit"] == 77_000.0


@pytest.mark.parametrize(("customer_id", "limit"), [("C-7", 100.0), ("C-1001", 0.0)])
def test_a_change_that_cannot_be_leaves_no_trace(bank: Any, customer_id: str, limit: float) -> None:
    with pytest.raises((LookupError, ValueError)):
        bank.set_credit_line(customer_id, limit, "key")
    assert bank.set_credit_line("C-1001", 9_999.0, "key")["new_limit"] == 9_999.0


def test_every_intent_has_somebody_who_cares(bank: Any) -> None:
    texts = {
        bank.hand_over(intent, "Zoë Quist")["text"] for intent in ("lost_card", "balance", "other", "new_one")
    }
    assert len(texts) == 3
    assert all(text.startswith("Zoë Quist, ") for text in texts)


def test_examples_of_the_policy_follow_the_rules_they_show() -> None:
    for case in [*drawn("policy", "train"), *drawn("policy", "heldout")]:
        rules = case.input["rules"] or POLICY
        line = case.input["checks"].split("\n", 1)[0]
        if line.endswith(": met"):
            assert case.output["reason"] == "every rule is met"
            assert f"If every rule is met: {case.output['decision']}." in rules
        else:
            assert line == f"{case.output['reason']}: not met"
            subjects = [row[2:].split(": ")[0] for row in rules.splitlines() if row.startswith("- ")]
            (subject,) = [each for each in subjects if line.startswith(each + " ")]
            assert f"- {subject}: {case.output['decision']} unless " in rules


def test_examples_of_replies_hold_their_facts() -> None:
    for case in [*drawn("reply", "train"), *drawn("reply", "heldout")]:
        assert all(case.input[name] in case.output["text"] for name in ("name", "amount", "reason"))


def test_names_of_both_parts_and_of_the_bank_are_apart(bank: Any) -> None:
    words: dict[str, set[str]] = {}
    for part in ("train", "heldout"):
        names = " ".join(case.input["name"] for case in drawn("reply", part))
        words[part] = {word for word in re.findall(r"\w+", names) if len(word) > 5}
    words["bank"] = set(
        re.findall(r"\w+", " ".join(bank.lookup_account(f"C-{n}")["name"] for n in range(1001, 1201)))
    )
    assert not words["train"] & words["heldout"]
    assert not (words["train"] | words["heldout"]) & words["bank"]


@cache
def drawn(agent: str, part: str) -> tuple[Example, ...]:
    workspace = load_workspace(ROOT, with_adapters=False)
    source = DataPart(python=f"finetune/bank/{agent}.py:examples", train=300, heldout=300)
    data = load_examples(source, workspace.agents[agent], ROOT, 3)
    return data.train if part == "train" else data.heldout
