"""Records in lists and macros, enums, narrowing, alternatives, and what is left to fail at run time."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from shoal.expressions.compiled import compile_expression, constant_value
from shoal.expressions.expression import ExpressionFailed
from shoal.expressions.scope import EVERYTHING, ExpressionError, Scope, Source
from shoal.expressions.slips import ValueFault
from shoal.expressions.templates import compile_value
from shoal.expressions.values import fitted, source_type
from shoal.workspace.types import ANY, BOOL, INT, ListOf, Nullable, Record, parse_record, parse_type

ORDER = Record(
    {
        **parse_record(
            {"price": "float", "kind": "enum[new, old]", "note": "str?", "off": "float?", "in": "int"}
        ).fields,
        "buyer": parse_record({"name": "str", "boss": "str?"}),
    }
)
SOURCES = {
    "orders": Source(source_type(ListOf(ORDER)), "tool 'orders' gives"),
    "last": Source(Nullable(ORDER), "tool 'last' gives"),
    "a": Source(
        parse_record(
            {
                "kind": "enum[new, old]",
                "other": "enum[old, lost]",
                "far": "enum[x, y]",
                "flag": "bool",
                "name": "str",
                "maybe": "str?",
                "marks": "list[float]",
                "gaps": "list[float?]",
                "kinds": "list[enum[new, old]]",
                "extra": "any",
                "n": "int",
            }
        ),
        "node 'a' gives",
    ),
    "b": Source(parse_record({"flag": "bool", "kind": "enum[new, old]"}), "node 'b' gives"),
}
SCOPE = Scope(reader="node 'here'", sources=SOURCES, own="here")


def order(**fields: Any) -> dict[str, Any]:
    given = {
        "price": 5,
        "kind": "new",
        "note": None,
        "off": None,
        "in": 3,
        "buyer": {"name": "Bo", "boss": None},
    }
    return given | fields


VALUES: dict[str, Any] = {
    "orders": [order(), order(price=20.5, note="n", off=3, kind="old")],
    "last": None,
    "a": {
        "kind": "new",
        "other": "lost",
        "far": "x",
        "flag": True,
        "name": "Ann",
        "maybe": None,
        "marks": [1, 2.5],
        "gaps": [None, 3],
        "kinds": ["new"],
        "extra": {"q": 1},
        "n": 7,
    },
    "b": {"flag": False, "kind": "old"},
}


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("orders.exists(o, o.price > 10.0)", "bool", True),
        ("orders.map(o, o.price + 1.0)", "list[float]", [6.0, 21.5]),
        ("orders.filter(t, t.price > 10.0)[0].price", "float", 20.5),
        ("orders.filter(t, t.price > 10.0).map(o, o.kind)", "list[enum[new, old]]", ["old"]),
        ("orders.filter(t, t.price > 10.0)", f"list[{ORDER}]", [VALUES["orders"][1] | {"off": 3.0}]),
        ("orders.map(o, o)[0].buyer.name", "str", "Bo"),
        ("orders.map(o, o.note)", "list[str?]", [None, "n"]),
        ("orders.map(o, o.?note.orValue('-'))", "list[str]", ["-", "n"]),
        ("orders.map(o, o.note != null, o.note + '!')", "list[str]", ["n!"]),
        ("orders.filter(o, o.off != null && o.off + 0.5 > 1.0).size()", "int", 1),
        ("orders.filter(o, o.off == null || o.off > 1.0).size()", "int", 2),
        ("orders.map(o, has(o.off) ? o.off + 1.0 : 0.0)", "list[float]", [0.0, 4.0]),
        ("orders.map(o, has(o.buyer.boss))", "list[bool]", [False, False]),
        ("orders.map(o, o.buyer.?boss.orValue(o.buyer.name))", "list[str]", ["Bo", "Bo"]),
        ("orders.map(o, o.in + 1)", "list[int]", [4, 4]),
        ("orders.map(o, {'id': o.kind, 'p': o.price}).filter(o, o.id == 'old')[0].p", "float", 20.5),
        ("orders.all(o, orders.exists(q, q.kind == o.kind))", "bool", True),
        ("orders[0].price / 2.0", "float", 2.5),
        ("orders[0].note", "str?", None),
        ("orders[?7].price.orValue(1.0)", "float", 1.0),
        ("orders[?0].?note.orValue('none')", "str", "none"),
        ("(a.flag ? orders[0] : orders[1]).kind", "enum[new, old]", "new"),
        ("orders[0] == orders[1]", "bool", False),
        ("(orders + orders).map(o, o.price)[3]", "float", 20.5),
        ("a.marks.filter(x, x * 2.0 < 3.0)", "list[float]", [1.0]),
        ("a.gaps.filter(x, x != null && x + 1.0 > 2.0)", "list[float?]", [3.0]),
        ("last.?price.orValue(0.5)", "float", 0.5),
        ("last != null && last.price > 1.0", "bool", False),
        ("[last].filter(l, l != null && l.price > 1.0).size()", "int", 0),
        ("[last].map(l, l.?note.orValue('-'))", "list[str]", ["-"]),
        # enums
        ("a.flag ? a.kind : a.other", "enum[new, old, lost]", "new"),
        ("a.?kind.orValue('old')", "enum[new, old]", "new"),
        ("a.flag ? 'new' : 'old'", "enum[new, old]", "new"),
        ("a.flag ? a.kind : a.name", "str", "new"),
        ("a.kind == a.other", "bool", False),
        ("a.kind in a.kinds", "bool", True),
        ("a.kind in [a.name, 'old']", "bool", False),
        # null
        ("!(a.maybe == null) && a.maybe.size() > 2", "bool", False),
        ("!(a.maybe == null || a.maybe.size() > 2)", "bool", False),
        ("a.maybe == null ? 'none' : a.maybe", "str", "none"),
        ("(a.flag ? a.maybe != null : has(a.maybe)) && a.maybe == ''", "bool", False),
        ("a.flag ? 1.5 : null", "float?", 1.5),
        # a whole number is a float wherever one is expected
        ("orders[0].price > 4", "bool", True),
        ("a.n * 1.5 - 1", "float", 9.5),
        ("a.n == 7.0", "bool", True),
        ("a.n in [1.5, 7.0]", "bool", True),
        ("a.marks == [1, 2.5]", "bool", True),
        ("[1, 2.5, null]", "list[float?]", [1.0, 2.5, None]),
        ("a.marks + [a.n]", "list[float]", [1.0, 2.5, 7.0]),
        ("a.flag ? a.n : 0.5", "float", 7.0),
        ("a.flag ? {'x': a.n} : {'x': 0.5}", "{x: float}", {"x": 7.0}),
        ("a.gaps[?1].orValue(0) / 2", "float", 1.5),
        ("(a.flag ? a.gaps[?0] : optional.of(a.n)).or(optional.of(2)).orValue(1) / 4", "float", 0.5),
        ("a.gaps[?0].or(optional.of(a.n)).orValue(1) / 2", "float", 3.5),
        ("math.greatest(a.n, 1.5)", "float", 7.0),
        ("math.least(orders.map(o, o.price + o.in)) / 2", "float", 4.0),
        ("math.ceil(a.n) + math.abs(a.n)", "float", 14.0),
        ("-a.n / 2.0", "float", -3.5),
        # CEL's own optMap would read the item at which exists(...) ended
        ("a.marks.exists(m, m == 1) && orders[?0].?off.optMap(o, o > 2).orValue(true)", "bool", True),
        ("orders.all(o, false) || a.gaps[?1].orValue(0.0) == 3", "bool", True),
        ("orders.exists(o, true) ? a.?maybe.optFlatMap(m, optional.of(m)).orValue('-') : ''", "str", "-"),
        ("a.gaps[?1].optFlatMap(g, a.gaps[?0]).hasValue()", "bool", False),
        ("a.gaps[?0].optFlatMap(g, a.gaps[?1]).hasValue()", "bool", False),
        ("a.gaps[?1].optFlatMap(g, optional.of(g + 1)).orValue(0)", "float", 4.0),
        # long chains are not deep
        (" || ".join(f"a.n == {i}" for i in range(600)), "bool", True),
        (" && ".join(["a.maybe == null", *["a.flag"] * 600]), "bool", True),
        (" + ".join(["a.name"] * 200), "str", "Ann" * 200),
        # data of the type any is read as it comes
        ("a.extra.q + 1", "int", 2),
        ("a.extra.?z.orValue('none')", "any", "none"),
        ("a.extra == a.n", "bool", False),
        ("'%s has %d'.format([a.name, a.n])", "str", "Ann has 7"),
    ],
)
def test_types_hold_inside_lists_and_macros(text: str, kind: str, value: object) -> None:
    compiled = compile_expression(text, SCOPE)
    assert str(compiled.type) == kind
    assert compiled.evaluate(VALUES) == value


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        ("orders.exists(o, o.price > 'x')", 25, ": '>' cannot take float and str"),
        (
            "orders.exists(o, o.pirce > 1.0)",
            19,
            " reads 'o.pirce', but 'o' has 'price: float'. Did you mean 'o.price'?",
        ),
        (
            "orders.exists(o, o.buyer.nme == '')",
            25,
            " reads 'o.buyer.nme', but 'o.buyer' has 'name: str'. Did you mean 'o.buyer.name'?",
        ),
        (
            "orders.filter(o, o.off > 1.0)",
            23,
            ": '>' cannot take float? and float. 'o.off' may be null: write o.?off.orValue(0.0)",
        ),
        ("orders.filter(o, o.kind == 'ne')", 27, ": 'o.kind' is never 'ne'. Did you mean 'new'?"),
        ("orders.filter(o, o.kind in ['old', 'x'])", 35, ": 'o.kind' is never 'x'. Known: new, old."),
        ("orders.exists(o, o.price)", 17, ": the condition of exists(...) is float, expected bool"),
        ("orders.exists(o, o.price != null)", 17, ": 'o.price' is float and never null"),
        (
            "orders.all(o, orders.exists(o, o.in > 1))",
            28,
            ": 'o' is taken by a macro around it. Give the variable of exists(...) another name",
        ),
        (
            "orders[0].pirce",
            10,
            " reads 'orders[0].pirce', but 'orders[0]' has 'price: float'. Did you mean 'orders[0].price'?",
        ),
        (
            "last.price",
            5,
            " reads 'last.price', but 'last' may be null. Ask with '?': 'last.?price.orValue(...)'",
        ),
        (
            "a.maybe != null || a.maybe == ''",
            27,
            ": '==' cannot take str? and str. 'a.maybe' may be null: write a.?maybe.orValue('')",
        ),
        (
            "!(a.maybe != null) && a.maybe == ''",
            30,
            ": '==' cannot take str? and str. 'a.maybe' may be null: write a.?maybe.orValue('')",
        ),
        (
            "(a.maybe != null || a.flag) && a.maybe == ''",
            39,
            ": '==' cannot take str? and str. 'a.maybe' may be null: write a.?maybe.orValue('')",
        ),
        (
            "(a.maybe != null && a.flag ? 1 : 0) == a.maybe.size()",
            51,
            ": 'size' cannot take str?. 'a.maybe' may be null: write a.?maybe.orValue('')",
        ),
        (
            "a.kind == a.far",
            10,
            ": 'a.kind' and 'a.far' are never equal: one is enum[new, old], the other enum[x, y]",
        ),
        ("'x' in a.kinds", 0, ": 'a.kinds' is never 'x'. Known: new, old."),
        ("[a.name, a.n]", 9, ": the items of a list have different types, str and int. Give all the same"),
        ("{a.name: 1}", 1, ": the names in {...} are texts in quotes, like {'name': 1}"),
        ("dyn(a.name)", 0, ": there is no function 'dyn'. What has the type any needs no dyn(...)"),
        (
            "a.?name.value()",
            8,
            ": there is no function 'value'. End it with .orValue(...), which says what stands for nothing",
        ),
        ("'%d'.format([a.name])", 11, ": %d cannot take str. Write %s"),
        ("a.name.matches('[')", 15, ": the pattern cannot be read: invalid regular expression: missing ]: ["),
        ("a.name + '\\q'", 10, ": '\\q' means nothing in a text. Write \\\\ for a backslash, or r'...'"),
        ("9223372036854775808", 0, ": '9223372036854775808' does not fit into 64 bits"),
        ("1e999", 0, ": '1e999' is too large"),
        ("a.name == '\x00'", 11, ": the character U+0000 cannot stand in an expression. Delete it"),
        ("a.name == '\ud800'", 11, ": the character U+D800 cannot stand in an expression. Delete it"),
        (
            "1" + " " * 20_000,
            20_000,
            ": the expression has 20,001 characters, more than 20,000. Split it over nodes",
        ),
        ("(" * 4000 + "1", 0, ": the expression is nested too deeply. Split it over nodes"),
        ("a.n" + " - a.n" * 1500, 0, ": the expression is nested too deeply. Split it over nodes"),
        ("a.n % 2.0", 4, ": '%' cannot take int and float. Convert with int(...)"),
        ("a.marks[1.0]", 7, ": '[]' cannot take list[float] and float"),
        ("1u", 0, ": '1u' is a number without sign, which has no type here. Leave out the u"),
        ("b'x'", 0, ": bytes have no type here. Write a text, without the b"),
    ],
)
def test_what_could_fail_by_its_type_is_refused(text: str, offset: int, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text, SCOPE)
    assert str(caught.value) == f"node 'here'{message}"
    assert caught.value.offset == offset


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("orders[7].price", "Index error: index=7 size=2"),
        ("a.n / (a.n - 7)", "divide by zero"),
        ("a.marks[0] / 0.0", "the number is inf, which is not finite"),
        ("a.n * 9223372036854775807", "integer overflow"),
        ("double(a.name)", "cannot convert string to double"),
        (
            "a.name.substring(9)",
            "<string>.substring(<start>, <end>): <start> or <end> is greater than <string>.size()",
        ),
        ("a.extra.z", 'Key not found in map : "z"'),
    ],
)
def test_values_are_what_is_left_to_fail(text: str, reason: str) -> None:
    with pytest.raises(ExpressionFailed) as caught:
        compile_expression(text, SCOPE).evaluate(VALUES)
    assert str(caught.value) == f"'{text}' failed: {reason}"


def test_a_macro_goes_over_ten_thousand_items_at_most() -> None:
    values = VALUES | {"a": VALUES["a"] | {"marks": [1.0] * 20_000}}
    with pytest.raises(ExpressionFailed, match="it goes over more than 10 000 items"):
        compile_expression("a.marks.all(x, x > 0.0)", SCOPE).evaluate(values)


def test_patterns_take_linear_time() -> None:
    compiled = compile_expression("a.name.matches('^(a+)+$')", SCOPE)
    values = VALUES | {"a": VALUES["a"] | {"name": "a" * 100_000 + "b"}}
    start = time.process_time()
    assert compiled.evaluate(values) is False
    assert time.process_time() - start < 0.5


def test_fields_of_records_come_in_the_order_of_their_type() -> None:
    found = compile_expression("orders.filter(o, o.price > 10.0)", SCOPE).evaluate(VALUES)
    assert [list(each) for each in found] == [list(ORDER.fields)]


SKIPPABLE = replace(SCOPE, skippable=frozenset(["a", "b"]), needs={"a": frozenset(), "b": frozenset()})
TRAP = "'{}' may be skipped, and then so is this node, whatever the other side of {} says. Write {}"


@pytest.mark.parametrize(
    ("text", "offset", "trap"),
    [
        ("a.flag || b.?flag.orValue(false)", 0, ("a", "||", "a.?flag.orValue(false)")),
        ("orders.size() > 1 || a.kind == 'new'", 21, ("a", "||", "a.?kind.orValue('')")),
        ("!(a.flag && b.?flag.orValue(false))", 2, ("a", "||", "a.?flag.orValue(false)")),
        ("orders.size() > 1 ? a.n : 0", 20, ("a", ":", "a.?n.orValue(0)")),
        ("b.flag && (a.flag || b.flag)", 11, ("a", "||", "a.?flag.orValue(false)")),
    ],
)
def test_another_side_that_can_never_help_is_told(text: str, offset: int, trap: tuple[str, str, str]) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text, SKIPPABLE)
    name, sign, remedy = trap
    sign = "&&" if text.startswith("!") else sign
    assert str(caught.value) == f"node 'here': {TRAP.format(name, sign, remedy)}"
    assert caught.value.offset == offset


@pytest.mark.parametrize(
    "text",
    [
        "a.?flag.orValue(false) || b.?flag.orValue(false)",
        "a.flag || a.kind == 'new'",
        "a.flag && (a.kind == 'new' || orders == [])",
        "a.flag && b.flag",
        "has(a.flag) || orders == []",
        "has(a.flag) && a.flag || orders == []",
        "a.flag ? a.n : a.n + 1",
        "orders.exists(o, o.price > 1.0 || o.in == 1)",
    ],
)
def test_alternatives_that_can_help_pass(text: str) -> None:
    compile_expression(text, SKIPPABLE)


def test_a_side_that_falls_with_the_other_is_no_alternative() -> None:
    text = "a.kind == 'new' || b.?flag.orValue(false)"
    compile_expression(text, replace(SKIPPABLE, needs={"b": frozenset(["a"])}))
    compile_expression(text, replace(SKIPPABLE, facts=frozenset([("a",)])))
    compile_expression(text, replace(SKIPPABLE, facts=EVERYTHING))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("1 > 2", False),
        ("'a' == 'b' || 2 in [2]", True),
        ("1 / 0 == 1", None),
        ("a.flag", None),
        ("1 + 1", None),
        ("a.flag || true", None),
    ],
)
def test_conditions_that_read_nothing(text: str, value: bool | None) -> None:
    assert constant_value(compile_expression(text, SCOPE)) is value


def test_any_is_checked_where_it_is_read() -> None:
    loose = fitted(compile_expression("a.extra.q", SCOPE), INT)
    assert loose.evaluate(VALUES) == 1
    wrong = fitted(compile_expression("a.extra", SCOPE), ListOf(BOOL))
    with pytest.raises(
        ExpressionFailed, match="'a.extra' has the type any: value is {'q': 1}, expected a list"
    ):
        wrong.evaluate(VALUES)
    assert fitted(compile_expression("a.extra", SCOPE), ANY).evaluate(VALUES) == {"q": 1}


def test_an_enum_takes_an_expression_of_its_cases() -> None:
    kind = parse_type("enum[new, old, lost]")
    made = compile_value(("x",), "${a.flag ? 'old' : 'new'}", kind, SCOPE, "input 'kind'")
    assert made.evaluate(VALUES) == "old"
    with pytest.raises(ValueFault) as caught:
        compile_value(("x",), "${a.name}", kind, SCOPE, "input 'kind'")
    assert str(caught.value) == (
        "node 'here' gives '${a.name}', which is str, to input 'kind', which takes enum[new, old, lost]. "
        "Write its cases out, like x == '...' ? 'new' : 'lost'"
    )
