"""What a graph looks like: its links, and Mermaid text of them; `picture.py` draws the same as SVG.

`links` finds who reads what from whom. Solid lines carry data; a dotted line is read only to
decide whether a node runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from shoal.graphs.plan import AgentCall, Expression, Node, Plan, ToolCall
from shoal.graphs.values import paths_of

INPUT, OUTPUT = "input", "output"

Kind = Literal["agent", "tool", "human", "input", "output"]


@dataclass(frozen=True, slots=True)
class Link:
    """One arrow: what `target` reads of `source`."""

    source: str
    target: str
    fields: tuple[str, ...]
    """Empty where the whole output is read."""
    is_condition: bool
    """Read only by `when`."""


def kind_of(node: Node) -> Kind:
    """The kind of a node."""
    match node.work:
        case AgentCall():
            return "agent"
        case ToolCall():
            return "tool"
    return "human"


def links(plan: Plan) -> list[Link]:
    """All arrows of a graph, those of the output last."""
    found = [link for node in plan.block.nodes.values() for link in _links_of(node)]
    by_source: dict[str, set[str]] = {}
    for expression in plan.block.output.values():
        for path in paths_of(expression):
            by_source.setdefault(path[0], set()).update(path[1:2])
    return found + [Link(source, OUTPUT, tuple(sorted(names)), False) for source, names in by_source.items()]


def _links_of(node: Node) -> Iterator[Link]:
    data = _fields([*node.inputs.values(), *(node.fallback or {}).values(), node.accept, _question(node)])
    condition = _fields([node.when])
    data.pop(node.name, None)
    for source, names in data.items():
        yield Link(source, node.name, tuple(sorted(names)), False)
    for source, names in condition.items():
        if source not in data:
            yield Link(source, node.name, tuple(sorted(names)), True)


def _question(node: Node) -> Expression | None:
    return getattr(node.work, "question", None)


def _fields(expressions: list[Expression | None]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for expression in filter(None, expressions):
        for path in sorted(paths_of(expression)):
            found.setdefault(path[0], set()).update(path[1:2])
    return found


# -- Mermaid ------------------------------------------------------------------------------------------------

_SHAPES = {"agent": ("([", "])"), "tool": ("[", "]"), "human": ("{{", "}}")}
_CLASSES = {
    "agent": "fill:#e6f6f4,stroke:#0f8b8d,color:#0b3c3d",
    "tool": "fill:#eef1fd,stroke:#4a63d2,color:#1f2a63",
    "human": "fill:#fff3e2,stroke:#d97a08,color:#5c3305",
    "edge": "fill:#f1f4f7,stroke:#8695a5,color:#2b3743",
}


def mermaid(plan: Plan) -> str:
    """The graph as a Mermaid flow chart."""
    lines = ["flowchart TD", f"  {INPUT}_[/{_quoted(INPUT, ', '.join(plan.input.fields))}/]:::edge"]
    for name, node in plan.block.nodes.items():
        kind = kind_of(node)
        left, right = _SHAPES[kind]
        lines.append(f"  {name}_{left}{_quoted(name, caption(node))}{right}:::{kind}")
    lines.append(f"  {OUTPUT}_[/{_quoted(OUTPUT, ', '.join(plan.block.output))}/]:::edge")
    for link in links(plan):
        label = f"|{_escaped(', '.join(link.fields))}|" if link.fields else ""
        arrow = "-.->" if link.is_condition else "-->"
        lines.append(f"  {link.source}_ {arrow}{label} {link.target}_")
    lines.extend(f"  classDef {name} {style}" for name, style in _CLASSES.items())
    return "\n".join(lines) + "\n"


def _quoted(name: str, below: str) -> str:
    return f'"<b>{_escaped(name)}</b><br/>{_escaped(below)}"'


def _escaped(text: str) -> str:
    """Mermaid reads HTML entities in labels, written with # in place of &."""
    return re.sub(r'[<>&"#|{}\[\]`;]', lambda match: f"#{ord(match[0])};", text)


def caption(node: Node) -> str:
    """The second line in a node's box: who does the work, and what is special about it."""
    match node.work:
        case AgentCall(agent=agent):
            words = [
                f"agent on {agent.base.name}"
                if agent.name == node.name
                else f"{agent.name} on {agent.base.name}"
            ]
        case ToolCall(tool=tool):
            words = [tool.effect] if tool.name == node.name else [tool.name, tool.effect]
        case _:
            words = ["a person is asked"]
    if node.retry:
        words.append(f"retry {node.retry}")
    if node.fallback is not None:
        words.append("fallback")
    return ", ".join(words)


# -- SVG ----------------------------------------------------------------------------------------------------
