"""Names and attributes of spans, by the OpenTelemetry semantic conventions for generative AI, release v0.1.0.

github.com/open-telemetry/semantic-conventions-genai, status Development: a graph is `invoke_workflow` (named
by `gen_ai.agent.name`, as v0.1.0 has it instead of `gen_ai.workflow.name`), an agent `invoke_agent`, a tool
`execute_tool`. What the conventions have no name for is under `shoal.`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from shoal.agents.agent import Agent
from shoal.graphs.plan import AgentCall, GraphCall, Node, Tool, ToolCall
from shoal.journal.journal import NodeRow
from shoal.telemetry.kinds import kind_of
from shoal.workspace.redaction import redact_value

__all__ = [
    "Signature",
    "call_id",
    "content_of",
    "error_type",
    "of_graph",
    "of_node",
    "usage_of",
]

_RAISED = re.compile(r"\braised (\w+)")

Attributes = Mapping[str, Any]


class Signature(NamedTuple):
    """What is the same for every span of a node."""

    name: str
    attributes: Attributes


def of_graph(graph: str) -> Signature:
    """The span of a run."""
    attributes = {"gen_ai.operation.name": "invoke_workflow", "gen_ai.agent.name": graph}
    return Signature(f"invoke_workflow {graph}", attributes)


def of_node(node: Node, *, is_call: bool) -> Signature:
    """The span of an attempt; without a call it is around those of others."""
    own = {"shoal.node.kind": kind_of(node)}
    match node.work:
        case AgentCall(agent=agent) if is_call:
            return Signature(f"invoke_agent {agent.name}", own | _of_agent(agent))
        case ToolCall(tool=tool) if is_call:
            return Signature(f"execute_tool {tool.name}", own | _of_tool(tool))
        case GraphCall(graph=graph):
            name, attributes = of_graph(graph)
            return Signature(name, own | {**attributes})
    return Signature(f"{kind_of(node)} {node.name}", own)


def usage_of(row: NodeRow) -> Attributes:
    """What an attempt took and gave, beside its content."""
    found: dict[str, Any] = {"shoal.node.outcome": row.kind}
    if row.prompt_tokens or row.completion_tokens:
        found["gen_ai.usage.input_tokens"] = row.prompt_tokens
        found["gen_ai.usage.output_tokens"] = row.completion_tokens
    if row.confidence is not None:
        found["shoal.confidence"] = row.confidence
    return found


def call_id(run: str, path: str) -> Attributes:
    """A call of a tool: the key that it is given to act once."""
    return {"gen_ai.tool.call.id": f"{run}:{path}"}


def content_of(node: Node | None, *, given: Any = None, made: Any = None) -> Attributes:
    """Inputs and outputs, redacted; None is left out."""
    if node is not None and isinstance(node.work, ToolCall):
        found = {"gen_ai.tool.call.arguments": given, "gen_ai.tool.call.result": made}
        return {name: _written(value) for name, value in found.items() if value is not None}
    messages: dict[str, Any] = {}
    if given is not None:
        messages["gen_ai.input.messages"] = json.dumps([_message("user", given)], ensure_ascii=False)
    if made is not None:
        answer = _message("assistant", made) | {"finish_reason": "stop"}
        messages["gen_ai.output.messages"] = json.dumps([answer], ensure_ascii=False)
    return messages


def error_type(reason: str) -> str:
    """A word for a reason, of which there are few."""
    if raised := _RAISED.search(reason):
        return raised[1]
    if reason.startswith("it took longer"):
        return "timeout"
    if "budget" in reason:
        return "budget"
    return "not_accepted" if "not accepted" in reason else "_OTHER"


def _of_agent(agent: Agent) -> dict[str, Any]:
    found = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": "shoal",
        "gen_ai.agent.name": agent.name,
        "gen_ai.agent.description": agent.about,
        "gen_ai.request.model": agent.adapter.name if agent.adapter else agent.base.model,
        "gen_ai.output.type": "json",
        "shoal.base": agent.base.name,
    }
    if agent.adapter and "@" in agent.adapter.name:
        found["gen_ai.agent.version"] = agent.adapter.name.rpartition("@")[2]
    return {name: value for name, value in found.items() if value}


def _of_tool(tool: Tool) -> dict[str, Any]:
    return {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": tool.name,
        "gen_ai.tool.type": "function",
        "shoal.tool.effect": tool.effect,
    }


def _message(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": _written(content)}]}


def _written(value: Any) -> str:
    clean = redact_value(value)
    return clean if isinstance(clean, str) else json.dumps(clean, ensure_ascii=False)
