"""What can be told of an expression before anything is compiled."""

from __future__ import annotations

import functools

from shoal.expressions.facts import proven
from shoal.expressions.lexer import RESERVED, Path, tokenize
from shoal.expressions.syntax import MAX_LENGTH, parse

__all__ = ["RESERVED", "Path", "known_after", "needed_and_asked", "tokenize"]


@functools.lru_cache(maxsize=2048)
def needed_and_asked(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """The names in an expression that could be nodes: those it needs, and those it only asks for with `?`."""
    if len(text) > MAX_LENGTH:
        return frozenset(), frozenset()  # which is told when it is compiled
    tokens = tokenize(text)
    words = ["", "", *(token.text for token in tokens), ""]
    needed: set[str] = set()
    asked: set[str] = set()
    for i, token in enumerate(tokens, start=2):
        if token.kind == "name" and words[i - 1] not in (".", ".?") and words[i + 1] != "(":
            is_asked = words[i + 1] == ".?" or words[i - 2 : i] == ["has", "("]
            (asked if is_asked else needed).add(token.text)
    # In `has(a) && a.b > 1` the name is not needed: behind has(...) it is only read where it is there.
    return frozenset(needed - asked), frozenset(asked)


def known_after(text: str) -> frozenset[Path]:
    """Paths that are not null once the condition `text` holds, and all on the way to them."""
    tree = parse(text)
    return frozenset() if isinstance(tree, tuple) else proven(tree, True)
