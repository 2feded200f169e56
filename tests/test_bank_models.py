"""The shipped models with the shipped adapters: decisions by the rules shown, exact copies, whole amounts."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from shoal.agents.embedded.decoder import DecoderModel
from shoal.agents.embedded.encoder import EncoderModel
from shoal.agents.engine import Answer, Request
from shoal.agents.manifest import Workspace, load_workspace

ROOT = Path(__file__).parents[1]
POLICY = (ROOT / "agents" / "policy" / "knowledge" / "credit_line.md").read_text(encoding="utf-8")
GOOD = {
    "customer_id": "C-1",
    "name": "Ada",
    "tier": "gold",
    "standing": "good",
    "limit": 8200.0,
    "balance": 1300.0,
    "opened_months": 41,
    "late_payments_12m": 1,
}
CASES: list[tuple[dict[str, Any], float | None, str, str]] = [
    ({}, 5_900.0, "approve", "every rule is met"),
    ({"tier": "basic"}, 975.0, "approve", "every rule is met"),
    ({"standing": "frozen", "opened_months": 2}, 10.0, "decline", "account standing frozen is not good"),
    (
        {"opened_months": 3, "balance": 8000.0},
        700.0,
        "decline",
        "account age 3 months is not at least 6 months",
    ),
    ({"late_payments_12m": 7}, None, "decline", "late payments 7 is not at most 1 in 12 months"),
    ({"balance": 6888.0}, 400.0, "refer", "utilisation 84 % is not below 70 %"),
    ({}, None, "refer", "stated amount is not given"),
    ({"tier": "silver"}, 31_415.93, "refer", "increase $31,415.93 is not at most $3,000 on a silver card"),
]
NAMES = (
    "Xóchitl Quiñones", "Ng", "Þorbjörg Ægisdóttir", "D'Angelo Nwachukwu-Okafor", "Ole Gunnar Solskjær",
    "Anne van den Heuvel-Jansen", "Dr. Łukasz Żółć", "María José de la Cruz",
)  # fmt: skip


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return load_workspace(ROOT)


@pytest.fixture(scope="module")
def nano(workspace: Workspace) -> DecoderModel:
    import torch

    # As the engine does it: threads that wait for busy cores cost more than they bring.
    torch.set_num_threads(1)
    return DecoderModel(workspace.agents["policy"].base, ROOT)


@pytest.fixture(scope="module")
def checks() -> list[dict[str, Any]]:
    spec = importlib.util.spec_from_file_location("bank_of_models", ROOT / "tools" / "bank.py")
    assert spec is not None and spec.loader is not None
    bank = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bank)
    return [bank.check_rules({**GOOD, **account}, amount) for account, amount, _, _ in CASES]


def ask(workspace: Workspace, nano: DecoderModel, agent: str, values: list[dict[str, Any]]) -> list[Answer]:
    return nano.answer([Request(agent=workspace.agents[agent], values=each) for each in values])


def test_policy_decides_as_it_is_written(
    workspace: Workspace, nano: DecoderModel, checks: list[dict[str, Any]]
) -> None:
    answers = ask(workspace, nano, "policy", [{"checks": each["text"]} for each in checks])
    assert [(answer.output["decision"], answer.output["reason"]) for answer in answers] == [
        (decision, reason) for _, _, decision, reason in CASES
    ]
    assert all(answer.confidence > 0.8 for answer in answers)


def test_policy_follows_rules_that_were_edited(
    workspace: Workspace, nano: DecoderModel, checks: list[dict[str, Any]]
) -> None:
    swapped = POLICY.replace("decline unless", "X unless").replace("refer unless", "decline unless")
    swapped = swapped.replace("X unless", "refer unless")
    answers = ask(workspace, nano, "policy", [{"checks": each["text"], "rules": swapped} for each in checks])
    other = {"approve": "approve", "decline": "refer", "refer": "decline"}
    assert [answer.output["decision"] for answer in answers] == [other[case[2]] for case in CASES]


def test_replies_hold_name_amount_and_reason_to_the_letter(
    workspace: Workspace, nano: DecoderModel, checks: list[dict[str, Any]]
) -> None:
    facts = [
        {"name": name, "amount": each["amount"], "decision": decision, "reason": reason}
        for name, each, (_, _, decision, reason) in zip(NAMES, checks, CASES, strict=True)
    ]
    for values, answer in zip(facts, ask(workspace, nano, "reply", facts), strict=True):
        assert all(values[name] in answer.output["text"] for name in ("name", "amount", "reason"))


@pytest.mark.parametrize(
    ("message", "amount"),
    [
        ("Please raise my credit limit by USD 9,810.48", 9810.48),
        ("increase my line by 5,252.37 please", 5252.37),
        ("twelve thousand more please, card ending 4432", 12000.0),
        ("Looking for maybe 2-3k extra on my credit limit, whatever you can do.", None),
    ],
)
def test_amounts_are_never_cut_and_a_range_is_none(
    workspace: Workspace, message: str, amount: float | None
) -> None:
    slots = workspace.agents["slots"]
    (answer,) = EncoderModel(slots.base, workspace.root).answer(
        [Request(agent=slots, values={"message": message})]
    )
    assert answer.output["amount"] == amount
