"""The bounded names under which nodes are told of, however often they run."""

from __future__ import annotations

import re
from typing import Literal

from shoal.graphs.plan import (
    AgentCall,
    GraphCall,
    HumanQuestion,
    Inline,
    Map,
    Node,
    Repeat,
    Switch,
    ToolCall,
)

Kind = Literal["agent", "tool", "human", "graph", "block", "switch", "map", "repeat", "vote"]

_NUMBERS = re.compile(r"(?<=\[)\d+(?=\])|#\d+")


def kind_of(node: Node) -> Kind:
    """What a node is, in a word."""
    match node.work:
        case AgentCall():
            return "agent"
        case ToolCall():
            return "tool"
        case HumanQuestion():
            return "human"
        case GraphCall():
            return "graph"
        case Inline():
            return "block"
        case Switch():
            return "switch"
        case Map():
            return "map"
        case Repeat():
            return "repeat"
    return "vote"


def place_of(path: str) -> str:
    """A path without the numbers of items, rounds, samples and attempts: `handle[].reply`."""
    if "[" not in path and "#" not in path:
        return path
    return _NUMBERS.sub("", path)
