"""Values in graph files: literals, texts with `${expressions}` in them, and lists and mappings of these.

`"${expr}"` alone keeps the type of the expression; with text around it the result is text. `$${` stands for a
plain `${`. What an expression yields is never looked at for `${` again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shoal.graphs.expressions import Cel, Compiled, Read, compile_expression
from shoal.graphs.plan import Expression
from shoal.graphs.plan import Scope as Values
from shoal.graphs.scope import ExpressionError, Path, Scope, tokenize
from shoal.workspace.types import ANY, BOOL, FLOAT, INT, STR, ListOf, Nullable, Record, Type, plain

_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Constant:
    """A value as written."""

    value: Any
    type: Type
    reads: frozenset[str] = _NONE
    asks: frozenset[str] = _NONE

    def evaluate(self, scope: Values) -> Any:
        """The value itself."""
        return self.value


@dataclass(frozen=True, slots=True)
class Text:
    """Pieces of text and expressions, joined."""

    parts: tuple[str | Compiled, ...]

    @property
    def type(self) -> Type:
        """Always text."""
        return STR

    @property
    def reads(self) -> frozenset[str]:
        """What its expressions need."""
        return _NONE.union(*(part.reads for part in self.parts if not isinstance(part, str)))

    @property
    def asks(self) -> frozenset[str]:
        """What its expressions ask for."""
        return _NONE.union(*(part.asks for part in self.parts if not isinstance(part, str)))

    def evaluate(self, scope: Values) -> str:
        """The joined text."""
        return "".join(part if isinstance(part, str) else shown(part.evaluate(scope)) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Items:
    """A list or a mapping with expressions inside."""

    type: Type
    items: Mapping[str, Compiled] | Sequence[Compiled]

    @property
    def parts(self) -> list[Compiled]:
        """What is inside, in order."""
        return list(self.items.values() if isinstance(self.items, Mapping) else self.items)

    @property
    def reads(self) -> frozenset[str]:
        """What its expressions need."""
        return _NONE.union(*(part.reads for part in self.parts))

    @property
    def asks(self) -> frozenset[str]:
        """What its expressions ask for."""
        return _NONE.union(*(part.asks for part in self.parts))

    def evaluate(self, scope: Values) -> Any:
        """The list or mapping of values."""
        if isinstance(self.items, Mapping):
            return {name: part.evaluate(scope) for name, part in self.items.items()}
        return [part.evaluate(scope) for part in self.items]


@dataclass(frozen=True, slots=True)
class Fitted:
    """An expression whose records have more fields than their reader takes."""

    of: Compiled
    type: Type

    @property
    def reads(self) -> frozenset[str]:
        """What the expression needs."""
        return self.of.reads

    @property
    def asks(self) -> frozenset[str]:
        """What the expression asks for."""
        return self.of.asks

    def evaluate(self, scope: Values) -> Any:
        """The value with only the fields of the type."""
        return _trim(self.type, self.of.evaluate(scope))


def condition_text(expression: Expression) -> str:
    """A condition as it was written."""
    match expression:
        case Cel():
            return expression.text
        case Read(reference):
            return reference.written
    return "..."


def paths_of(expression: Expression) -> frozenset[Path]:
    """Every path that an expression reads or asks for."""
    match expression:
        case Read(reference):
            return frozenset({reference.path})
        case Cel():
            return frozenset(each.reference.path for each in expression.variables)
        case Text(parts):
            inner = [part for part in parts if not isinstance(part, str)]
        case Items():
            inner = expression.parts
        case Fitted(of):
            inner = [of]
        case _:
            inner = []
    return frozenset[Path]().union(*map(paths_of, inner))


def fitted(value: Compiled, target: Type) -> Compiled:
    """The value without fields that `target` does not name."""
    return Fitted(value, target) if _has_record(target) and value.type != target else value


def _has_record(kind: Type) -> bool:
    match kind:
        case Record():
            return True
        case ListOf(inner) | Nullable(inner):
            return _has_record(inner)
    return False


def _trim(kind: Type, value: Any) -> Any:
    match kind:
        case Nullable(of):
            return None if value is None else _trim(of, value)
        case ListOf(item) if isinstance(value, list):
            return [_trim(item, each) for each in value]
        case Record(fields) if isinstance(value, Mapping):
            return {name: _trim(field, value.get(name)) for name, field in fields.items()}
    return value


def shown(value: Any) -> str:
    """A value inside a text: whole numbers without a point, lists and records as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return json.dumps(value, ensure_ascii=False)


def is_template(value: object) -> bool:
    """Whether a value of a graph file holds expressions."""
    return isinstance(value, str) and "${" in value


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


def split_text(text: str, reader: str = "the text") -> list[tuple[str, int | None]]:
    """Plain pieces, and expressions with the offset at which they start.

    Raises:
        ExpressionError: a `${` is not closed, or nothing is in it.
    """
    pieces: list[tuple[str, int | None]] = []
    plain_text, at = "", 0
    while (start := text.find("${", at)) >= 0:
        if start and text[start - 1] == "$":
            plain_text, at = plain_text + text[at : start - 1] + "${", start + 2
            continue
        end = _closing(text, start + 2)
        if end is None:
            raise ExpressionError(
                f"{reader}: '${{' is not closed with '}}'. Write $${{ for a plain ${{", start
            )
        if not text[start + 2 : end].strip():
            raise ExpressionError(
                f"{reader}: '${{}}' is empty. Write what it reads, like ${{input.message}}", start
            )
        plain_text += text[at:start]
        if plain_text:
            pieces.append((plain_text, None))
        pieces.append((text[start + 2 : end], start + 2))
        plain_text, at = "", end + 1
    if plain_text + text[at:] or not pieces:
        pieces.append((plain_text + text[at:], None))
    return pieces


def _closing(text: str, start: int) -> int | None:
    depth = 0
    for token in tokenize(text[start:]):
        if token.kind == "sign" and token.text == "}":
            if depth == 0:
                return start + token.start
            depth -= 1
        depth += token.kind == "sign" and token.text == "{"
    return None


def literal_type(value: object) -> Type:
    """The type of a value as written in YAML."""
    match value:
        case bool():
            return BOOL
        case int():
            return INT
        case float():
            return FLOAT
        case str():
            return STR
        case list():
            kinds = {literal_type(each) for each in value}
            return ListOf(kinds.pop() if len(kinds) == 1 else ANY)
        case dict():
            return Record({name: literal_type(each) for name, each in value.items()})
    return Nullable(ANY)


def source_type(kind: Type) -> Type:
    """The type an expression sees where a contract says `kind`."""
    match plain(kind):
        case Record(fields):
            return Record({name: source_type(field) for name, field in fields.items()})
        case ListOf(item):
            return ListOf(source_type(item))
        case Nullable(of):
            return Nullable(source_type(of))
        case other:
            return other
