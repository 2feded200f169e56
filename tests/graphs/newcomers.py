"""A support desk for people who come from other frameworks: for tests of what check says to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

AGENTS = """\
version: 1
bases:
  nano: {model: shoal/nano, kind: decoder}
  mini: {model: sentence-transformers/all-MiniLM-L6-v2, kind: encoder}
serving: {base: nano}
agents:
  classify:
    input: {ticket: str}
    output: {topic: "enum[billing, outage, account, spam]", urgency: int, summary: str?}
  fast:
    base: mini
    input: {message: str}
    output: {topic: "enum[billing, outage]", amount: "span[number] from message"}
  write:
    input: {facts: str, tone: "enum[warm, plain]"}
    output: {text: str}
  judge:
    input: {draft: str}
    output: {ok: bool, score: float, why: str}
  split:
    input: {text: str}
    output: {questions: "list[str]", parts: [{title: str, weight: float, tags: "list[str]"}]}
  status:
    input: {text: str}
    output: {state: "enum[in-progress, done, on_hold]", type: str, notes: "list[enum[a, b]]"}
tools:
  customer: {python: "tools/desk.py:customer", effect: pure}
  invoices: {python: "tools/desk.py:invoices", effect: pure}
  refund: {python: "tools/desk.py:refund", effect: once}
  notify: {python: "tools/desk.py:notify", effect: idempotent}
  score: {python: "tools/desk.py:score", effect: pure}
  raw: {python: "tools/desk.py:raw", effect: pure}
  ship: {python: "tools/desk.py:ship", effect: pure}
  pick: {python: "tools/desk.py:pick", effect: pure}
"""
TOOLS = """\
from dataclasses import dataclass
from typing import Any, Literal, NotRequired, TypedDict

from pydantic import BaseModel


class Customer(TypedDict):
    name: str
    tier: Literal["gold", "silver"]
    email: str | None
    balance: float
    since: int


class Invoice(TypedDict):
    number: str
    total: float
    paid: bool
    lines: list[str]


class Line(TypedDict):
    sku: str
    qty: int
    price: NotRequired[float]


@dataclass
class Parcel:
    weight: float
    lines: list[Line]
    note: str | None = None


class Label(BaseModel):
    code: str
    parts: list[float]


def customer(customer_id: str) -> Customer:
    return {"name": "Ada", "tier": "gold", "email": None, "balance": 12.5, "since": 2019}


def invoices(customer_id: str, limit: int = 10) -> list[Invoice]:
    first: Invoice = {"number": "I-1", "total": 20.0, "paid": False, "lines": ["a"]}
    return [first, {"number": "I-2", "total": 7, "paid": True, "lines": []}][:limit]


def refund(customer_id: str, amount: float, idempotency_key: str) -> str:
    return f"R-{amount:g}"


def notify(to: str, text: str) -> bool:
    return True


def score(n: int, factor: float = 1.0) -> float:
    return n * factor


def raw(data: Any = None) -> Any:
    return data


def ship(lines: list[Line], factor: float = 2, state: str = "x", note: str | None = None) -> Parcel:
    return Parcel(weight=sum(line["qty"] for line in lines) * factor, lines=lines, note=note)


async def pick(weight: float, kind: Literal["fast", "slow"] = "slow") -> Label:
    return Label(code=f"{kind}-{weight:g}", parts=[weight, 1])
"""
SCRIPT: dict[str, Any] = {
    "classify": {"topic": "billing", "urgency": 4, "summary": None, "confidence": 0.8},
    "write": {"text": "Dear Ada"},
    "judge": {"ok": True, "score": 0.75, "why": "fine", "confidence": 0.9},
    "fast": {"topic": "outage", "amount": 20, "confidence": 0.4},
    "split": {
        "questions": ["a?", "b?"],
        "parts": [
            {"title": "T", "weight": 1, "tags": ["x", "y"]},
            {"title": "U", "weight": 2.5, "tags": []},
        ],
    },
    "status": {"state": "in-progress", "type": "t", "notes": ["a"]},
}
INPUTS: dict[str, Any] = {
    "ticket": "help",
    "customer_id": "C-1",
    "n": 3,
    "ids": ["a", "b"],
    "note": None,
    "text": "t",
    "type": "q",
    "order": {"id": "o", "lines": [{"sku": "a", "qty": 1}, {"sku": "b", "qty": 3}]},
    "flag": True,
    "opt": None,
}


def blocks(file: str) -> list[str]:
    """The pieces of a text file beside this one, which empty lines part."""
    return Path(__file__).with_name(file).read_text(encoding="utf-8").strip().split("\n\n")


def write_desk(root: Path, graph: str) -> Path:
    """The workspace with one graph."""
    for name, text in {"agents.yaml": AGENTS, "tools/desk.py": TOOLS, "graphs/desk.yaml": graph}.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root
