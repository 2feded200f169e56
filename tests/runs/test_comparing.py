"""Two runs side by side."""

from __future__ import annotations

from typing import Any

import pytest

from shoal.runs.comparing import compare
from shoal.runs.differing import NOTHING, beside, differing, in_short
from shoal.runs.results import NodeSummary, RunResult


def done(path: str, output: Any = None, **more: Any) -> NodeSummary:
    return NodeSummary(
        path=path, status=more.pop("status", "done"), output=output, attempts=more.pop("attempts", 1), **more
    )


def run(*nodes: NodeSummary, **more: Any) -> RunResult:
    given: dict[str, Any] = {"status": "done", "inputs": {"n": 1}, "output": {"x": 1}, "error": None} | more
    return RunResult(run="r", graph="g", nodes={node.path: node for node in nodes}, **given)


@pytest.mark.parametrize(
    ("first", "second", "places"),
    [
        (1, 1, []),
        (1, 2, [("", 1, 2)]),
        ({"a": 1, "b": 2}, {"b": 3, "c": None}, [("a", 1, NOTHING), ("b", 2, 3), ("c", NOTHING, None)]),
        ([1, {"a": [1, 2]}], [1, {"a": [1]}, 4], [("[1].a[1]", 2, NOTHING), ("[2]", NOTHING, 4)]),
        ({"a": {"b": [{"c": 1}]}}, {"a": {"b": [{"c": "1"}]}}, [("a.b[0].c", 1, "1")]),
        (NOTHING, NOTHING, []),
        (None, NOTHING, [("", None, NOTHING)]),
        ({"a": []}, {"a": {}}, [("a", [], {})]),
    ],
)
def test_places_where_values_differ(first: Any, second: Any, places: list[Any]) -> None:
    assert [*differing(first, second)] == places


def test_values_in_short() -> None:
    assert in_short({"a": "Zoë"}) == '{"a": "Zoë"}'
    assert in_short(NOTHING) == "nothing"
    assert len(in_short("x" * 100)) == 60


def test_long_values_are_cut_to_where_they_begin_to_differ() -> None:
    assert beside(1, NOTHING, 10) == ("1", "nothing")
    assert beside("same " * 50 + "A" * 50, "same " * 50 + "B", 30) == (
        "... same same " + "A" * 20 + " ...",
        '... same same B"',
    )


def test_runs_that_gave_the_same_are_the_same_whatever_they_took() -> None:
    first = run(done("a", 1, ms=3.0), done("b", 2, prompt_tokens=5))
    second = run(done("a", 1, ms=900.0), done("b", 2, prompt_tokens=9, attempts=2), inputs={"n": 2})
    found = compare(first, second)
    assert found.is_same
    assert [each.path for each in found.nodes] == ["b"]
    assert found.inputs == [("n", 1, 2)]
    assert compare(first, first).nodes == []


def test_what_differs_is_told_node_by_node() -> None:
    first = run(
        done("a", {"x": 1, "y": 2}),
        done("b", status="skipped"),
        done("only", 1),
        done("late", status="waiting", question="?"),
    )
    second = run(
        done("a", {"x": 1, "y": 3}),
        done("b", 4),
        done("new", 2),
        done("late", {"yes": True}),
        output={"x": 2},
    )
    found = compare(first, second)
    assert not found.is_same
    assert found.output == [("x", 1, 2)]
    told = {each.path: [*each.places] for each in found.nodes}
    assert told == {
        "a": [("y", 2, 3)],
        "b": [("", NOTHING, 4)],
        "only": [("", 1, NOTHING)],
        "late": [("", NOTHING, {"yes": True})],
        "new": [("", NOTHING, 2)],
    }


def test_another_status_alone_is_a_difference() -> None:
    assert not compare(run(), run(status="failed", error="no")).is_same
    assert not compare(run(done("a", status="failed", reason="x")), run(done("a", status="unknown"))).is_same
    assert compare(
        run(done("a", status="failed", reason="x")), run(done("a", status="failed", reason="y"))
    ).is_same


def test_nodes_of_a_kind_are_counted() -> None:
    first = run(*(done(f"m[{i}].x", i) for i in range(1000)), done("m", [*range(1000)]))
    second = run(
        *(done(f"m[{i}].x", i + (i % 10 == 0)) for i in range(900)), done("m#2[0].x", 0), done("m", [])
    )
    found = compare(first, second)
    assert {kind: len(nodes) for kind, nodes in found.by_kind().items()} == {"m[].x": 191, "m": 1}
    assert found.num_nodes == {"m[].x": 1001, "m": 1}
