"""What follows from a node, by the plan and the rows of a run."""

from __future__ import annotations

from typing import Any

import pytest

from shoal.errors import InvalidInput
from shoal.graphs.plan import Escalation, Node, Plan
from shoal.journal import NodeRow
from shoal.runs.downstream import split
from tests.graphs.plans import (
    agent,
    block,
    calc,
    each,
    graph,
    human,
    inline,
    node,
    plan,
    ref,
    repeat,
    switch,
    tool,
    value,
    vote,
)


async def work(n: Any = 0) -> int:
    return 1


def call(name: str, *reads: str, effect: Any = "pure", **options: Any) -> Node:
    """A tool that reads some nodes; those with `?` behind them it only asks for."""
    given = calc(" ".join(reads), lambda s: 0)
    return node(name, tool(work, "int", {"n": "int"}, effect=effect), inputs={"n": given}, **options)


def rows(*told: str) -> list[NodeRow]:
    """Rows of paths in order, each with its kind behind it unless it is done: `a rejected`."""
    found: dict[str, int] = {}
    made = []
    for each_told in told:
        path, _, kind = each_told.partition(" ")
        found[path] = found.get(path, 0) + 1
        made.append(NodeRow(run="r", path=path, attempt=found[path], kind=kind or "done"))  # type: ignore[arg-type]
    return made


def dropped(made: Plan, recorded: list[NodeRow], path: str) -> list[str]:
    kept, gone = split(made, recorded, path)
    assert sorted(map(str, kept + gone)) == sorted(map(str, recorded))
    return [row.path if row.attempt == 1 else f"{row.path} {row.attempt}" for row in gone]


def test_what_reads_a_node_follows_and_nothing_else() -> None:
    made = plan(
        call("a"),
        call("b"),
        call("c", "a"),
        call("d", "b"),
        call("e", "c", "d"),
        call("f", when=calc("c?", lambda s: True)),
        call("g", "b", accept=calc("f", lambda s: True)),
        node("h", human("?"), when=calc("g", lambda s: True)),
    )
    recorded = rows("a", "b", "c", "d", "e", "f skipped", "g", "h waiting")
    assert dropped(made, recorded, "a") == ["a", "c", "e", "f", "g", "h"]
    assert dropped(made, recorded, "b") == ["b", "d", "e", "g", "h"]
    assert dropped(made, recorded, "f") == ["f", "g", "h"]
    assert dropped(made, recorded, "h") == ["h"]


def test_what_holds_a_node_follows_and_its_other_steps_do_not() -> None:
    held = inline(call("x", "a"), call("y"), call("z", "x"), output={"n": ref("y")})
    made = plan(call("a"), call("b"), node("held", held), call("after", "held"))
    recorded = rows("a", "b", "held.x", "held.y", "held.z", "held", "after")
    assert dropped(made, recorded, "a") == ["a", "held.x", "held.z", "held", "after"]
    assert dropped(made, recorded, "held.y") == ["held.y", "held", "after"]
    assert dropped(made, recorded, "held.x") == ["held.x", "held.z", "held", "after"]
    assert dropped(made, recorded, "held") == ["held.x", "held.y", "held.z", "held", "after"]
    assert dropped(made, recorded, "b") == ["b"]


def test_a_block_that_only_shows_a_node_keeps_its_steps() -> None:
    shows = inline(call("y"), output={"n": calc("a?", lambda s: 1)})
    made = plan(call("a"), node("held", shows, when=calc("", lambda s: True)), call("b"))
    assert dropped(made, rows("a", "held.y", "held"), "a") == ["a", "held"]
    needs = node("held", inline(call("y"), output={"n": ref("y")}), when=calc("a", lambda s: True))
    assert dropped(plan(call("a"), needs), rows("a", "held.y", "held"), "a") == ["a", "held.y", "held"]


def test_of_a_called_graph_all_follows_its_inputs() -> None:
    inner = block(call("x"), call("y"), output={"n": ref("x")})
    called = node("g", graph("inner", {"n": "int"}), inputs={"n": ref("a")})
    made = plan(call("a"), called, call("after", "g"), graphs={"inner": inner})
    recorded = rows("a", "g.x", "g.y", "g", "after")
    assert dropped(made, recorded, "a") == ["a", "g.x", "g.y", "g", "after"]
    assert dropped(made, recorded, "g.y") == ["g.y", "g", "after"]


def test_items_and_samples_do_not_follow_from_each_other() -> None:
    body = node("m", inline(call("x"), call("y", "x", "a"), output={"n": ref("y")}))
    made = plan(call("a"), call("list"), node("m", each(ref("list"), body)), call("after", "m"))
    recorded = rows("a", "list", "m[0].x", "m[0].y", "m[0]", "m[1].x", "m[1].y", "m[1]", "m", "after")
    assert dropped(made, recorded, "m[1].x") == ["m[1].x", "m[1].y", "m[1]", "m", "after"]
    assert dropped(made, recorded, "m[1]") == ["m[1].x", "m[1].y", "m[1]", "m", "after"]
    assert dropped(made, recorded, "a") == ["a", "m[0].y", "m[0]", "m[1].y", "m[1]", "m", "after"]
    assert dropped(made, recorded, "list") == [row.path for row in recorded[1:]]
    voted = plan(node("v", vote(node("v", agent("v", {"x": "int"})), 3, on=("x",))), call("after", "v"))
    assert dropped(voted, rows("v[0]", "v[1]", "v[2]", "v", "after"), "v[1]") == ["v[1]", "v", "after"]


