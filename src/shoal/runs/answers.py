"""What people give to a run: answers to its questions, and the results of effects nobody is sure of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from shoal.errors import InvalidInput
from shoal.graphs.plan import HumanQuestion, Node, ToolCall
from shoal.workspace.types import BOOL, Record, Type, ValueMismatch, read

_WORDS = {"yes": True, "true": True, "no": False, "false": False}


def read_answer(path: str, node: Node, given: object) -> Any:
    """Bring an answer into the type that the node expects.

    Text is read as JSON where it is JSON; `yes` and `no` are booleans; a single value fits a record of one
    field.

    Raises:
        InvalidInput: says what was given and what is expected.
    """
    kind = _expected(path, node)
    value = _parse(given)
    candidates = [value, given]
    if isinstance(kind, Record) and len(kind.fields) == 1:
        (field,) = kind.fields
        candidates += [{field: _word(kind.fields[field], each)} for each in (value, given)]
    for candidate in candidates:
        try:
            return read(kind, candidate, "the answer")
        except ValueMismatch:
            continue
    shown = json.dumps(value, default=str)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    raise InvalidInput(f"{shown} does not answer node '{path}', expected {describe(kind)}")


def describe(kind: Type) -> str:
    """The type of an answer, as a person may type it."""
    if isinstance(kind, Record) and list(kind.fields.values()) == [BOOL]:
        return f"yes or no ({kind})"
    return f"{kind} as JSON"


def _expected(path: str, node: Node) -> Type:
    match node.work:
        case HumanQuestion(answer=answer):
            return answer
        case ToolCall(tool=tool):
            return tool.output
        case _:
            raise InvalidInput(f"node '{path}' asks nobody")


def _parse(given: object) -> object:
    if not isinstance(given, str):
        return dict(given) if isinstance(given, Mapping) else given
    try:
        return json.loads(given, parse_constant=str)  # NaN is no JSON
    except (ValueError, RecursionError):
        return given


def _word(kind: Type, value: object) -> object:
    if kind == BOOL and isinstance(value, str):
        return _WORDS.get(value.strip().lower(), value)
    return value
