from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.expressions.compiled import compile_expression
from shoal.expressions.expression import ExpressionFailed
from shoal.expressions.scope import ExpressionError, Scope, Source
from shoal.expressions.templates import compile_text
from shoal.expressions.tokens import known_after, needed_and_asked
from shoal.expressions.values import source_type
from shoal.workspace.types import INT, ListOf, parse_record

SOURCES = {
    name: Source(source_type(parse_record(fields)), f"{giver} gives")
    for name, giver, fields in (
        ("input", "the run", {"message": "str", "n": "int"}),
        ("slots", "agent 'slots'", {"amount": "span[number] from message", "card": "span[str] from message"}),
        ("triage", "agent 'triage'", {"intent": "enum[lost_card, other]", "confidence": "float"}),
        (
            "account",
            "tool 'look_up'",
            {
                "name": "str",
                "limit": "float",
                "owner": {"first": "str?", "age": "int"},
                "cards": "list[str]",
                "extra": "any",
                "home": "any",
                "boss": "str?",
            },
        ),
        ("approve", "node 'approve'", {"yes": "bool"}),
    )
} | {
    "age": Source(INT, "tool 'age' gives"),
    "visits": Source(source_type(ListOf(parse_record({"pages": "int"}))), "x"),
    "loans": Source(parse_record({"x": "list[any]"}).fields["x"], "x"),
}
SCOPE = Scope(reader="node 'decide'", sources=SOURCES, own="decide")
VALUES: dict[str, Any] = {
    "input": {"message": "hi", "n": 3},
    "slots": {"amount": None, "card": "gold"},
    "triage": {"intent": "lost_card", "confidence": 0.5},
    "account": {
        "name": "Ann",
        "limit": 5000,
        "owner": {"first": None, "age": 40},
        "cards": ["a", "b"],
        "extra": {"q": 1},
        "home": None,
        "boss": None,
    },
    "age": 4,
    "loans": [{"sum": 3.0}],
}


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("slots.amount", "float?", None),
        ("slots.card", "str?", "gold"),
        ("slots.?amount", "float?", None),
        ("slots.?amount.orValue(1.0)", "float", 1.0),
        ("slots.?amount.orValue(1.0) < 3.0", "bool", True),
        ("slots.?card.orValue('x')", "str", "gold"),
        ("triage.?intent.orValue('other')", "enum[lost_card, other]", "lost_card"),
        ("triage.?intent.orValue('none')", "enum[lost_card, other, none]", "lost_card"),
        ("slots.?amount.hasValue()", "bool", False),
        ("slots.?card.optMap(c, c + '!')", "str?", "gold!"),
        ("slots.?amount.or(optional.of(2.0)).orValue(0.0)", "float", 2.0),
        ("slots.amount == null", "bool", True),
        ("null != slots.card", "bool", True),
        ("slots.amount != null && slots.amount > 3.0", "bool", False),
        ("slots.amount == null || slots.amount > 3.0", "bool", True),
        ("has(slots.card) && slots.card == 'gold'", "bool", True),
        ("slots.card == account.boss", "bool", False),
        ("true ? slots.amount : null", "float?", None),
        ("[slots.amount, slots.amount]", "list[float?]", [None, None]),
        ("{'a': slots.amount, 'b': [null]}", "{a: float?, b: list[any?]}", {"a": None, "b": [None]}),
        # a node that was skipped
        ("approve.?yes", "bool?", None),
        ("approve.?yes.orValue(false)", "bool", False),
        ("approve.?yes == null", "bool", True),
        ("has(approve.yes)", "bool", False),
        ("has(age)", "bool", True),
        # the rest of the language
        ("account", str(SOURCES["account"].type), VALUES["account"]),
        ("account.owner.age + input.n", "int", 43),
        ("account.owner.?first.orValue('x') + 'y'", "str", "xy"),
        ("account.limit / 2.0", "float", 2500.0),
        ("account.cards.exists(c, c == 'b')", "bool", True),
        ("account.cards.map(c, c + account.name)", "list[str]", ["aAnn", "bAnn"]),
        ("account.cards[1]", "str", "b"),
        ("account.extra.q + 1", "int", 2),
        ("account.extra.?z.orValue('none')", "any", "none"),
        ("account.home == null", "bool", True),
        ("loans.filter(l, l.sum > 1.0).size()", "int", 1),
        ("triage.intent in ['lost_card', 'other']", "bool", True),
        ("triage.intent.startsWith('lost')", "bool", True),
        ("input.message.upperAscii() + string(age)", "str", "HI4"),
        ("input.message.matches('^h.$')", "bool", True),
        ("math.greatest(1, age)", "int", 4),
        ("'a, b'.split(', ')", "list[str]", ["a", "b"]),
        ("account.limit > 1.0 ? 'big' : 'small' // a remark", "enum[big, small]", "big"),
        ("'slots.zzz'", "str", "slots.zzz"),
        ("null", "any?", None),
    ],
)
def test_an_expression_has_a_type_and_a_value(text: str, kind: str, value: object) -> None:
    compiled = compile_expression(text, SCOPE)
    assert str(compiled.type) == kind
    assert compiled.evaluate(VALUES) == value


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        (
            "slots.amount < 5.0",
            13,
            "'<' cannot take float? and float. 'slots.amount' may be null: write slots.?amount.orValue(0.0)",
        ),
        (
            "slots.amount + 1.0",
            13,
            "'+' cannot take float? and float. 'slots.amount' may be null: write slots.?amount.orValue(0.0)",
        ),
        (
            "-slots.amount",
            0,
            "'-' cannot take float?. 'slots.amount' may be null: write slots.?amount.orValue(0.0)",
        ),
        (
            "size(slots.card)",
            4,
            "'size' cannot take str?. 'slots.card' may be null: write slots.?card.orValue('')",
        ),
        (
            "slots.card.contains('a')",
            19,
            "'contains' cannot take str? and str. 'slots.card' may be null: write slots.?card.orValue('')",
        ),
        (
            "account.limit > 1.0 || slots.amount > 1.0",
            36,
            "'>' cannot take float? and float. 'slots.amount' may be null: write slots.?amount.orValue(0.0)",
        ),
        (
            "true ? slots.amount : 0.0",
            5,
            "the two sides of ':' have different types, float? and float. 'slots.amount' may be null: write "
            "slots.?amount.orValue(0.0)",
        ),
        (
            "approve.?yes && true",
            13,
            "'&&' cannot take bool? and bool. 'approve.yes' may be absent: end it with .orValue(false)",
        ),
        ("triage.intent == null", 0, "'triage.intent' is enum[lost_card, other] and never null"),
        (
            "triage.intent == 'lost_cord'",
            17,
            "'triage.intent' is never 'lost_cord'. Did you mean 'lost_card'?",
        ),
        ("'x' != triage.intent", 0, "'triage.intent' is never 'x'. Known: lost_card, other."),
        ("triage.intent in ['other', 'y']", 27, "'triage.intent' is never 'y'. Known: lost_card, other."),
        ("account.name && true", 13, "'&&' cannot take str and bool"),
        ("1 + 'a'", 2, "'+' cannot take int and str"),
        ("foo(account.name)", 0, "there is no function 'foo'. Did you mean 'floor'?"),
        ("account.name.contins('a')", 13, "there is no function 'contins'. Did you mean 'contains'?"),
        ("1 +", 3, "the expression ends too early"),
        ("(1 + 2", 6, "')' is missing"),
        ("account.limit = 1.0", 14, "'=' is not an operator. Compare with '=='"),
        ("true & false", 5, "'&' is not an operator. Write '&&'"),
        ("true and false", 5, "'and' is written && in expressions"),
        ("1 2", 2, "'2' is not expected here"),
        ("'abc", 0, "the quote is never closed"),
        ("", 0, "the expression ends too early"),
        ("timestamp('2026-01-01T00:00:00Z')", 0, "the expression gives timestamp, which has no type here"),
        (" - ".join(["age"] * 40), 0, "the expression is nested too deeply. Split it over nodes"),
        (
            "account.cards.all(age, age != '')",
            18,
            "'age' is a node. Give the variable of all(...) a name of its own",
        ),
        (
            "[slots.?amount]",
            1,
            "a value read with '?' cannot be put into a list or map. End it with .orValue(...)",
        ),
        ("has(account.name + 'a')", 4, "has(...) takes one path, like has(account.name)"),
    ],
)
def test_a_fault_has_a_place_and_a_sentence(text: str, offset: int, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text, SCOPE)
    assert str(caught.value) == f"node 'decide': {message}"
    assert caught.value.offset == offset


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        (
            "slots.ammount",
            6,
            "reads 'slots.ammount', but agent 'slots' gives 'amount: float?'. Did you mean 'slots.amount'?",
        ),
        (
            "1.0 < account.limt",
            14,
            "reads 'account.limt', but tool 'look_up' gives 'limit: float'. Did you mean 'account.limit'?",
        ),
        (
            "account.owner.agee",
            14,
            "reads 'account.owner.agee', but 'account.owner' has 'age: int'. "
            "Did you mean 'account.owner.age'?",
        ),
        ("slot.amount", 0, "reads 'slot.amount', but there is no node 'slot'. Did you mean 'slots'?"),
        ("approve.?no", 9, "reads 'approve.no', but node 'approve' gives 'yes: bool'."),
        ("account.limit.x", 14, "reads 'account.limit.x', but 'account.limit' is float and has no fields"),
        (
            "visits.exists(v, v.page == 3)",
            19,
            "reads 'v.page', but 'v' has 'pages: int'. Did you mean 'v.pages'?",
        ),
        ("decide.x", 0, "reads itself. Only `accept` may read a node's own output"),
    ],
)
def test_a_name_that_is_not_there_is_told_with_what_is(text: str, offset: int, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text, SCOPE)
    assert str(caught.value) == f"node 'decide' {message}"
    assert caught.value.offset == offset