def test_later_rounds_follow_from_a_round() -> None:
    body = node("r", inline(call("x", "a"), call("y"), output={"n": ref("x")}))
    made = plan(call("a"), node("r", repeat(body, calc("", lambda s: False), 3)), call("after", "r"))
    inside = [f"r[{i}]{part}" for i in range(3) for part in (".x", ".y", "")]
    recorded = rows("a", *inside, "r", "after")
    assert dropped(made, recorded, "r[1].y") == ["r[1].y", "r[1]", *inside[6:], "r", "after"]
    assert dropped(made, recorded, "r[2]") == [*inside[6:], "r", "after"]
    assert dropped(made, recorded, "a") == ["a", "r[0].x", "r[0]", *inside[3:], "r", "after"]


def test_a_case_that_was_not_chosen_changes_nothing() -> None:
    cases = {"a": call("s", "a"), "b": call("s", "b")}
    made = plan(call("a"), call("b"), call("c"), node("s", switch(ref("c"), cases)), call("after", "s"))
    recorded = rows("a", "b", "c", "s.a", "s", "after")
    assert dropped(made, recorded, "a") == ["a", "s.a", "s", "after"]
    assert dropped(made, recorded, "b") == ["b"]
    assert dropped(made, recorded, "c") == ["c", "s.a", "s", "after"]
    assert dropped(made, recorded, "s.a") == ["s.a", "s", "after"]


def test_an_escalation_follows_from_its_node_and_not_the_other_way_round() -> None:
    to = call("e", "b")
    small = node("e", agent("small", {"x": "int"}), escalate=Escalation(when=value(True), to=to))
    made = plan(call("b"), small, call("after", "e"))
    recorded = rows("b", "e escalated", "e.escalate", "e", "after")
    assert dropped(made, recorded, "b") == ["b", "e.escalate", "e 2", "after"]
    assert dropped(made, recorded, "e.escalate") == ["e.escalate", "e 2", "after"]
    assert dropped(made, recorded, "e") == ["e", "e.escalate", "e 2", "after"]
    assert dropped(made, rows("b", "e", "after"), "b") == ["b"], "it was not escalated"


def test_an_escalation_follows_from_what_is_inside_its_node() -> None:
    held = inline(call("x"), call("y"), output={"n": ref("x")})
    to = call("e")
    made = plan(node("e", held, escalate=Escalation(when=value(True), to=to)), call("after", "e"))
    recorded = rows("e.x", "e.y", "e escalated", "e.escalate", "e", "after")
    assert dropped(made, recorded, "e.y") == ["e.y", "e", "e.escalate", "e 2", "after"]
    again = rows("e.x", "e escalated", "e.escalate", "e failed", "e escalated", "e#2.escalate", "e")
    assert dropped(made, again, "e#2.escalate") == ["e#2.escalate", "e 4"]
    assert dropped(made, again, "e.escalate") == ["e.escalate", "e 2", "e 3", "e#2.escalate", "e 4"]


def test_goes_before_are_kept_and_those_after_are_not() -> None:
    held = inline(call("x"), call("y"), output={"n": ref("x")})
    made = plan(node("o", held, retry=2), call("after", "o"))
    goes = [f"{go}.{name}" for go in ("o", "o#2", "o#3") for name in "xy"]
    recorded = rows(*goes[:2], "o rejected", *goes[2:4], "o rejected", *goes[4:], "o", "after")
    assert dropped(made, recorded, "o#2.x") == ["o#2.x", "o 2", "o#3.x", "o#3.y", "o 3", "after"]
    assert dropped(made, recorded, "o#2") == ["o#2.x", "o#2.y", "o 2", "o#3.x", "o#3.y", "o 3", "after"]
    assert dropped(made, recorded, "o#3") == ["o#3.x", "o#3.y", "o 3", "after"]
    assert dropped(made, recorded, "o.x") == ["o.x", "o", *goes[2:4], "o 2", *goes[4:], "o 3", "after"]
    leaf = plan(node("a", agent("a", {"x": "int"}), retry=2), call("after", "a"))
    assert dropped(leaf, rows("a rejected", "a rejected", "a", "after"), "a#2") == ["a 2", "a 3", "after"]


def test_what_a_failed_run_has_of_others_stays() -> None:
    made = plan(call("a"), call("bad"), call("c", "a"), node("ask", human("?")), call("last", "c", "bad"))
    recorded = rows("a", "bad failed", "c", "ask waiting")
    assert dropped(made, recorded, "a") == ["a", "c"]
    assert dropped(made, recorded, "bad") == ["bad"]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("", "graph 'test' has no node ''."),
        ("aa", "graph 'test' has no node 'aa'. Did you mean 'a'?"),
        ("a.x", "graph 'test' has no node 'a.x'."),
        ("m[2]", "nothing is recorded of node 'm[2]'. Did you mean 'm[1]'?"),
        ("b", "nothing is recorded of node 'b'."),
        ("a#2", "nothing is recorded of node 'a#2'."),
        ("m#2[0]", "nothing is recorded of node 'm#2[0]'."),
    ],
)
def test_what_was_not_reached_is_refused(path: str, said: str) -> None:
    made = plan(call("a"), node("m", each(value([1, 2]), call("m"))), call("b", "m"))
    with pytest.raises(InvalidInput) as caught:
        split(made, rows("a", "m[0]", "m[1] failed"), path)
    assert str(caught.value).startswith(said)
