"""Texts with `${expressions}` in them, in pieces; `$${` is a plain `${`."""

from __future__ import annotations

import functools

from shoal.expressions.lexer import tokens_from
from shoal.expressions.scope import ExpressionError

MAX_PIECES = 1000
"""Of one text: expressions, and what stands between them."""


def is_template(value: object) -> bool:
    """Whether a value of a graph file holds expressions."""
    return isinstance(value, str) and "${" in value


def is_whole(text: str) -> bool:
    """Whether a text is one expression and nothing else; what cannot be split counts as one."""
    try:
        pieces = split_text(text)
    except ExpressionError:
        return True
    return len(pieces) == 1 and pieces[0][1] is not None


def split_text(text: str, reader: str = "the text") -> list[tuple[str, int | None]]:
    """Plain pieces, and expressions with the offset at which they start.

    Raises:
        ExpressionError: a `${` is not closed, or nothing is in it.
    """
    try:
        return list(_pieces(text))
    except ExpressionError as err:
        raise ExpressionError(f"{reader}: {err}", err.offset) from None


@functools.lru_cache(maxsize=2048)
def _pieces(text: str) -> tuple[tuple[str, int | None], ...]:
    pieces: list[tuple[str, int | None]] = []
    plain_text, at = "", 0
    while (start := text.find("${", at)) >= 0:
        if start and text[start - 1] == "$":
            plain_text, at = plain_text + text[at : start - 1] + "${", start + 2
            continue
        end = _closing(text, start + 2)
        if end is None:
            raise ExpressionError("'${' is not closed with '}'. Write $${ for a plain ${", start)
        if not text[start + 2 : end].strip():
            raise ExpressionError("'${}' is empty. Write what it reads, like ${input.message}", start)
        plain_text += text[at:start]
        if plain_text:
            pieces.append((plain_text, None))
        pieces.append((text[start + 2 : end], start + 2))
        if len(pieces) > MAX_PIECES:
            raise ExpressionError(f"the text has more than {MAX_PIECES} pieces. Split it", start)
        plain_text, at = "", end + 1
    if plain_text + text[at:] or not pieces:
        pieces.append((plain_text + text[at:], None))
    return tuple(pieces)


def _closing(text: str, start: int) -> int | None:
    depth = 0
    for token in tokens_from(text, start):
        if token.kind == "sign" and token.text == "}":
            if depth == 0:
                return token.start
            depth -= 1
        depth += token.kind == "sign" and token.text == "{"
    return None
