"""Expressions: CEL, type-checked against the declared types and compiled once.

What passes the check fails at run time only by its values: an index out of range, a division by zero, a
number that does not fit, a text that is no number, date or pattern, or data of the type `any`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from shoal.expressions.alternatives import check_alternatives
from shoal.expressions.cel import (
    Variable,
    holds_fields,
    plain_reason,
    program_of,
    shaped,
    to_python,
    variables_of,
)
from shoal.expressions.expression import Expression, ExpressionFailed
from shoal.expressions.expression import Scope as Values
from shoal.expressions.inference import Inference
from shoal.expressions.kinds import Option, declared, has_option
from shoal.expressions.scope import ExpressionError, Reference, Scope, walk
from shoal.expressions.syntax import parse
from shoal.expressions.tree import Name, Select, Syntax
from shoal.workspace.types import BOOL, Nullable, Type

if TYPE_CHECKING:
    from cel_expr_python import cel


_MAX_MESSAGE = 1000


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
    tree = parse(text)
    try:
        if isinstance(tree, tuple):
            raise ExpressionError(f"{scope.reader}: {tree[0]}", tree[1])
        return _compile(text, tree, scope)
    except RecursionError:
        raise _too_deep(scope) from None
    except ExpressionError as err:
        raise ExpressionError(_one_line(str(err)), err.offset) from None


def _one_line(message: str) -> str:
    """A sentence without the line ends of texts that it quotes."""
    line = " ".join(message.split("\n")).replace("\r", " ").replace("\t", " ")
    return line if len(line) <= _MAX_MESSAGE else f"{line[: _MAX_MESSAGE - 300]} ... {line[-300:]}"


def constant_value(compiled: Expression) -> bool | None:
    """What a condition that reads nothing always is; None where it reads something or fails."""
    if not isinstance(compiled, Cel) or compiled.variables or compiled.type != BOOL:
        return None
    try:
        return bool(compiled.evaluate({}))
    except ExpressionFailed:
        return None


def _compile(text: str, tree: Syntax, scope: Scope) -> Compiled:
    inference = Inference(text, scope)
    typed = inference.infer(tree, scope.facts)
    found = inference.references
    check_alternatives(tree, found, scope)
    if isinstance(tree, Name | Select) and len(found) == 1 and found[0].end == tree.end:
        return Read(found[0])
    if has_option(typed.kind) and not isinstance(typed.kind, Option):
        message = "a value read with '?' cannot be put into a list or map. End it with .orValue(...)"
        raise ExpressionError(f"{scope.reader}: {message}")
    kind = declared(typed.kind)
    if kind is None:
        raise ExpressionError(f"{scope.reader}: the expression gives {typed.kind}, which has no type here")
    source = f"{typed.text}.orValue(null)" if isinstance(typed.kind, Option) else typed.text
    try:
        program = program_of(source)
    except (RuntimeError, ValueError) as err:
        if "recursion depth" in str(err):
            raise _too_deep(scope) from None
        reason = str(err).partition("\n")[0]
        raise ExpressionError(f"{scope.reader}: the expression cannot be read ({reason})") from None
    variables = variables_of(found, inference.variables)
    return Cel(text, kind, _needed(found), _asked(found), variables, program, holds_fields(kind))


def _too_deep(scope: Scope) -> ExpressionError:
    return ExpressionError(f"{scope.reader}: the expression is nested too deeply. Split it over nodes")


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
    variables: tuple[Variable, ...]
    program: cel.Expression
    is_shaped: bool = False
    """Whether the value holds records, whose fields CEL keeps in no order."""

    def evaluate(self, scope: Values) -> Any:
        """The value of the program on these values."""
        data: dict[str, Any] = {}
        try:
            for variable in self.variables:
                variable.bind(scope, data)
            value = to_python(self.program.eval(data=data))
            return shaped(self.type, value) if self.is_shaped else value
        except ExpressionFailed as err:
            raise ExpressionFailed(f"'{self.text}' failed: {self._named(str(err), data)}") from None
        except (RuntimeError, TypeError, ValueError, OverflowError) as err:
            raise ExpressionFailed(f"'{self.text}' failed: {plain_reason(str(err))}") from None

    def _named(self, reason: str, data: dict[str, Any]) -> str:
        """The reason, or the path that was null against its type."""
        for variable in self.variables:
            if data.get(variable.name) is None and not variable.is_null:
                return f"'{variable.reference.written}' is null"
        return reason


def _needed(found: list[Reference]) -> frozenset[str]:
    return frozenset(each.path[0] for each in found if not each.asks) - {"input"}


def _asked(found: list[Reference]) -> frozenset[str]:
    return frozenset(each.path[0] for each in found if each.asks) - {"input"}
