"""What teachers and judges with a model are asked, and how their replies are read."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

from shoal.agents.agent import Agent
from shoal.datasets.documents import Passage
from shoal.datasets.qna import Qna
from shoal.datasets.rows import Row, written
from shoal.datasets.seeds import Example, label_field
from shoal.workspace.types import BOOL, Enum, Record, Span, json_schema

__all__ = ["asked_for_rows", "asked_to_judge", "rows_in", "rows_schema", "verdict_in", "verdict_schema"]

Message = dict[str, str]

_MAX_BACKGROUND = 6000
_WRITER = (
    "You write training examples for a small model. Each is a new input as real people would write it, and "
    "the one right output. Vary wording, length, tone and detail; never repeat the examples you are shown."
)
_JUDGE = (
    "You check training examples for a small model. Say how good an example is: 5 is right and natural, 4 is "
    "right, 3 is doubtful, 2 is mostly wrong, 1 is wrong. Give the reason in one short sentence."
)


def labels_of(agent: Agent) -> tuple[str, ...]:
    """The cases of the first field that is a choice."""
    name = label_field(agent)
    kind = agent.output.fields.get(name) if name else None
    return kind.cases if isinstance(kind, Enum) else ("true", "false") if kind == BOOL else ()


def asked_for_rows(
    agent: Agent,
    qna: Qna,
    seeds: Sequence[Example],
    *,
    count: int,
    label: str | None,
    passage: Passage | None,
) -> list[Message]:
    """The request for some rows."""
    file = qna.file
    lines = [f"Task: {file.task or agent.about or agent.name}"]
    lines += [f"Field: {file.domain}"] if file.domain else []
    lines += [f"Inputs: {given_type(agent, passage)}", f"Outputs: {_told_type(agent.output)}"]
    if passage is None and qna.file.kind == "skill" and agent.knowledge:
        lines += ["", "Background:", agent.knowledge[:_MAX_BACKGROUND]]
    if passage is not None:
        lines += ["", "Everything in your examples must follow from this text:", '"""', passage.text, '"""']
    lines += ["", "Examples:"]
    lines += [json.dumps(_shown(each, passage), ensure_ascii=False) for each in seeds]
    only = f", all of them with {label_field(agent)} = {label}" if label is not None else ""
    lines += [
        "",
        f"Write {count} new examples{only}. Answer with JSON only: "
        '{"examples": [{"input": {...}, "output": {...}}]}',
    ]
    return [{"role": "system", "content": _WRITER}, {"role": "user", "content": "\n".join(lines)}]


def given_type(agent: Agent, passage: Passage | None) -> Record:
    """What a teacher has to write of an input: not the passage that it was given."""
    fields = agent.input.fields
    if passage is None or "context" not in fields:
        return agent.input
    return Record({name: kind for name, kind in fields.items() if name != "context"})


def rows_schema(agent: Agent, passage: Passage | None) -> dict[str, Any]:
    """The JSON Schema of a reply with rows."""
    row = {
        "type": "object",
        "properties": {
            "input": json_schema(given_type(agent, passage)),
            "output": json_schema(written(agent.output)),
        },
        "required": ["input", "output"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"examples": {"type": "array", "items": row}},
        "required": ["examples"],
        "additionalProperties": False,
    }


def rows_in(text: str) -> list[Any]:
    """The examples of a reply.

    Raises:
        ValueError: it has not the form that was asked for.
    """
    found = _json_in(text)
    rows = found.get("examples") if isinstance(found, dict) else found
    if not isinstance(rows, list):
        raise ValueError("no list of examples")
    return rows


def asked_to_judge(agent: Agent, qna: Qna | None, row: Row) -> list[Message]:
    """The request to judge a row."""
    task = (qna.file.task if qna else "") or agent.about or agent.name
    lines = [
        f"Task: {task}",
        f"Outputs: {_told_type(agent.output)}",
        "",
        f"Input: {json.dumps(dict(row.input), ensure_ascii=False)}",
        f"Output: {json.dumps(dict(row.output), ensure_ascii=False)}",
        "",
        'Answer with JSON only: {"points": 1 to 5, "reason": "..."}',
    ]
    return [{"role": "system", "content": _JUDGE}, {"role": "user", "content": "\n".join(lines)}]


def verdict_schema() -> dict[str, Any]:
    """The JSON Schema of a verdict."""
    return {
        "type": "object",
        "properties": {
            "reason": {"type": "string"},
            "points": {"type": "integer", "minimum": 1, "maximum": 5},
        },
        "required": ["reason", "points"],
        "additionalProperties": False,
    }


def verdict_in(text: str) -> tuple[int, str]:
    """Points and reason of a reply.

    Raises:
        ValueError: it has not the form that was asked for.
    """
    found = _json_in(text)
    points = found.get("points") if isinstance(found, dict) else None
    if not isinstance(points, int) or not 1 <= points <= 5:
        raise ValueError("no points from 1 to 5")
    return points, str(found.get("reason", ""))


def chosen(seeds: Sequence[Example], label: str | None, agent: Agent, count: int, seed: str) -> list[Example]:
    """Seeds to show: of the label that is asked for first, then others."""
    chance = random.Random(seed)
    order = chance.sample(list(seeds), len(seeds))
    name = label_field(agent)
    if name is not None and label is not None:
        order.sort(key=lambda each: str(each.output[name]).lower() != label.lower())
    return order[:count]


def _json_in(text: str) -> Any:
    """The JSON of a reply, which some models put between other words."""
    start = min((at for sign in "{[" if (at := text.find(sign)) >= 0), default=-1)
    if start < 0:
        raise ValueError("no JSON")
    try:
        return json.JSONDecoder().raw_decode(text[start:])[0]
    except RecursionError as err:
        raise ValueError("nested too deeply") from err


def _shown(seed: Example, passage: Passage | None) -> Mapping[str, Any]:
    """A seed as the teacher is to write others; the text that it is about stands before it."""
    given = dict(seed.input)
    about = given.pop("context", None) or seed.context
    shown: dict[str, Any] = {
        "input": given if passage is not None else dict(seed.input),
        "output": dict(seed.output),
    }
    return {"text": about} | shown if passage is not None and about else shown


def _told_type(record: Record) -> str:
    """A type in words that a model of any kind understands."""
    spans = {
        name: f"piece of {kind.source or 'the input'} copied word by word, or null"
        for name, kind in record.fields.items()
        if isinstance(kind, Span)
    }
    return "{" + ", ".join(f"{name}: {spans.get(name, kind)}" for name, kind in record.fields.items()) + "}"
