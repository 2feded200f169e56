"""The tree of a run with nodes inside nodes."""

from __future__ import annotations

import io
import time
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from shoal.cli.branches import Branches
from shoal.cli.tree import RunTree, brief, print_result, print_run
from shoal.graphs.plan import Map
from shoal.runs.events import AttemptRejected, NodeFinished, NodeSkipped, NodeStarted, NodeWaiting
from shoal.runs.results import NodeSummary, RunResult
from tests.graphs.plans import ref
from tests.pictures.scenes import every_kind

PLAN = every_kind()
INPUTS = {"message": "hi", "transactions": [{}] * 1000}


def done(path: str, output: Any = None, **more: Any) -> NodeSummary:
    return NodeSummary(
        path=path, status=more.pop("status", "done"), output=output, attempts=1, ms=3.0, **more
    )


def result(*nodes: NodeSummary) -> RunResult:
    return RunResult(
        run="20260101-abc",
        graph="centre",
        status="waiting",
        inputs=INPUTS,
        output=None,
        error=None,
        nodes={node.path: node for node in nodes},
    )


def console() -> Console:
    return Console(file=io.StringIO(), width=200, highlight=False)


def shown(*nodes: NodeSummary) -> list[str]:
    screen = console()
    print_run(PLAN, result(*nodes), screen)
    return [" ".join(line.split()) for line in screen.file.getvalue().splitlines()]  # type: ignore[attr-defined]


@pytest.fixture
def items() -> list[NodeSummary]:
    """812 items that are done, three that failed, one that waits."""
    found = [done(f"handle[{i}]", {"ok": True}, prompt_tokens=2) for i in range(812)]
    for i in (820, 815, 830):
        found += [
            done(f"handle[{i}].sort", "x"),
            done(f"handle[{i}].book", status="failed", reason="no bank"),
        ]
    return [*found, done("handle[840].doubt", status="waiting", question="Is it one?")]


def test_a_map_shows_counts_and_the_items_that_need_somebody(items: list[NodeSummary]) -> None:
    lines = shown(*items)
    (head,) = [line for line in lines if "handle each transaction" in line]
    assert "812 of 1,000 items, 3 failed, 1 wait" in head
    assert [line.split()[-1] for line in lines if "─ ✗ [" in line] == ["[815]", "[820]", "[830]"]
    assert sum("no bank" in line for line in lines) == 3
    assert any("? doubt" in line and "Is it one?" in line for line in lines)
    assert len(lines) < 50


def test_a_map_whose_list_is_not_known_here_counts_what_it_has() -> None:
    handle = PLAN.block.nodes["handle"]
    assert isinstance(handle.work, Map)
    hidden = replace(handle, work=replace(handle.work, each=ref("elsewhere.items")))
    plan = replace(PLAN, block=replace(PLAN.block, nodes={**PLAN.block.nodes, "handle": hidden}))
    screen = console()
    print_run(plan, result(done("handle[0]", 1), done("handle[1]", status="failed", reason="no")), screen)
    assert "1 item, 1 failed" in screen.file.getvalue()  # type: ignore[attr-defined]


def test_a_map_that_is_done_is_one_line() -> None:
    lines = shown(*(done(f"handle[{i}]", i) for i in range(1000)), done("handle", list(range(1000))))
    assert any("handle" in line and "1,000 of 1,000 items" in line for line in lines)
    assert not any("[" in line and "─" in line for line in lines)


def test_rounds_samples_cases_and_escalations() -> None:
    lines = shown(
        *(done(f"collect[{i}]", {"intent": f"round {i}"}) for i in range(4)),
        *(done(f"decide[{i}]", {"decision": word}) for i, word in enumerate(("yes", "no", "yes"))),
        done("decide", {"decision": "yes"}, confidence=2 / 3),
        done("triage.escalate", {"intent": "balance"}),
        done("answer.lost_card.stop", 1),
        done("check.look", 2),
    )
    text = "\n".join(lines)
    assert "collect in rounds round 4 of at most 5" in text
    assert "[1]" not in text.split("collect in rounds")[1].split("decide")[0]
    assert "✓ [3] nano 3 ms round 3" in text
    assert "decide 3 samples 3 ms 67% yes (2 of 3 agree)" in text
    assert "✓ [1] nano 3 ms no" in text
    assert "✓ escalate nano 3 ms balance" in text
    assert "lost_card" in text
    assert "tell" in text, "the nodes of a block that was reached are all shown"
    assert "✓ look" in text


def test_attempts_replace_those_before(items: list[NodeSummary]) -> None:
    lines = shown(*items, done("handle#2[0].sort", "x"), done("handle[1]", status="failed"))
    assert any("handle" in line and "0 of 1,000 items" in line for line in lines)
    assert not any("no bank" in line for line in lines)


def test_what_to_type_is_quoted_for_the_shell(items: list[NodeSummary]) -> None:
    lines = shown(*items)
    assert "agentctl runs answer 20260101-abc 'handle[840].doubt' yes" in lines


def test_many_questions_are_counted() -> None:
    many = [done(f"handle[{i}].doubt", status="waiting", question="Is it?") for i in range(500)]
    screen = console()
    print_result(PLAN, result(*many), screen)
    text = screen.file.getvalue()  # type: ignore[attr-defined]
    assert text.count("agentctl runs answer") == 10
    assert "490 more wait" in text


def test_events_of_a_hundred_thousand_items_are_quick() -> None:
    tree = RunTree(PLAN, console(), INPUTS)
    began = time.monotonic()
    for i in range(100_000):
        tree.on_event(NodeStarted("r", f"handle[{i}].sort", 1))
        tree.on_event(NodeFinished("r", f"handle[{i}].sort", done(f"handle[{i}].sort")))
        tree.on_event(NodeFinished("r", f"handle[{i}]", done(f"handle[{i}]")))
        if i % 1000 == 0:
            tree.render()
    assert time.monotonic() - began < 20


def test_branches_follow_events() -> None:
    branches = Branches()
    tree = RunTree(PLAN, console(), INPUTS)
    tree.on_event(NodeStarted("r", "handle[2].sort", 1))
    tree.on_event(AttemptRejected("r", "handle[2].sort", 1, "too short"))
    tree.on_event(NodeSkipped("r", "close", "`when` is false"))
    tree.on_event(NodeWaiting("r", "handle[3].doubt", "Is it?"))
    screen = console()
    screen.print(tree.render())
    text = screen.file.getvalue()  # type: ignore[attr-defined]
    for part in ("attempt 1: too short", "1 wait, 1 run", "skipped: `when` is false", "Is it?"):
        assert part in text
    branches.start("a[0].b", 1.0)
    branches.put(done("a[0].b", prompt_tokens=3, completion_tokens=1))
    branches.put(done("a[0].b", prompt_tokens=5, completion_tokens=1))
    assert branches.root.tokens == 6
    assert branches.root.children["a"].state == "begun"


def test_texts_of_others_cannot_steer_the_terminal() -> None:
    assert brief({"reply": "a\x1b]0;owned\x07\x1b[31mb"}) == r"a\x1b]0;owned\x07\x1b[31mb"
