"""The syntax of an expression: what CEL reads, as far as it has a meaning here."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

from shoal.expressions.lexer import Token, tokenize
from shoal.expressions.scope import ExpressionError
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
)

MAX_LENGTH = 20_000
"""Of an expression, in characters."""

_ODD = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff]")
_MAX_NESTING = 24
_ESCAPES = re.compile(
    r"""\\(?:[abfnrtv\\'"`?]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-3][0-7]{2}|(?P<bad>.|\Z))""",
    re.DOTALL | re.IGNORECASE,
)
_LEVELS: tuple[frozenset[str], ...] = (
    frozenset(["||"]),
    frozenset(["&&"]),
    frozenset(["<", "<=", ">", ">=", "==", "!=", "in"]),
    frozenset(["+", "-"]),
    frozenset(["*", "/", "%"]),
)
_LAST_LOGICAL = 1
_LONG_SUM = 24
"""Of more CEL says that it is nested too deeply."""


@functools.lru_cache(maxsize=2048)
def parse(text: str) -> Syntax | tuple[str, int]:
    """The tree of an expression, or the fault and its offset."""
    try:
        if fault := _odd_character(text):
            return fault
        return _Parser(text).whole()
    except ExpressionError as err:
        return str(err), err.offset
    except RecursionError:
        return "the expression is nested too deeply. Split it over nodes", 0


def _odd_character(text: str) -> tuple[str, int] | None:
    if len(text) > MAX_LENGTH:
        length = f"{len(text):,} characters, more than {MAX_LENGTH:,}"
        return f"the expression has {length}. Split it over nodes", MAX_LENGTH
    for offset, char in enumerate(text) if not text.isprintable() else ():
        if _ODD.match(char) or "\ud800" <= char <= "\udfff":
            return f"the character U+{ord(char):04X} cannot stand in an expression. Delete it", offset
    return None


class _Parser:
    """Reads tokens from left to right."""

    def __init__(self, text: str) -> None:
        self.tokens = tokenize(text)
        self.words = [token.text for token in self.tokens] + [""]
        self.length = len(text)
        self.at = 0
        self.nesting = 0

    def whole(self) -> Syntax:
        """The tree of the whole text."""
        tree = self._expression()
        if self.at < len(self.tokens):
            raise self._unexpected()
        return tree

    def _unexpected(self) -> ExpressionError:
        if self.at >= len(self.tokens):
            return ExpressionError("the expression ends too early", self.length)
        token = self.tokens[self.at]
        match token.text:
            case "'" | '"':
                sentence = "the quote is never closed"
            case "=":
                sentence = "'=' is not an operator. Compare with '=='"
            case "&" | "|":
                sentence = f"'{token.text}' is not an operator. Write '{token.text * 2}'"
            case "\\" | "`" | "$" | "@" | ";" | "#" | "~" | "^":
                sentence = f"'{token.text}' has no meaning here"
            case "and" | "or" | "not":
                sign = {"and": "&&", "or": "||", "not": "!"}[token.text]
                sentence = f"'{token.text}' is written {sign} in expressions"
            case "is":
                sentence = "'is' is not an operator. Compare with '=='"
            case "if" | "else":
                sentence = f"'{token.text}' is no word here. Write condition ? one : other"
            case "lambda":
                sentence = "'lambda' is no word here. Write list.map(x, ...), with the variable first"
            case "." if self.words[self.at - 1] == "?":
                sentence = "'?.' is written .? here"
            case word:
                sentence = f"'{word}' is not expected here"
        return ExpressionError(sentence, token.start)

    def _take(self, word: str) -> Token:
        if self.words[self.at] != word:
            at_end = self.at >= len(self.tokens)
            raise ExpressionError(f"'{word}' is missing", self.length) if at_end else self._unexpected()
        self.at += 1
        return self.tokens[self.at - 1]

    def _expression(self) -> Syntax:
        self.nesting += 1
        if self.nesting > _MAX_NESTING:
            raise RecursionError
        test = self._binary(0)
        if self.words[self.at] == "?":
            sign = self._take("?")
            yes = self._binary(0)
            self._take(":")
            no = self._expression()
            test = Ternary(test.start, no.end, sign.start, test, yes, no)
        self.nesting -= 1
        return test

    def _binary(self, level: int) -> Syntax:
        if level == len(_LEVELS):
            return self._unary()
        parts, signs = [self._binary(level + 1)], []
        while self.words[self.at] in _LEVELS[level]:
            signs.append(self.tokens[self.at])
            self.at += 1
            parts.append(self._binary(level + 1))
        is_sum = len(signs) >= _LONG_SUM and {sign.text for sign in signs} == {"+"}
        return _balanced(parts, signs) if level <= _LAST_LOGICAL or is_sum else _from_left(parts, signs)

    def _unary(self) -> Syntax:
        word = self.words[self.at]
        if word not in ("!", "-"):
            return self._member()
        sign = self._take(word)
        if word == "-" and self.at < len(self.tokens) and self.tokens[self.at].kind == "number":
            number = self._number(self.tokens[self.at], "-")
            self.at += 1
            return self._members(Constant(sign.start, number.end, number.kind, number.text))
        self.nesting += 1
        if self.nesting > _MAX_NESTING:
            raise RecursionError
        of = self._unary()
        self.nesting -= 1
        return Unary(sign.start, of.end, word, of)

    def _member(self) -> Syntax:
        return self._members(self._primary())

    def _members(self, of: Syntax) -> Syntax:
        while (word := self.words[self.at]) in (".", ".?", "["):
            if word == "[":
                of = self._index(of)
                continue
            self.at += 1
            name = self._name()
            if self.words[self.at] == "(" and word == ".":
                of = self._call(of, name)
            else:
                of = Select(of.start, name.end, of, name.text, word == ".?")
        return of

    def _index(self, of: Syntax) -> Syntax:
        self._take("[")
        is_question = self.words[self.at] == "?"
        self.at += is_question
        key = self._expression()
        return Index(of.start, self._take("]").end, of, key, is_question)

    def _name(self) -> Token:
        if self.at >= len(self.tokens) or self.tokens[self.at].kind != "name":
            raise self._unexpected()
        token = self.tokens[self.at]
        self.at += 1
        return token

    def _call(self, of: Syntax | None, name: Token) -> Syntax:
        bracket = self._take("(")
        arguments = self._list_until(")", self._expression)
        end = self._take(")").end
        start = name.start if of is None else of.start
        return Call(start, end, of, name.text, name.start, bracket.start, tuple(arguments))

    def _list_until(self, closing: str, item: Callable[[], Syntax]) -> list[Syntax]:
        found: list[Syntax] = []
        while self.words[self.at] != closing:
            found.append(item())
            if self.words[self.at] != ",":
                break
            self.at += 1
            if self.words[self.at] == closing and closing == ")":
                raise self._unexpected()
        return found

    def _primary(self) -> Syntax:
        if self.at >= len(self.tokens):
            raise self._unexpected()
        token = self.tokens[self.at]
        match token.kind, token.text:
            case "sign", "(":
                self.at += 1
                inside = self._expression()
                self._take(")")
                return inside
            case "sign", "[":
                self.at += 1
                items = self._list_until("]", self._expression)
                return Items(token.start, self._take("]").end, tuple(items))
            case "sign", "{":
                return self._fields(token)
            case "sign", _:
                raise self._unexpected()
        self.at += 1
        match token.kind:
            case "number":
                return self._number(token)
            case "text":
                return _text(token)
        return self._word(token)

    def _fields(self, token: Token) -> Syntax:
        self.at += 1
        keys: list[Syntax] = []

        def entry() -> Syntax:
            keys.append(self._expression())
            self._take(":")
            return self._expression()

        values = self._list_until("}", entry)
        return Fields(token.start, self._take("}").end, tuple(zip(keys, values, strict=True)))

    def _word(self, token: Token) -> Syntax:
        if token.text in ("true", "false"):
            return Constant(token.start, token.end, "bool", token.text)
        if token.text == "null":
            return Constant(token.start, token.end, "null", "null")
        if token.text in ("in", "not"):
            self.at -= 1
            raise self._unexpected()
        if self.words[self.at] == "(":
            return self._call(None, token)
        return Name(token.start, token.end, token.text)

    def _number(self, token: Token, sign: str = "") -> Constant:
        if token.text[-1] in "uU":
            message = f"'{token.text}' is a number without sign, which has no type here. Leave out the u"
            raise ExpressionError(message, token.start)
        if len(token.text) > 400:  # which Python itself refuses to read beyond 4,300 digits
            raise ExpressionError(
                f"a number of {len(token.text):,} digits does not fit into 64 bits", token.start
            )
        is_hex = token.text[:2] in ("0x", "0X")
        is_float = not is_hex and any(char in ".eE" for char in token.text)
        number = float(token.text) if is_float else int(token.text, 16 if is_hex else 10)
        if not is_float and number >= 2**63 + bool(sign):
            raise ExpressionError(f"'{sign}{token.text}' does not fit into 64 bits", token.start)
        if is_float and number == float("inf"):
            raise ExpressionError(f"'{sign}{token.text}' is too large", token.start)
        return Constant(token.start, token.end, "float" if is_float else "int", sign + token.text)


def _from_left(parts: list[Syntax], signs: list[Token]) -> Syntax:
    left = parts[0]
    for sign, right in zip(signs, parts[1:], strict=True):
        left = Binary(left.start, right.end, sign.text, sign.start, left, right)
    return left


def _balanced(parts: list[Syntax], signs: list[Token]) -> Syntax:
    """A chain of hundreds, from the middle, so that it is not as deep as it is long."""
    if not signs:
        return parts[0]
    half = len(signs) // 2
    left, right = _balanced(parts[: half + 1], signs[:half]), _balanced(parts[half + 1 :], signs[half + 1 :])
    return Binary(left.start, right.end, signs[half].text, signs[half].start, left, right)


def _text(token: Token) -> Constant:
    prefix = re.match("[rRbB]*", token.text)[0]  # type: ignore[index]
    if "b" in prefix.lower():
        raise ExpressionError("bytes have no type here. Write a text, without the b", token.start)
    quotes = 3 if token.text[len(prefix) :].startswith(('"""', "'''")) else 1
    inside = token.text[len(prefix) + quotes : -quotes]
    if prefix or "\\" not in inside:
        return Constant(token.start, token.end, "text", token.text, inside)
    for match in _ESCAPES.finditer(inside):
        code = int(match[0][2:], 16) if match[0][1] in "uUxX" and not match["bad"] else 0
        if match["bad"] is not None or code > 0x10FFFF or 0xD800 <= code < 0xE000:
            message = f"'{match[0]}' means nothing in a text. Write \\\\ for a backslash, or r'...'"
            raise ExpressionError(message, token.start + len(prefix) + quotes + match.start())
    return Constant(token.start, token.end, "text", token.text)
