"""From what is written in a graph file to values: literals, and texts with `${expressions}` in them.

`"${expr}"` alone keeps the type of the expression; with text around it the result is text. `$${` stands for a
plain `${`. What an expression yields is never looked at for `${` again.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from shoal.errors import suggest
from shoal.expressions.compiled import Compiled, Read, compile_expression
from shoal.expressions.pieces import is_template, split_text
from shoal.expressions.scope import ExpressionError, Scope, without_null
from shoal.expressions.slips import MAX_FAULTS, ValueFault, gathered, raise_all, slips
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

_DOUBLE = re.compile(r"\s*\{\s*([\w.?]+)\s*\}\s*\Z")
"""`${{ a.b }}`, as other languages write it."""


def compile_text(text: str, scope: Scope) -> Compiled:
    """Compile a text that may hold `${expressions}`.

    Raises:
        ExpressionError: with a sentence for the user and the offset of the fault in `text`.
    """
    parts: list[str | Compiled] = []
    faults: list[ExpressionError] = []
    pieces = split_text(text, scope.reader)
    for piece, start in pieces:
        try:
            parts.append(piece if start is None else _compile_at(piece, start, scope, len(pieces) > 1))
        except ExpressionError as err:
            faults.append(err)
            if len(faults) >= MAX_FAULTS:
                break
    if faults:
        faults[0].others = tuple(faults[1:])
        raise faults[0]
    if len(parts) == 1 and not isinstance(parts[0], str):
        return parts[0]
    if all(isinstance(part, str) for part in parts):
        return Constant("".join(map(str, parts)), STR)
    return Text(tuple(parts))


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


def _compile_at(piece: str, start: int, scope: Scope, is_in_text: bool) -> Compiled:
    if found := _DOUBLE.match(piece):
        message = f"{scope.reader}: a pair of braces is enough. Write ${{{found[1]}}}"
        raise ExpressionError(message, start)
    try:
        made = compile_expression(piece, scope)
    except ExpressionError as err:
        raise ExpressionError(str(err), start + err.offset) from None
    if is_in_text and isinstance(made.type, Nullable):
        message = f"{scope.reader} puts '{piece.strip()}' into a text, but it may be null{remedy(made)}"
        raise ExpressionError(message, start)
    return made


def compile_value(where: Where, value: Any, target: Type | None, scope: Scope, what: str) -> Compiled:
    """Compile a value of a graph file, with lists and mappings inside it.

    Raises:
        ValueFault: the place and the sentence.
    """
    raise_all(slips(where, value, scope))
    return _compiled(where, value, target, scope, what)


def _compiled(where: Where, value: Any, target: Type | None, scope: Scope, what: str) -> Compiled:
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
    parts = gathered(
        partial(_compiled, (*where, i), each, item, scope, f"{what}[{i}]") for i, each in enumerate(value)
    )
    kind = item or common_type([part.type for part in parts])
    return Items(ListOf(kind), parts if item else [widened(part, kind) for part in parts])


def _mapping(where: Where, value: dict[str, Any], of: Type | None, scope: Scope, what: str) -> Items:
    fields = of.fields if isinstance(of, Record) else {}
    for name in value:
        if fields and name not in fields:
            message = f"{scope.reader}: {what} has no field '{name}'. {suggest(name, fields)}"
            raise ValueFault((*where, name), message)
    parts = gathered(
        partial(_compiled, (*where, name), each, fields.get(name), scope, f"'{name}' in {what}")
        for name, each in value.items()
    )
    named = dict(zip(value, parts, strict=True))
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
        raise_all(ValueFault(where, str(each), each.offset) for each in (err, *err.others))
        raise
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
