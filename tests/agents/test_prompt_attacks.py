"""Ways out of the sandbox and ways to exhaust it: none succeeds, each ends soon and with a sentence.

A canary in the environment stands for what must not be reached. The time is that of the processor for
checking and rendering together, the memory the peak of what Python allocates meanwhile.
"""

from __future__ import annotations

import gc
import time
import tracemalloc
from dataclasses import replace
from typing import Any

import pytest

from shoal.agents.agent import Agent, Base
from shoal.agents.prompts import MAX_CPU_S, check_prompt, render_prompt
from shoal.errors import ShoalError
from shoal.workspace.types import parse_record

CANARY = "canary-5e1f"
AGENT = Agent(
    name="writer",
    about="Writes.",
    base=Base(name="nano", model="shoal/nano", kind="decoder"),
    input=parse_record({"x": "any", "t": "str", "n": "int"}),
    output=parse_record({"text": "str"}),
    knowledge="Be kind.",
)
VALUES: dict[str, Any] = {"x": {"a": [1, 2], "b": {"c": "d"}}, "t": "text {0.__class__} %s", "n": 7}

ESCAPES = [
    # the classes of values
    "{{ x.__class__ }}",
    "{{ x['__class__'] }}",
    "{{ x.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''.__class__.__base__.__subclasses__() }}",
    "{{ [].__class__.__base__ }}",
    "{{ ().__class__.__bases__[0] }}",
    "{{ n.__class__ }}",
    "{{ true.__class__ }}",
    "{{ x.a.__class__ }}",
    "{{ t.__doc__ }}",
    "{{ x.__init__.__globals__ }}",
    "{{ x.get.__self__ }}",
    "{{ x.items.__class__ }}",
    "{{ x.__getattribute__('a') }}",
    "{{ x.__dict__ }}",
    "{{ x['__cla' 'ss__'] }}",
    "{{ x['\\x5f\\x5fclass\\x5f\\x5f'] }}",
    "{{ x['\\u005f\\u005fclass__'] }}",
    "{{ x.\uff3f\uff3fclass\uff3f\uff3f }}",
    "{% set k = '__class__' %}{{ x[k] }}",
    "{% set k = ['__cl', 'ass__'] | join %}{{ x[k] }}",
    "{% set k = 'ssalc__' | reverse %}{{ x[k ~ '__'] }}",
    # filters that look attributes up
    "{{ x | attr('__class__') }}",
    "{{ x | attr('__cla' ~ 'ss__') }}",
    "{{ [x] | map(attribute='__class__') | list }}",
    "{{ [x] | groupby('__class__') }}",
    "{{ [x, x] | sort(attribute='__class__') }}",
    "{{ [x] | unique(attribute='__class__.__name__') | list }}",
    "{{ [x] | join(',', '__class__') }}",
    "{{ [x] | join(attribute='__class__') }}",
    "{{ [x] | selectattr('__class__') | list }}",
    "{{ [x] | sum(attribute='__class__') }}",
    "{{ [x] | max(attribute='__class__') }}",
    "{{ x | default(x.__class__) | string }}{{ x.__class__ }}",
    # format strings
    "{{ t.format(x) }}",
    "{{ '{0.__class__}'.format(x) }}",
    "{{ '{x.__class__.__init__.__globals__}'.format_map({'x': x}) }}",
    "{{ '%s' % x }}",
    "{{ '%s' | format(x.__class__) }}",
    "{{ (t ~ '{0.__class__}').format(x) }}",
    "{% set f = ''.format %}{{ f(x) }}",
    # what Jinja itself holds
    "{{ self }}",
    "{{ self._TemplateReference__context }}",
    "{{ self.__init__.__globals__ }}",
    "{{ cycler.__init__.__globals__.os.environ }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ lipsum.__globals__['os'].environ }}",
    "{{ dict(a=1) }}",
    "{{ config }}",
    "{{ request.application.__globals__ }}",
    "{{ url_for.__globals__ }}",
    "{{ get_flashed_messages.__globals__ }}",
    "{{ _meter }}",
    "{{ _meter.spend(-1000000) }}",
    "{{ caller() }}",
    "{{ varargs }}{{ kwargs }}",
    "{% for a in x.a %}{{ loop.__class__ }}{% endfor %}",
    "{% for a in x.a %}{{ loop._iterable }}{% endfor %}",
    "{% for a in x.a %}{{ loop }}{% endfor %}",
    "{% for a in x.a %}{{ loop.cycle(x.__class__) }}{% endfor %}",
    "{{ x.items }}",
    "{{ x.get }}",
    "{{ t.upper }}",
    # statements that load or define
    "{% import 'os' as os %}{{ os }}",
    "{% from 'os' import environ %}",
    "{% include '/etc/passwd' %}",
    "{% include ['a', 'b'] ignore missing %}",
    "{% extends 'base' %}",
    "{% block a %}{{ super() }}{% endblock %}",
    "{% macro m() %}{{ caller }}{% endmacro %}{{ m.__globals__ }}",
    "{% call(a) x.get() %}{% endcall %}",
    "{% filter attr('__class__') %}a{% endfilter %}",
    "{% set ns = namespace(a=1) %}{% set ns.a = 2 %}",
    "{% set x.a = 1 %}",
    "{% set y %}{{ x.__class__ }}{% endset %}{{ y }}",
    "{% with y = x.__class__ %}{{ y }}{% endwith %}",
    "{% do x.update({'a': 1}) %}",
    "{% autoescape true %}{{ x.__class__ }}{% endautoescape %}",
    "{% debug %}",
    "{% trans %}a{% endtrans %}",
    # tests and calls
    "{{ x is attr('__class__') }}",
    "{{ 'os' is filter }}{{ x.__class__ is callable }}",
    "{{ x.update({'a': 1}) }}",
    "{{ x.a.append(3) }}",
    "{{ x.pop('a') }}",
    "{{ x.a.clear() }}",
    "{{ x.get('a').append(1) }}",
    "{{ x.values().__class__ }}",
    "{{ x.keys().mapping.__class__ }}",
    "{{ t.encode('utf-16') }}",
    "{{ t.translate({}) }}",
    "{{ x.get(**{'__class__': 1}) }}",
    "{{ n.to_bytes(10, 'big') }}",
    "{{ n.real.__class__ }}",
    "{{ t.maketrans }}",
]

