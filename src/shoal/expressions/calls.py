"""Calls of functions, methods and macros in an expression."""

from __future__ import annotations

from collections.abc import Sequence

from shoal.expressions import functions
from shoal.expressions.cel import pattern_fault
from shoal.expressions.facts import proven
from shoal.expressions.faults import Typed, mismatch, remedy, unknown_function
from shoal.expressions.kinds import NEVER, NULL, NUMBERS, Kind, Option, has_option, item_of, join, list_of
from shoal.expressions.lexer import RESERVED, Path
from shoal.expressions.reading import Facts, Reader, as_kind, atom, mapped, texts_of
from shoal.expressions.tree import Binary, Call, Constant, Items, Name, Select, Syntax, path_of
from shoal.workspace.types import ANY, BOOL, FLOAT, INT, STR, ListOf, Nullable

_SPACES = frozenset(["math", "strings", "optional"])


class Caller(Reader):
    """Reads calls."""

    def _call(self, node: Call, facts: Facts) -> Typed:
        if node.of is None and node.name == "has":
            return self._has(node, facts)
        if node.of is None or (isinstance(node.of, Name) and self._is_space(node.of.name)):
            return self._function(node, facts)
        of = self.infer(node.of, facts)
        if node.name in functions.MACROS | functions.OPTION_MACROS:
            return self._macro(of, node, facts)
        if node.name == "format":
            return self._format(of, node, facts)
        given = [self.infer(each, facts) for each in node.arguments]
        self._check_pattern(node)
        if node.name in ("orValue", "or", "hasValue"):
            return self._option(of, given, node)
        if node.name not in functions.METHODS:
            self.fail(unknown_function(node.name), node.name_start)
        kind = functions.result(functions.METHODS[node.name], [of.kind, *(each.kind for each in given)])
        if kind is None:
            self.fail(mismatch(node.name, [of, *given]), node.bracket)
        return Typed(node, kind, f"{atom(of)}.{node.name}({texts_of(given)})")

    def _check_pattern(self, node: Call) -> None:
        """Refuse a pattern that is written out and cannot be one."""
        pattern = node.arguments[-1] if node.name == "matches" and node.arguments else None
        if isinstance(pattern, Constant) and (reason := pattern_fault(pattern.text)):
            self.fail(f"the pattern cannot be read: {reason}", pattern.start)

    def _is_space(self, name: str) -> bool:
        return name in _SPACES and name not in self.bound

    def _function(self, node: Call, facts: Facts) -> Typed:
        name = f"{node.of.name}.{node.name}" if isinstance(node.of, Name) else node.name
        self._check_pattern(node)
        given = [self.infer(each, facts) for each in node.arguments]
        kinds = _kinds(given)
        kind: Kind | None
        if name in ("math.greatest", "math.least"):
            kind = _extreme(kinds)
        elif name == "optional.none" and not given:
            kind = Option(NEVER)
        elif name == "optional.of" and len(kinds) == 1:
            kind = None if isinstance(kinds[0], Nullable | Option) or kinds[0] == NULL else Option(kinds[0])
        elif name in functions.FUNCTIONS:
            kind = functions.result(functions.FUNCTIONS[name], kinds)
            floats = [as_kind(each, FLOAT) for each in given]
            if kind is None and (kind := functions.result(functions.FUNCTIONS[name], _kinds(floats))):
                given = floats
        else:
            self.fail(unknown_function(name), node.name_start)
        if kind is None:
            self.fail(mismatch(name, given), node.bracket)
        text = f"{name}({texts_of(given)})"
        return Typed(node, kind, f"double({text})" if kind == FLOAT else text)

    def _has(self, node: Call, facts: Facts) -> Typed:
        tested = node.arguments[0] if len(node.arguments) == 1 else None
        path = path_of(tested) if tested else None
        if path and isinstance(tested, Name | Select) and path[0] not in self.bound:
            if path == ("input",):
                self.fail(
                    "'input' is always there. Ask for one of its fields, like has(input.x)", tested.start
                )
            kind = self.path_type(tested, facts, in_has=True)[0]
            variable = self.read(tested, path, kind, "has", asks=True)
            return Typed(node, BOOL, f"{variable} != null", "!=")
        if not isinstance(tested, Select):
            found = self.references[-1].written if self.references else None
            inner = _first_path(tested)
            example = ".".join(inner) if inner else found or "a.b"
            start = tested.start if tested else node.bracket
            self.fail(f"has(...) takes one path, like has({example})", start)
        asked = self.infer(_all_asked(tested), facts)
        return Typed(node, BOOL, f"{asked.text}.hasValue()")

    def _macro(self, of: Typed, node: Call, facts: Facts) -> Typed:
        wanted = (2, 3) if node.name == "map" else (2,)
        if len(node.arguments) not in wanted or not isinstance(node.arguments[0], Name):
            example = f"{node.name}(x, ...), with a variable and an expression of it"
            self.fail(f"write {example}", node.bracket)
        variable = node.arguments[0]
        self._check_variable(variable, node.name)
        is_option = node.name in functions.OPTION_MACROS
        item = self._item_kind(of, node, is_option=is_option)
        lowered = f"x{len(self.bound)}"
        self.bound[variable.name] = (item, lowered)
        if any(path[0] == variable.name for path in facts):
            facts = frozenset(path for path in facts if path[0] != variable.name)
        given = [self._macro_part(each, node, facts, i) for i, each in enumerate(node.arguments[1:])]
        del self.bound[variable.name]
        kind = self._macro_kind(of, node, given)
        if node.name == "optMap":
            return Typed(node, kind, mapped(of.text, lowered, given[0].text))
        if node.name == "optFlatMap":
            text = f"[?{of.text}].map({lowered}, {given[0].text})"
            return Typed(node, kind, f"({text} + [optional.none()])[0]")
        return Typed(node, kind, f"{atom(of)}.{node.name}({lowered}, {texts_of(given)})")

    def _macro_part(self, each: Syntax, node: Call, facts: Facts, i: int) -> Typed:
        """The condition or the value of a macro; the value of `map` knows that its condition holds."""
        if i:
            facts = facts | proven(node.arguments[1], True)
        return self.infer(each, facts)

    def _check_variable(self, variable: Name, macro: str) -> None:
        name = variable.name
        if name in self.scope.sources or name == self.scope.own:
            message = f"'{name}' is a node. Give the variable of {macro}(...) a name of its own"
        elif name in self.bound:
            message = (
                f"'{name}' is taken by a macro around it. Give the variable of {macro}(...) another name"
            )
        elif name in RESERVED:
            message = f"'{name}' means something in expressions. Give the variable another name"
        else:
            return
        self.fail(message, variable.start)

    def _item_kind(self, of: Typed, node: Call, *, is_option: bool) -> Kind:
        if is_option and isinstance(of.kind, Option):
            return of.kind.of
        if not is_option and of.kind == ANY:
            return ANY
        if not is_option and isinstance(of.kind, ListOf):
            return item_of(of.kind)
        raise self.fault(mismatch(node.name, [of]), node.bracket)

    def _macro_kind(self, of: Typed, node: Call, given: Sequence[Typed]) -> Kind:
        value = given[-1]
        if node.name == "optFlatMap":
            if not isinstance(value.kind, Option):
                self.fail(mismatch(node.name, [of, value]) + ". Write optMap", node.bracket)
            return value.kind
        if node.name == "optMap":
            if isinstance(value.kind, Option | Nullable) or value.kind == NULL:
                self.fail(mismatch(node.name, [of, value]), node.bracket)
            return Option(value.kind)
        conditions = given[:-1] if node.name == "map" else given
        for condition in conditions:
            if condition.kind not in (BOOL, ANY):
                sentence = f"the condition of {node.name}(...) is {condition.kind}, expected bool"
                self.fail(sentence + remedy([condition]), condition.node.start)
        if node.name == "map":
            if isinstance(value.kind, Option) or has_option(value.kind):
                message = "a value read with '?' cannot be put into a list or map. End it with .orValue(...)"
                self.fail(message, value.node.start)
            return list_of(value.kind)
        if node.name == "filter":
            return ListOf(ANY) if of.kind == ANY else of.kind
        return BOOL

    def _option(self, of: Typed, given: Sequence[Typed], node: Call) -> Typed:
        kind: Kind | None = None
        if isinstance(of.kind, Option):
            if node.name == "hasValue" and not given:
                kind = BOOL
            elif node.name == "orValue" and len(given) == 1 and not isinstance(given[0].kind, Option):
                kind = join(of.kind.of, given[0].kind, is_inside=True)
                of, given = as_kind(of, Option(kind or NEVER)), [as_kind(given[0], kind or NEVER)]
            elif node.name == "or" and len(given) == 1 and isinstance(given[0].kind, Option):
                kind = join(of.kind, given[0].kind)
                of, given = as_kind(of, kind or NEVER), [as_kind(given[0], kind or NEVER)]
        if kind is None:
            operands = [of, *given] if isinstance(of.kind, Option) else [of]
            self.fail(mismatch(node.name, operands), node.bracket)
        return Typed(node, kind, f"{of.text}.{node.name}({texts_of(given)})")

    def _format(self, of: Typed, node: Call, facts: Facts) -> Typed:
        items = node.arguments[0] if len(node.arguments) == 1 else None
        if not isinstance(of.node, Constant) or of.node.word is None or not isinstance(items, Items):
            self.fail("format(...) needs its text in quotes and a list, like '%s'.format([a])", node.bracket)
        parts = [self.infer(each, facts) for each in items.items]
        if fault := functions.format_fault(of.node.word, [part.kind for part in parts]):
            self.fail(fault, node.bracket)
        return Typed(node, STR, f"{of.text}.format([{texts_of(parts)}])")


def _kinds(parts: Sequence[Typed]) -> list[Kind]:
    return [part.kind for part in parts]


def _extreme(kinds: Sequence[Kind]) -> Kind | None:
    if len(kinds) == 1 and isinstance(kinds[0], ListOf):
        kinds = [item_of(kinds[0])]
    if not kinds or any(kind not in (*NUMBERS, ANY) for kind in kinds):
        return None
    return ANY if ANY in kinds else FLOAT if FLOAT in kinds else INT


def _all_asked(node: Syntax) -> Syntax:
    """A chain of fields with every step marked with `?`."""
    if isinstance(node, Select):
        return Select(node.start, node.end, _all_asked(node.of), node.name, True)
    return node


def _first_path(node: Syntax | None) -> Path | None:
    while isinstance(node, Binary):
        node = node.left
    return path_of(node) if node else None
