"""The pure part: rows in, what is due and where the run stands out."""

from __future__ import annotations

from typing import Any

import pytest

from shoal.journal import NodeRow
from shoal.runs.interpreter import Progress
from shoal.runs.steps import Close, Start, Step
from tests.graphs.plans import agent, calc, human, node, plan, ref, tool, value


def row(path: str, kind: str = "done", attempt: int = 1, **fields: Any) -> NodeRow:
    return NodeRow(**{"run": "r", "path": path, "attempt": attempt, "kind": kind, **fields})


def names(progress: Progress) -> list[str]:
    return [step.instance.path for step in progress.due()]


def told(step: Step) -> Any:
    assert isinstance(step, Close)
    return step.instance.path, step.attempt, step.kind, step.message


def two() -> int:
    return 2


DIAMOND = plan(
    node("a", tool(two)),
    node("b", tool(two, input={"x": "int"}), inputs={"x": ref("a")}),
    node("c", tool(two, input={"x": "int"}), inputs={"x": ref("a")}),
    node("d", tool(two), when=calc("b c", lambda s: s["b"] == s["c"])),
    output={"d": ref("d"), "b": ref("b")},
)


def test_a_node_is_due_once_when_all_it_reads_is_there() -> None:
    progress = Progress(DIAMOND, {})
    assert names(progress) == ["a"]
    assert names(progress) == []
    progress.apply(row("a", output=2))
    assert names(progress) == ["b", "c"]
    progress.apply(row("c", output=2))
    assert names(progress) == []
    progress.apply(row("b", output=2))
    assert names(progress) == ["d"]
    progress.apply(row("d", output=5))
    assert names(progress) == []
    assert progress.outcome().status == "done"
    assert progress.outcome().output == {"d": 5, "b": 2}


def test_inputs_are_brought_into_the_types_of_the_tool() -> None:
    made = node("n", tool(two, input={"x": "float"}), inputs={"x": ref("input.amount")})
    (step,) = Progress(plan(made), {"amount": 3}).due()
    assert isinstance(step, Start)
    assert repr(step.inputs) == "{'x': 3.0}"
    (step,) = Progress(plan(made), {"amount": "three"}).due()
    assert told(step) == ("n", 1, "failed", "input.x is 'three', expected float")


def test_a_skip_passes_on_to_those_who_need_the_node_not_to_those_who_ask() -> None:
    made = plan(
        node("a", tool(two), when=value(False)),
        node("needs", tool(two, input={"x": "int"}), inputs={"x": ref("a")}),
        node("asks", tool(two), when=calc("a?", lambda s: "a" not in s)),
    )
    progress = Progress(made, {})
    (first,) = progress.due()
    assert told(first) == ("a", 1, "skipped", "`when` is false")
    progress.apply(row("a", "skipped"))
    needs, asks = progress.due()
    assert told(needs) == ("needs", 1, "skipped", "'a' was skipped")
    assert isinstance(asks, Start)


def test_a_condition_that_fails_fails_its_node() -> None:
    made = node("a", tool(two), when=calc("", lambda s: s["input"]["gone"]))
    (step,) = Progress(plan(made), {}).due()
    assert told(step) == ("a", 1, "failed", "KeyError: 'gone'")


def test_a_fallback_stands_in_where_the_inputs_cannot_be_had() -> None:
    made = node(
        "a",
        tool(two, output={"x": "int"}, input={"x": "int"}),
        inputs={"x": calc("", lambda s: s["input"]["list"][3])},
        fallback={"x": value(7)},
    )
    (step,) = Progress(plan(made), {"list": []}).due()
    assert isinstance(step, Close)
    assert (step.kind, step.output) == ("fallback", {"x": 7})
    assert step.message == "IndexError: list index out of range"


def test_agents_add_their_confidence() -> None:
    asked = node("a", agent("a", {"word": "str"}))
    progress = Progress(plan(asked, output={"c": ref("a.confidence")}), {})
    progress.apply(row("a", output={"word": "x"}, confidence=0.5))
    assert progress.outcome().output == {"c": 0.5}


def test_the_output_is_there_while_a_question_it_does_not_need_waits() -> None:
    made = plan(
        node("a", tool(two)),
        node("ask", human("Is that right?")),
        node("after", tool(two, input={"x": "bool"}), inputs={"x": ref("ask.yes")}),
        output={"a": ref("a")},
    )
    progress = Progress(made, {})
    _, ask = progress.due()
    assert told(ask) == ("ask", 1, "waiting", "Is that right?")
    progress.apply(row("ask", "waiting"))
    assert progress.outcome().output is None
    progress.apply(row("a", output=2))
    assert (progress.outcome().status, progress.outcome().output) == ("waiting", {"a": 2})
    progress.apply(row("ask", "answered", output={"yes": True}))
    assert names(progress) == ["after"]


def test_a_skipped_node_gives_null_where_the_output_may_be_null() -> None:
    nodes = [node("a", tool(two), when=value(False))]
    nullable = plan(*nodes, output={"a": ref("a")}, output_type={"a": "int?"})
    strict = plan(*nodes, output={"a": ref("a")}, output_type={"a": "int"})
    for made, expected in ((nullable, ("done", {"a": None}, None)), (strict, ("failed", None, WHY_NONE))):
        outcome = Progress(made, {}, [row("a", "skipped")]).outcome()
        assert (outcome.status, outcome.output, outcome.error) == expected


WHY_NONE = "output 'a' reads node 'a', which was skipped"


def test_an_output_that_has_no_value_fails_the_run() -> None:
    made = plan(node("a", tool(two)), output={"a": ref("a.field")})
    outcome = Progress(made, {}, [row("a", output=2)]).outcome()
    assert outcome.status == "failed"
    assert outcome.error is not None and outcome.error.startswith("output 'a' has no value: TypeError")


def test_rejections_are_counted_since_the_node_was_last_given_up() -> None:
    rows = [row("a", "rejected"), row("a", "failed", 2), row("a", "rejected", 3)]
    progress = Progress(plan(node("a", tool(two), retry=5)), {}, rows)
    (step,) = progress.due()
    assert isinstance(step, Start)
    assert (step.attempt, step.instance.num_rejected) == (4, 1)


def test_failed_nodes_are_due_again_only_when_reopened() -> None:
    progress = Progress(plan(node("a", tool(two))), {}, [row("a", "failed", message="no")])
    assert progress.due() == []
    assert progress.outcome().error == "node 'a' failed: no"
    progress.reopen()
    (step,) = progress.due()
    assert isinstance(step, Start)
    assert step.attempt == 2


@pytest.mark.parametrize("kind", ["intent", "unknown"])
def test_an_uncertain_effect_is_neither_repeated_nor_passed_over(kind: str) -> None:
    made = plan(node("pay", tool(two, effect="once")), node("b", tool(two)))
    progress = Progress(made, {}, [row("pay", kind)])
    progress.reopen()
    assert names(progress) == ["b"]
    progress.apply(row("b", "failed", message="no"))
    outcome = progress.outcome()
    assert outcome.status == "unknown"
    assert outcome.error == (
        "node 'pay' may have acted or not: the process stopped between its intent and its result. Look "
        "whether it did, then run `agentctl runs answer r pay RESULT`, or with --not-done instead of "
        "the result"
    )


def test_rows_of_nodes_that_are_gone_are_passed_over() -> None:
    assert Progress(plan(), {}, [row("gone")]).outcome().status == "done"
