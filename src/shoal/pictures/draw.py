"""Mermaid text of a graph: solid lines carry data; dotted lines only decide whether a node runs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shoal.graphs.plan import Plan
from shoal.pictures.sketch import Kind, Link, Shape, Sketch, sketch

_SHAPES: dict[Kind, tuple[str, str]] = {
    "agent": ("([", "])"),
    "tool": ("[", "]"),
    "human": ("{{", "}}"),
    "graph": ("[[", "]]"),
    "choice": ("{", "}"),
    "input": ("[/", "/]"),
    "output": ("[/", "/]"),
}
_CLASSES = {
    "agent": "fill:#e6f6f4,stroke:#0f8b8d,color:#0b3c3d",
    "tool": "fill:#eef1fd,stroke:#4a63d2,color:#1f2a63",
    "human": "fill:#fff3e2,stroke:#d97a08,color:#5c3305",
    "graph": "fill:#f5effb,stroke:#8a4fbe,color:#3d1f57",
    "choice": "fill:#fdf0f4,stroke:#c2436f,color:#5a1730",
    "edge": "fill:#f1f4f7,stroke:#8695a5,color:#2b3743",
    "frame": "fill:#ffffff00,stroke:#8695a5,color:#2b3743",
    "dashed": "stroke-dasharray:6 4",
}


def mermaid(plan: Plan, *, expand: bool = False) -> str:
    """The graph as a Mermaid flow chart; `expand` shows what is inside the graphs it calls."""
    lines = ["flowchart TD", *_lines(sketch(plan, expand=expand), "  ")]
    lines.extend(f"  classDef {name} {style}" for name, style in _CLASSES.items())
    return "\n".join(lines) + "\n"


def _lines(inner: Sketch, indent: str) -> Iterator[str]:
    for shape in inner.shapes:
        yield from _shape(shape, indent)
    for link in inner.links:
        label = f"|{_escaped(', '.join(link.fields))}|" if link.fields else ""
        yield f"{indent}{_id(link.source)} {_arrow(link)}{label} {_id(link.target)}"


def _shape(shape: Shape, indent: str) -> Iterator[str]:
    name = _id(shape.path)
    if shape.inside is None:
        left, right = _SHAPES[shape.kind]
        style = "edge" if shape.kind in {"input", "output"} else shape.kind
        yield f"{indent}{name}{left}{_label(shape)}{right}:::{style}"
    else:
        yield f"{indent}subgraph {name}[{_label(shape)}]"
        yield from _lines(shape.inside, f"{indent}  ")
        yield f"{indent}end"
        yield f"{indent}class {name} frame"
    if shape.is_escalation:
        yield f"{indent}class {name} dashed"


def _arrow(link: Link) -> str:
    if link.is_escalation:
        return "<-.->"
    return "-.->" if link.is_condition else "-->"


def _id(path: str) -> str:
    """A word that Mermaid takes for a name; capitals stand for what names of nodes never hold."""
    words = path.replace(".", "\0").replace("[]", "\1")
    words = re.sub(r"[^a-z0-9_\0\1]", lambda match: f"X{ord(match[0]):x}X", words)
    return words.replace("\0", "_IN_").replace("\1", "_EACH") + "_"


def _label(shape: Shape) -> str:
    lines = [shape.below, shape.marks, shape.when if shape.is_escalation else ""]
    return '"' + "<br/>".join([f"<b>{_escaped(shape.name)}</b>", *map(_escaped, filter(None, lines))]) + '"'


def _escaped(text: str) -> str:
    """Mermaid reads HTML entities in labels, written with # in place of &."""
    return re.sub(r'[<>&"#|{}\[\]`;]', lambda match: f"#{ord(match[0])};", text)
