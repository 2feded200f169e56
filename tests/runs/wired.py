"""Random plans in which everything follows from what it reads, so that a change anywhere shows in all behind.

What a tool or an agent gives is a number made of its path and its inputs; so is whether it fails, how many
items a map has, which case is chosen, what is accepted. A tool can be told to give something else at a path.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from shoal.agents.engine import Request
from shoal.agents.scripted import ScriptedEngine
from shoal.graphs.plan import Block, Escalation, Node, Plan, bodies
from tests.graphs.plans import (
    Calc,
    agent,
    block,
    calc,
    each,
    graph,
    human,
    inline,
    node,
    plan,
    repeat,
    switch,
    tool,
    vote,
)


def number(*values: Any) -> int:
    """A number that any change in the values changes, mostly."""
    return zlib.crc32(json.dumps(values, sort_keys=True).encode()) % 997


class World:
    """What tools and agents of one run do, and what they were asked."""

    def __init__(self, told: Mapping[str, int] | None = None) -> None:
        self.told = told or {}
        """What tools give at paths, whatever they are given."""
        self.calls: list[str] = []

    def act(self, path: str, given: int, may_fail: bool) -> int:
        self.calls.append(path)
        if path in self.told:
            return self.told[path]
        # How often an escalation was tried depends on how often its run was resumed.
        made = number(re.sub(r"#\d+(?=\.escalate)", "", path), given)
        if may_fail and made % 3 == 0:
            raise ValueError(f"no {made}")
        return made

    def engine(self) -> ScriptedEngine:
        async def answer(request: Request) -> dict[str, Any]:
            self.calls.append(request.agent.name)
            made = number(request.agent.name, request.values["n"])
            return {"x": made, "confidence": made / 997}

        return ScriptedEngine({f"n{index}": answer for index in range(200)})


class Wired:
    """One plan being drawn. The tools act in the world of the moment: `wired.world`."""

    def __init__(self, draw: st.DrawFn, has_people: bool) -> None:
        self.draw = draw
        self.has_people = has_people
        self.kinds = ["tool", "tool", "tool", "shaky", "agent", *(["human"] if has_people else [])]
        self.world = World()
        self.graphs: dict[str, Block] = {}
        self.visible: list[str] = []
        self.num_names = 0
        nodes = self.nodes(2, 5)
        shown = {each.name: calc(f"{each.name}?", _reader(each.name)) for each in nodes}
        self.plan = plan(*nodes, output=shown, graphs=self.graphs)

    def __repr__(self) -> str:
        return f"\n{outline(self.plan)}\n"

    def nodes(self, depth: int, most: int) -> list[Node]:
        around = self.visible
        made: list[Node] = []
        for _ in range(self.draw(st.integers(1, most))):
            self.visible = [*around, *(each.name for each in made)]
            self.num_names += 1
            made.append(self.node(f"n{self.num_names}", depth))
        self.visible = around
        return made

    def node(self, name: str, depth: int) -> Node:
        held = ["inline", "graph", "switch", "map", "repeat", "vote"]
        kind = self.draw(st.sampled_from(self.kinds + (held if depth else [])))
        options: dict[str, Any] = {}
        if self.chance(3):
            options["when"] = self.condition(4)
        if kind == "human":
            return node(name, human(f"{name}?"), **options)
        if self.chance(2 if kind in held else 4):
            options["accept"] = self.own(name, 2)
            options["retry"] = self.draw(st.integers(0, 2))
        if kind in held:
            if self.chance(4):
                options["fallback"] = self.fallback(kind)
            return self.composite(kind, name, depth, options)
        if self.chance(4):
            options["escalate"] = Escalation(when=self.own(name, 2), to=self.leaf("tool", name, "int", {}))
            if kind == "agent":
                to = node(name, agent("n199", {"x": "int"}, {"n": "int"}), inputs={"n": self.expression()})
                options["escalate"] = Escalation(when=self.own(name, 2), to=to)
        elif self.chance(3):
            options["fallback"] = self.fallback(kind)
        return self.leaf(kind, name, "int", options)

    def leaf(self, kind: str, name: str, output: str, options: dict[str, Any]) -> Node:
        async def act(n: int, idempotency_key: str) -> int:
            return self.world.act(idempotency_key.partition(":")[2], n, kind == "shaky")

        inputs = {"n": self.expression()}
        if kind == "agent":
            return node(name, agent(name, {"x": "int"}, {"n": "int"}), inputs=inputs, **options)
        work = tool(act, output, {"n": "int"}, takes_key=True)
        return node(name, work, inputs=inputs, **options)

    def composite(self, kind: str, name: str, depth: int, options: dict[str, Any]) -> Node:
        if kind == "inline":
            held = self.nodes(depth - 1, 3)
            return node(name, inline(*held, output={"x": self.shown(held, [])}), **options)
        if kind == "graph":
            around, self.visible = self.visible, []
            held = self.nodes(depth - 1, 3)
            self.graphs[name] = block(*held, output={"x": self.shown(held, ["input"])})
            self.visible = around
            inputs = {"n": self.expression()}
            return node(name, graph(name, {"n": "int"}), inputs=inputs, output={"x": "any?"}, **options)
        if kind == "vote":
            early = self.has_people and self.chance(2)
            return node(name, vote(self.leaf("agent", name, "int", {}), 3, on=("x",), early=early), **options)
        if kind == "switch":
            subject = self.mapped(lambda made: "ab"[made % 2])
            cases = {word: self.body(name, depth) for word in "ab"}
            return node(name, switch(subject, cases), **options)
        if kind == "map":
            self.visible = [*self.visible, f"i{name}"]
            body = self.body(name, depth)
            self.visible = self.visible[:-1]
            items = self.mapped(lambda made: [made + i for i in range(made % 4)])
            return node(name, each(items, body, item=f"i{name}", at_once=2), **options)
        body = self.body(name, depth)
        return node(name, repeat(body, self.own(name, 3), 3), **options)

    def body(self, name: str, depth: int) -> Node:
        """A step inside a node, without a `when` of its own."""
        made = self.node(name, depth - 1)
        return made if made.when is None else self.leaf("tool", name, "int", {})

    # Expressions.

    def chance(self, among: int) -> bool:
        return self.draw(st.integers(1, among)) == 1

    def names(self) -> str:
        if not self.visible:
            return ""
        names = self.draw(st.lists(st.sampled_from(self.visible), unique=True, max_size=2))
        return " ".join(name + self.draw(st.sampled_from(["", "?"])) for name in names)

    def expression(self) -> Calc:
        return self.mapped(lambda made: made)

    def condition(self, among: int) -> Calc:
        return self.mapped(lambda made: made % among != 0)

    def mapped(self, to: Any) -> Calc:
        names = self.names()
        plain = [name.removesuffix("?") for name in names.split()]
        return calc(names, lambda s: to(number(s.get("input"), *(s.get(name) for name in plain))))

    def own(self, name: str, among: int) -> Calc:
        """A condition on what a node gave, and perhaps on others."""
        names = self.names() if self.chance(3) else ""
        plain = [each.removesuffix("?") for each in names.split()]
        return calc(names, lambda s: number(s.get(name), *(s.get(each) for each in plain)) % among != 0)

    def shown(self, held: list[Node], more: list[str]) -> Calc:
        names = [each.name for each in held]
        outer = self.names() if self.visible and self.chance(3) else ""
        plain = [*names, *(each.removesuffix("?") for each in outer.split()), *more]
        asked = " ".join(f"{each.removesuffix('?')}?" for each in [*names, *outer.split()])
        return calc(asked, lambda s: number(*(s.get(each) for each in plain)))

    def fallback(self, kind: str) -> Any:
        made = self.expression()
        return {"x": made} if kind in {"agent", "inline", "graph", "vote"} else made


def _reader(name: str) -> Any:
    return lambda s: s.get(name)


@st.composite
def wired(draw: st.DrawFn, has_people: bool = True) -> Wired:
    """A plan, and what its tools act in; without people and early votes it says whom it calls, each time."""
    return Wired(draw, has_people)


def outline(made: Plan) -> str:
    """A plan in a few lines, for who reads about a failing example."""

    def lines(node: Node, name: str, indent: str) -> list[str]:
        has = [key for key in ("when", "accept", "retry", "fallback", "escalate") if getattr(node, key)]
        reads = [*sorted(node.reads), *(f"{each}?" for each in sorted(node.asks))]
        head = f"{indent}{name}: {type(node.work).__name__} {' '.join(has)} <- {' '.join(reads)}"
        return [
            head,
            *(line for key, inner in bodies(node).items() for line in lines(inner, key, f"{indent}  ")),
        ]

    blocks = {"": made.block, **made.graphs}
    return "\n".join(
        line
        for graph, held in blocks.items()
        for node in held.nodes.values()
        for line in lines(node, f"{graph} {node.name}", "")
    )
