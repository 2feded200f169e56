"""Prompts: a small, safe part of Jinja2.

A prompt prints input fields and `knowledge`, chooses with `if`, loops over lists and uses the filters in
`FILTERS`. It cannot call functions, build strings or do arithmetic (that is a tool's work), so no template,
however hostile, can grow beyond what its data holds. Values are printed as they are and never read as a
template themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jinja2 import Template, TemplateSyntaxError, nodes

from shoal.agents.prompt_fields import unknown_fields
from shoal.agents.prompt_syntax import syntax_fault
from shoal.agents.sandbox import (
    FILTERS,
    MAX_CHARS,
    MAX_CPU_S,
    MAX_INPUT,
    MAX_STEPS,
    TESTS,
    PromptFailed,
    sandbox,
    size_of,
    stream,
)
from shoal.errors import Problem, one_line, suggest

if TYPE_CHECKING:
    from shoal.agents.agent import Agent
    from shoal.workspace.types import Type

__all__ = [
    "FILTERS",
    "MAX_CHARS",
    "MAX_CPU_S",
    "MAX_INPUT",
    "MAX_STEPS",
    "METHODS",
    "PromptFailed",
    "check_prompt",
    "render_prompt",
]

MAX_TOKENS = 5_000
"""Words and signs inside the braces of one prompt."""
MAX_DEPTH = 30
"""Of expressions and blocks in each other."""

METHODS = frozenset({
    "endswith", "get", "items", "keys", "lower", "split", "splitlines", "startswith", "strip", "title",
    "upper", "values",
})  # fmt: skip
_NODES = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.List, nodes.Tuple,
    nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Filter, nodes.Test, nodes.Compare, nodes.Operand,
    nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.CondExpr, nodes.If, nodes.For, nodes.Assign,
    nodes.Call, nodes.Keyword,
)  # fmt: skip
_LONG_NUMBER = re.compile(r"[0-9_]{1000}")
_GIVEN = frozenset({"knowledge", "loop"})
_DEFAULT = "{{ about }}\n\n{% for name, value in fields.items() %}{{ name }}: {{ value }}\n{% endfor %}"


@lru_cache(maxsize=256)
def _compiled(source: str, names: frozenset[str]) -> Template:
    if problems := check_prompt(source, names, "prompt.md"):
        raise PromptFailed("\n".join(map(str, problems)))
    return sandbox().from_string(source)


def check_prompt(source: str, names: Mapping[str, Type] | Iterable[str], file: str) -> list[Problem]:
    """Find what is wrong with a prompt: its syntax, what it must not use, names that are not input fields.

    Args:
        source: The text of the template.
        names: The input fields of the agent; fields of fields are checked where their types are given.
        file: How the prompt's file is called in the problems.
    """
    try:
        tree = _parsed(source)
        types = names if isinstance(names, Mapping) else {}
        found = [*_faults(tree), *_unknown(tree, frozenset(names)), *unknown_fields(tree, types)]
        if not found:
            sandbox().compile(tree)  # it finds unknown tests, and blocks too deep for Python
    except TemplateSyntaxError as error:
        line, message = syntax_fault(source, error, sandbox())
        return [Problem(file, line, 1, message)]
    except (RecursionError, MemoryError, SyntaxError):
        return [Problem(file, 1, 1, _TOO_DEEP)]
    lines = source.splitlines() or [""]
    return [
        Problem(file, line, _column(lines[min(line, len(lines)) - 1], word), message)
        for line, word, message in found
    ]


_TOO_DEEP = f"expressions or blocks are nested deeper than {MAX_DEPTH}. Flatten the prompt"


def _parsed(source: str) -> nodes.Template:
    """The tree of a template of a size that can be looked at.

    Raises:
        TemplateSyntaxError: it is none, or too much of one.
    """
    if len(source) > MAX_CHARS:
        raise TemplateSyntaxError(f"it is longer than {MAX_CHARS:,} characters. Shorten it", 1)
    if long := _LONG_NUMBER.search(source):
        raise TemplateSyntaxError("a number is too long", source.count("\n", 0, long.start()) + 1)
    env = sandbox()
    tokens = (token for token in env.lex(source) if token[1] not in ("data", "whitespace"))
    for number, (line, _, _) in enumerate(tokens):
        if number >= MAX_TOKENS:
            raise TemplateSyntaxError(
                f"it has more than {MAX_TOKENS:,} words and signs. Compute in a tool", line
            )
    tree = env.parse(source)
    level: list[nodes.Node] = [tree]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in node.iter_child_nodes()]
    if level:
        raise TemplateSyntaxError(_TOO_DEEP, level[0].lineno)
    return tree


def _column(line: str, word: str) -> int:
    match = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", line)
    return match.start() + 1 if match else 1


def _faults(tree: nodes.Template) -> Iterator[tuple[int, str, str]]:
    """Everything a prompt must not use, as (line, word, message)."""
    for node in tree.find_all(nodes.Node):
        if isinstance(node, nodes.Filter) and node.name not in FILTERS:
            yield (
                node.lineno,
                node.name,
                f"'{node.name}' is not a filter of prompts. {suggest(node.name, FILTERS)}",
            )
        elif isinstance(node, nodes.Test) and node.name not in TESTS:
            yield (
                node.lineno,
                node.name,
                f"'{node.name}' is not a test of prompts. {suggest(node.name, TESTS)}",
            )
        elif isinstance(node, nodes.Call):
            word = node.node.attr if isinstance(node.node, nodes.Getattr) else getattr(node.node, "name", "")
            if not isinstance(node.node, nodes.Getattr) or word not in METHODS:
                yield node.lineno, word, f"a prompt cannot call '{word}'. {suggest(word, METHODS)}"
        elif not isinstance(node, (*_NODES, nodes.Helper)) or isinstance(node, nodes.NSRef):
            word = type(node).__name__.lower()
            yield (
                node.lineno or 1,
                word,
                f"a prompt cannot use '{word}': it prints, loops and chooses. Compute in a tool",
            )


def _unknown(tree: nodes.Template, names: frozenset[str]) -> Iterator[tuple[int, str, str]]:
    called = {id(call.node) for call in tree.find_all(nodes.Call)}  # told of as what cannot be called
    found = [name for name in tree.find_all(nodes.Name) if id(name) not in called]
    known = names | _GIVEN | {name.name for name in found if name.ctx == "store"}
    for name in found:
        if name.ctx == "load" and name.name not in known:
            hint = suggest(name.name, names | {"knowledge"})
            yield (
                name.lineno,
                name.name,
                f"the prompt reads '{name.name}', which is not an input field. {hint}",
            )


def render_prompt(agent: Agent, values: Mapping[str, Any]) -> str:
    """The text an agent's model is asked; an agent without a prompt gets its `about` and its fields as lines.

    Raises:
        ShoalError: when the prompt is wrong or does not fit these values.
    """
    source = agent.prompt or _DEFAULT
    given = {**dict.fromkeys(agent.input.fields), **values}
    scope = (
        {**given, "knowledge": agent.knowledge} if agent.prompt else {"about": agent.about, "fields": given}
    )
    try:
        if size_of(scope, MAX_INPUT + 1) > MAX_INPUT:
            raise PromptFailed(f"its values are longer than {MAX_INPUT:,} characters. Give it shorter ones")
        return stream(_compiled(source, frozenset(scope)), scope)
    except PromptFailed as error:
        raise PromptFailed(f"agent '{agent.name}': {error}") from error
    except Exception as error:
        # Filters raise whatever a value that they cannot take makes them raise.
        raise PromptFailed(
            f"agent '{agent.name}': the prompt does not fit the values it got: {one_line(str(error))}"
        ) from error
