"""Examples for the agent slots: the sum, raise BY or TO, which card, which day, which shop.

Two messages of three ask for credit, often among other sums (incomes, rents, limits, ages) that nobody
asks for.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from typing import Any

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

_FIELD_OF = {
    "more": "amount", "total": "amount", "amount": "amount", "card": "card", "merchant": "merchant",
    "date": "date", "ahead": "date", "back": "date",
}  # fmt: skip


def _clear(*wordings: Sequence[str], sums: int) -> list[str]:
    """Wordings with at most so many sums: where two are named, neither is THE amount."""
    return [w for each in wordings for w in each if w.count("<amount>") <= sums and "<digits>" not in w]


_SOURCES: list[tuple[float, Sequence[str]]] = [
    (24, MORE),
    (24, TOTAL),
    (10, PLAIN),
    (22, spoken.CREDIT_LINE_INCREASE),
    (10, _clear(DISPUTE_CHARGE, sums=1)),
    (8, _clear(spoken.DISPUTE_CHARGE, sums=1)),
    (6, _clear(LOST_CARD, REPORT_FRAUD, spoken.LOST_CARD, sums=1)),
    (
        7,
        _clear(
            BALANCE,
            PAYMENT_DUE,
            UPDATE_CONTACT,
            CLOSE_ACCOUNT,
            BANKING,
            spoken.BALANCE,
            spoken.PAYMENT_DUE,
            sums=0,
        ),
    ),
    (3, _clear(ELSEWHERE, sums=0)),
]


def examples(seed: int, part: Part) -> Iterator[dict[str, Any]]:
    """Messages and what stands in them, without end."""
    chance = random.Random(f"slots {seed} {part}")
    while True:
        pieces = roughen(_message(chance, part), chance)
        message = text_of(pieces)
        if (output := _answer(pieces, message)) is not None:
            yield {"input": {"message": message}, "output": output}


def _message(chance: random.Random, part: Part) -> list[Piece]:
    cores = chance.choices([source for _, source in _SOURCES], [weight for weight, _ in _SOURCES])[0]

    def say(wordings: Sequence[str]) -> list[Piece]:
        return fill(chance.choice(only(wordings, part)), FILLS, chance, part)

    sentences = [say(cores)]
    if cores in (MORE, TOTAL, PLAIN, spoken.CREDIT_LINE_INCREASE):
        for _ in range(chance.choice((0, 0, 0, 1, 1, 2, 3))):
            sentences.insert(chance.randint(0, len(sentences)), say(REASONS))
    for _ in range(chance.choice((0, 0, 0, 0, 1, 1, 2))):
        sentences.insert(chance.randint(0, len(sentences)), say(ASIDES))
    opening = [*say(OPENINGS), Piece(" ")] if chance.random() < 0.3 else []
    closing = [Piece(" "), *say(CLOSINGS)] if chance.random() < 0.25 else []
    return [*opening, *join(sentences), *closing]


def _answer(pieces: Sequence[Piece], message: str) -> dict[str, Any] | None:
    """What is marked in the message; None when something stands in it twice: which is meant?"""
    output: dict[str, Any] = {"amount": None, "asks": "more", "card": None, "date": None, "merchant": None}
    for piece in pieces:
        field = _FIELD_OF.get(piece.slot or "")
        if field is None:
            continue
        if (
            output[field] is not None
            or len(re.findall(rf"(?<!\w){re.escape(piece.text)}(?!\w)", message)) != 1
        ):
            return None
        output[field] = piece.text
        if piece.slot == "total":
            output["asks"] = "total"
    return output
