"""Paths of nodes, and back from them to the plan."""

from __future__ import annotations

import pytest

from shoal.graphs.plan import Escalation
from shoal.runs.paths import enclosing, node_at
from tests.graphs.plans import agent, block, each, graph, inline, node, plan, switch, value

LARGE = node("handle", agent("large", {"x": "int"}))
SMALL = node("a", agent("small", {"x": "int"}), escalate=Escalation(when=value(True), to=LARGE))
CASES = {"lost_card": node("s", inline(node("freeze", agent("freeze", {"x": "int"})), output={}))}
INNER = block(SMALL, node("s", switch(value("lost_card"), CASES)))
MADE = plan(node("handle", each(value([1]), node("handle", graph("g"), output={}))), graphs={"g": INNER})


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("handle", "handle"),
        ("handle[3]", "handle"),
        ("handle[3].a", "a"),
        ("handle#2[3]#4.a", "a"),
        ("handle[0].a.escalate", "handle"),
        ("handle[0].a#2.escalate", "handle"),
        ("handle[0].s.lost_card.freeze", "freeze"),
    ],
)
def test_a_path_leads_to_a_node(path: str, name: str) -> None:
    found = node_at(MADE, path)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    "path", ["", "handle.a", "handle[x]", "handle[1", "handle[0].b", "handle[0]!", "a..b", "#2"]
)
def test_other_paths_lead_nowhere(path: str) -> None:
    assert node_at(MADE, path) is None


def test_what_a_path_stands_in() -> None:
    assert [*enclosing("handle#2[3]#4.s.lost_card")] == [
        "handle#2[3]#4.s.lost_card",
        "handle#2[3]#4.s",
        "handle#2[3]",
        "handle",
        "",
    ]
