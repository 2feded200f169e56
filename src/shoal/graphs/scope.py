"""What an expression may read, and finding it in the text of an expression.

`references` splits a CEL text into tokens and resolves every path that starts at `input` or at a node
against the declared types: `account.limit`, `slots.?amount`, `has(approve.yes)`. Paths are all that CEL does
not know of the language, so this is where misspelt names, null and skipped nodes are dealt with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

from shoal.errors import suggest
from shoal.graphs.tokens import RESERVED, Path, Token, depths, tested_path, tokenize, top_level
from shoal.workspace.types import ANY, Enum, ListOf, Nullable, Record, Type, plain

Mode = Literal["value", "option", "null", "has"]
"""How a path is read: as its value; through `?`, as an optional of the type it has when it is there; on one
side of `== null`; or in `has(...)`, as whether it is there."""

_WORDS = {"and": "&&", "or": "||", "not": "!"}

_BINDERS = frozenset(["all", "exists", "exists_one", "existsOne", "map", "filter", "optMap", "optFlatMap"])


class ExpressionError(Exception):
    """A text is not a valid expression; the message is a full sentence, `offset` counts characters."""

    def __init__(self, message: str, offset: int = 0) -> None:
        self.offset = offset
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Source:
    """Something expressions read by name."""

    type: Type
    gives: str
    """The subject of a sentence on its fields: `agent 'slots' gives`."""


class _Everything(frozenset[Path]):
    """The facts that hold after a condition that could not be read: any, so that one fault is told once."""

    def __contains__(self, path: object) -> bool:
        return True

    def __or__(self, other: object) -> _Everything:
        return self


EVERYTHING: frozenset[Path] = _Everything()


def joined(facts: Iterable[frozenset[Path]]) -> frozenset[Path]:
    """All facts together."""
    several = tuple(facts)
    is_all = any(each is EVERYTHING for each in several)
    return EVERYTHING if is_all else frozenset[Path]().union(*several)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """All that one reader may read."""

    reader: str
    """The subject of sentences: `node 'decide'`."""
    sources: Mapping[str, Source]
    own: str | None = None
    """The reader's own node, where it may not read itself."""
    facts: frozenset[Path] = frozenset()
    """Paths that are known not to be null here, because a `when` says so."""
    skippable: frozenset[str] = frozenset()
    """Names of sources that may have been skipped."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One path in the text of an expression."""

    path: Path
    type: Type
    start: int
    end: int
    mode: Mode
    asks: bool = False
    """The node may have been skipped: the first step is `.?`, or stands in `has`."""

    @property
    def written(self) -> str:
        """The path without marks."""
        return ".".join(self.path)


def references(text: str, scope: Scope) -> list[Reference]:
    """Every path of an expression, resolved.

    Raises:
        ExpressionError: a name is unknown, or a value is used as what it is not.
    """
    return _Finder(text, scope).find()


