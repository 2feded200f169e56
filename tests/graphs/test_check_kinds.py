"""What the checker says to faults in nodes that hold other nodes, and in the policies on nodes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shoal.graphs.check import check_workspace

AGENTS = """\
version: 1
bases: {writer: {model: shop/writer, kind: decoder}}
serving: {base: writer}
agents:
  sort: {input: {message: str}, output: {topic: "enum[parcel, late, other]"}}
  judge: {input: {facts: str}, output: {reason: str, verdict: "enum[refund, refuse, ask]"}}
  boss: {input: {facts: str}, output: {reason: str, verdict: "enum[refund, refuse]"}}
tools:
  orders: {python: "tools/desk.py:orders", effect: pure}
  price: {python: "tools/desk.py:price", effect: pure}
  inc: {python: "tools/desk.py:inc", effect: pure}
  pay: {python: "tools/desk.py:pay", effect: once}
"""
TOOLS = """\
from typing import TypedDict


class Order(TypedDict):
    name: str
    paid: float
    note: str | None


def orders(customer: str) -> list[Order]:
    return []


def price(order: Order) -> float:
    return order["paid"]


def inc(n: int) -> int:
    return n + 1


def pay(amount: float) -> bool:
    return True
"""
GRAPH = """\
version: 1
graph: g
input: {message: str, customer: str, n: int, names: "list[str]", note: "str?"}
nodes:
  sort: {agent: sort, with: {message: "${input.message}"}}
  orders: {tool: orders, with: {customer: "${input.customer}"}}
  NODE
output: {topic: "${sort.topic}", orders: "${orders}"}
"""
SUB = """\
version: 1
graph: sub
input: {text: str}
nodes: {a: {agent: judge, with: {facts: "${input.text}"}}}
output: {text: "${a.reason}"}
"""


def problems(root: Path, node: str) -> list[str]:
    """What is wrong with a graph that has this node; that nobody reads it is not told."""
    files = {
        "agents.yaml": AGENTS,
        "tools/desk.py": TOOLS,
        "graphs/g.yaml": GRAPH.replace("NODE", node),
        "graphs/sub.yaml": SUB,
    }
    for name, text in files.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    found = [
        str(problem) for problem in check_workspace(root).problems if "nothing reads" not in problem.message
    ]
    return [each.removeprefix("graphs/g.yaml:") for each in found]


def cases() -> Iterator[tuple[str, list[str]]]:
    """Nodes of check_kinds.txt, and the problems that stand indented below each."""
    text = Path(__file__).with_name("check_kinds.txt").read_text(encoding="utf-8")
    for block in text.strip().split("\n\n"):
        lines = block.split("\n")
        node = [line for line in lines if not line.startswith("    ")]
        yield "\n  ".join(node), [line.strip() for line in lines[len(node) :]]


@pytest.mark.parametrize(("node", "expected"), [*cases()])
def test_a_fault_is_told_at_its_place(tmp_path: Path, node: str, expected: list[str]) -> None:
    assert problems(tmp_path, node) == expected


def nested(depth: int) -> str:
    """Maps inside each other."""
    inner = nested(depth - 1) if depth else "{human: Yes?}"
    return f"{{map: {inner}, each: input.names, as: item{depth}}}" if depth else inner


def test_steps_may_stand_sixteen_deep(tmp_path: Path) -> None:
    assert problems(tmp_path, f"x: {nested(15)}") == []
    (problem,) = problems(tmp_path, f"x: {nested(16)}")
    assert problem == "7:3 node 'x' nests 17 deep, expected at most 16. Flatten it"


@pytest.mark.parametrize(
    "node",
    [
        'x: {map: {tool: price, with: {order: "${item}"}}, each: "orders.filter(o, o.paid > 1.0)"}',
        'x: {map: {human: "Fine, ${item}?"}, each: [a, b], at_once: 1, accept: "x.all(a, a.yes)"}',
        'x: {repeat: {tool: inc, with: {n: "${x}"}}, start: "${input.n}", until: x > 9, at_most: 9}',
        "x: {repeat: {agent: judge, with: {facts: \"${x.?reason.orValue('')}\"}}, "
        "until: x.confidence > 0.9, at_most: 3}",
        "x: {vote: {agent: judge, with: {facts: a}}, samples: 3, on: [reason], escalate: "
        '{when: x.confidence < 0.5, to: {human: Well?, answer: {reason: str, verdict: "enum[ask]"}}}}',
        "x: {vote: {agent: judge, with: {facts: a}}, samples: 5, early: true, accept: x.verdict != 'ask'}",
        "x: {switch: sort.topic, when: sort.topic != 'late', cases: {parcel: {human: a}, other: {human: b}}}",
        'x: {switch: "${input.n}", cases: {-1: {graph: sub, with: {text: a}}}, '
        "default: {human: b, answer: {text: str}}}",
        "x: {graph: sub, with: {text: a}, retry: 2, cache: 60, timeout_s: 5.0, "
        "budget: {calls: 9, seconds: 3.0}}",
        "x: {nodes: {y: {tool: inc, with: {n: 1}, when: sort.topic == 'late'}}, output: {y: \"${y}\"}}",
    ],
)
def test_what_is_fine(tmp_path: Path, node: str) -> None:
    assert problems(tmp_path, node) == []


@pytest.mark.parametrize(
    ("nodes", "problem"),
    [
        (
            "a: {human: x, when: sort.topic == 'late'}\n"
            "  b: {human: 'y ${a.yes}', when: sort.topic == 'parcel'}",
            "8:34 `when` of node 'b' never holds: 'sort.topic' can only be late here, never parcel. "
            "Mend it, or delete the node",
        ),
        (
            "a: {human: x, when: sort.topic == 'late'}\n"
            "  b: {human: x, when: sort.topic == 'parcel'}\n"
            "  c: {human: '${a.yes} ${b.yes}'}",
            "9:3 node 'c' never runs, because of the `when` of what it reads: 'sort.topic' can only be late "
            "here, never parcel. Read something else",
        ),
        (
            "a: {human: x, when: 1 > 2}",
            "7:23 `when` is always false, so node 'a' never runs. Mend it, or delete the node",
        ),
        (
            "a: {human: x, when: 2 > 1}",
            "7:23 warning: `when` is always true, so node 'a' always runs. Remove it",
        ),
        (
            "a: {human: x, when: sort.topic == 'late' && sort.topic == 'other'}",
            "7:23 `when` of node 'a' never holds: 'sort.topic' can only be late here, never other. "
            "Mend it, or delete the node",
        ),
        (
            "a: {switch: sort.topic, when: sort.topic != 'late', cases: {parcel: {human: a}, "
            "late: {human: b}}, default: {human: c}}",
            "7:83 node 'a': `switch` is never 'late'. Known: other, parcel.",
        ),
    ],
)
def test_nodes_that_never_run(tmp_path: Path, nodes: str, problem: str) -> None:
    assert problems(tmp_path, nodes) == [problem]
