"""Reading a node that may be skipped on one side of `||` or `:` only: the reader is skipped with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from shoal.expressions.faults import default_of
from shoal.expressions.scope import EVERYTHING, ExpressionError, Reference, Scope
from shoal.expressions.tree import Binary, Name, Select, Syntax, Ternary, Unary, parts_of


def check_alternatives(tree: Syntax, found: Iterable[Reference], scope: Scope) -> None:
    """Refuse a trap: the other side would do, and still the reader is skipped.

    Raises:
        ExpressionError: with the node that may be skipped, and how to ask for it.
    """
    if not scope.skippable or scope.facts is EVERYTHING:
        return
    ran = {path[0] for path in scope.facts}
    reads = {(each.start, each.end): each for each in found}
    for each in reads.values():
        if each.asks or each.path[0] not in scope.skippable - ran:
            continue
        if sign := _Alternatives(each.path[0], reads, scope).trap(tree):
            raise ExpressionError(_sentence(each, sign, scope), each.start)


def _sentence(each: Reference, sign: str, scope: Scope) -> str:
    name, *fields = each.path
    asked = f"{name}.?{'.'.join(fields)}.orValue({default_of(each.type)})"
    remedy = f"Write {asked}" if fields else f"Write has({name}) ? {name} : {default_of(each.type)}"
    who = scope.reader.partition(" ")[0]
    return (
        f"{scope.reader}: '{name}' may be skipped, and then so is this {who}, whatever the other side of "
        f"{sign} says. {remedy}"
    )


class _Alternatives:
    """What happens to the sides of an expression where the source `name` was skipped."""

    def __init__(self, name: str, reads: dict[tuple[int, int], Reference], scope: Scope) -> None:
        self.name = name
        self.reads = reads
        self.scope = scope

    def trap(self, tree: Syntax) -> str | None:
        """The sign that promises another side in vain, or None."""
        return None if self._needs_always(tree, False) else next(self._traps(tree, False), None)

    def _traps(self, node: Syntax, is_negated: bool) -> Iterator[str]:
        if sides := _sides(node, is_negated):
            for one, other in (sides, sides[::-1]):
                if self._needs(one) and self._stands_alone(other, is_negated):
                    yield node.sign if isinstance(node, Binary) else ":"
        for part in parts_of(node):
            yield from self._traps(part, is_negated ^ _is_not(node))

    def _mentions(self, node: Syntax) -> Iterator[Reference]:
        if isinstance(node, Name | Select) and (found := self.reads.get((node.start, node.end))):
            yield found
        for part in parts_of(node):
            yield from self._mentions(part)

    def _needs(self, node: Syntax) -> bool:
        return any(each.path[0] == self.name and not each.asks for each in self._mentions(node))

    def _needs_always(self, node: Syntax, is_negated: bool) -> bool:
        if sides := _sides(node, is_negated):
            test = [node.test] if isinstance(node, Ternary) else []
            both = all(self._needs_always(side, is_negated) for side in sides)
            return both or any(self._needs_always(each, is_negated) for each in test)
        found = self.reads.get((node.start, node.end)) if isinstance(node, Name | Select) else None
        if found:
            return found.path[0] == self.name and not found.asks
        return any(self._needs_always(part, is_negated ^ _is_not(node)) for part in parts_of(node))

    def _stands_alone(self, node: Syntax, is_negated: bool) -> bool:
        """Whether a side can hold although the source was skipped."""
        if sides := _sides(node, is_negated):
            return any(self._stands_alone(side, is_negated) for side in sides)
        if isinstance(node, Binary | Unary) and node.sign in ("&&", "||", "!"):
            return all(self._stands_alone(part, is_negated ^ _is_not(node)) for part in parts_of(node))
        return not any(self._falls_with(each) for each in self._mentions(node))

    def _falls_with(self, each: Reference) -> bool:
        """Whether a source is skipped where the other one is."""
        name = each.path[0]
        if name == self.name:
            return True
        is_unknown = (each.asks or name in self.scope.skippable) and name not in self.scope.needs
        return is_unknown or self.name in self.scope.needs.get(name, ())


def _sides(node: Syntax, is_negated: bool) -> tuple[Syntax, Syntax] | None:
    """The two sides of which one is enough."""
    if isinstance(node, Ternary):
        return node.yes, node.no
    if isinstance(node, Binary) and node.sign == ("&&" if is_negated else "||"):
        return node.left, node.right
    return None


def _is_not(node: Syntax) -> bool:
    return isinstance(node, Unary) and node.sign == "!"
