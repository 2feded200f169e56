"""Jinja2 that counts what it does, so that no template can cost more than its limits.

Every turn of a loop, filter, method and list is counted and timed; output is cut off with an error.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache, wraps
from typing import TYPE_CHECKING, Any, cast

from jinja2 import StrictUndefined, Template, Undefined, nodes, pass_context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from shoal.errors import ShoalError

if TYPE_CHECKING:
    from jinja2.runtime import Context

MAX_CHARS = 100_000
"""The longest prompt; no small model reads more."""
MAX_INPUT = 200_000
"""The longest values together; a prompt may print a piece of them."""
MAX_STEPS = 20_000
"""The most turns all loops of a prompt make together, and values in the lists it makes."""
MAX_CPU_S = 0.1
"""The longest time one prompt may take; a usual one takes a thousandth of a second."""

FILTERS = frozenset({
    "capitalize", "count", "default", "first", "float", "int", "join", "last", "length", "list", "lower",
    "reverse", "sort", "string", "title", "tojson", "trim", "unique", "upper",
})  # fmt: skip
_LISTS = frozenset({"list", "reverse", "sort", "unique"})
"""Filters that make a list of what they get."""


TESTS = frozenset({
    "boolean", "defined", "divisibleby", "eq", "even", "false", "float", "ge", "gt", "in", "integer",
    "iterable", "le", "lower", "lt", "mapping", "ne", "none", "number", "odd", "sequence", "string", "true",
    "undefined", "upper",
})  # fmt: skip


class PromptFailed(ShoalError):
    """A prompt cannot be made from these values."""


class _Meter:
    """What rendering one prompt may still cost."""

    def __init__(self) -> None:
        self.steps = 0
        self.until = time.thread_time() + MAX_CPU_S

    def spend(self, steps: int) -> None:
        """Count work before it is done."""
        self.steps += steps
        if self.steps > MAX_STEPS:
            raise PromptFailed(
                f"the loops and lists of the prompt have more than {MAX_STEPS:,} turns. Give it shorter lists"
            )
        if time.thread_time() > self.until:
            raise PromptFailed(f"making the prompt takes more than {MAX_CPU_S:g} s. Give it shorter values")


class _Counting(NodeTransformer):
    """Puts a counter around every loop and every list that a prompt makes."""

    def visit_For(self, node: nodes.For) -> nodes.Node:
        """Count the turns."""
        self.generic_visit(node)
        node.iter = _filtered(cast(nodes.Expr, node.iter), "_counted")
        return node

    def visit_List(self, node: nodes.List) -> nodes.Node:
        """Count what is in it."""
        self.generic_visit(node)
        return _filtered(node, "_weighed")

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:
        """Count what is in it; the variables of `for a, b in ...` hold nothing."""
        self.generic_visit(node)
        return _filtered(node, "_weighed") if node.ctx == "load" else node


def _filtered(node: nodes.Expr, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2 that counts what it does; what may be written is decided by `check_prompt` before."""

    def _generate(
        self, source: nodes.Template, name: str | None, filename: str | None, defer_init: bool = False
    ) -> str:
        counted = _Counting().visit(source)
        return super()._generate(counted, name, filename, defer_init)

    def call(self, context: Context, method: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Count a method that is called."""
        context["_meter"].spend(1)
        return super().call(context, method, *args, **kwargs)


@pass_context
def _counted(context: Context, items: Iterable[Any]) -> Iterator[Any]:
    meter = context["_meter"]
    for item in items:
        meter.spend(1)
        yield item


@pass_context
def _weighed(context: Context, items: Any) -> Any:
    # A list that holds itself twice, sixty times over, would be endless to print or to compare.
    context["_meter"].spend(size_of(items, MAX_STEPS + 1, text=0))
    return items


def _metered(function: Callable[..., Any], *, makes_list: bool) -> Callable[..., Any]:
    """The filter, counted; one that makes a list as much as that will hold."""
    is_given_first = getattr(function, "jinja_pass_arg", None) is not None

    @pass_context
    @wraps(function, updated=())
    def run(context: Context, value: Any, *args: Any, **kwargs: Any) -> Any:
        context["_meter"].spend(len(value) if makes_list and hasattr(value, "__len__") else 1)
        first = (context.environment, value) if is_given_first else (value,)
        return function(*first, *args, **kwargs)

    return run


def size_of(value: Any, most: int, *, text: int = 1) -> int:
    """How many values are in a value, and characters in its texts `text` times; from `most` on, `most`."""
    size, stack = 0, [value]
    while stack and size < most:
        one = stack.pop()
        size += 1
        if isinstance(one, str):
            size += text * len(one)
        elif isinstance(one, Mapping):
            stack += [*one, *one.values()] if len(one) < most else [None] * most
        elif isinstance(one, list | tuple):
            stack += one if len(one) < most else [None] * most
    return min(size, most)


def _join(items: Iterable[Any], separator: str = "", attribute: str | None = None) -> str:
    texts: list[str] = []
    length = 0
    for item in items:
        texts.append(str(_text(item if attribute is None else item[attribute])))
        length += len(texts[-1]) + len(separator)
        if length > MAX_CHARS + len(separator):
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
        case int() | float():
            return str(value)
        case dict() | list() | tuple():
            return _to_json(value)
        case str() | Undefined():
            return value
    raise PromptFailed(
        "the prompt prints something that is no value. Call methods with brackets, like x.items()"
    )


def _to_json(value: Any) -> str:
    # Jinja's own escapes < and ' for HTML, which a model would have to read around.
    if size_of(value, MAX_CHARS + 1) > MAX_CHARS:
        raise _too_long()
    return json.dumps(value, ensure_ascii=False)


def _too_long() -> PromptFailed:
    return PromptFailed(f"the prompt is longer than {MAX_CHARS:,} characters. Give it shorter values")


@lru_cache(maxsize=1)
def sandbox() -> Sandbox:
    """The one environment of all prompts."""
    env = Sandbox(autoescape=False, undefined=StrictUndefined, finalize=_text, keep_trailing_newline=False)
    known: dict[str, Callable[..., Any]] = {name: env.filters[name] for name in FILTERS}
    known |= {"join": _join, "tojson": _to_json}
    counted = {name: _metered(each, makes_list=name in _LISTS) for name, each in known.items()}
    env.filters = {**counted, "_counted": _counted, "_weighed": _weighed}
    env.globals = {}
    return env


def stream(template: Template, scope: Mapping[str, Any]) -> str:
    """Render a template; ends it where it costs too much.

    Raises:
        PromptFailed: with what it has too much of.
    """
    parts: list[str] = []
    length = 0
    meter = _Meter()
    for part in template.generate({**scope, "_meter": meter}):
        meter.spend(0)
        length += len(part)
        if length > MAX_CHARS:
            raise _too_long()
        parts.append(part)
    return "".join(parts).strip()
