"""Where a template is wrong that Jinja cannot read: where a thing opens that is never closed."""

from __future__ import annotations

import re

from jinja2 import Environment, TemplateSyntaxError

_TAG = re.compile(r"\{\{|\{%|\}\}|%\}")


def syntax_fault(source: str, error: TemplateSyntaxError, env: Environment) -> tuple[int, str]:
    """The line of a fault, and a sentence on it."""
    if "Unexpected end of template" in str(error.message) and (opened := _open_blocks(source, env)):
        line, name = opened[-1]
        return line, f"'{{% {name} %}}' is never closed. Write {{% end{name} %}} behind what belongs to it"
    if found := _open_tag(source, error.lineno):
        line, tag = found
        return line, f"'{tag}' is not closed with '{'}}' if tag == '{{' else '%}'}'"
    return error.lineno, f"this is not a template: {error.message}"


def _open_blocks(source: str, env: Environment) -> list[tuple[int, str]]:
    """Blocks without an end, with the lines that they begin in."""
    opened: list[tuple[int, str]] = []
    is_first = False
    for line, kind, text in env.lex(source):
        if kind == "block_begin":
            is_first = True
        elif kind == "name" and is_first:
            is_first = False
            if text.startswith("end"):
                del opened[-1:]
            elif text not in ("else", "elif"):
                opened.append((line, text))
        elif kind == "operator" and text == "=" and opened and opened[-1][1] == "set":
            opened.pop()  # `set x = y` has no end
    return opened


def _open_tag(source: str, line: int) -> tuple[int, str] | None:
    """The line of the last `{{` or `{%` up to a line that is not closed before the next one opens."""
    found = None
    for at, text in enumerate(source.split("\n"), 1):
        for tag in _TAG.findall(text):
            if tag in ("}}", "%}"):
                found = None
            elif found or at > line:
                return found
            else:
                found = (at, tag)
    return found
