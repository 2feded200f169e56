"""Examples for the agent `policy`: checks and rules, the reason and the decision.

Half of them are the bank's own rules, held against invented accounts by the bank's own tool. The others
follow other rules: the bank's with other decisions, or rules of other trades. So the adapter learns to read
the rules, and follows them when somebody edits the decisions in agents/policy/knowledge/credit_line.md.
"""

from __future__ import annotations

import importlib.util
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from .people import word

_ROOT = Path(__file__).parents[2]
ALL_MET = "every rule is met"
_DECISIONS = ("approve", "decline", "refer")
_RULE = re.compile(r"- (.+?): (approve|decline|refer) unless (.+)\.")
_SUBJECTS = (
    "account age", "account standing", "utilisation", "late payments", "stated amount", "new limit",
    "increase", "monthly income", "debt ratio", "order age", "open disputes", "credit score",
    "days overdue", "seats used", "claim value", "mileage", "tenure", "refund share", "cards held",
    "identity check", "storage used", "failed logins", "response time", "contract length",
    "battery health", "stock level",
)  # fmt: skip
_HELDOUT_SUBJECTS = (
    "years employed",
    "parcel weight",
    "deposit share",
    "trips this year",
    "risk points",
    "notice given",
    "rent paid",
)
_UNITS = (
    "",
    "",
    " %",
    " months",
    " days",
    " years",
    " points",
    " km",
    " hours",
    " GB",
    " in 12 months",
    " kg",
    " times",
    " on a gold card",
)
_WORDS = (
    "good",
    "open",
    "verified",
    "given",
    "active",
    "complete",
    "signed",
    "above the present limit",
    "in range",
    "on file",
)
_HELDOUT_WORDS = ("settled", "known", "within reach", "attested")
_HEADS = ("The first rule that is not met decides.",) * 3 + ("The first one that is not met decides.", "")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, and the line a check of it gives."""

    subject: str
    decision: str
    wanted: str
    value: str
    is_met: bool

    @property
    def line(self) -> str:
        """What the tool writes of it."""
        found = f"{self.subject} {self.value}".strip()
        return f"{found} is {self.wanted}: met" if self.is_met else f"{found} is not {self.wanted}: not met"


def examples(seed: int, part: str) -> Iterator[dict[str, Any]]:
    """Checks, rules where they are not the bank's, reason and decision."""
    dice = random.Random(f"policy {seed} {part}")
    while True:
        share = dice.random()
        yield (
            _bank_case(dice)
            if share < 0.5
            else _edited_case(dice)
            if share < 0.65
            else _other_case(dice, part)
        )


