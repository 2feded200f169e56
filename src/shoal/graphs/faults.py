"""What CEL says of a fault, in our words and at the place in the user's text."""

from __future__ import annotations

import re

from shoal.errors import suggest
from shoal.graphs.cel import Rewrite, signature_of, type_from
from shoal.graphs.scope import ExpressionError, Reference, Scope, without_null
from shoal.workspace.types import Nullable

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


def explain(message: str, rewrite: Rewrite, found: list[Reference], scope: Scope) -> ExpressionError:
    """The fault that CEL tells of."""
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
        return str(type_from(text))
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
        of = str(without_null(reference.type))
        default = _EXAMPLES.get(of, "''")
        if (
            isinstance(reference.type, Nullable)
            and reference.mode == "value"
            and _our_name(signature_of(reference.type)) in kinds
        ):
            asked = ".".join(reference.path[:-1]) + ".?" + reference.path[-1]
            return f". '{written}' may be null: write {asked}.orValue({default})"
        if reference.mode == "option" and f"{_our_name(signature_of(reference.type))}?" in kinds:
            return f". '{written}' may be absent: end it with .orValue({default})"
    if "int" in kinds and "float" in kinds:
        return ". Write whole numbers with a point (1.0), or convert with double(...)"
    return ""
