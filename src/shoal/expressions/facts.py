"""What a condition proves of the paths in it once it is true, or once it is false."""

from __future__ import annotations

from shoal.expressions.lexer import Path
from shoal.expressions.scope import with_prefixes
from shoal.expressions.tree import Binary, Call, Constant, Syntax, Ternary, Unary, is_null, path_of

_NONE: frozenset[Path] = frozenset()


def proven(node: Syntax, holds: bool) -> frozenset[Path]:
    """Paths that are not null where `node` is true (or false)."""
    match node:
        case Unary(sign="!", of=of):
            return proven(of, not holds)
        case Binary(sign="&&" | "||" as sign, left=left, right=right):
            both, either = proven(left, holds), proven(right, holds)
            return both | either if (sign == "&&") == holds else both & either
        case Binary(sign="==" | "!=" as sign, left=left, right=right) if (sign == "!=") == holds:
            tested = right if is_null(left) else left if is_null(right) else None
            return _of(tested)
        case Ternary(test=test, yes=yes, no=no):
            return (proven(test, True) | proven(yes, holds)) & (proven(test, False) | proven(no, holds))
        case Call(of=None, name="has", arguments=(tested,)) if holds:
            return _of(tested)
        case Call(name="hasValue", of=tested) if holds:
            return _of(tested)
        case Call(name="orValue", of=tested, arguments=(Constant(text="false"),)) if holds:
            return _of(tested)
        case Call(name="orValue", of=tested, arguments=(Constant(text="true"),)) if not holds:
            return _of(tested)
    return _NONE


def _of(node: Syntax | None) -> frozenset[Path]:
    path = path_of(node) if node else None
    return with_prefixes([path]) if path else _NONE