@cache
def bank_tool() -> Any:
    """The module tools/bank.py."""
    spec = importlib.util.spec_from_file_location("_bank_of_examples", _ROOT / "tools" / "bank.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def bank_policy() -> str:
    """The text of the bank's policy."""
    return (_ROOT / "agents" / "policy" / "knowledge" / "credit_line.md").read_text(encoding="utf-8").strip()


@cache
def bank_rules() -> dict[str, str]:
    """The decision of each rule of the bank's policy, by its subject."""
    return {subject: decision for subject, decision, _ in _RULE.findall(bank_policy())}


def decide(lines: list[str], decisions: dict[str, str], final: str = "approve") -> dict[str, str]:
    """What the policy says of check lines of which the unmet ones come first."""
    if lines[0].endswith(": met"):
        return {"reason": ALL_MET, "decision": final}
    reason = lines[0].removesuffix(": not met")
    subject = max((each for each in decisions if reason.startswith(each + " ")), key=len)
    return {"reason": reason, "decision": decisions[subject]}


def bank_request(dice: random.Random) -> Any:
    """What the bank's tool says of an invented account and request; each rule decides about equally often."""
    tool, wanted = bank_tool(), dice.choice((None, *bank_rules()))
    while True:
        limit = (
            dice.randrange(500, 30_000, 50) if dice.random() < 0.8 else round(dice.uniform(500, 90_000), 2)
        )
        account = {
            "tier": dice.choice(tool.TIERS),
            "standing": "good" if dice.random() < 0.8 else dice.choice(("overdue", "frozen", "closed")),
            "limit": float(limit),
            "balance": round(
                limit * (dice.uniform(0, 0.7) if dice.random() < 0.75 else dice.uniform(0.7, 1.2)),
                dice.choice((0, 2)),
            ),
            "opened_months": dice.randint(1, 12) if dice.random() < 0.3 else dice.randint(6, 400),
            "late_payments_12m": dice.choice((0, 0, 0, 1, 1, 2, 3, 4, 6, 9, 12)),
        }
        amount = None if dice.random() < 0.15 else float(amount_number(dice))
        checks = tool.check_rules(account, amount, dice.choice(("more", "total")))
        first = checks["text"].split("\n", 1)[0]
        if (wanted is None and first.endswith(": met")) or (
            wanted and first.startswith(wanted + " ") and first.endswith("not met")
        ):
            return checks


def amount_number(dice: random.Random) -> float:
    """An amount of dollars, round or odd, from tens to hundreds of thousands."""
    size = dice.choice((10, 100, 100, 1_000, 1_000, 10_000))
    amount = (
        dice.randrange(size, 10 * size)
        if dice.random() < 0.5
        else size * dice.choice((1, 2, 3, 4, 5, 6, 7.5, 8, 9, 1.5, 2.5, 4.5))
    )
    return round(amount + dice.random(), 2) if dice.random() < 0.2 else float(amount)


def _bank_case(dice: random.Random) -> dict[str, Any]:
    checks = bank_request(dice)["text"]
    output = decide(checks.split("\n"), bank_rules())
    return {"input": {"checks": checks, "rules": None}, "output": output}


def _edited_case(dice: random.Random) -> dict[str, Any]:
    """The bank's rules, as if somebody had changed their decisions."""
    decisions = {subject: dice.choice(_DECISIONS) for subject in bank_rules()}
    edited = _RULE.sub(lambda rule: f"- {rule[1]}: {decisions[rule[1]]} unless {rule[3]}.", bank_policy())
    checks = bank_request(dice)["text"]
    return {"input": {"checks": checks, "rules": edited}, "output": decide(checks.split("\n"), decisions)}


def _other_case(dice: random.Random, part: str) -> dict[str, Any]:
    rules = _rules(dice, part)
    final = "approve" if dice.random() < 0.7 else dice.choice(_DECISIONS)
    lines = sorted((rule.line for rule in rules), key=lambda line: line.endswith(": met"))
    output = decide(lines, {rule.subject: rule.decision for rule in rules}, final)
    head, tail = dice.choice(_HEADS), f"If every rule is met: {final}."
    written = [f"- {rule.subject}: {rule.decision} unless {rule.wanted}." for rule in rules]
    return {
        "input": {"checks": "\n".join(lines), "rules": "\n".join([head, *written, tail]).strip()},
        "output": output,
    }


def _rules(dice: random.Random, part: str) -> list[Rule]:
    share_unmet = dice.choice((0.0, 0.15, 0.3, 0.5, 0.8))
    rules: dict[str, Rule] = {}
    while len(rules) < dice.randint(2, 7):
        subject = _subject(dice, part)
        value, wanted = _bound(dice, part)
        if not any(subject.startswith(each) or each.startswith(subject) for each in rules):
            rules[subject] = Rule(
                subject, dice.choice(_DECISIONS), wanted, value, dice.random() >= share_unmet
            )
    return list(rules.values())


def other_reason(dice: random.Random, part: str) -> str:
    """What a check of no rule of the bank would say."""
    return _rules(dice, part)[0].line.removesuffix(": not met").removesuffix(": met")


def _subject(dice: random.Random, part: str) -> str:
    if dice.random() < 0.6:
        return dice.choice(_SUBJECTS if part == "train" or dice.random() < 0.5 else _HELDOUT_SUBJECTS)
    return " ".join(word(dice, part, most=2) for _ in range(dice.randint(1, 2)))


def _bound(dice: random.Random, part: str) -> tuple[str, str]:
    """A value and what is wanted of it; whether it is met is for the check line to say."""
    if dice.random() < 0.25:
        words = _WORDS if part == "train" or dice.random() < 0.5 else _HELDOUT_WORDS
        return dice.choice(("", word(dice, part, most=2))), dice.choice(words)
    side = dice.choice(("at least", "at most", "below", "above"))
    if dice.random() < 0.3:
        money = bank_tool().money
        return money(amount_number(dice)), f"{side} {money(amount_number(dice))}"
    unit = dice.choice(_UNITS)
    shown = unit if unit.count(" ") < 2 else ""
    value = str(dice.randrange(10 ** dice.randint(1, 3))) + (
        f".{dice.randrange(10)}" if dice.random() < 0.15 else ""
    )
    return value + shown, f"{side} {dice.randrange(10 ** dice.randint(1, 3))}{unit}"
