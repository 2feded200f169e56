"""From what is written in a graph file to values: literals, and texts with `${expressions}` in them.

`"${expr}"` alone keeps the type of the expression; with text around it the result is text. `$${` stands for a
plain `${`. What an expression yields is never looked at for `${` again.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from shoal.errors import suggest
from shoal.expressions.compiled import Compiled, Read, compile_expression
from shoal.expressions.lexer import tokens_from
from shoal.expressions.scope import ExpressionError, Scope, without_null
from shoal.expressions.values import Constant, Items, Text, common_type, fitted, literal, widened
from shoal.workspace.types import (
    FLOAT,
    STR,
    Enum,
    ListOf,
    Nullable,
    Record,
    Scalar,
    Type,
    ValueMismatch,
    accepts,
    plain,
    read,
)
from shoal.workspace.yaml import Where

MAX_PIECES = 1000
"""Of one text: expressions, and what stands between them."""
_PROMPT = re.compile(r"(?<!\$)\{\{|\{%")
"""What starts a piece of Jinja, which nothing in a graph file would read."""


_FORGOTTEN = re.compile(r"(?!\$\{)\$?\{?([a-z][a-z0-9_]*)((?:\.\??[a-z][a-z0-9_]*)+)\}?\Z")
"""A path that somebody meant to read: `input.message`, `$input.message`."""


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


def compile_text(text: str, scope: Scope) -> Compiled:
    """Compile a text that may hold `${expressions}`.

    Raises:
        ExpressionError: with a sentence for the user and the offset of the fault in `text`.
    """
    parts: list[str | Compiled] = []
    for piece, start in split_text(text, scope.reader):
        parts.append(piece if start is None else _compile_at(piece, start, scope))
    if len(parts) == 1 and not isinstance(parts[0], str):
        return parts[0]
    for part, (piece, start) in zip(parts, split_text(text, scope.reader), strict=True):
        if not isinstance(part, str) and isinstance(part.type, Nullable) and start is not None:
            raise ExpressionError(
                f"{scope.reader} puts '{piece.strip()}' into a text, but it may be null{remedy(part)}", start
            )
    if all(isinstance(part, str) for part in parts):
        return Constant("".join(map(str, parts)), STR)
    return Text(tuple(parts))


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


def remedy(value: Compiled) -> str:
    """How to give a value instead of null, as the end of a sentence."""
    of = value.type.of if isinstance(value.type, Nullable) else value.type
    default = {"float": "0.0", "int": "0", "bool": "false"}.get(str(of), "''")
    if isinstance(value, Read) and len(value.reference.path) > 1:
        *head, last = value.reference.path
        written = ".".join(head)
        or_value = f"${{{written}.?{last}.orValue({default})}}"
        return f". Write {or_value}, or run the node only `when: {written}.{last} != null`"
    return f". End it with .orValue({default})"


def _compile_at(piece: str, start: int, scope: Scope) -> Compiled:
    try:
        return compile_expression(piece, scope)
    except ExpressionError as err:
        raise ExpressionError(str(err), start + err.offset) from None


def _closing(text: str, start: int) -> int | None:
    depth = 0
    for token in tokens_from(text, start):
        if token.kind == "sign" and token.text == "}":
            if depth == 0:
                return token.start
            depth -= 1
        depth += token.kind == "sign" and token.text == "{"
    return None


class ValueFault(Exception):
    """A value in a graph file is wrong."""

    def __init__(self, where: Where, message: str, offset: int | None = None) -> None:
        self.where = where
        self.offset = offset
        super().__init__(message)


def compile_value(where: Where, value: Any, target: Type | None, scope: Scope, what: str) -> Compiled:
    """Compile a value of a graph file, with lists and mappings inside it.

    Raises:
        ValueFault: the place and the sentence.
    """
    if isinstance(value, str) and (found := _PROMPT.search(value)):
        message = f"{scope.reader}: '{found[0]}' belongs to prompts. Values are read with ${{...}} here"
        raise ValueFault(where, message, found.start())
    if isinstance(value, str) and (found := _FORGOTTEN.match(value)) and found[1] in scope.sources:
        path = f"{found[1]}{found[2]}"
        message = f"{scope.reader}: '{value}' is a text as it stands. Write ${{{path}}} to read it"
        raise ValueFault(where, message)
    if is_template(value):
        return _compile_template(where, value, target, scope, what)
    inner = plain(target) if target else None
    of = inner.of if isinstance(inner, Nullable) else inner
    has_template = _has_template(value)
    if isinstance(value, list) and (has_template or isinstance(of, ListOf)):
        made: Compiled = _list(where, value, of, scope, what)
        shown = "a list"
    elif isinstance(value, dict) and (has_template or isinstance(of, Record)):
        made, shown = _mapping(where, value, of, scope, what), "a mapping"
    else:
        return _constant(where, value, target, scope, what)
    if not has_template:  # its parts have been looked at one by one, so that faults have their places
        return _constant(where, value, target, scope, what)
    return _checked(where, made, target, scope, what, shown)


def _list(where: Where, value: list[Any], of: Type | None, scope: Scope, what: str) -> Items:
    item = of.item if isinstance(of, ListOf) else None
    parts = [compile_value((*where, i), each, item, scope, f"{what}[{i}]") for i, each in enumerate(value)]
    kind = item or common_type([part.type for part in parts])
    return Items(ListOf(kind), parts if item else [widened(part, kind) for part in parts])


def _mapping(where: Where, value: dict[str, Any], of: Type | None, scope: Scope, what: str) -> Items:
    fields = of.fields if isinstance(of, Record) else {}
    for name in value:
        if fields and name not in fields:
            message = f"{scope.reader}: {what} has no field '{name}'. {suggest(name, fields)}"
            raise ValueFault((*where, name), message)
    named = {
        name: compile_value((*where, name), each, fields.get(name), scope, f"'{name}' in {what}")
        for name, each in value.items()
    }
    return Items(Record({name: fields.get(name, part.type) for name, part in named.items()}), named)


def _has_template(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(_has_template, value.values() if isinstance(value, dict) else value))
    return is_template(value)


def _constant(where: Where, value: Any, target: Type | None, scope: Scope, what: str) -> Constant:
    if target is None:
        return literal(value)
    try:
        return Constant(read(target, value, what), target)
    except ValueMismatch as err:
        raise ValueFault(where, f"{scope.reader}: {err}") from None


def _compile_template(where: Where, value: str, target: Type | None, scope: Scope, what: str) -> Compiled:
    try:
        compiled = compile_text(value, scope)
    except ExpressionError as err:
        raise ValueFault(where, str(err), err.offset) from None
    return _checked(where, compiled, target, scope, what, f"'{value}'")


def _checked(
    where: Where, made: Compiled, target: Type | None, scope: Scope, what: str, shown: str
) -> Compiled:
    if target is None:
        return made
    if accepts(target, made.type):
        return fitted(made, target)
    message = f"{scope.reader} gives {shown}, which is {made.type}, to {what}, which takes {target}"
    raise ValueFault(where, message + _hint(made, target))


def _hint(made: Compiled, target: Type) -> str:
    if isinstance(made.type, Nullable) and accepts(target, made.type.of):
        return remedy(made)
    words = without_null(plain(target))
    if isinstance(words, Enum) and made.type == STR:
        return f". Write its cases out, like x == '...' ? '{words.cases[0]}' : '{words.cases[-1]}'"
    if target == STR and isinstance(made.type, Scalar):
        return ". Convert it with string(...), or put text around it"
    if target == STR and isinstance(made.type, Record) and isinstance(made, Read):
        texts = [name for name, kind in made.type.fields.items() if kind == STR]
        return f". Read a field of it: ${{{made.reference.written}.{texts[0]}}}" if texts else ""
    if target == plain(target) and str(target) == "int" and made.type == FLOAT:
        return ". Convert it with int(...)"
    return ""
