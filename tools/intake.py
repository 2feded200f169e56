"""The tools of the front desk: what is known of a wish, and what has still to be asked."""

from __future__ import annotations

import re
from typing import TypedDict

_QUESTIONS = {
    "amount": "how much was it",
    "card": "which card is it",
    "date": "which day was it",
    "merchant": "which shop was it",
}
_SUM = re.compile(r"[$€£] ?(\d[\d,]*(?:\.\d+)?)|\b(\d[\d,]*\.\d\d)\b")


class Said(TypedDict):
    """What the agent slots found in a message."""

    amount: float | None
    card: str | None
    date: str | None
    merchant: str | None


class Stock(TypedDict):
    """What is known, what is not, and the question that asks for it."""

    heard: str
    said: Said
    missing: list[str]
    question: str


def take_stock(said: Said, heard: str, needs: list[str]) -> Stock:
    """What of `needs` is still missing; `amount or merchant` is met by either.

    Where the agent found no sum and `heard` names just one, with its cents or its sign, that is the sum.
    """
    sums = _SUM.findall(heard)
    if said["amount"] is None and len(sums) == 1:
        said = Said({**said, "amount": float("".join(sums[0]).replace(",", ""))})
    have = {name for name, value in said.items() if value is not None}
    missing = [need for need in needs if not have & set(need.split(" or "))]
    asked = [_QUESTIONS.get(name, f"what is the {name}") for need in missing for name in need.split(" or ")]
    question = ", or ".join(asked).capitalize() + "?" if asked else ""
    return Stock(heard=heard, said=said, missing=missing, question=question)
