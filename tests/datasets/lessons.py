"""What the scripted server writes for the bakery: different rows for every request, by what it is asked."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from .school import Response, said

GOODS = (
    "rye loaves",
    "rolls",
    "buns",
    "pretzels",
    "tarts",
    "muffins",
    "bagels",
    "scones",
    "crackers",
    "pies",
)
PEOPLE = (
    "my aunt",
    "the choir",
    "our team",
    "the school",
    "a friend",
    "the office",
    "grandfather",
    "the club",
)
WHEN = ("at noon", "in the morning", "before lunch", "after work", "next week", "on my birthday", "at five")


def rows_for(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Five rows that fit the bakery, of the label that is asked for."""
    prompt = body["messages"][-1]["content"]
    label = re.search(r"with intent = (\w+)", prompt)
    count = int(re.search(r"Write (\d+) new", prompt)[1])  # type: ignore[index]
    rows = []
    for number in range(count):
        pick = hashlib.sha256(f"{body['seed']} {number}".encode()).digest()
        goods, who, when = GOODS[pick[0] % 10], PEOPLE[pick[1] % 8], WHEN[pick[2] % 7]
        message = f"{who} would like {pick[3] * 256 + pick[4]} {goods} {when}, number {pick[5]}"
        rows.append(
            {
                "input": {"message": message},
                "output": {"intent": label[1] if label else "order", "goods": goods},
            }
        )
    return rows


def lesson(body: dict[str, Any]) -> Response:
    """A reply with such rows; or the points of a judge."""
    if "points" in body["messages"][-1]["content"]:
        is_odd = "pretzels" in body["messages"][-1]["content"]
        return said(json.dumps({"points": 2 if is_odd else 5, "reason": "no pretzels" if is_odd else "fine"}))
    return said(json.dumps({"examples": rows_for(body)}))