@pytest.mark.parametrize(
    ("text", "reads", "asks"),
    [
        ("slots.amount != null && triage.confidence > 0.5", {"slots", "triage"}, set()),
        ("slots.?amount.orValue(0.0) > account.limit", {"account"}, {"slots"}),
        ("slots.?amount.hasValue() && slots.card == null", {"slots"}, {"slots"}),
        ("has(approve.yes) || input.n > 3", set(), {"approve"}),
        ("account.owner.?first.orValue('')", {"account"}, set()),
        ("account.cards.all(c, c != '')", {"account"}, set()),
    ],
)
def test_what_is_needed_and_what_is_asked_for(text: str, reads: set[str], asks: set[str]) -> None:
    compiled = compile_expression(text, SCOPE)
    assert compiled.reads == reads
    assert compiled.asks == asks


def test_names_are_found_before_anything_is_compiled() -> None:
    needed, asked = needed_and_asked("a.b > 1 && c.?d.orValue(a.e) == has(f.g)")
    assert (set(needed), set(asked)) == ({"a"}, {"c", "f"})
    assert known_after("a.b != null && (c.d == 1 || e) && has(f.g) && null != h") == {
        ("a",),
        ("a", "b"),
        ("f",),
        ("f", "g"),
        ("h",),
    }
    assert known_after("a.b != null || c") == frozenset()
    assert known_after("!(a.b != null)") == frozenset()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1 / (age - 4)", "'1 / (age - 4)' failed: divide by zero"),
        ("account.cards[7]", "'account.cards[7]' failed: Index error: index=7 size=2"),
        ("int(account.name)", "'int(account.name)' failed: cannot convert string to int"),
        ("account.extra.zzz + 1", "'account.extra.zzz + 1' failed: Key not found in map : \"zzz\""),
        (
            "account.home + 1",
            "'account.home + 1' failed: No matching overloads found : _+_(null_type, int64)",
        ),
        (
            "account.name.matches('[' + 'a')",
            "'account.name.matches('[' + 'a')' failed: invalid regular expression: missing ]: [a",
        ),
    ],
)
def test_what_fails_on_values_says_why(text: str, reason: str) -> None:
    compiled = compile_expression(text, SCOPE)
    with pytest.raises(ExpressionFailed) as caught:
        compiled.evaluate(VALUES)
    assert str(caught.value) == reason


