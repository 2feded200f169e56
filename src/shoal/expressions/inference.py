"""The type of every piece of an expression, and the text that CEL runs for it.

Nothing is left to CEL's own checker, which knows neither records nor null: whatever passes here cannot fail
by a type or a name. Paths become variables (`v0`), bound to their value or null:

    a.b           v0
    a.?b          (v0 == null ? optional.none() : optional.of(v0))
    has(a.b)      v0 != null

Fields of other records are read with what a null or a whole number in a float field needs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shoal.expressions import operators
from shoal.expressions.calls import Caller
from shoal.expressions.facts import proven
from shoal.expressions.faults import Typed, mismatch, never, remedy, shown
from shoal.expressions.kinds import NEVER, NULL, Kind, Option, Words, has_option, item_of, join, list_of
from shoal.expressions.reading import Facts, as_kind, atom, has_root_question
from shoal.expressions.scope import EVERYTHING, Scope, without_null
from shoal.expressions.tree import (
    Binary,
    Call,
    Constant,
    Fields,
    Index,
    Items,
    Name,
    Select,
    Syntax,
    Ternary,
    Unary,
    is_null,
    path_of,
)
from shoal.workspace.types import ANY, BOOL, FLOAT, INT, STR, ListOf, Nullable, Record

_CONSTANTS: dict[str, Kind] = {"int": INT, "float": FLOAT, "text": STR, "bool": BOOL, "null": NULL}


class Inference(Caller):
    """Goes over the tree of one expression."""

    def __init__(self, text: str, scope: Scope) -> None:
        super().__init__(text, scope)
        self._readers: dict[type, Callable[[Any, Facts], Typed]] = {
            Constant: self._constant,
            Name: self._select,
            Select: self._select,
            Index: self._index,
            Call: self._call,
            Unary: self._unary,
            Binary: self._binary,
            Ternary: self._ternary,
            Items: self._items,
            Fields: self._fields,
        }

    def infer(self, node: Syntax, facts: Facts) -> Typed:
        """The type of a piece, and the text that CEL runs for it."""
        return self._readers[type(node)](node, facts)

    def _constant(self, node: Constant, facts: Facts) -> Typed:
        kind = Words((node.word,)) if node.word is not None else _CONSTANTS[node.kind]
        return Typed(node, kind, f"({node.text})" if node.text[0] == "-" else node.text)

    def _unary(self, node: Unary, facts: Facts) -> Typed:
        of = self.infer(node.of, facts)
        kind = operators.unary(node.sign, of.kind)
        if kind is None:
            self.fail(mismatch(node.sign, [of]), node.start)
        return Typed(node, kind, f"({node.sign}{atom(of)})")

    def _binary(self, node: Binary, facts: Facts) -> Typed:
        if node.sign in ("==", "!=") and (is_null(node.left) or is_null(node.right)):
            return self._against_null(node, facts)
        left = self.infer(node.left, facts)
        if node.sign in ("&&", "||"):
            facts = facts | proven(node.left, node.sign == "&&")
        right = self.infer(node.right, facts)
        kind = operators.binary(node.sign, left.kind, right.kind)
        if kind is None:
            self.fail(mismatch(node.sign, [left, right]), node.sign_start)
        if node.sign in ("==", "!=", "in"):
            self._check_words(node, left, right)
        if kind == FLOAT:
            left, right = as_kind(left, kind), as_kind(right, kind)
        before = left.text if left.sign == node.sign else atom(left)
        text = f"{before} {node.sign} {atom(right)}"
        return Typed(node, kind, text, node.sign)

    def _check_words(self, node: Binary, left: Typed, right: Typed) -> None:
        """Refuse comparing with a word that an enum never is."""
        others = [right]
        if node.sign == "in":
            if not isinstance(right.kind, ListOf):
                return
            items = node.right.items if isinstance(node.right, Items) else ()
            words = [Typed(each, Words((word,)), "") for each in items if (word := _word(each)) is not None]
            others = words or [Typed(node.right, item_of(right.kind), "")]
        for other in others:
            if fault := never(left, other, self.text):
                self.fail(*fault)

    def _against_null(self, node: Binary, facts: Facts) -> Typed:
        tested = node.right if is_null(node.left) else node.left
        path = path_of(tested)
        sign = node.sign
        if path and path[0] not in self.bound and isinstance(tested, Name | Select):
            kind, end, is_question = self.path_type(tested, facts, in_has=False)
            if end is tested:
                self._check_null(tested, kind, is_maybe=is_question)
                asks = is_question and has_root_question(tested)
                maybe = kind if kind == ANY else Nullable(without_null(kind))
                variable = self.read(tested, path, maybe, "null", asks=asks)
                return Typed(node, BOOL, f"{variable} {sign} null", sign)
        is_known = facts is EVERYTHING
        of = self.infer(tested, facts - {path} if path and not is_known else facts)
        if isinstance(of.kind, Option):
            not_ = "" if sign == "!=" else "!"
            return Typed(node, BOOL, f"({not_}{of.text}.hasValue())")
        self._check_null(tested, of.kind, is_maybe=is_known or is_null(tested))
        return Typed(node, BOOL, f"{atom(of)} {sign} null", sign)

    def _check_null(self, tested: Syntax, kind: Kind, *, is_maybe: bool) -> None:
        if not (is_maybe or kind == ANY or isinstance(kind, Nullable)):
            self.fail(f"'{shown(tested, self.text)}' is {kind} and never null", tested.start)

    def _ternary(self, node: Ternary, facts: Facts) -> Typed:
        test = self.infer(node.test, facts)
        if test.kind not in (BOOL, ANY):
            sentence = f"what stands before '?' is {test.kind}, expected bool{remedy([test])}"
            self.fail(sentence, node.sign_start)
        yes = self.infer(node.yes, facts | proven(node.test, True))
        no = self.infer(node.no, facts | proven(node.test, False))
        kind = join(yes.kind, no.kind)
        if kind is None:
            sentence = f"the two sides of ':' have different types, {yes.kind} and {no.kind}"
            self.fail(sentence + remedy([yes, no]), node.sign_start)
        yes, no = as_kind(yes, kind), as_kind(no, kind)
        return Typed(node, kind, f"({atom(test)} ? {atom(yes)} : {atom(no)})")

    def _items(self, node: Items, facts: Facts) -> Typed:
        parts = [self._part(each, facts) for each in node.items]
        kind: Kind = NEVER
        for part in parts:
            joint = join(kind, part.kind, is_inside=True)
            if joint is None:
                sentence = f"the items of a list have different types, {kind} and {part.kind}"
                both = [each for each in parts if each.kind == kind][:1]
                self.fail(sentence + (remedy([*both, part]) or ". Give all the same"), part.node.start)
            kind = joint
        return Typed(node, list_of(kind), f"[{', '.join(part.text for part in parts)}]")

    def _fields(self, node: Fields, facts: Facts) -> Typed:
        fields: dict[str, Any] = {}
        texts: list[str] = []
        for key, value in node.entries:
            if not isinstance(key, Constant) or key.word is None:
                self.fail("the names in {...} are texts in quotes, like {'name': 1}", key.start)
            if key.word in fields:
                self.fail(f"'{key.word}' stands in {{...}} twice", key.start)
            part = self._part(value, facts)
            fields[key.word] = part.kind
            texts.append(f"{key.text}: {part.text}")
        return Typed(node, Record(fields), f"{{{', '.join(texts)}}}")

    def _part(self, node: Syntax, facts: Facts) -> Typed:
        part = self.infer(node, facts)
        if isinstance(part.kind, Option) or has_option(part.kind):
            message = "a value read with '?' cannot be put into a list or map. End it with .orValue(...)"
            self.fail(message, node.start)
        return part


def _word(node: Syntax) -> str | None:
    return node.word if isinstance(node, Constant) else None
