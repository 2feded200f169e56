"""Expressions: CEL, type-checked against the declared types and compiled once.

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
from typing import TYPE_CHECKING, Any, Protocol

from shoal.errors import suggest
from shoal.graphs.plan import Expression, ExpressionFailed
from shoal.graphs.plan import Scope as Values
from shoal.graphs.scope import ExpressionError, Reference, Scope, references, walk
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

__all__ = ["Compiled", "compile_expression"]


class Compiled(Expression, Protocol):
    """An expression with the type of its values."""

    @property
    def type(self) -> Type:
        """What `evaluate` gives."""
        ...


def compile_expression(text: str, scope: Scope) -> Compiled:
    """Compile a CEL text.

    Raises:
        ExpressionError: with a sentence for the user and the offset of the fault in `text`.
    """
    found = references(text, scope)
    if len(found) == 1 and found[0].mode in ("value", "option") and _is_all(text, found[0]):
        return Read(found[0])
    return _compile_cel(text, found, scope)


def _is_all(text: str, reference: Reference) -> bool:
    return not (text[: reference.start] + text[reference.end :]).strip()


@dataclass(frozen=True, slots=True)
class Read:
    """A path alone: no CEL is needed."""

    reference: Reference

    @property
    def type(self) -> Type:
        """The declared type of the path, nullable if it is read through `?`."""
        kind = self.reference.type
        return Nullable(kind) if self.reference.mode == "option" else kind

    @property
    def reads(self) -> frozenset[str]:
        """The node, unless it is asked for."""
        return _needed([self.reference])

    @property
    def asks(self) -> frozenset[str]:
        """The node, if it is asked for."""
        return _asked([self.reference])

    def evaluate(self, scope: Values) -> Any:
        """The value as it is."""
        return walk(scope, self.reference.path)


@dataclass(frozen=True, slots=True)
class Cel:
    """A CEL program and the paths its variables stand for."""

    text: str
    type: Type
    reads: frozenset[str]
    asks: frozenset[str]
    variables: tuple[_Variable, ...]
    program: cel.Expression

    def evaluate(self, scope: Values) -> Any:
        """The value of the program on these values."""
        data: dict[str, Any] = {}
        for variable in self.variables:
            variable.bind(scope, data)
        try:
            return _to_python(self.program.eval(data=data))
        except ExpressionFailed as err:
            raise ExpressionFailed(f"'{self.text}' failed: {self._named(str(err))}") from None
        except (RuntimeError, TypeError, ValueError, OverflowError) as err:
            raise ExpressionFailed(f"'{self.text}' failed: {_plain_reason(str(err))}") from None

    def _named(self, reason: str) -> str:
        """The reason with the path in place of a variable that had no value."""
        for variable in self.variables:
            if variable.value and reason.startswith(f'No value with name "{variable.value}"'):
                return f"'{variable.reference.written}' is null"
        return reason


@dataclass(frozen=True, slots=True)
class _Variable:
    """How a path is given to CEL."""

    reference: Reference
    value: str | None
    """Variable of the value."""
    there: str | None
    """Variable of whether it is there."""

    def bind(self, scope: Values, data: dict[str, Any]) -> None:
        found = walk(scope, self.reference.path)
        if self.there:
            data[self.there] = found is not None
        if self.value and (found is not None or accepts(self.reference.type, Nullable(ANY))):
            is_float = self.reference.type == FLOAT and isinstance(found, int)
            data[self.value] = float(found) if is_float else found


def _needed(found: list[Reference]) -> frozenset[str]:
    return frozenset(each.path[0] for each in found if not each.asks) - {"input"}


def _asked(found: list[Reference]) -> frozenset[str]:
    return frozenset(each.path[0] for each in found if each.asks) - {"input"}


# -- from our types to CEL's and back ---------------------------------------------------------------------


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


def _signature(kind: Type) -> str:
    match plain(kind):
        case Scalar():
            return _SIGNATURES[plain(kind)]
        case Enum():
            return "string"
        case ListOf(item):
            return f"list<{_signature(item)}>"
        case Nullable(of):
            name = "nullable_" + re.sub(r"\W", "_", _signature(of))
            _OPAQUE[name] = Nullable(_from_signature(_signature(of)))
            return name
    return "map<string,dyn>"


def _from_signature(text: str) -> Type:
    """Our type for CEL's; a map becomes `any`, because CEL knows nothing of its fields."""
    text = text.replace("(", "<").replace(")", ">").replace(" ", "").lower().removesuffix("_type")
    if text in _FROM_CEL:
        return _FROM_CEL[text]
    if text in _OPAQUE:
        return _OPAQUE[text]
    outer, _, inner = text.partition("<")
    inner = inner.removesuffix(">")
    if outer == "list":
        return ListOf(_from_signature(inner))
    if outer == "optional_type":
        of = _from_signature(inner)
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