class _Finder:
    """Walks over the tokens of one expression from left to right."""

    def __init__(self, text: str, scope: Scope) -> None:
        self.tokens = tokenize(text)
        self.scope = scope
        self.facts = scope.facts
        self.found: list[Reference] = []
        self.bound: dict[str, tuple[int, Type]] = {}
        """Variables of macros: the token where each ends, and its type."""

    def find(self) -> list[Reference]:
        operators = top_level(self.tokens) & {"&&", "||", "?"}
        # In `a != null && a > 1` and `a == null || a > 1`, the right side knows that a is there.
        joint = operators.pop() if len(operators) == 1 else ""
        test = {"&&": "!=", "||": "=="}.get(joint)
        part: list[Token] = []
        skip_to = 0
        for i, (depth, token) in enumerate(depths(self.tokens)):
            if depth == 0 and token.text == joint and test:
                if path := tested_path(part, test):
                    self.facts |= {path}
                part = []
            else:
                part.append(token)
            if token.text in ("'", '"'):
                raise ExpressionError(f"{self.scope.reader}: the quote is never closed", token.start)
            self._bind(i)
            if i >= skip_to and self._starts_path(i):
                reference, skip_to = self._resolve(i)
                self.found.append(reference)
        return self.found

    def _at(self, i: int) -> str:
        return self.tokens[i].text if 0 <= i < len(self.tokens) else ""

    def _bind(self, i: int) -> None:
        """Note the variable of a macro like `.exists(x, ...)`."""
        self.bound = {name: bound for name, bound in self.bound.items() if i < bound[0]}
        if self._at(i) not in _BINDERS or self._at(i + 1) != "(" or self._at(i + 3) != ",":
            return
        variable = self.tokens[i + 2]
        if variable.text in self.scope.sources or variable.text == self.scope.own:
            message = (
                f"'{variable.text}' is a node. Give the variable of {self._at(i)}(...) a name of its own"
            )
            raise ExpressionError(f"{self.scope.reader}: {message}", variable.start)
        around = list(depths(self.tokens[i + 1 :]))
        end = next(
            (n for n, (depth, token) in enumerate(around) if n and depth == 0 and token.text == ")"),
            len(around),
        )
        is_over_path = bool(self.found) and i > 1 and self.found[-1].end == self.tokens[i - 2].end
        over = self.found[-1].type if is_over_path else ANY
        self.bound[variable.text] = (i + 1 + end, over.item if isinstance(over, ListOf) else ANY)

    def _starts_path(self, i: int) -> bool:
        token = self.tokens[i]
        if token.kind != "name" or self._at(i - 1) in (".", ".?") or self._at(i + 1) == "(":
            return False
        if token.text in self.bound:
            self._check_item(i, self.bound[token.text][1])
            return False
        if token.text in self.scope.sources or token.text == self.scope.own:
            return True
        if token.text in RESERVED - {"input"}:
            return False
        # `{name: 1}` has no paths for keys in CEL either, so an unknown name is always a fault.
        raise ExpressionError(self._unknown(i), token.start)

    def _check_item(self, i: int, kind: Type) -> None:
        """Refuse a field that the items of a list do not have; CEL finds their types when it runs."""
        if (
            not isinstance(kind, Record)
            or self._at(i + 1) != "."
            or self._at(i + 3) == "("
            or i + 2 >= len(self.tokens)
        ):
            return
        field = self.tokens[i + 2]
        if field.text not in kind.fields:
            name = self._at(i)
            message = f"{self.scope.reader} reads '{name}.{field.text}', but '{name}' has {_listed(kind)}."
            raise ExpressionError(f"{message} {suggest(field.text, kind.fields)}", field.start)

    def _unknown(self, i: int) -> str:
        name = self._at(i)
        written = name
        while self._at(i + 1) in (".", ".?") and self._at(i + 3) != "(" and i + 2 < len(self.tokens):
            written += "." + self._at(i + 2)
            i += 2
        if name in _WORDS:
            return f"{self.scope.reader}: '{name}' is written {_WORDS[name]} in expressions"
        what = "the graph has no input" if name == "input" else f"there is no node '{name}'"
        return f"{self.scope.reader} reads '{written}', but {what}. {suggest(name, self.scope.sources)}"

    def _resolve(self, first: int) -> tuple[Reference, int]:
        """The path that starts at a token, and the token after it."""
        token = self.tokens[first]
        if token.text == self.scope.own:
            message = f"{self.scope.reader} reads itself. Only `accept` may read a node's own output"
            raise ExpressionError(message, token.start)
        in_has = self._at(first - 1) == "(" and self._at(first - 2) == "has"
        path, kind, questions = self._follow(first, in_has)
        last = first + 2 * (len(path) - 1)
        self._check_cases(path, kind, first, last)
        start, end = token.start, self.tokens[last].end
        asks = in_has or 1 in questions
        if in_has:
            if self._at(last + 1) != ")":
                message = f"{self.scope.reader}: has(...) takes one path, like has({'.'.join(path)})"
                raise ExpressionError(message, start)
            start, end = self.tokens[first - 2].start, self.tokens[last + 1].end
            return Reference(path, kind, start, end, "has", asks), last + 1
        if self._is_against_null(first, last):
            if not (questions or isinstance(kind, Nullable) or kind == ANY):
                message = f"{self.scope.reader}: '{'.'.join(path)}' is {kind} and never null"
                raise ExpressionError(message, start)
            return Reference(path, Nullable(without_null(kind)), start, end, "null", asks), last + 1
        if questions:
            return Reference(path, without_null(kind), start, end, "option", asks), last + 1
        return Reference(path, self._narrow(path, kind), start, end, "value"), last + 1

    def _follow(self, i: int, in_has: bool) -> tuple[Path, Type, list[int]]:
        """The names of a path, its declared type, and the steps of it that are marked with `?`."""
        path: Path = (self._at(i),)
        kind = plain(self.scope.sources[path[0]].type)
        questions: list[int] = []
        while (
            self._at(i + 1) in (".", ".?") and i + 2 < len(self.tokens) and self.tokens[i + 2].kind == "name"
        ):
            is_question = self._at(i + 1) == ".?"
            if not is_question and (kind == ANY or self._at(i + 3) == "("):
                break  # CEL looks into `any` when it runs, and calls methods
            if is_question:
                questions.append(len(path))
            given = without_null(kind) if in_has or questions else self._narrow(path, kind)
            kind = plain(self._field(path, given, self.tokens[i + 2]))
            path = (*path, self._at(i + 2))
            i += 2
        return path, kind, questions

    def _is_against_null(self, first: int, last: int) -> bool:
        after = self._at(last + 1) in ("==", "!=") and self._at(last + 2) == "null"
        return after or (self._at(first - 1) in ("==", "!=") and self._at(first - 2) == "null")

    def _narrow(self, path: Path, kind: Type) -> Type:
        return kind.of if isinstance(kind, Nullable) and path in self.facts else kind

    def _field(self, path: Path, kind: Type, token: Token) -> Type:
        written = ".".join(path)
        if isinstance(kind, Nullable):
            remedy = f"Ask with '?': '{written}.?{token.text}.orValue(...)'"
            raise ExpressionError(
                f"{self.scope.reader} reads '{written}.{token.text}', but '{written}' may be null. {remedy}",
                token.start,
            )
        if kind == ANY:
            return ANY
        if not isinstance(kind, Record):
            raise ExpressionError(
                f"{self.scope.reader} reads '{written}.{token.text}', "
                f"but '{written}' is {kind} and has no fields",
                token.start,
            )
        if token.text not in kind.fields:
            raise ExpressionError(self._misspelt(path, kind, token.text), token.start)
        return kind.fields[token.text]

    def _misspelt(self, path: Path, record: Record, name: str) -> str:
        """Says what there is instead: the nearest field alone, or all."""
        written = ".".join(path)
        gives = self.scope.sources[path[0]].gives if len(path) == 1 else f"'{written}' has"
        sentence = f"{self.scope.reader} reads '{written}.{name}', but {gives}"
        near = get_close_matches(name, record.fields, n=1)
        if not near:
            return f"{sentence} {_listed(record)}."
        only = Record({near[0]: record.fields[near[0]]})
        return f"{sentence} {_listed(only)}. Did you mean '{written}.{near[0]}'?"

    def _check_cases(self, path: Path, kind: Type, first: int, last: int) -> None:
        """Refuse comparing with a word that an enum never is."""
        enum = without_null(kind)
        if not isinstance(enum, Enum):
            return
        texts: list[Token] = []
        if self._at(last + 1) in ("==", "!=") and last + 2 < len(self.tokens):
            texts.append(self.tokens[last + 2])
        if self._at(first - 1) in ("==", "!=") and first >= 2:
            texts.append(self.tokens[first - 2])
        if self._at(last + 1) == "in" and self._at(last + 2) == "[":
            end = next((i for i in range(last + 3, len(self.tokens)) if self._at(i) == "]"), last)
            texts.extend(self.tokens[last + 3 : end])
        for token in texts:
            word = token.text[1:-1]
            if token.kind == "text" and token.text[0] in "'\"" and word not in enum.cases:
                written = ".".join(path)
                message = f"{self.scope.reader}: '{written}' is never '{word}'. {suggest(word, enum.cases)}"
                raise ExpressionError(message, token.start)


def _listed(record: Record) -> str:
    if not record.fields:
        return "no fields"
    return "'" + ", ".join(f"{name}: {plain(kind)}" for name, kind in record.fields.items()) + "'"


def without_null(kind: Type) -> Type:
    """The type of a value that is there."""
    return kind.of if isinstance(kind, Nullable) else kind


def walk(scope: Mapping[str, Any], path: Path) -> Any:
    """The value at a path, or None where something on the way is absent or null."""
    value: Any = scope
    for name in path:
        if not isinstance(value, Mapping) or (value := value.get(name)) is None:
            return None
    return value
