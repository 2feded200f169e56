"""Examples for the agent triage: what a caller wants, in one of nine words.

A message is a core of one intent, and around it at times an opening, asides that mean nothing, reasons and
a closing.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from . import wordings_near as near
from . import wordings_spoken as spoken
from .amounts import FILLS
from .compose import Part, Piece, fill, join, only, roughen, text_of
from .wordings_credit import MORE, PLAIN, REASONS, TOTAL
from .wordings_intents import (
    BALANCE,
    CLOSE_ACCOUNT,
    DISPUTE_CHARGE,
    LOST_CARD,
    PAYMENT_DUE,
    REPORT_FRAUD,
    UPDATE_CONTACT,
)
from .wordings_other import ASIDES, BANKING, CLOSINGS, ELSEWHERE, OPENINGS

CORES: dict[str, Sequence[Sequence[str]]] = {
    "credit_line_increase": (PLAIN, MORE, TOTAL, spoken.CREDIT_LINE_INCREASE, spoken.CREDIT_LINE_INCREASE),
    "lost_card": (LOST_CARD, spoken.LOST_CARD),
    "dispute_charge": (DISPUTE_CHARGE, spoken.DISPUTE_CHARGE),
    "balance": (BALANCE, spoken.BALANCE),
    "payment_due": (PAYMENT_DUE, spoken.PAYMENT_DUE),
    "update_contact": (UPDATE_CONTACT, spoken.UPDATE_CONTACT),
    "report_fraud": (REPORT_FRAUD, spoken.REPORT_FRAUD),
    "close_account": (CLOSE_ACCOUNT, spoken.CLOSE_ACCOUNT),
    "other": (BANKING, spoken.OTHER, near.CARDS, near.NUMBERS, near.MONEY, near.LIMITS, ELSEWHERE),
}
_SHARE = {"credit_line_increase": 1.5, "other": 4.0}


def examples(seed: int, part: Part) -> Iterator[dict[str, Any]]:
    """Messages and their intents, without end."""
    chance = random.Random(f"triage {seed} {part}")
    intents = list(CORES)
    weights = [_SHARE.get(intent, 1.0) for intent in intents]
    while True:
        intent = chance.choices(intents, weights)[0]
        message = text_of(roughen(_message(intent, chance, part), chance))
        yield {"input": {"message": message}, "output": {"intent": intent}}


def _message(intent: str, chance: random.Random, part: Part) -> list[Piece]:
    cores = chance.choice(CORES[intent])

    def say(wordings: Sequence[str]) -> list[Piece]:
        return fill(chance.choice(only(wordings, part)), FILLS, chance, part)

    sentences = [say(cores)]
    if intent == "credit_line_increase" and chance.random() < 0.35:
        sentences.insert(chance.randint(0, 1), say(REASONS))
    for _ in range(chance.choice((0, 0, 0, 0, 1, 1, 2)) if cores is not ELSEWHERE else 0):
        sentences.insert(chance.randint(0, len(sentences)), say(ASIDES))
    if chance.random() < 0.12 and cores is not ELSEWHERE:
        sentences.append(say(cores))
    opening = [*say(OPENINGS), Piece(" ")] if chance.random() < 0.35 else []
    closing = [Piece(" "), *say(CLOSINGS)] if chance.random() < 0.3 else []
    return [*opening, *join(sentences), *closing]
