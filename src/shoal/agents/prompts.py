"""Prompts: a small, safe part of Jinja2.

A prompt prints input fields and `knowledge`, chooses with `if`, loops over lists and uses the filters in
`FILTERS`. It cannot call functions, build strings or do arithmetic (that is a tool's work), so no template,
however hostile, can grow beyond what its data holds: loops are counted and output is cut off with an error.
Values are printed as they are and never read as a template themselves.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, nodes, pass_context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from shoal.errors import Problem, ShoalError, suggest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jinja2.runtime import Context

    from shoal.agents.agent import Agent

__all__ = ["FILTERS", "MAX_CHARS", "MAX_STEPS", "check_prompt", "render_prompt"]

MAX_CHARS = 100_000
"""The longest prompt; no small model reads more."""
MAX_STEPS = 20_000
"""The most turns all loops of a prompt make together."""

FILTERS = frozenset({
    "capitalize", "count", "default", "first", "float", "int", "join", "last", "length", "list", "lower",
    "reverse", "sort", "string", "title", "tojson", "trim", "unique", "upper",
})  # fmt: skip
_METHODS = frozenset({
    "endswith", "get", "items", "keys", "lower", "split", "splitlines", "startswith", "strip", "title",
    "upper", "values",
})  # fmt: skip
_NODES = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.List, nodes.Tuple,
    nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Filter, nodes.Test, nodes.Compare, nodes.Operand,
    nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.CondExpr, nodes.If, nodes.For, nodes.Assign,
    nodes.Call, nodes.Keyword,
)  # fmt: skip
_GIVEN = frozenset({"knowledge", "loop"})
_DEFAULT = "{{ about }}\n\n{% for name, value in fields.items() %}{{ name }}: {{ value }}\n{% endfor %}"


class PromptFailed(ShoalError):
    """A prompt cannot be made from these values."""


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2 that counts the turns of loops; what may be written is decided by `_faults` before."""

    def _generate(
        self, source: nodes.Template, name: str | None, filename: str | None, defer_init: bool = False
    ) -> str:
        for loop in source.find_all(nodes.For):
            loop.iter = nodes.Filter(loop.iter, "_counted", [], [], None, None, lineno=loop.lineno)
        return super()._generate(source, name, filename, defer_init)


@pass_context
def _counted(context: Context, items: Iterable[Any]) -> Iterator[Any]:
    steps = context["_steps"]
    for item in items:
        steps[0] += 1
        if steps[0] > MAX_STEPS:
            raise PromptFailed(
                f"the loops of the prompt make more than {MAX_STEPS:,} turns. Give it shorter lists"
            )
        yield item


def _join(items: Iterable[Any], separator: str = "", attribute: str | None = None) -> str:
    texts = [_text(item if attribute is None else item[attribute]) for item in items]
    if sum(map(len, texts)) + len(separator) * len(texts) > MAX_CHARS:
        raise _too_long()
    return separator.join(texts)


def _text(value: Any) -> Any:
    """How a value is printed: numbers as people write them, lists and records as JSON, null as `none`."""
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case float() if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        case dict() | list() | tuple():
            return json.dumps(value, ensure_ascii=False)
        case str() | StrictUndefined():
            return value
        case _:
            return str(value)


def _too_long() -> PromptFailed:
    return PromptFailed(f"the prompt is longer than {MAX_CHARS:,} characters. Give it shorter values")


@lru_cache(maxsize=1)
def _sandbox() -> _Sandbox:
    env = _Sandbox(autoescape=False, undefined=StrictUndefined, finalize=_text, keep_trailing_newline=False)
    known: dict[str, Callable[..., Any]] = {name: env.filters[name] for name in FILTERS}
    env.filters = known | {"join": _join, "tojson": _to_json, "_counted": _counted}
    env.globals = {}
    return env


def _to_json(value: Any) -> str:
    # Jinja's own escapes < and ' for HTML, which a model would have to read around.
    return json.dumps(value, ensure_ascii=False)


@lru_cache(maxsize=256)
def _compiled(source: str, names: frozenset[str]) -> Template:
    if problems := check_prompt(source, names, "prompt.md"):
        raise PromptFailed("\n".join(map(str, problems)))
    return _sandbox().from_string(source)


def check_prompt(source: str, names: Iterable[str], file: str) -> list[Problem]:
    """Find what is wrong with a prompt: its syntax, what it must not use, names that are not input fields.

    Args:
        source: The text of the template.
        names: The input fields of the agent.
        file: How the prompt's file is called in the problems.
    """
    try:
        tree = _sandbox().parse(source)
    except TemplateSyntaxError as error:
        return [Problem(file, error.lineno, 1, f"this is not a template: {error.message}")]
    lines = source.splitlines() or [""]
    return [
        Problem(file, line, _column(lines[min(line, len(lines)) - 1], word), message)
        for line, word, message in (*_faults(tree), *_unknown(tree, frozenset(names)))
    ]


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
        elif isinstance(node, nodes.Call):
            word = node.node.attr if isinstance(node.node, nodes.Getattr) else getattr(node.node, "name", "")
            if not isinstance(node.node, nodes.Getattr) or word not in _METHODS:
                yield node.lineno, word, f"a prompt cannot call '{word}'. {suggest(word, _METHODS)}"
        elif not isinstance(node, (*_NODES, nodes.Helper)) or isinstance(node, nodes.NSRef):
            word = type(node).__name__.lower()
            yield (
                node.lineno,
                word,
                f"a prompt cannot use '{word}': it prints, loops and chooses. Compute in a tool",
            )


def _unknown(tree: nodes.Template, names: frozenset[str]) -> Iterator[tuple[int, str, str]]:
    found = list(tree.find_all(nodes.Name))
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
        return _stream(_compiled(source, frozenset(scope)), scope)
    except PromptFailed as error:
        raise PromptFailed(f"agent '{agent.name}': {error}") from error
    except (TemplateError, TypeError, ValueError) as error:
        raise PromptFailed(
            f"agent '{agent.name}': the prompt does not fit the values it got: {error}"
        ) from error


def _stream(template: Template, scope: Mapping[str, Any]) -> str:
    parts: list[str] = []
    length = 0
    for part in template.generate({**scope, "_steps": [0]}):
        length += len(part)
        if length > MAX_CHARS:
            raise _too_long()
        parts.append(part)
    return "".join(parts).strip()