HUGE = {"x": ["ab" * 50] * 800, "t": "é\U0001f35e" * 40_000, "n": 10**18}

BOMBS: dict[str, str] = {
    "nested ranges": "{% for a in range(99999) %}{% for b in range(99999) %}{{ a }}{% endfor %}{% endfor %}",
    "nested loops": "{% for a in x %}{% for b in x %}{% for c in x %}{% endfor %}{% endfor %}{% endfor %}",
    "loops that work": "{% for a in x %}{% for b in x %}{{ '' if t | upper == b }}{% endfor %}{% endfor %}",
    "sorting again and again": "{% for a in x %}{% if (t | lower) < (t | upper) %}{% endif %}{% endfor %}"
    * 9,
    "splitting again and again": "{% for a in x %}{% if t.split('é') == a %}{% endif %}{% endfor %}" * 9,
    "a loop over characters": "{% for a in t %}{{ a }}{% endfor %}",
    "printing again and again": "{% for a in x %}{{ t }}{% endfor %}",
    "centred": "{{ 'a' | center(999999999) }}",
    "centred by a method": "{{ 'a'.center(999999999) }}",
    "justified": "{{ 'a'.ljust(999999999) }}",
    "filled with zeros": "{{ 'a'.zfill(999999999) }}",
    "indented": "{{ t | indent(999999999) }}",
    "a product": "{{ 'a' * 999999999 }}",
    "a power": "{{ 9 ** 9 ** 9 }}",
    "a shift in a format": "{{ '%999999999d' % 1 }}",
    "doubled by joining": "{% set a = t %}" + "{% set a = [a, a] | join %}" * 60 + "{{ a }}",
    "doubled by ~": "{% set a = t %}" + "{% set a = a ~ a %}" * 60 + "{{ a }}",
    "doubled lists": "{% set a = x %}" + "{% set a = [a, a] %}" * 60 + "{{ a }}",
    "doubled tuples": "{% set a = 'a' %}" + "{% set a = (a, a) %}" * 60 + "{{ x.index(a) }}",
    "doubled lists that are compared": (
        "{% set a = [1] %}{% set b = [1] %}"
        + "{% set a = [a, a] %}{% set b = [b, b] %}" * 60
        + "{{ a == b }}"
    ),
    "doubled lists by loops": (
        "{% set a = [1] %}" + "{% for a in [[a, a]] %}" * 15 + "{{ a }}" + "{% endfor %}" * 15
    ),
    "quoted again and again": "{{ '\"' | " + " | ".join(["tojson"] * 25) + " }}",
    "quoted by variables": "{% set a = '\"' %}" + "{% set a = a | tojson %}" * 60 + "{{ a }}",
    "lists of characters": "{% set a = t | list | reverse | list %}" * 50,
    "sorted characters": "{{ t | sort | join }}",
    "a joint of everything": "{{ x | join(t) }}",
    "recursion": "{% for a in x recursive %}{{ loop(x) }}{% endfor %}",
    "a macro that calls itself": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "deep brackets": "{{ " + "(" * 2000 + "1" + ")" * 2000 + " }}",
    "deep lists": "{{ " + "[" * 2000 + "1" + "]" * 2000 + " }}",
    "deep ifs": "{% if x %}" * 300 + "{% endif %}" * 300,
    "deep loops": "{% for a in x %}" * 25 + "{% endfor %}" * 25,
    "many nots": "{{ " + "not " * 2000 + "x }}",
    "many signs": "{{ " + "-" * 2000 + "1 }}",
    "a chain of attributes": "{{ x" + ".a" * 1500 + " }}",
    "a chain of filters": "{{ t" + " | upper" * 1500 + " }}",
    "a chain of choices": "{{ " + "1 if x else " * 900 + "2 }}",
    "a chain of ands": "{{ " + "x and " * 1500 + "x }}",
    "many expressions": "{{ x }}" * 14_000,
    "many names": "{{ " + ", ".join(f"a{i}" for i in range(15_000)) + " }}",
    "a huge text": "a" * 5_000_000,
    "a huge comment": "{#" + "a" * 5_000_000 + "#}",
    "huge blanks": "{{ x" + " " * 99_000 + "}}",
    "open blocks": "{% if x %}" * 9000,
    "open comments": "{# " * 30_000,
    "open braces": "{{ " * 30_000,
    "many minus signs": "{%- " * 24_000,
    "raw blocks": "{% raw " * 14_000,
    "a long number": "{{ " + "9" * 90_000 + " }}",
    "a long fraction": "{{ 1." + "9" * 90_000 + " }}",
    "a number read from text": "{{ t | int(base=36) }}{{ ('9' | int) }}{{ x | join | int(base=36) }}",
    "a name as long as a book": "{{ " + "a" * 90_000 + " }}",
    "a division by zero": "{% if n is divisibleby 0 %}{% endif %}",
    "backslashes": "{{ '" + "\\" * 90_000 + "' }}",
}


