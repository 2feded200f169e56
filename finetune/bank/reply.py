"""Examples for the agent `reply`: what was decided, and the letter that says so.

Names, amounts and reasons are as wide as they can be made, for the model has to copy them whatever they
are; the sentences around them are few.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from .people import name, word
from .policy import ALL_MET, amount_number, bank_request, bank_tool, other_reason

UNSURE = "this case needs a second look"
"""The reason that graphs/credit_line.yaml gives where the model is unsure."""
_TEXTS = {
    "approve": (
        "Dear {name}, good news: your request for {amount} is approved. Reason: {reason}. "
        "Thank you for being with us.",
        "Dear {name}, we are happy to approve your request for {amount}. Reason: {reason}. "
        "Enjoy your new limit.",
    ),
    "decline": (
        "Dear {name}, thank you for asking. We cannot approve your request for {amount} now. "
        "Reason: {reason}. You are welcome to ask again later.",
        "Dear {name}, we are sorry that we cannot approve your request for {amount} today. "
        "Reason: {reason}. We are glad to look again later.",
    ),
    "refer": (
        "Dear {name}, thank you for your request for {amount}. "
        "A colleague decides on it and writes to you soon. Reason: {reason}.",
        "Dear {name}, we have passed your request for {amount} on to a colleague, "
        "who decides and writes to you. Reason: {reason}.",
    ),
}


def examples(seed: int, part: str) -> Iterator[dict[str, Any]]:
    """Name, amount, decision and reason, and the text of the letter."""
    dice = random.Random(f"reply {seed} {part}")
    while True:
        decision = dice.choice(tuple(_TEXTS))
        amount, reason = _request(dice, part, decision)
        facts = {"name": name(dice, part), "amount": amount, "decision": decision, "reason": reason}
        yield {"input": facts, "output": {"text": dice.choice(_TEXTS[decision]).format(**facts)}}


def _request(dice: random.Random, part: str, decision: str) -> tuple[str, str]:
    """An amount and a reason; in most reasons of the bank the amount stands a second time."""
    bank = bank_tool()
    amount = bank.NO_AMOUNT if dice.random() < 0.08 else bank.money(amount_number(dice))
    shape = dice.random()
    if decision == "approve" and shape < 0.6:
        return amount, ALL_MET
    if decision == "refer" and shape < 0.04:
        return amount, UNSURE
    if shape < 0.55:
        checks = bank_request(dice)
        line = checks["text"].split("\n", 1)[0]
        return checks["amount"], line.removesuffix(": not met").removesuffix(": met")
    if shape < 0.9:
        return amount, other_reason(dice, part)
    return amount, " ".join(word(dice, part, most=2) for _ in range(dice.randint(2, 6)))
