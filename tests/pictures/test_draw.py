from __future__ import annotations

from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.graphs.check import load_plan
from shoal.graphs.plan import Plan
from shoal.pictures.draw import mermaid
from shoal.pictures.layout import Layout, arrange
from shoal.pictures.picture import svg
from shoal.pictures.sketch import Link, sketch
from tests.graphs.shop import GRAPH, changed, write_shop


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return load_plan(write_shop(tmp_path), "returns")


def test_links_say_what_is_read_and_what_for(plan: Plan) -> None:
    found = sketch(plan).links
    assert Link("sort", "find", ("topic",), True) in found
    assert Link("order", "facts", (), False) in found
    assert Link("boss", "pay", ("yes",), True) in found
    assert Link("judge", "write", ("verdict",), False) in found
    assert Link("write", "output", ("text",), False) in found
    assert all(link.source != link.target for link in found), "`accept` reads the node itself"


def test_mermaid(plan: Plan) -> None:
    lines = mermaid(plan).splitlines()
    assert lines[:4] == [
        "flowchart TD",
        '  input_[/"<b>input</b><br/>message, customer"/]:::edge',
        '  sort_(["<b>sort</b><br/>agent on reader"]):::agent',
        '  order_["<b>order</b><br/>look_up, pure"]:::tool',
    ]
    assert '  boss_{{"<b>boss</b><br/>a person is asked"}}:::human' in lines
    assert "  sort_ -.->|topic| find_" in lines
    assert "  order_ --> facts_" in lines


def test_the_svg_is_whole_and_shows_every_node(plan: Plan) -> None:
    picture = svg(plan)
    root = ElementTree.fromstring(picture)
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"input", "output", *plan.block.nodes} <= set(texts)
    assert "if judge.verdict == 'ask'" in texts
    assert "prefers-color-scheme: dark" in picture
    assert svg(plan) == picture


def test_what_is_written_in_a_graph_cannot_break_the_svg(tmp_path: Path) -> None:
    graph = changed(
        GRAPH, "when: judge.verdict == 'ask'", 'when: judge.reason != "<b>&" && judge.confidence < 0.5'
    )
    picture = svg(load_plan(write_shop(tmp_path, {"graphs/returns.yaml": graph}), "returns"))
    assert ElementTree.fromstring(picture) is not None


def assert_apart(layout: Layout) -> None:
    for a, b in combinations(layout.boxes.values(), 2):
        is_beside = a.x + a.width <= b.x + 1e-6 or b.x + b.width <= a.x + 1e-6
        is_above = a.y + a.height <= b.y + 1e-6 or b.y + b.height <= a.y + 1e-6
        assert is_beside or is_above
    for (source, target), points in layout.routes.items():
        assert len(points) % 2 == 0
        for name, box in layout.boxes.items():
            if name not in (source, target):
                assert not any(
                    box.x < x < box.x + box.width and box.y < y < box.y + box.height for x, y in points
                )


@given(
    st.integers(2, 12).flatmap(
        lambda n: st.tuples(
            st.just(n),
            st.sets(st.tuples(st.integers(0, n - 2), st.integers(1, n - 1)).filter(lambda e: e[0] < e[1])),
        )
    )
)
def test_no_box_lies_on_another_and_no_line_on_a_box(graph: tuple[int, set[tuple[int, int]]]) -> None:
    num_nodes, edges = graph
    sizes = {f"n{i}": (80.0 + 23 * (i % 4), 40.0 + 10 * (i % 2)) for i in range(num_nodes)}
    layout = arrange(sizes, sorted((f"n{a}", f"n{b}") for a, b in edges))
    assert set(layout.boxes) == set(sizes)
    assert all(box.x >= 0 and box.x + box.width <= layout.width + 1e-6 for box in layout.boxes.values())
    assert_apart(layout)
