"""A plan with every kind of node, built by hand: for pictures and trees that need no checker."""

from __future__ import annotations

from typing import Any

from shoal.expressions.compiled import Cel
from shoal.graphs.plan import (
    Block,
    Budget,
    Escalation,
    GraphCall,
    Inline,
    Map,
    Node,
    Plan,
    Repeat,
    Switch,
    Vote,
)
from shoal.workspace.types import ANY, BOOL, Record, parse_record
from tests.graphs.plans import agent, human, record, ref, tool, value

ANYTHING = Record({"value": ANY})


def text(written: str, reads: str = "") -> Any:
    """An expression that looks as it was written; it is never evaluated."""
    return Cel(written, BOOL, frozenset(reads.split()), frozenset(), (), None)


def step(name: str, work: Any, reads: str = "", **options: Any) -> Node:
    inputs = {"given": text("...", reads)} if reads else {}
    return Node(
        name=name, work=work, output=ANYTHING, reads=frozenset(reads.split()), inputs=inputs, **options
    )


def block(*nodes: Node, budget: Budget | None = None) -> Block:
    last = nodes[-1].name
    output = {"result": text(last, last)}
    return Block(
        nodes={node.name: node for node in nodes}, output=output, output_type=ANYTHING, budget=budget
    )


def scene(*nodes: Node) -> Plan:
    """A plan of nodes that read each other."""
    return Plan(
        name="scene",
        file="graphs/scene.yaml",
        input=parse_record({"message": "str"}),
        block=block(*nodes),
        sha256="0" * 64,
    )


def every_kind() -> Plan:
    """A call centre: it sorts calls, answers by kind, books transactions, and asks people."""
    triage = agent("triage", {"intent": "enum[lost_card, balance, other]"})
    large = agent("policy_large", {"decision": "str"})
    policy = agent("policy", {"decision": "str"})
    look_up = tool(lambda: 0, effect="pure")
    freeze = block(
        step("stop", tool(lambda: 0, effect="once")), step("tell", agent("tell", {"text": "str"}), "stop")
    )
    books = block(
        step("sort", triage),
        step("book", tool(lambda: 0, effect="idempotent"), "sort", retry=2),
        step("doubt", human(), "sort", when=text("sort.confidence < 0.5", "sort")),
    )
    answer = Switch(
        subject=text("triage.intent", "triage"),
        cases={
            "lost_card": step("answer", Inline(block=freeze)),
            "balance": step("answer", agent("reply", {"text": "str"})),
        },
        default=step("answer", human("What now?")),
    )
    decide = Vote(body=step("decide", policy), samples=3, by="majority", on=("decision",))
    collect = Repeat(
        body=step("collect", triage, retry=1, fallback=record(intent=value("other"))),
        until=text("collect.complete", "collect"),
        at_most=5,
    )
    return Plan(
        name="centre",
        file="graphs/centre.yaml",
        input=parse_record({"message": "str", "transactions": "list[str]"}),
        block=block(
            step(
                "triage",
                triage,
                "input",
                escalate=Escalation(when=text("triage.confidence < 0.9"), to=step("triage", large)),
            ),
            step("answer", answer, "triage", when=text("triage.intent != 'other'", "triage")),
            step(
                "handle",
                Map(
                    each=ref("input.transactions"),
                    item="transaction",
                    body=step("handle", Inline(block=books)),
                    at_once=16,
                ),
                "input",
            ),
            step("collect", collect, "input triage"),
            step("decide", decide, "handle collect", cache_s=3600, budget=Budget(calls=40, tokens=4000)),
            step("check", GraphCall(graph="risk", input=parse_record({"amount": "float"})), "decide"),
            step("close", tool(lambda: 0, effect="once"), "check answer"),
            budget=Budget(calls=400, seconds=20),
        ),
        graphs={"risk": block(step("look", look_up), step("judge", policy, "look"))},
        sha256="0" * 64,
    )