def test_nulls_that_come_back_leave_python_whole() -> None:
    """`plain_value` of cel-expr-python 0.1.3 loses a reference of None each time it meets a null."""
    alone = compile_expression("true ? slots.amount : null", SCOPE)
    inside = compile_expression("[slots.amount, slots.amount]", SCOPE)
    before = sys.getrefcount(None)
    for _ in range(2000):
        alone.evaluate(VALUES)
        inside.evaluate(VALUES)
    assert abs(sys.getrefcount(None) - before) < 500


def test_many_variables_of_one_type() -> None:
    text = f"[{', '.join(['account.limit'] * 40)}].size()"
    assert compile_expression(text, SCOPE).evaluate(VALUES) == 40


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("plain", "str", "plain"),
        ("${account.limit}", "float", 5000),
        ("${account.name}: ${account.limit}", "str", "Ann: 5000"),
        ("${account.limit / 3000.0} and ${true}", "str", "1.6666666666666667 and true"),
        ("${account.cards}!", "str", '["a", "b"]!'),
        ("costs $${x} or $5", "str", "costs ${x} or $5"),
        ("${'}' + '{'}", "str", "}{"),
        ("${ {'a': 1}.a }", "int", 1),
        (" ${account.name}", "str", " Ann"),
    ],
)
def test_templates(text: str, kind: str, value: object) -> None:
    compiled = compile_text(text, SCOPE)
    assert str(compiled.type) == kind
    assert compiled.evaluate(VALUES) == value


