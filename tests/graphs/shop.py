"""A small workspace for tests of the checker: a web shop that takes parcels back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

AGENTS = """\
version: 1
bases:
  writer: {model: shop/writer, kind: decoder, license: apache-2.0}
  reader: {model: shop/reader, kind: encoder}
serving: {base: writer}
agents:
  sort:
    about: Names what a customer wants.
    base: reader
    output: {topic: "enum[return_parcel, late_parcel, other]"}
  find:
    base: reader
    output: {price: "span[number] from message", order: "span[str] from message"}
  judge:
    input: {facts: str}
    output: {reason: str, verdict: "enum[refund, refuse, ask]"}
  write:
    input: {name: str, price: float, verdict: str}
    output: {text: str}
tools:
  look_up: {python: "tools/shop.py:look_up", effect: pure}
  weigh: {python: "tools/shop.py:weigh", effect: pure}
  refund: {python: "tools/shop.py:refund", effect: once}
  days_open: {python: "tools/shop.py:days_open", effect: pure}
"""

TOOLS = """\
from typing import Literal, TypedDict


class Order(TypedDict):
    name: str
    paid: float
    state: Literal["sent", "lost"]
    note: str | None


class Facts(TypedDict):
    text: str


def look_up(customer: str) -> Order:
    return {"name": "Ann", "paid": 20.0, "state": "sent", "note": None}


def weigh(order: Order, price: float | None = None) -> Facts:
    return {"text": f"{order['name']} paid {order['paid']}"}


def refund(customer: str, price: float, idempotency_key: str) -> bool:
    return True


def days_open() -> int:
    return 3
"""

GRAPH = """\
version: 1
graph: returns
input: {message: str, customer: str}
nodes:
  sort: {agent: sort, with: {message: "${input.message}"}}
  find: {agent: find, with: {message: "${input.message}"}, when: sort.topic == 'return_parcel'}
  order: {tool: look_up, with: {customer: "${input.customer}"}}
  facts: {tool: weigh, with: {order: "${order}", price: "${find.price}"}}
  judge:
    agent: judge
    with: {facts: "${facts.text}"}
    accept: judge.confidence > 0.5
    retry: 2
    fallback: {reason: unsure, verdict: ask}
  boss:
    human: "Refund ${find.?price.orValue(0.0)} to ${order.name}?"
    when: judge.verdict == 'ask'
  pay:
    tool: refund
    with: {customer: "${input.customer}", price: "${order.paid}"}
    when: judge.verdict == 'refund' || boss.?yes.orValue(false)
  write:
    agent: write
    when: find.price != null
    with: {name: "${order.name}", price: "${find.price}", verdict: "${judge.verdict}"}
    accept: write.text.contains(order.name)
    retry: 4
    fallback: {text: "${order.name}, a colleague will write to you."}
output: {verdict: "${judge.verdict}", reply: "${write.text}", topic: "${sort.topic}"}
"""

FILES: Mapping[str, str] = {
    "agents.yaml": AGENTS,
    "agents/judge/prompt.md": "{{ knowledge }}\n{{ facts }}\n",
    "agents/judge/knowledge/rules.md": "Money back within 30 days.\n",
    "agents/write/prompt.md": "Write to {{ name }} on {{ price }}: {{ verdict }}.\n",
    "tools/shop.py": TOOLS,
    "graphs/returns.yaml": GRAPH,
}


def write_shop(root: Path, changes: Mapping[str, str | None] | None = None) -> Path:
    """Write the workspace; `changes` replaces files, and None leaves one out."""
    for file, text in {**FILES, **(changes or {})}.items():
        if text is not None:
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            (root / file).write_text(text, "utf-8")
    return root


def changed(text: str, old: str, new: str) -> str:
    """The text with one piece replaced, which must be there."""
    assert text.count(old) == 1, (old, text.count(old))
    return text.replace(old, new)
