"""What people give to a run: answers, results of effects nobody is sure of, outputs of nodes in forks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from shoal.errors import InvalidInput
from shoal.graphs.plan import AgentCall, HumanQuestion, Node, ToolCall, Vote
from shoal.workspace.types import BOOL, FLOAT, Record, Type, ValueMismatch, read

_WORDS = {"yes": True, "true": True, "no": False, "false": False}


def read_answer(path: str, node: Node, given: object) -> Any:
    """Bring an answer into the type that the node expects.

    Text is read as JSON where it is JSON; `yes` and `no` are booleans; a single value fits a record of one
    field.

    Raises:
        InvalidInput: says what was given and what is expected.
    """
    kind = _expected(path, node)
    for meant in _meant(kind, given):
        with suppress(ValueMismatch):
            return read(kind, meant, "the answer")
    raise InvalidInput(f"{_shown(given)} does not answer node '{path}', expected {describe(kind)}")


def read_output(path: str, node: Node, given: object) -> tuple[Any, float | None]:
    """Bring what stands in for a node's output into its type, with the confidence that comes with it.

    Who gives the output of an agent or a vote is sure of it, unless a `confidence` stands beside its fields.

    Raises:
        InvalidInput: says what was given and what is expected.
    """
    kind = _output(node)
    confidence: Any = None
    if isinstance(node.work, AgentCall | Vote):
        confidence = 1.0
        if isinstance(given, Mapping) and "confidence" not in _fields(kind):
            confidence = given.get("confidence", confidence)
            given = {name: each for name, each in given.items() if name != "confidence"}
    try:
        sure = None if confidence is None else read(FLOAT, confidence, "its confidence")
        return read(kind, given, "the output"), sure
    except ValueMismatch as error:
        raise InvalidInput(
            f"{_shown(given)} is no output of node '{path}', which gives {kind}: {error}"
        ) from error


def typed_output(path: str, node: Node, text: str) -> object:
    """What a person means who types an output: by the rules of answers, the first that fits."""
    for meant in _meant(_output(node), text):
        with suppress(InvalidInput):
            read_output(path, node, meant)
            return meant
    return _parse(text)


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


def _output(node: Node) -> Type:
    return node.work.agent.output if isinstance(node.work, AgentCall) else node.output


def _meant(kind: Type, given: object) -> Iterator[object]:
    """What may be meant by what was given, the likeliest first."""
    value, fields = _parse(given), _fields(kind)
    yield value
    yield given
    if len(fields) == 1:
        ((field, inner),) = fields.items()
        yield {field: _word(inner, value)}
        if not isinstance(value, dict | list):  # what looks like a record, and is not this one, is no text
            yield {field: _word(inner, given)}


def _fields(kind: Type) -> Mapping[str, Type]:
    return kind.fields if isinstance(kind, Record) else {}


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


def _shown(given: object) -> str:
    text = json.dumps(_parse(given), default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
