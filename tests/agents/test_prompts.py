from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shoal.agents.agent import Agent, Base
from shoal.agents.prompts import MAX_CHARS, MAX_INPUT, MAX_STEPS, check_prompt, render_prompt
from shoal.errors import ShoalError
from shoal.workspace.types import parse_record

AGENT = Agent(
    name="writer",
    about="Writes to customers.",
    base=Base(name="nano", model="shoal/nano", kind="decoder"),
    input=parse_record({"x": "any?"}),
    output=parse_record({"text": "str"}),
    knowledge="We never say {{ x }}.",
)


def render(prompt: str | None, **values: Any) -> str:
    return render_prompt(replace(AGENT, prompt=prompt), values)


def test_fields_and_knowledge_are_printed_and_never_rendered_twice() -> None:
    assert render("{{ x }} {{ knowledge }}", x="{{ 7 * 7 }} <b>") == "{{ 7 * 7 }} <b> We never say {{ x }}."


def test_values_are_printed_as_people_write_them() -> None:
    prompt = "{% for each in x %}{{ each }};{% endfor %}"
    assert render(prompt, x=[12.0, 1.5, None, True, {"a": "é"}]) == '12;1.5;none;yes;{"a": "é"};'


def test_a_prompt_chooses_loops_and_filters() -> None:
    prompt = "{% for a in x if a %}{{ loop.index }} {{ a | upper }}{% else %}nothing{% endfor %}"
    prompt += " {{ x | join('+') }}"
    assert render(prompt, x=["a", "", "b"]) == "1 A2 B a++b"
    assert render(prompt, x=[]) == "nothing"


def test_a_choice_without_else_prints_nothing() -> None:
    assert render("a{{ 'b' if x == 1 }}c", x=2) == "ac"


def test_an_agent_without_a_prompt_is_asked_by_its_fields() -> None:
    assert render(None, x="Ada", amount=3.5) == "Writes to customers.\n\nx: Ada\namount: 3.5"


def test_an_input_that_is_left_out_is_null() -> None:
    assert render("{% if x %}{{ x }}{% else %}nothing{% endif %}") == "nothing"


def test_a_name_that_is_no_input_is_named_with_its_place() -> None:
    (problem,) = check_prompt("Hello,\n{{ ammount }}!", ["amount", "name"], "agents/reply/prompt.md")
    assert str(problem) == (
        "agents/reply/prompt.md:2:4 the prompt reads 'ammount', which is not an input field. Did you mean "
        "'amount'?"
    )


@pytest.mark.parametrize(
    ("prompt", "problem"),
    [
        ("a\n{% if x %}\nb\n", "2:1 '{% if %}' is never closed. Write {% endif %} behind what belongs to it"),
        (
            "{% set y = x %}\n{% for a in x %}\n{% if a %}{% else %}{% endif %}\nb",
            "2:1 '{% for %}' is never closed. Write {% endfor %} behind what belongs to it",
        ),
        ("a\n{{ x\nb {{ x }}\n", "2:1 '{{' is not closed with '}}'"),
        ("a\n{% if x\nb {% endif %}\n", "2:1 '{%' is not closed with '%}'"),
        ("{% if x\n  == %}{% endif %}\n", "2:1 this is not a template: unexpected 'end of statement block'"),
    ],
)
def test_what_is_never_closed_is_told_where_it_opens(prompt: str, problem: str) -> None:
    assert [str(each) for each in check_prompt(prompt, ["x"], "p")] == [f"p:{problem}"]