def test_data_is_never_read_as_a_template() -> None:
    values = {**VALUES, "input": {"message": "${account.limit} {{ knowledge }} $${x}", "n": 1}}
    assert (
        compile_text("<${input.message}>", SCOPE).evaluate(values)
        == "<${account.limit} {{ knowledge }} $${x}>"
    )


_WORDS = st.sampled_from(
    [
        "slots",
        ".",
        ".?",
        "amount",
        "card",
        "triage",
        "intent",
        "account",
        "limit",
        "cards",
        "approve",
        "yes",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "?",
        "&&",
        "||",
        "!",
        "==",
        "!=",
        "<",
        "+",
        "-",
        "*",
        "/",
        "%",
        "1",
        "2.5",
        "'a'",
        '"b"',
        "null",
        "true",
        "has",
        "in",
        "exists",
        "x",
        "orValue",
        "size",
        "string",
        "'lost_card'",
        "decide",
        "age",
        "input",
        "'é'",
        "\\",
        "`",
        "$",
        "@",
        "=",
        "&",
        "|",
        ";",
        "\n",
    ]
)


@given(
    st.lists(_WORDS, max_size=14).map(" ".join)
    | st.lists(_WORDS, max_size=14).map("".join)
    | st.text(max_size=40)
)
def test_no_text_escapes_as_another_exception(text: str) -> None:
    for compiler in (compile_expression, compile_text):
        try:
            compiled = compiler(text, SCOPE)
        except ExpressionError as err:
            assert 0 <= err.offset <= len(text)
            assert "\n" not in str(err).replace(text, "")
            continue
        try:
            compiled.evaluate(VALUES)
        except ExpressionFailed:
            continue