_COMMON = ("bool", "string", "double", "int", "dyn")


class _Rewrite:
    """The text that CEL sees, the variables in it, and the way back to the places of the user's text."""

    def __init__(self, text: str, found: list[Reference]) -> None:
        signatures = [_signature(each.type) for each in found]
        self.signatures = (*_COMMON, *sorted(set(signatures) - set(_COMMON)))
        self.used: Counter[str] = Counter()
        self.variables: list[_Variable] = []
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
        self.variables.append(_Variable(reference, value, there))
        if reference.mode == "option":
            return f"({there} ? optional.of({value}) : optional.none())"
        return str(value or there)

    def _slot(self, signature: str) -> str:
        self.used[signature] += 1
        return f"v{self.signatures.index(signature)}_{self.used[signature] - 1}"

    def environment(self, *, is_checked: bool) -> cel.Env:
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


def _compile_cel(text: str, found: list[Reference], scope: Scope) -> Cel:
    rewrite = _Rewrite(text, found)
    try:
        program = rewrite.environment(is_checked=True).compile(rewrite.text)
    except (RuntimeError, ValueError) as err:
        raise _explain(str(err), rewrite, found, scope) from None
    name = program.return_type().name()
    try:
        kind = _from_signature(name)
    except KeyError:
        raise ExpressionError(
            f"{scope.reader}: the expression gives {name.lower()}, which has no type here"
        ) from None
    source = rewrite.text
    if name.startswith("optional_type"):
        source = f"({source}).optMap(it, dyn(it)).orValue(dyn(null))"
    if source != rewrite.text or any(each.startswith("nullable") for each in map(str, rewrite.signatures)):
        program = rewrite.environment(is_checked=False).compile(source)
    return Cel(text, kind, _needed(found), _asked(found), tuple(rewrite.variables), program)


def _to_python(value: cel.Value) -> Any:
    """A CEL value as JSON data.

    `plain_value` of a null, also inside lists and maps, drops a reference of None that it never took
    (cel-expr-python 0.1.3), which in the end kills the process: null is never converted by it.
    """
    name = value.type().name()
    if name == "NULL":
        return None
    if name.startswith("LIST"):
        return [_to_python(each) for each in value.value()]
    if name.startswith("MAP"):
        return {str(key): _to_python(each) for key, each in value.value().items()}
    if name == "ERROR":
        raise ExpressionFailed(_plain_reason(str(value.plain_value())))
    return value.plain_value()


def _plain_reason(text: str) -> str:
    return text.partition(": ")[2].partition("\n")[0] or text


# -- CEL's errors in our words ------------------------------------------------------------------------------


_ERROR = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_UNDECLARED = re.compile(r"undeclared reference to '(.+?)'")
_OVERLOAD = re.compile(r"found no matching overload for '(.+?)' applied to '(?:(.+)\.)?\((.*)\)'")
_FUNCTIONS = frozenset({
    "contains", "startsWith", "endsWith", "matches", "size", "orValue", "hasValue", "exists", "all",
    "map", "filter", "exists_one", "int", "double", "string", "bool", "charAt", "indexOf",
    "lastIndexOf", "lowerAscii", "upperAscii", "replace", "split", "join", "substring", "trim",
    "format", "abs", "ceil", "floor", "round",
})  # fmt: skip
_SYNTAX: tuple[tuple[str, str], ...] = (
    (r"token recognition error at: '= ?.*'", "'=' is not an operator. Compare with '=='"),
    (r"token recognition error at: '&.*'", "'&' is not an operator. Write '&&'"),
    (r"token recognition error at: '[\"'].*", "the quote is never closed"),
    (r"token recognition error at: '(.)", "'{0}' has no meaning here"),
    (r".*'<EOF>'.*expecting", "the expression ends too early"),
    (r"missing '(.)' at", "'{0}' is missing"),
    (r"(?:extraneous|mismatched) input '(.+?)' expecting", "'{0}' is not expected here"),
    (r"no viable alternative at input '(.+?)'", "'{0}' is not expected here"),
)


