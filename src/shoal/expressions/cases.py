"""Which words can stand at a path, as far as the conditions on the way say it: conditions that never hold.

Only tests joined by `&&` count: `a.b == 'x'`, `a.b != 'x'`, `a.b in ['x', 'y']`, `a.flag`, `!a.flag`, and the
same of `a.?b.orValue(...)`. Anything else leaves the words as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from shoal.expressions.lexer import Path
from shoal.expressions.scope import Scope, without_null
from shoal.expressions.syntax import parse
from shoal.expressions.tree import Binary, Call, Constant, Items, Syntax, Unary, path_of
from shoal.workspace.types import BOOL, Enum, Record, Type, plain

Cases: TypeAlias = Mapping[Path, frozenset[str]]
"""The words that are possible at paths; true and false are words too. Other paths can hold anything."""

_BOTH = frozenset(["true", "false"])


class Contradiction(Exception):
    """A condition can never hold."""

    def __init__(self, path: Path, wanted: frozenset[str], allowed: frozenset[str]) -> None:
        self.path = path
        self.wanted = wanted
        self.allowed = allowed
        here = " or ".join(sorted(allowed)) or "nothing"
        super().__init__(f"'{'.'.join(path)}' can only be {here} here, never {' or '.join(sorted(wanted))}")


@dataclass(frozen=True, slots=True)
class _Test:
    """A path must be one of some words, or none of them."""

    path: Path
    words: frozenset[str]
    is_one: bool = True


def narrowed(text: str, cases: Cases, scope: Scope) -> Cases:
    """What is possible once the condition `text` holds, where `cases` were possible before.

    Raises:
        Contradiction: nothing is.
    """
    tree = parse(text)
    result = dict(cases)
    for test in () if isinstance(tree, tuple) else _tests(tree, True):
        allowed = result.get(test.path, _domain(test.path, scope))
        if allowed is None and not test.is_one:
            continue
        if allowed is None:
            result[test.path] = test.words
            continue
        left = allowed & test.words if test.is_one else allowed - test.words
        if not left:
            wanted = test.words if test.is_one else (_domain(test.path, scope) or allowed) - test.words
            raise Contradiction(test.path, wanted, allowed)
        result[test.path] = left
    return result


def _domain(path: Path, scope: Scope) -> frozenset[str] | None:
    """The words of the declared type, or None where they are not known."""
    source = scope.sources.get(path[0])
    kind: Type | None = without_null(plain(source.type)) if source else None
    for name in path[1:]:
        field = kind.fields.get(name) if isinstance(kind, Record) else None
        kind = without_null(plain(field)) if field else None
    if isinstance(kind, Enum):
        return frozenset(kind.cases)
    return _BOTH if kind == BOOL else None


def _tests(node: Syntax, holds: bool) -> Iterator[_Test]:
    match node:
        case Binary(sign="&&" | "||" as sign, left=left, right=right) if (sign == "&&") == holds:
            yield from _tests(left, holds)
            yield from _tests(right, holds)
        case Unary(sign="!", of=of):
            yield from _tests(of, not holds)
        case Binary(sign="==" | "!=" as sign, left=left, right=right):
            for one, other in ((left, right), (right, left)):
                if (word := _word(other)) is not None:
                    yield from _test(one, frozenset([word]), (sign == "==") == holds)
        case Binary(sign="in", left=left, right=Items(items=items)):
            words = [_word(each) for each in items]
            known = frozenset(word for word in words if word is not None)
            if words and len(known) == len(set(words)) and None not in words:
                yield from _test(left, known, holds)
        case _:
            yield from _test(node, frozenset(["true"]), holds)


def _test(node: Syntax, words: frozenset[str], is_one: bool) -> Iterator[_Test]:
    if path := path_of(node):
        yield _Test(path, words, is_one)
    if isinstance(node, Call) and node.name == "orValue" and node.of and len(node.arguments) == 1:
        # What stands for an absent value says nothing of the path where it passes the test itself.
        path, default = path_of(node.of), _word(node.arguments[0])
        if path and default is not None and (default in words) != is_one:
            yield _Test(path, words, is_one)


def _word(node: Syntax) -> str | None:
    if isinstance(node, Constant):
        return node.text if node.kind == "bool" else node.word
    return None
