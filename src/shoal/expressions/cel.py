"""CEL itself: its environment, its programs, the values it is given and gives.

Types are checked by `shoal.expressions.inference`; CEL compiles and runs the text that comes of it, in which
paths are variables `v0`, `v1`, ... Graphs repeat such texts, so programs are kept by their text.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from shoal.expressions.expression import ExpressionFailed
from shoal.expressions.expression import Scope as Values
from shoal.expressions.scope import Reference, walk, without_null
from shoal.workspace.types import ANY, FLOAT, ListOf, Nullable, Record, Scalar, Type, plain

if TYPE_CHECKING:
    from cel_expr_python import cel


_ATOMS = frozenset({"INT", "BOOL", "STRING"})


@functools.cache
def _environment() -> cel.Env:
    from cel_expr_python import cel
    from cel_expr_python.ext import ext_math, ext_optional, ext_strings

    extensions = [ext_optional.ExtOptional(), ext_strings.ExtStrings(), ext_math.ExtMath()]
    return cel.NewEnv(extensions=extensions)


@functools.lru_cache(maxsize=4096)
def program_of(text: str) -> cel.Expression:
    """The program of a text whose types were checked.

    Raises:
        RuntimeError: it is nested too deeply.
    """
    return _environment().compile(text, disable_check=True)


@functools.lru_cache(maxsize=512)
def pattern_fault(literal: str) -> str | None:
    """What is wrong with a regular expression, written as a text of CEL, or None."""
    value = program_of(f"''.matches({literal})").eval()
    return plain_reason(str(value.plain_value())) if value.type().name() == "ERROR" else None


@dataclass(frozen=True, slots=True)
class Variable:
    """How a path is given to CEL: its value under a name, or null."""

    reference: Reference
    name: str
    is_float: bool
    is_null: bool
    """Whether some place of the text allows for null."""

    def bind(self, scope: Values, data: dict[str, Any]) -> None:
        """Add the value of the variable."""
        found = walk(scope, self.reference.path)
        data[self.name] = float(found) if self.is_float and isinstance(found, int) else found


def variables_of(found: list[Reference], names: dict[tuple[str, ...], str]) -> tuple[Variable, ...]:
    """The variables of an expression."""
    first: dict[tuple[str, ...], Reference] = {}
    nulls = set()
    for each in found:
        first.setdefault(each.path, each)
        if each.mode != "value" or each.type == ANY or isinstance(each.type, Nullable):
            nulls.add(each.path)
    return tuple(
        Variable(each, names[path], without_null(each.type) == FLOAT, path in nulls)
        for path, each in first.items()
    )


def to_python(value: cel.Value) -> Any:
    """A CEL value as JSON data.

    `plain_value` of a null, also inside lists and maps, drops a reference of None that it never took
    (cel-expr-python 0.1.3), which in the end kills the process: null is never converted by it.
    """
    name = value.type().name()
    if name in _ATOMS:
        return value.plain_value()
    if name == "NULL":
        return None
    if name.startswith("LIST"):
        return [to_python(each) for each in value.value()]
    if name.startswith("MAP"):
        # CEL keeps the fields of a map in no order, and another one in each process.
        pairs = sorted(((str(key), each) for key, each in value.value().items()), key=itemgetter(0))
        return {key: to_python(each) for key, each in pairs}
    if name == "ERROR":
        raise ExpressionFailed(plain_reason(str(value.plain_value())))
    plain = value.plain_value()
    if isinstance(plain, float) and not math.isfinite(plain):
        raise ExpressionFailed(f"the number is {plain}, which is not finite")
    return plain


def holds_fields(kind: Type) -> bool:
    """Whether values of a type have to be shaped."""
    match kind:
        case Record():
            return True
        case ListOf(inner) | Nullable(inner):
            return inner == FLOAT or holds_fields(inner)
    return False


def shaped(kind: Type, value: Any) -> Any:
    """The value with the fields of its records in order, and floats where whole numbers stand for them."""
    match plain(kind), value:
        case _, None:
            return None
        case Nullable(of), _:
            return shaped(of, value)
        case ListOf(item), list():
            return [shaped(item, each) for each in value]
        case Record(fields), Mapping():
            return {name: shaped(field, value.get(name)) for name, field in fields.items()}
        case Scalar("float"), int():
            return float(value)
    return value


def plain_reason(text: str) -> str:
    """An error of CEL without its status code and its drawing."""
    if "Iteration budget" in text:
        return "it goes over more than 10 000 items"
    return text.partition(": ")[2].partition("\n")[0] or text
