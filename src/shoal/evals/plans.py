"""Plans as evaluations run them: the answers of agents are kept, and nobody else's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from shoal.graphs.plan import AgentCall, Block, Inline, Map, Node, Plan, Repeat, Switch, Vote, Work


def with_kept_answers(plan: Plan) -> Plan:
    """The plan with a cache at every agent and none elsewhere: what tools find depends on the case."""
    blocks = {name: _block(block) for name, block in plan.graphs.items()}
    return replace(plan, block=_block(plan.block), graphs=blocks)


def _block(block: Block) -> Block:
    return replace(block, nodes={name: _node(node) for name, node in block.nodes.items()})


def _node(node: Node) -> Node:
    escalate = node.escalate and replace(node.escalate, to=_node(node.escalate.to))
    kept_s = math.inf if isinstance(node.work, AgentCall) else None
    return replace(node, work=_work(node.work), cache_s=kept_s, escalate=escalate)


def _work(work: Work) -> Work:
    match work:
        case Inline(block=block):
            return replace(work, block=_block(block))
        case Switch(cases=cases, default=default):
            return replace(work, cases=_nodes(cases), default=default and _node(default))
        case Map(body=body) | Repeat(body=body) | Vote(body=body):
            return replace(work, body=_node(body))
    return work


def _nodes(nodes: Mapping[str, Node]) -> dict[str, Node]:
    return {name: _node(node) for name, node in nodes.items()}
