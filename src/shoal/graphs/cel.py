"""CEL itself: its types for ours and back, its environments, the texts it is given, the values it gives.

CEL has no declared type for "a value or null" that is both sound and readable, so every path of an expression
is replaced by a variable before CEL sees it (`scope.references` finds them):

    a.b           a variable of its type; if it may be null, of an opaque type that CEL refuses in every
                  operator, so that null cannot slip into arithmetic or a comparison
    a.?b          `(there ? optional.of(value) : optional.none())`, CEL's own optional of the right type
    has(a.b)      a boolean
    a.b == null   a variable that may be null

CEL cannot evaluate opaque types, so a text that uses one is compiled a second time with `dyn` in their place.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shoal.graphs.plan import ExpressionFailed
from shoal.graphs.plan import Scope as Values
from shoal.graphs.scope import Reference, walk
from shoal.workspace.types import (
    ANY,
    BOOL,
    FLOAT,
    INT,
    STR,
    Enum,
    ListOf,
    Nullable,
    Scalar,
    Type,
    accepts,
    plain,
)

if TYPE_CHECKING:
    from cel_expr_python import cel

_OPAQUE: dict[str, Type] = {}
"""Nullable types by the name under which CEL knows them."""

_SIGNATURES: dict[Type, str] = {STR: "string", INT: "int", FLOAT: "double", BOOL: "bool", ANY: "dyn"}

_FROM_CEL: dict[str, Type] = {
    "string": STR,
    "int": INT,
    "double": FLOAT,
    "bool": BOOL,
    "dyn": ANY,
    "null": Nullable(ANY),
}

_COMMON = ("bool", "string", "double", "int", "dyn")


def signature_of(kind: Type) -> str:
    """CEL's name for a type; nullable types get a name that only we know."""
    match plain(kind):
        case Scalar():
            return _SIGNATURES[plain(kind)]
        case Enum():
            return "string"
        case ListOf(item):
            return f"list<{signature_of(item)}>"
        case Nullable(of):
            name = "nullable_" + re.sub(r"\W", "_", signature_of(of))
            _OPAQUE[name] = Nullable(type_from(signature_of(of)))
            return name
    return "map<string,dyn>"


def type_from(text: str) -> Type:
    """Our type for CEL's; a map becomes `any`, because CEL knows nothing of its fields."""
    text = text.replace("(", "<").replace(")", ">").replace(" ", "").lower().removesuffix("_type")
    if text in _FROM_CEL:
        return _FROM_CEL[text]
    if text in _OPAQUE:
        return _OPAQUE[text]
    outer, _, inner = text.partition("<")
    inner = inner.removesuffix(">")
    if outer == "list":
        return ListOf(type_from(inner))
    if outer == "optional_type":
        of = type_from(inner)
        return of if isinstance(of, Nullable) else Nullable(of)
    if outer == "map":
        return ANY
    raise KeyError(text)


@functools.lru_cache(maxsize=64)
def _environment(signatures: tuple[str, ...], num_slots: int) -> cel.Env:
    """An environment with variables `v<signature index>_<slot>`."""
    from cel_expr_python import cel
    from cel_expr_python.ext import ext_math, ext_optional, ext_strings

    variables = {
        f"v{index}_{slot}": cel.Type(signature)
        for index, signature in enumerate(signatures)
        for slot in range(num_slots)
    }
    extensions = [ext_optional.ExtOptional(), ext_strings.ExtStrings(), ext_math.ExtMath()]
    return cel.NewEnv(variables=variables, extensions=extensions)


@dataclass(frozen=True, slots=True)
class Variable:
    """How a path is given to CEL."""

    reference: Reference
    value: str | None
    """Variable of the value."""
    there: str | None
    """Variable of whether it is there."""

    def bind(self, scope: Values, data: dict[str, Any]) -> None:
        """Add the values of the variables."""
        found = walk(scope, self.reference.path)
        if self.there:
            data[self.there] = found is not None
        if self.value and (found is not None or accepts(self.reference.type, Nullable(ANY))):
            is_float = self.reference.type == FLOAT and isinstance(found, int)
            data[self.value] = float(found) if is_float else found


class Rewrite:
    """The text that CEL sees, the variables in it, and the way back to the places of the user's text."""

    def __init__(self, text: str, found: list[Reference]) -> None:
        signatures = [signature_of(each.type) for each in found]
        self.signatures = (*_COMMON, *sorted(set(signatures) - set(_COMMON)))
        self.used: Counter[str] = Counter()
        self.variables: list[Variable] = []
        self.pieces: list[str] = []
        self.starts: list[tuple[int, int]] = []
        """Pairs of offsets: in the rewritten text, in the user's text."""
        last = 0
        for reference, signature in zip(found, signatures, strict=True):
            self._add(text[last : reference.start], last)
            self._add(self._replacement(reference, signature), reference.start)
            last = reference.end
        self._add(text[last:], last)
        self.text = "".join(self.pieces)

    def _add(self, piece: str, start: int) -> None:
        self.starts.append((sum(map(len, self.pieces)), start))
        self.pieces.append(piece)

    def _replacement(self, reference: Reference, signature: str) -> str:
        there = self._slot("bool") if reference.mode in ("option", "has") else None
        value = self._slot(signature) if reference.mode != "has" else None
        self.variables.append(Variable(reference, value, there))
        if reference.mode == "option":
            return f"({there} ? optional.of({value}) : optional.none())"
        return str(value or there)

    def _slot(self, signature: str) -> str:
        self.used[signature] += 1
        return f"v{self.signatures.index(signature)}_{self.used[signature] - 1}"

    def environment(self, *, is_checked: bool) -> cel.Env:
        """The environment to compile in: with opaque types to check, without to run."""
        num_slots = 8 if not self.used else max(8, 1 << (max(self.used.values()) - 1).bit_length())
        given = self.signatures if is_checked else tuple(map(_erased, self.signatures))
        return _environment(given, num_slots)

    def origin(self, offset: int) -> int:
        """The place in the user's text of a place in the rewritten one."""
        made, start = max(pair for pair in self.starts if pair[0] <= offset)
        index = self.starts.index((made, start))
        is_replaced = index % 2 == 1
        return start if is_replaced else start + offset - made


def _erased(signature: str) -> str:
    return re.sub(r"nullable_\w+", "dyn", signature)


def to_python(value: cel.Value) -> Any:
    """A CEL value as JSON data.

    `plain_value` of a null, also inside lists and maps, drops a reference of None that it never took
    (cel-expr-python 0.1.3), which in the end kills the process: null is never converted by it.
    """
    name = value.type().name()
    if name == "NULL":
        return None
    if name.startswith("LIST"):
        return [to_python(each) for each in value.value()]
    if name.startswith("MAP"):
        return {str(key): to_python(each) for key, each in value.value().items()}
    if name == "ERROR":
        raise ExpressionFailed(plain_reason(str(value.plain_value())))
    return value.plain_value()


def plain_reason(text: str) -> str:
    """An error of CEL without its status code and its drawing."""
    return text.partition(": ")[2].partition("\n")[0] or text
