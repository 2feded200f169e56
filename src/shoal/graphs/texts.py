"""The expressions in the text of a graph file, and whom they read, before anything is compiled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from shoal.expressions.pieces import is_template, split_text
from shoal.expressions.scope import ExpressionError
from shoal.expressions.tokens import needed_and_asked
from shoal.graphs.model import StepEntry, steps_in
from shoal.workspace.yaml import Document, Where

_NEEDING = frozenset({"map", "repeat", "vote"})
"""Bodies that always run, so that the node needs what they need; what else is inside, it waits for."""


def own_expressions(entry: StepEntry) -> Iterator[str]:
    """The texts of a step's expressions, without those of steps inside it and of what these give together."""
    when = getattr(entry, "when", None)
    yield from (text for text in (when, entry.accept, entry.until) if text is not None)
    if entry.escalate:
        yield entry.escalate.when
    for given in (entry.switch, entry.each):
        if isinstance(given, str) and "${" not in given:
            yield given
        else:
            yield from expressions_in([given])
    yield from expressions_in(
        [
            *entry.with_.values(),
            entry.fallback,
            entry.human,
            entry.start,
        ]
    )


def expressions_in(values: Iterable[Any]) -> Iterator[str]:
    """The texts inside `${...}` of values; what cannot be split is reported when it is compiled."""
    for value in values:
        if isinstance(value, dict | list):
            yield from expressions_in(value.values() if isinstance(value, dict) else value)
        elif is_template(value):
            try:
                yield from (piece for piece, start in split_text(value) if start is not None)
            except ExpressionError:
                continue


def links_of(texts: Iterable[str]) -> tuple[set[str], set[str]]:
    """Names that expressions need, and names that they only ask for."""
    needed: set[str] = set()
    asked: set[str] = set()
    for text in texts:
        more_needed, more_asked = needed_and_asked(text)
        needed |= more_needed
        asked |= more_asked
    return needed, asked - needed


def links_of_step(entry: StepEntry) -> tuple[set[str], set[str]]:
    """Names that a step needs, and names that it waits for without needing them."""
    needed, asked = links_of(own_expressions(entry))
    for keys, inner in steps_in(entry):
        inner_needed, inner_asked = links_of_step(inner)
        asked |= inner_asked
        (needed if keys[0] in _NEEDING else asked).update(inner_needed)
    # Whether what the output of a block reads is there, is judged inside.
    asked |= set().union(*links_of(expressions_in((entry.output or {}).values())))
    return needed, asked - needed


def place_of(document: Document, where: Where, name: str) -> Where:
    """Where inside a place of a graph file something named is read first; the place itself if nowhere."""
    inside = sorted(
        (mark.value, place) for place, mark in document.marks.items() if place[: len(where)] == where
    )
    for _, place in inside:
        text = document.data
        for key in place:
            text = text[key]  # type: ignore[index]
        if isinstance(text, str) and any(name in links for links in links_of(_expressions_at(place, text))):
            return place
    return where


def _expressions_at(place: Where, text: str) -> Iterable[str]:
    return [text] if place[-1] in _WHOLE and "${" not in text else expressions_in([text])


_WHOLE = frozenset({"when", "accept", "until", "switch", "each"})
