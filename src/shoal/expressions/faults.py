"""What is wrong with an expression, in sentences with a remedy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from shoal.errors import suggest
from shoal.expressions.functions import NAMES
from shoal.expressions.kinds import Kind, Option, Words, is_text
from shoal.expressions.scope import Scope, listed
from shoal.expressions.tree import Syntax, path_of
from shoal.workspace.types import Enum, ListOf, Nullable, Record, Type

_EXAMPLES = {"float": "0.0", "int": "0", "bool": "false"}

_NO_FUNCTION = {
    "dyn": "What has the type any needs no dyn(...)",
    "type": "Types are known before a run",
    "uint": "Numbers are int or float. Write int(...)",
    "bytes": "Bytes have no type here",
    "value": "End it with .orValue(...), which says what stands for nothing",
    "existsOne": "Write exists_one",
    "len": "Write size(...)",
    "length": "Write size()",
    "count": "Write size()",
    "str": "Write string(...)",
    "float": "Write double(...)",
    "any": "Write exists(x, ...)",
    "every": "Write all(x, ...)",
    "strip": "Write trim()",
    "includes": "Write contains(...), or x in list",
    "min": "Write math.least(...)",
    "max": "Write math.greatest(...)",
    "round": "Write math.round(...)",
    "abs": "Write math.abs(...)",
    "sum": "Adding up is a tool's work",
    "range": "A list is written out, like [0, 1, 2], or given by a tool",
    "always": "A node runs as soon as what it reads is there. Ask with ? for what may be skipped",
    "success": "A node runs as soon as what it reads is there",
    "failure": "A `fallback` stands in for a node that fails",
}

_FOREIGN = {
    **dict.fromkeys(("None", "nil", "undefined", "NULL", "Null"), "Write null"),
    **dict.fromkeys(("True", "TRUE"), "Write true"),
    **dict.fromkeys(("False", "FALSE"), "Write false"),
    **dict.fromkeys(("yes", "no", "on", "off"), "Write true or false"),
    "state": "There is no state: nodes read each other by name",
    "steps": "Nodes are read by name, without steps",
    "needs": "Nodes are read by name, without needs",
    "nodes": "Nodes are read by name, without nodes",
    "inputs": "The input of the graph is read as input.NAME",
    "output": "Nodes are read by name",
}
"""Words of other languages that stand for something here."""


class Typed(NamedTuple):
    """A piece of an expression with its type and the text that CEL runs for it."""

    node: Syntax
    kind: Kind
    text: str
    sign: str = ""
    """The operator, where the text needs brackets inside another."""


def shown(node: Syntax, text: str) -> str:
    """A piece of an expression in sentences: paths without marks."""
    return ".".join(path_of(node) or ()) or text[node.start : node.end].strip()


def default_of(kind: Kind) -> str:
    """An example of a value that may stand for null."""
    return _EXAMPLES.get(str(kind), "[]" if str(kind).startswith("list") else "''")


def mismatch(name: str, operands: Sequence[Typed]) -> str:
    """An operator or function does not take these."""
    kinds = [str(each.kind) for each in operands]
    given = " and ".join(kinds) if len(kinds) == 2 else ", ".join(kinds)
    return f"'{name}' cannot take {given or 'nothing'}{remedy(operands) or _other_way(name, operands)}"


def _other_way(name: str, operands: Sequence[Typed]) -> str:
    kinds = [each.kind for each in operands]
    if name == "%" and {str(kind) for kind in kinds} <= {"int", "float"}:
        return ". Convert with int(...)"
    if name == "in" and all(map(is_text, kinds)):
        return ". Write text.contains(piece)"
    return ""


def remedy(operands: Iterable[Typed]) -> str:
    """What to write instead of values that may be null."""
    operands = tuple(operands)
    for each in operands:
        path = path_of(each.node)
        if isinstance(each.kind, Option):
            named = f"'{'.'.join(path)}'" if path else "it"
            return f". {named} may be absent: end it with .orValue({default_of(each.kind.of)})"
        if isinstance(each.kind, Nullable):
            default = default_of(each.kind.of)
            if path is None:
                return (
                    f". It may be null: test it with != null first, or read it with ? and .orValue({default})"
                )
            written = ".".join(path)
            if len(path) == 1:
                return f". '{written}' may be null: write {written} != null && ..., or ? {default} : ..."
            asked = ".".join(path[:-1]) + ".?" + path[-1]
            return f". '{written}' may be null: write {asked}.orValue({default})"
    return ""


def unknown_function(name: str) -> str:
    """There is no such function."""
    return f"there is no function '{name}'. {_NO_FUNCTION.get(name) or suggest(name, NAMES)}"


def unknown_name(node: Syntax, name: str, scope: Scope) -> str:
    """Nothing has this name."""
    what = "the graph has no input" if name == "input" else f"there is no node '{name}'"
    written = ".".join(path_of(node) or (name,))
    remedy = _FOREIGN.get(name) or (_quoted(name, scope) if written == name else None)
    return f"{scope.reader} reads '{written}', but {what}. {remedy or suggest(name, scope.sources)}"


_MOST_LOOKED_AT = 50
"""Nodes in which a word is looked for, of hundreds."""


def _quoted(name: str, scope: Scope) -> str | None:
    """For the case of an enum without its quotes."""
    near = list(scope.sources.values())[-_MOST_LOOKED_AT:]
    is_case = any(name in _cases_in(source.type) for source in near)
    return f"Put a word in quotes: '{name}'" if is_case else None


def _cases_in(kind: Type) -> Iterator[str]:
    match kind:
        case Enum(cases):
            yield from cases
        case Nullable(of) | ListOf(of):
            yield from _cases_in(of)
        case Record(fields):
            for field in fields.values():
                yield from _cases_in(field)


def misspelt(written: str, gives: str, record: Record, name: str) -> str:
    """What there is instead: the nearest field alone, or all."""
    sentence = f"reads '{written}.{name}', but {gives}"
    near = get_close_matches(name, record.fields, n=1)
    if not near:
        return f"{sentence} {listed(record)}."
    only = Record({near[0]: record.fields[near[0]]})
    return f"{sentence} {listed(only)}. Did you mean '{written}.{near[0]}'?"


def never(one: Typed, other: Typed, text: str) -> tuple[str, int] | None:
    """The fault of comparing a case with a word that it never is."""
    for case, word in ((one, other), (other, one)):
        cases = case.kind.of if isinstance(case.kind, Nullable | Option) else case.kind
        if not isinstance(cases, Enum) or not isinstance(word.kind, Enum | Words):
            continue
        wrong = [each for each in word.kind.cases if each not in cases.cases]
        if isinstance(word.kind, Words) and wrong:
            return f"'{shown(case.node, text)}' is never '{wrong[0]}'. {suggest(wrong[0], cases.cases)}", (
                word.node.start
            )
        if len(wrong) == len(word.kind.cases):
            names = f"'{shown(case.node, text)}' and '{shown(word.node, text)}'"
            return f"{names} are never equal: one is {cases}, the other {word.kind}", word.node.start
    return None
