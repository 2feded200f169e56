"""Faults of values, told together; and texts in which somebody meant to read something."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from shoal.expressions.pieces import is_template, split_text
from shoal.expressions.scope import ExpressionError, Scope
from shoal.workspace.yaml import Where

T = TypeVar("T")

MAX_FAULTS = 5
"""Told of one text at once; what is made of thousands of faults is not looked at to its end."""
_MAX_OF_VALUE = 20

_PROMPT = re.compile(r"(?<!\$)\{\{|\{%")
"""What starts a piece of Jinja, which nothing in a graph file would read."""
_FORGOTTEN = re.compile(r"(?!\$\{)\$?\{?([a-z][a-z0-9_]*)((?:\.\??[a-z][a-z0-9_]*)+)\}?\Z")
"""A path that somebody meant to read: `input.message`, `$input.message`."""
_BRACES = re.compile(r"(?<!\$)\{([a-z][a-z0-9_]*)((?:\.\??[a-z][a-z0-9_]*)+)\}")
"""The same inside a text: `Hello {input.name}`."""


class ValueFault(Exception):
    """A value in a graph file is wrong."""

    def __init__(self, where: Where, message: str, offset: int | None = None) -> None:
        self.where = where
        self.offset = offset
        self.others: tuple[ValueFault, ...] = ()
        super().__init__(message)

    def all(self) -> list[ValueFault]:
        """This one, and what else is wrong with the same value."""
        return [self, *self.others]


def raise_all(faults: Iterable[ValueFault]) -> None:
    """Raise several faults as one, if there are any."""
    found = list(islice(faults, _MAX_OF_VALUE))
    if found:
        found[0].others = tuple(found[1:])
        raise found[0]


def gathered(parts: Iterable[Callable[[], T]]) -> list[T]:
    """All parts of a value, or everything that is wrong with them."""
    made: list[T] = []
    faults: list[ValueFault] = []
    for part in parts:
        try:
            made.append(part())
        except ValueFault as err:
            faults += err.all()
            if len(faults) >= _MAX_OF_VALUE:
                break
    raise_all(faults)
    return made


def slips(where: Where, value: Any, scope: Scope) -> Iterator[ValueFault]:
    """Texts in which somebody meant to read something, and which would be handed on as they are."""
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from slips((*where, key), each, scope)
    elif isinstance(value, str) and (prompt := _PROMPT.search(value)):
        message = f"{scope.reader}: '{prompt[0]}' belongs to prompts. Values are read with ${{...}} here"
        yield ValueFault(where, message, prompt.start())
    elif isinstance(value, str):
        whole = _FORGOTTEN.match(value)
        for found in [whole] if whole else _braces(value):
            if found[1] in scope.sources:
                path, offset = f"{found[1]}{found[2]}", None if whole else found.start()
                message = f"'{found[0]}' is a text as it stands. Write ${{{path}}} to read it"
                yield ValueFault(where, f"{scope.reader}: {message}", offset)


def _braces(text: str) -> Iterable[re.Match[str]]:
    return _BRACES.finditer(_without_expressions(text)) if _BRACES.search(text) else ()


def _without_expressions(text: str) -> str:
    """A text of the same length with spaces for all `${...}`."""
    if not is_template(text):
        return text
    try:
        pieces = split_text(text)
    except ExpressionError:
        return ""  # which is told of when it is compiled
    crossed = list(text.replace("$${", "   "))
    for piece, start in pieces:
        if start is not None:
            crossed[start - 2 : start + len(piece) + 1] = " " * (len(piece) + 3)
    return "".join(crossed)
