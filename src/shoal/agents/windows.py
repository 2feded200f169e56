"""How many tokens a base reads at once, and whether a prompt leaves any room for what is asked.

Only what is on this machine is looked at: a base whose folder is not here has no known window.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, TemplateSyntaxError, nodes

from shoal.agents.agent import Agent, Base
from shoal.agents.bases import local_folder
from shoal.errors import Problem


def window_of(base: Base, root: Path) -> int | None:
    """The tokens that a base can read and write together; None where that is not known here."""
    folder = local_folder(base, root)
    if folder is None or not (folder / "config.json").is_file():
        return None
    found = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("max_position_embeddings")
    return found if isinstance(found, int) else None


def tokens_of(agent: Agent, root: Path) -> tuple[int, int | None]:
    """The tokens that one call of an agent takes at least and at most."""
    window = window_of(agent.base, root)
    return max(1, _count(fixed_text(agent), agent.base, root)), window


def window_problems(agents: Iterable[Agent], root: Path) -> list[Problem]:
    """Prompts that fill the window of their base whatever is asked."""
    problems = []
    for agent in agents:
        text = fixed_text(agent)
        window = window_of(agent.base, root) if text else None
        # A token is at least one byte, so a short text needs no counting.
        if window is None or len(text.encode()) < window:
            continue
        if (num_tokens := _count(text, agent.base, root)) >= window:
            message = (
                f"the prompt alone takes {num_tokens:,} tokens, and base '{agent.base.name}' reads "
                f"{window:,} with the answer. Shorten the prompt, or take a base with a longer window"
            )
            problems.append(Problem(f"agents/{agent.name}/prompt.md", 1, 1, message))
    return problems


def fixed_text(agent: Agent) -> str:
    """What a decoder's prompt says whatever is asked: its text and knowledge outside of `if` and `for`."""
    if agent.prompt is None or agent.base.kind == "encoder":
        return ""
    try:
        tree = Environment().parse(agent.prompt)
    except (TemplateSyntaxError, RecursionError):
        return ""  # which the check of prompts reports
    pieces = [piece for output in tree.body if isinstance(output, nodes.Output) for piece in output.nodes]
    return "".join(_fixed(piece, agent) for piece in pieces).strip()


def _fixed(piece: nodes.Expr, agent: Agent) -> str:
    if isinstance(piece, nodes.TemplateData):
        return piece.data
    while isinstance(piece, nodes.Filter) and piece.name == "trim" and piece.node is not None:
        piece = piece.node
    return agent.knowledge.strip() if isinstance(piece, nodes.Name) and piece.name == "knowledge" else ""


def _count(text: str, base: Base, root: Path) -> int:
    """Tokens of a text; 0 where there is no tokenizer to ask."""
    folder = local_folder(base, root)
    if not text or folder is None or not (folder / "tokenizer.json").is_file():
        return 0
    return _tokenized(text, folder / "tokenizer.json")


@lru_cache(maxsize=64)
def _tokenized(text: str, file: Path) -> int:
    try:
        from tokenizers import Tokenizer
    except ImportError:
        return 0  # without the extra `embedded` nothing can be said, and nothing be run here
    return len(Tokenizer.from_file(str(file)).encode(text, add_special_tokens=False).ids)
