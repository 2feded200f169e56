"""Names and fields in an expression: paths that become variables, and fields of everything else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from shoal.expressions.faults import Typed, mismatch, misspelt, shown, unknown_name
from shoal.expressions.kinds import NEVER, Kind, Option, Words, is_text, item_of
from shoal.expressions.lexer import RESERVED, Path
from shoal.expressions.scope import ExpressionError, Mode, Reference, Scope, without_null
from shoal.expressions.tree import Index, Name, Select, Syntax, path_of
from shoal.workspace.types import ANY, FLOAT, INT, ListOf, Nullable, Record, Type, plain

Facts = frozenset[Path]


class Reader:
    """Reads names and fields; operators and functions are read by what is built on it."""

    def __init__(self, text: str, scope: Scope) -> None:
        self.text = text
        self.scope = scope
        self.references: list[Reference] = []
        self.variables: dict[Path, str] = {}
        """The names under which CEL knows paths."""
        self.bound: dict[str, tuple[Kind, str]] = {}
        """Variables of macros, with their type and the name under which CEL knows them."""

    def infer(self, node: Syntax, facts: Facts) -> Typed:
        """The type of a piece, where `facts` are known not to be null.

        Raises:
            ExpressionError: a name is unknown, or a value is used as what it is not.
        """
        raise TypeError(type(node))

    def fault(self, sentence: str, offset: int) -> ExpressionError:
        """A fault of the expression."""
        return ExpressionError(f"{self.scope.reader}: {sentence}", offset)

    def fail(self, sentence: str, offset: int) -> NoReturn:
        """Refuse the expression."""
        raise self.fault(sentence, offset)

    def _select(self, node: Name | Select, facts: Facts) -> Typed:
        path = path_of(node)
        if path is None or path[0] in self.bound:
            return self._variable(node, facts) if isinstance(node, Name) else self._field(node, facts)
        kind, end, is_question = self.path_type(node, facts, in_has=False)
        if end is not node:
            assert isinstance(node, Select)
            return self._field(node, facts)
        asks = is_question and has_root_question(node)
        if is_question:
            variable = self.read(node, path, without_null(kind), "option", asks=asks)
            text = f"({variable} == null ? optional.none() : optional.of({variable}))"
            return Typed(node, Option(without_null(kind)), text)
        narrow = self.narrow(path, kind, facts)
        # Behind `has(a)` in the same expression, `a` is only read where it is there.
        is_guarded = path[:1] in facts and path[:1] not in self.scope.facts
        return Typed(node, narrow, self.read(node, path, narrow, "value", asks=is_guarded))

    def read(self, node: Syntax, path: Path, kind: Type, mode: Mode, *, asks: bool = False) -> str:
        """The variable of a path."""
        self.references.append(Reference(path, kind, node.start, node.end, mode, asks))
        return self.variables.setdefault(path, f"v{len(self.variables)}")

    def path_type(self, node: Name | Select, facts: Facts, *, in_has: bool) -> tuple[Type, Syntax, bool]:
        """The type of a path, where in it `any` begins and CEL goes on, and whether it has a `?`."""
        steps: list[Select] = []
        root: Syntax = node
        while isinstance(root, Select):
            steps.append(root)
            root = root.of
        assert isinstance(root, Name)
        kind, path, is_asked, end = self._root(root, node), (root.name,), False, root
        for step in reversed(steps):
            if kind == ANY and not (step.is_question or in_has):
                return kind, end, is_asked
            is_asked |= step.is_question
            given = without_null(kind) if in_has or is_asked else self.narrow(path, kind, facts)
            gives = self.scope.sources[root.name].gives if len(path) == 1 else None
            kind = self.declared_field(".".join(path), given, step, gives)
            path, end = (*path, step.name), step  # type: ignore[assignment]
        return kind, end, is_asked

    def _root(self, root: Name, whole: Syntax) -> Type:
        if root.name == self.scope.own and root.name not in self.scope.sources:
            message = f"{self.scope.reader} reads itself. Only `accept` may read a node's own output"
            raise ExpressionError(message, root.start)
        if root.name not in self.scope.sources:
            raise ExpressionError(unknown_name(whole, root.name, self.scope), root.start)
        return plain(self.scope.sources[root.name].type)

    def declared_field(self, written: str, kind: Kind, step: Select, gives: str | None = None) -> Type:
        """The declared type of a field."""
        if isinstance(kind, Record) and step.name in kind.fields:
            return plain(kind.fields[step.name])
        if kind in (ANY, NEVER):
            return kind  # type: ignore[return-value]  # of what is never there, a field is never there either
        sentence = f"reads '{written}.{step.name}', but '{written}'"
        if isinstance(kind, Nullable):
            sentence += f" may be null. Ask with '?': '{written}.?{step.name}.orValue(...)'"
        elif isinstance(kind, Record):
            sentence = misspelt(written, gives or f"'{written}' has", kind, step.name)
        elif isinstance(kind, ListOf):
            one, each = f"{written}[0].{step.name}", f"{written}.map(x, x.{step.name})"
            sentence += f" is {kind}. Read an item, like {one}, or {each}"
        else:
            sentence += f" is {kind} and has no fields"
        raise ExpressionError(f"{self.scope.reader} {sentence}", step.name_start)

    def narrow(self, path: Path | None, kind: Any, facts: Facts) -> Any:
        """The type without null, where a condition has excluded it."""
        return kind.of if isinstance(kind, Nullable) and path in facts else kind

    def _variable(self, node: Name, facts: Facts) -> Typed:
        kind, text = self.bound[node.name]
        narrow = self.narrow((node.name,), kind, facts)
        return Typed(node, narrow, f"double({text})" if narrow == FLOAT else text)

    def _field(self, node: Select, facts: Facts) -> Typed:
        """A field of something that is not a path from a source."""
        of = self.infer(node.of, facts)
        if node.is_question or isinstance(of.kind, Option):
            return self._asked_field(of, node)
        declared = self.declared_field(shown(node.of, self.text), of.kind, node)
        kind = self.narrow(path_of(node), declared, facts)
        if isinstance(kind, Nullable):
            return Typed(node, kind, f"{_member(atom(of), node.name, '?')}.orValue(null)")
        text = _member(atom(of), node.name)
        return Typed(node, kind, f"double({text})" if kind == FLOAT else text)

    def _asked_field(self, of: Typed, node: Select) -> Typed:
        inside, text = of.kind, atom(of)
        if isinstance(inside, Nullable):
            text = _as_option(text)
        if isinstance(inside, Nullable | Option):
            inside = inside.of
        kind = self.declared_field(shown(node.of, self.text), inside, node)
        return Typed(node, Option(without_null(kind)), _asked(_member(text, node.name, "?"), kind))

    def _index(self, node: Index, facts: Facts) -> Typed:
        of, key = self.infer(node.of, facts), self.infer(node.key, facts)
        kind = self._item(of, key, node)
        text = f"{atom(of)}[{'?' if node.is_question else ''}{key.text}]"
        if node.is_question:
            there = kind.of if isinstance(kind, Nullable) else kind
            return Typed(node, Option(there), _asked(text, kind))
        return Typed(node, kind, f"double({text})" if kind == FLOAT else text)

    def _item(self, of: Typed, key: Typed, node: Index) -> Kind:
        if isinstance(of.kind, ListOf) and key.kind in (INT, ANY):
            return item_of(of.kind)
        if of.kind == ANY and (key.kind in (INT, ANY) or is_text(key.kind)):
            return ANY
        if isinstance(of.kind, Record) and is_text(key.kind):
            words = key.kind.cases if isinstance(key.kind, Words) else ()
            if len(words) == 1 and words[0] in of.kind.fields:
                return plain(of.kind.fields[words[0]])
            written = shown(node.of, self.text)
            self.fail(f"[...] takes the name of a field that '{written}' has, in quotes", key.node.start)
        raise self.fault(mismatch("[]", [of, key]), node.of.end)


def atom(part: Typed) -> str:
    """The text of a piece, in brackets where it needs them."""
    return f"({part.text})" if part.sign else part.text


def as_kind(part: Typed, kind: Kind) -> Typed:
    """The piece where a kind is expected: CEL calculates with whole numbers as floats only if it is told."""
    if (part.kind, kind) == (INT, FLOAT):
        return part._replace(kind=kind, text=f"double({part.text})", sign="")
    if (part.kind, kind) == (Option(INT), Option(FLOAT)):
        return part._replace(kind=kind, text=mapped(part.text, "n", "double(n)"), sign="")
    return part


def texts_of(parts: Sequence[Typed]) -> str:
    """Several texts, with commas."""
    return ", ".join(part.text for part in parts)


def mapped(option: str, name: str, value: str) -> str:
    """The optional of a value made of what an optional holds: `optMap`, which is not used itself.

    Behind an `exists` or `all` that ended before the last item, the variable of an `optMap` holds that item
    (cel-expr-python 0.1.3).
    """
    return f"[?{option}].map({name}, {value})[?0]"


def _member(text: str, name: str, mark: str = "") -> str:
    """A field, in quotes where its name is a word of CEL."""
    return f"{text}[{mark}'{name}']" if name in RESERVED else f"{text}.{mark}{name}"


def _as_option(text: str) -> str:
    """A value that may be null as an optional, evaluated once."""
    return f"[{text}].filter(n, n != null)[?0]"


def _asked(text: str, kind: Kind) -> str:
    """An optional of CEL in which null counts as absent and floats are floats."""
    if isinstance(kind, Nullable) or kind == ANY:
        text = f"[?{text}].filter(n, n != null)[?0]"
    there = kind.of if isinstance(kind, Nullable) else kind
    return mapped(text, "n", "double(n)") if there == FLOAT else text


def has_root_question(node: Syntax) -> bool:
    """Whether the first step of a path is marked with `?`."""
    while isinstance(node, Select) and isinstance(node.of, Select):
        node = node.of
    return isinstance(node, Select) and node.is_question