def test_variables_of_the_prompt_itself_are_known() -> None:
    assert (
        check_prompt("{% set a = x %}{% for b in x %}{{ a }}{{ b }}{{ loop.index }}{% endfor %}", ["x"], "p")
        == []
    )


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ("{{ x * 9 }}", "cannot use 'mul'"),
        ("{{ x ~ x }}", "cannot use 'concat'"),
        ("{{ range(9) }}", "cannot call 'range'"),
        ("{{ x.format(1) }}", "cannot call 'format'"),
        ("{{ x | center(9) }}", "'center' is not a filter of prompts"),
        ("{% macro f() %}{% endmacro %}", "cannot use 'macro'"),
        ("{% include 'a' %}", "cannot use 'include'"),
        ("{% for a in x recursive %}{{ loop(x) }}{% endfor %}", "cannot call 'loop'"),
        ("{{ x }", "'{{' is not closed with '}}'"),
        ("{{ x | }}", "this is not a template"),
        ("{{ x is callable }}", "'callable' is not a test of prompts"),
        ("{{ " + "(" * 900 + "x" + ")" * 900 + " }}", "nested deeper than 30"),
        ("{% if x %}" * 31 + "{% endif %}" * 31, "nested deeper than 30"),
        ("{% for a in x %}" * 25 + "{% endfor %}" * 25, "nested deeper than 30"),
        ("{{ x }}" * 2000, "more than 5,000 words and signs"),
        ("a" * 100_001, "longer than 100,000 characters"),
        ("{{ " + "9" * 5000 + " }}", "a number is too long"),
    ],
)
def test_what_a_prompt_must_not_do_is_said(prompt: str, message: str) -> None:
    problems = check_prompt(prompt, ["x"], "prompt.md")
    assert message in str(problems[0])
    with pytest.raises(ShoalError, match="agent 'writer'"):
        render(prompt, x="a")


def test_loops_are_counted() -> None:
    prompt = "{% for a in x %}{% for b in x %}{% for c in x %}{% endfor %}{% endfor %}{% endfor %}"
    with pytest.raises(ShoalError, match=f"more than {MAX_STEPS:,} turns"):
        render(prompt, x=["a"] * 1000)


def test_values_and_time_are_limited() -> None:
    with pytest.raises(ShoalError, match=f"longer than {MAX_INPUT:,} characters"):
        render("{{ x | length }}", x="a" * MAX_INPUT)
    with pytest.raises(ShoalError, match="takes more than 0.1 s"):
        render("{% for a in x[:900] %}{% if (x | lower) == a %}{% endif %}{% endfor %}", x="é" * 199_000)


def test_output_is_limited_while_it_is_made() -> None:
    with pytest.raises(ShoalError, match=f"longer than {MAX_CHARS:,} characters"):
        render("{% for a in x %}{{ a }}{% endfor %}", x=["a" * 10_000] * 15)


def test_a_text_cannot_be_doubled_until_memory_is_full() -> None:
    with pytest.raises(ShoalError, match="longer than"):
        render("{% set a = [x, x] | join %}" + "{% set a = [a, a] | join %}" * 60 + "{{ a }}", x="ab")


@pytest.mark.parametrize("prompt", ["{{ x['__class__'] }}", "{{ x.y }}", "{{ x.y.z }}"])
def test_what_a_value_does_not_have_is_an_error_and_not_empty(prompt: str) -> None:
    with pytest.raises(ShoalError, match="does not fit the values it got"):
        render(prompt, x={"a": 1})


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ("{{ text.subject }}", "1:9 the prompt reads 'subject' of a value that is str and has no fields"),
        ("{{ text.__class__ }}", "1:9 a prompt cannot read '__class__'. Fields start with a letter"),
        (
            "{{ order.prize }}",
            "1:10 the prompt reads 'prize', which is no field of {price: float}. Did you mean 'price'?",
        ),
        (
            "{% for each in orders %}{{ each.prize }}{% endfor %}",
            "1:33 the prompt reads 'prize', which is no field of {price: float}. Did you mean 'price'?",
        ),
    ],
)
def test_fields_are_those_of_the_type(prompt: str, message: str) -> None:
    fields = parse_record({"text": "str", "order": {"price": "float"}, "orders": [{"price": "float"}]})
    assert [str(each) for each in check_prompt(prompt, fields.fields, "p")] == [f"p:{message}"]


def test_fields_that_are_there() -> None:
    order = {"price": "float"}
    fields = parse_record({"text": "str", "order": order, "orders": [order], "x": "any"})
    loop = "{% for o in orders %}{{ o.price }}{{ loop.index }}{% endfor %}"
    assert check_prompt("{{ text.upper() }} {{ order.price }} {{ x.y }}" + loop, fields.fields, "p") == []
