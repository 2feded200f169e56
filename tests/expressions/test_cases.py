from __future__ import annotations

import pytest

from shoal.expressions.cases import Cases, Contradiction, narrowed
from shoal.expressions.scope import Scope, Source
from shoal.workspace.types import parse_record

SCOPE = Scope(
    reader="node 'here'",
    sources={
        "a": Source(
            parse_record({"kind": "enum[x, y, z]", "maybe": "enum[x, y]?", "flag": "bool", "name": "str"}),
            "a gives",
        )
    },
)
KIND, MAYBE, FLAG, NAME = ("a", "kind"), ("a", "maybe"), ("a", "flag"), ("a", "name")
BEFORE: Cases = {KIND: frozenset("xy")}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a.kind == 'x'", {KIND: "x"}),
        ("'x' == a.kind", {KIND: "x"}),
        ("a.kind != 'x'", {KIND: "y"}),
        ("a.kind in ['x', 'z']", {KIND: "x"}),
        ("!(a.kind in ['x', 'z'])", {KIND: "y"}),
        ("!(a.kind == 'z' || a.kind == 'y')", {KIND: "x"}),
        ("a.flag && a.kind != 'z'", {KIND: "xy", FLAG: ["true"]}),
        ("!a.flag", {KIND: "xy", FLAG: ["false"]}),
        ("a.flag == false", {KIND: "xy", FLAG: ["false"]}),
        ("a.?maybe.orValue('y') == 'x'", {KIND: "xy", MAYBE: "x"}),
        ("a.?maybe.orValue('y') == 'y'", {KIND: "xy"}),
        ("a.?maybe.orValue('y') != 'y'", {KIND: "xy", MAYBE: "x"}),
        ("a.?flag.orValue(false)", {KIND: "xy", FLAG: ["true"]}),
        ("!a.?flag.orValue(false)", {KIND: "xy"}),
        ("a.name == 'x' && a.name != 'y'", {KIND: "xy", NAME: "x"}),
        ("a.name != 'y'", {KIND: "xy"}),
        # nothing is told of the sides of an alternative
        ("a.kind == 'z' || a.flag", {KIND: "xy"}),
        ("a.flag ? a.kind == 'z' : false", {KIND: "xy"}),
        ("a.kind in [a.name, 'z']", {KIND: "xy"}),
        ("a.kind ==", {KIND: "xy"}),
    ],
)
def test_what_is_possible_where_a_condition_holds(text: str, words: dict[tuple[str, ...], str]) -> None:
    assert narrowed(text, BEFORE, SCOPE) == {path: frozenset(each) for path, each in words.items()}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.kind == 'z'", "'a.kind' can only be x or y here, never z"),
        ("a.flag && a.kind in ['z']", "'a.kind' can only be x or y here, never z"),
        ("a.kind != 'x' && a.kind != 'y'", "'a.kind' can only be y here, never x or z"),
        ("a.flag && !a.flag", "'a.flag' can only be true here, never false"),
        ("a.name == 'b' && a.name == 'c'", "'a.name' can only be b here, never c"),
        (
            "a.?maybe.orValue('x') == 'y' && a.?maybe.orValue('y') == 'x'",
            "'a.maybe' can only be y here, never x",
        ),
    ],
)
def test_a_condition_that_never_holds(text: str, message: str) -> None:
    with pytest.raises(Contradiction) as caught:
        narrowed(text, BEFORE, SCOPE)
    assert str(caught.value) == message
