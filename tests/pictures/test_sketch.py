"""Every kind of node as Mermaid and as SVG."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from xml.etree import ElementTree

import pytest

from shoal.pictures.draw import mermaid
from shoal.pictures.glyphs import shortened, width_of
from shoal.pictures.picture import svg
from shoal.pictures.sketch import Link, Shape, Sketch, sketch
from tests.graphs.plans import agent
from tests.pictures.scenes import every_kind, scene, step

Rectangle = tuple[float, float, float, float]
SVG = "{http://www.w3.org/2000/svg}"


def shapes(inner: Sketch) -> Iterator[Shape]:
    for shape in inner.shapes:
        yield shape
        yield from shapes(shape.inside) if shape.inside else ()


@pytest.fixture
def found() -> dict[str, Shape]:
    return {shape.path: shape for shape in shapes(sketch(every_kind()))}


def test_paths_are_those_of_the_journal_with_open_brackets(found: dict[str, Shape]) -> None:
    assert {"handle", "handle[].sort", "answer.lost_card.stop", "answer.default", "triage.escalate"} <= set(
        found
    )
    assert found["check"].inside is None
    expanded = {shape.path for shape in shapes(sketch(every_kind(), expand=True))}
    assert expanded - set(found) == {"check.look", "check.judge"}


@pytest.mark.parametrize(
    ("path", "below"),
    [
        ("handle", "for each transaction, 16 at once"),
        ("collect", "until collect.complete, at most 5 rounds"),
        ("decide", "3 samples, majority"),
        ("answer", "one of 3 cases"),
        ("check", "graph risk"),
        ("collect[]", "agent on nano"),
    ],
)
def test_captions(found: dict[str, Shape], path: str, below: str) -> None:
    assert found[path].below == below


def test_marks_and_conditions(found: dict[str, Shape]) -> None:
    assert found["decide"].marks == "cached 1 h, budget 40 calls, 4,000 tokens"
    assert found["collect[]"].marks == "retry 1, fallback"
    assert found["input"].marks == "budget 400 calls, 20 s"
    assert found["triage.escalate"].when == "when triage.confidence < 0.9"
    assert found["answer"].when == "if triage.intent != 'other'"


def test_what_is_read_inside_is_an_arrow_to_the_box() -> None:
    links = sketch(every_kind()).links
    assert Link("input", "handle", (), False) in links
    assert Link("triage", "triage.escalate", (), True, True) in links
    assert {link.source for link in links} <= {"input", *every_kind().block.nodes}


def test_a_node_may_be_called_output() -> None:
    plan = scene(
        step("triage", agent("triage", {"a": "str"})), step("output", agent("b", {"a": "str"}), "triage")
    )
    links = sketch(plan).links
    assert Link("triage", "output", (), False) in links
    assert Link("output", "output.", (), False) in links
    assert svg(plan).count(">output</text>") == 2


def test_mermaid_nests_boxes() -> None:
    lines = [line.strip() for line in mermaid(every_kind(), expand=True).splitlines()]
    assert 'subgraph handle_["<b>handle</b><br/>for each transaction, 16 at once"]' in lines
    assert "answer_IN_X3fX_ -->|lost_card| answer_IN_lost_card_" in lines
    assert "triage_ <-.-> triage_IN_escalate_" in lines
    assert "class triage_IN_escalate_ dashed" in lines
    assert sum(line.startswith("subgraph ") for line in lines) == lines.count("end") == 6
    assert 'check_[["<b>check</b><br/>graph risk"]]:::graph' in mermaid(every_kind())


def frames(element: ElementTree.Element, x: float, y: float) -> Iterator[tuple[Rectangle, Rectangle | None]]:
    """Every box of a picture with the one around it."""
    around: Rectangle | None = None
    for child in element:
        if child.tag == f"{SVG}rect" and child.get("class", "").startswith(("box", "frame")):
            left, top, width, height = (float(child.get(key, "")) for key in ("x", "y", "width", "height"))
            around = (x + left, y + top, x + left + width, y + top + height)
            yield around, None
        elif child.tag == f"{SVG}g":
            dx, dy = map(float, child.get("transform", "")[len("translate(") : -1].split())
            for inner, outer in frames(child, x + dx, y + dy):
                yield inner, outer or around


def test_boxes_lie_in_their_frames_and_beside_each_other() -> None:
    picture = svg(every_kind(), expand=True)
    assert picture == svg(every_kind(), expand=True)
    groups: dict[Rectangle | None, list[Rectangle]] = {}
    for inner, outer in frames(ElementTree.fromstring(picture), 0, 0):
        groups.setdefault(outer, []).append(inner)
    assert len(groups) == 7
    for outer, boxes in groups.items():
        for box in boxes:
            assert outer is None or (
                outer[0] < box[0] and outer[1] < box[1] and box[2] < outer[2] and box[3] < outer[3]
            )
        for a, b in combinations(boxes, 2):
            assert a[2] < b[0] or b[2] < a[0] or a[3] < b[1] or b[3] < a[1]


def test_long_texts_are_cut_by_their_width() -> None:
    assert shortened("short", 100, 10) == "short"
    cut = shortened("信用额度" * 20, 100, 10)
    assert cut.endswith("…")
    assert width_of(cut, 10) <= 100