def attack(prompt: str, values: dict[str, Any]) -> tuple[str | None, str]:
    """What the prompt printed, and the refusal."""
    problems = check_prompt(prompt, AGENT.input.fields, "prompt.md")
    try:
        printed = render_prompt(replace(AGENT, prompt=prompt), values)
    except ShoalError as error:
        assert all(problem.line >= 1 and problem.column >= 1 for problem in problems)
        return None, str(problems[0]) if problems else str(error)
    assert problems == []
    return printed, ""


@pytest.mark.parametrize("prompt", ESCAPES)
def test_nothing_gets_out_of_the_sandbox(prompt: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOAL_CANARY", CANARY)
    before = repr(VALUES)
    printed, refusal = attack(prompt, VALUES)
    assert printed is None, printed
    assert CANARY not in refusal
    assert not any(word in refusal for word in ("<class", "object at 0x", "Traceback", "jinja"))
    assert repr(VALUES) == before


@pytest.mark.parametrize("what", BOMBS)
def test_nothing_takes_long_or_much(what: str) -> None:
    render_prompt(replace(AGENT, prompt="{{ x }}"), VALUES)
    gc.freeze()  # looking through the models that other tests have loaded is no part of it
    start = time.thread_time()
    printed, refusal = attack(BOMBS[what], HUGE)
    seconds = time.thread_time() - start
    gc.unfreeze()
    assert printed is None or len(printed) < 100_000
    assert len(refusal) < 1100 and "\n" not in refusal
    # Up to the limit for rendering, and what reading 100,000 characters of template takes.
    assert seconds < MAX_CPU_S + 0.2


@pytest.mark.parametrize("what", BOMBS)
def test_nothing_takes_much_memory(what: str) -> None:
    tracemalloc.start()
    try:
        attack(BOMBS[what], HUGE)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 12_000_000


DATA = [
    "{{ 7 * 7 }}",
    "{% for a in b %}{% endfor %}",
    "{# gone #}",
    "${input.secret}",
    "$${x}",
    "{{ '{{ 7 * 7 }}' }}",
    "{{ knowledge }}",
    "<b>&amp;</b>",
    "input.x == 1",
    "{{ x }",
    "\\u007b\\u007b 7 }}",
    "%s {0} {x}",
]


@pytest.mark.parametrize("data", DATA)
def test_data_is_printed_as_it_is_wherever_it_comes_from(data: str) -> None:
    prompt = (
        "{{ t }}|{{ x.a }}|{% for e in x.b %}{{ e }}{% endfor %}|{{ knowledge }}|{{ t | trim | default('') }}"
    )
    agent = replace(AGENT, prompt=prompt, knowledge=data)
    assert render_prompt(agent, {"t": data, "x": {"a": data, "b": [data]}, "n": 1}) == "|".join([data] * 5)
    assert render_prompt(replace(agent, prompt=None), {"t": data, "x": data, "n": data}) == (
        f"Writes.\n\nx: {data}\nt: {data}\nn: {data}"
    )
