"""Expressions: CEL, type-checked against the declared types and compiled once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from shoal.graphs.cel import Rewrite, Variable, plain_reason, to_python, type_from
from shoal.graphs.faults import explain
from shoal.graphs.plan import Expression, ExpressionFailed
from shoal.graphs.plan import Scope as Values
from shoal.graphs.scope import ExpressionError, Reference, Scope, references, walk
from shoal.graphs.tokens import tokenize
from shoal.workspace.types import Enum, Nullable, Type

if TYPE_CHECKING:
    from cel_expr_python import cel


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
    variables: tuple[Variable, ...]
    program: cel.Expression

    def evaluate(self, scope: Values) -> Any:
        """The value of the program on these values."""
        data: dict[str, Any] = {}
        for variable in self.variables:
            variable.bind(scope, data)
        try:
            return to_python(self.program.eval(data=data))
        except ExpressionFailed as err:
            raise ExpressionFailed(f"'{self.text}' failed: {self._named(str(err))}") from None
        except (RuntimeError, TypeError, ValueError, OverflowError) as err:
            raise ExpressionFailed(f"'{self.text}' failed: {plain_reason(str(err))}") from None

    def _named(self, reason: str) -> str:
        """The reason with the path in place of a variable that had no value."""
        for variable in self.variables:
            if variable.value and reason.startswith(f'No value with name "{variable.value}"'):
                return f"'{variable.reference.written}' is null"
        return reason


def _compile_cel(text: str, found: list[Reference], scope: Scope) -> Cel:
    rewrite = Rewrite(text, found)
    try:
        program = rewrite.environment(is_checked=True).compile(rewrite.text)
    except (RuntimeError, ValueError) as err:
        raise explain(str(err), rewrite, found, scope) from None
    name = program.return_type().name()
    if "optional_type" in name.removeprefix("optional_type"):
        message = "a value read with '?' cannot be put into a list or map. End it with .orValue(...)"
        raise ExpressionError(f"{scope.reader}: {message}")
    try:
        kind = type_from(name)
    except KeyError:
        raise ExpressionError(
            f"{scope.reader}: the expression gives {name.lower()}, which has no type here"
        ) from None
    source = rewrite.text
    if name.startswith("optional_type"):
        source = f"({source}).optMap(it, dyn(it)).orValue(dyn(null))"
    if source != rewrite.text or any(each.startswith("nullable") for each in map(str, rewrite.signatures)):
        program = rewrite.environment(is_checked=False).compile(source)
    kind = _with_default(text, found) or kind
    return Cel(text, kind, _needed(found), _asked(found), tuple(rewrite.variables), program)


def _with_default(text: str, found: list[Reference]) -> Type | None:
    """The enum of `a.?b.orValue('case')`, which CEL takes for any text."""
    if len(found) != 1 or not isinstance(found[0].type, Enum) or text[: found[0].start].strip():
        return None
    words = [token.text for token in tokenize(text[found[0].end :])]
    is_case = (
        words[:3] == [".", "orValue", "("] and words[4:] == [")"] and words[3][1:-1] in found[0].type.cases
    )
    return found[0].type if is_case else None


def _needed(found: list[Reference]) -> frozenset[str]:
    return frozenset(each.path[0] for each in found if not each.asks) - {"input"}


def _asked(found: list[Reference]) -> frozenset[str]:
    return frozenset(each.path[0] for each in found if each.asks) - {"input"}