def _explain(message: str, rewrite: _Rewrite, found: list[Reference], scope: Scope) -> ExpressionError:
    match = _ERROR.search(message)
    if "max recursion depth" in message:
        return ExpressionError(f"{scope.reader}: the expression is nested too deeply. Split it over nodes")
    if not match:
        return ExpressionError(
            f"{scope.reader}: the expression cannot be read ({message.partition(chr(10))[0]})"
        )
    line, column, reason = int(match[1]), int(match[2]), match[3].removesuffix(" [INVALID_ARGUMENT]")
    before = rewrite.text.split("\n")[: line - 1]
    offset = rewrite.origin(sum(len(each) + 1 for each in before) + column - 1)
    if unknown := _UNDECLARED.match(reason):
        offset -= len(unknown[1])  # CEL points at the bracket behind a function's name
    return ExpressionError(f"{scope.reader}: {_sentence(reason, found)}", max(0, offset))


def _sentence(reason: str, found: list[Reference]) -> str:
    if reason.startswith("Syntax error: "):
        for pattern, sentence in _SYNTAX:
            if match := re.match(pattern, reason.removeprefix("Syntax error: ")):
                return sentence.format(*match.groups())
    if match := _OVERLOAD.match(reason):
        return _mismatch(match[1], _types(match[3]), found)
    if match := _UNDECLARED.match(reason):
        return f"there is no function '{match[1]}'. {suggest(match[1], _FUNCTIONS)}"
    if match := re.match(r"expression of type '(.+?)' cannot be the operand of a select", reason):
        return f"a value of type {_types(match[1])[0]} has no fields"
    return f"the expression cannot be read: {reason}"


def _types(text: str) -> list[str]:
    """The names of types in CEL's list of arguments, in our words."""
    parts, depth = [""], 0
    for char in text:
        depth += (char in "(<") - (char in ")>")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return [_our_name(part.strip()) for part in parts if part.strip()]


def _our_name(text: str) -> str:
    try:
        return str(_from_signature(text))
    except KeyError:
        return text


def _mismatch(name: str, kinds: list[str], found: list[Reference]) -> str:
    operator = name.strip("_@").replace("_", " ").strip() or name
    if operator == "?_:" or name == "_?_:_":
        if kinds[0] != "bool":
            return f"what stands before '?' is {kinds[0]}, expected bool{_remedy(kinds[:1], found)}"
        sentence = f"the two sides of ':' have different types, {kinds[1]} and {kinds[2]}"
        return sentence + _remedy(kinds[1:], found)
    if len(kinds) == 2:
        return f"'{operator}' cannot take {kinds[0]} and {kinds[1]}{_remedy(kinds, found)}"
    return f"'{operator}' cannot take {', '.join(kinds) or 'nothing'}{_remedy(kinds, found)}"


_EXAMPLES = {"float": "0.0", "int": "0", "bool": "false"}


def _remedy(kinds: list[str], found: list[Reference]) -> str:
    for reference in found:
        written = ".".join(reference.path)
        of = str(_without_null_name(reference.type))
        default = _EXAMPLES.get(of, "''")
        if (
            isinstance(reference.type, Nullable)
            and reference.mode == "value"
            and _our_name(_signature(reference.type)) in kinds
        ):
            asked = ".".join(reference.path[:-1]) + ".?" + reference.path[-1]
            return f". '{written}' may be null: write {asked}.orValue({default})"
        if reference.mode == "option" and f"{_our_name(_signature(reference.type))}?" in kinds:
            return f". '{written}' may be absent: end it with .orValue({default})"
    if "int" in kinds and "float" in kinds:
        return ". Write whole numbers with a point (1.0), or convert with double(...)"
    return ""


def _without_null_name(kind: Type) -> Type:
    return kind.of if isinstance(kind, Nullable) else kind
