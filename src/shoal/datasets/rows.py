"""A row of a data set, and what every row must be: typed, with spans that stand in the input.

{"input": {...}, "output": {...}, "source": "agents/triage/qna.yaml:12", "licence": "apache-2.0",
 "flow": "skill@1", "teacher": "grammar", "id": "..."}

Span fields hold the exact piece of the input as it is written there, also those of numbers, or null.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shoal.agents.agent import Agent
from shoal.agents.numbers import read_number
from shoal.workspace.types import Record, Span, Type, ValueMismatch, read

_TOKEN = re.compile(r"\w+(?:['’]\w+)*|[^\w\s.,;:!?'\"’()\[\]]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A question and its right answer, and where they come from."""

    input: Mapping[str, Any]
    output: Mapping[str, Any]
    source: str
    licence: str
    flow: str
    teacher: str
    agent: str | None = None
    """Whose row it is, where it is another agent's: replay."""

    @property
    def id(self) -> str:
        """The hash of what is asked and answered."""
        return hashlib.sha256(_canonical([self.input, self.output])).hexdigest()[:16]

    def as_json(self) -> dict[str, Any]:
        """The row as a line of a file."""
        made = {
            "input": dict(self.input),
            "output": dict(self.output),
            "source": self.source,
            "licence": self.licence,
            "flow": self.flow,
            "teacher": self.teacher,
            "id": self.id,
        }
        return made if self.agent is None else made | {"agent": self.agent}


def row_of(line: Mapping[str, Any]) -> Row:
    """The row that a line of a file holds."""
    return Row(**{name: value for name, value in line.items() if name != "id"})


def fitted(raw: Mapping[str, Any], agent: Agent) -> tuple[dict[str, Any], dict[str, Any]]:
    """Input and output of an example, held against the agent's types.

    Raises:
        ValueMismatch: with the field and what is wrong with it.
    """
    for key in ("input", "output"):
        if key not in raw:
            raise ValueMismatch(f"the key '{key}' is missing")
    values = read(agent.input, raw["input"], "input")
    output = read(written(agent.output), raw["output"], "output")
    for name, kind in agent.output.fields.items():
        if isinstance(kind, Span) and output[name] is not None:
            _check_span(output[name], kind, values, f"output.{name}")
    return values, output


def written(output: Record) -> Record:
    """The type of an output as rows hold it: spans of numbers as the text that stands in the input."""
    return Record({name: _written(kind) for name, kind in output.fields.items()})


def _written(kind: Type) -> Type:
    return Span("str", kind.source) if isinstance(kind, Span) else kind


def _check_span(text: str, kind: Span, values: Mapping[str, Any], where: str) -> None:
    source = "\n".join(
        str(value) for name, value in values.items() if kind.source in (None, name) and value is not None
    )
    if not text or text != text.strip():
        raise ValueMismatch(f"{where} is {text!r}, expected a piece of the input without spaces around it")
    if text not in source:
        raise ValueMismatch(f"{where} is {text!r}, which is not a piece of the input")
    if kind.of == "number" and read_number(text) is None:
        raise ValueMismatch(f"{where} is {text!r}, which cannot be read as a number")


def texts_in(value: object) -> Iterator[str]:
    """Every text inside a value, in order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from texts_in(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts_in(each)


def question_of(row: Row) -> str:
    """What is asked, as one text: what rows are compared by."""
    return "\n".join(texts_in(row.input))


def words(text: str) -> list[str]:
    """The words and signs of a text by which texts are compared: no case, no marks between sentences.

    Signs like < and % stay, because they change what is asked.
    """
    return _TOKEN.findall(text.lower())


def key_of(values: Mapping[str, Any]) -> str:
    """What makes two inputs the same: their values, whatever case, spaces and marks at the end."""
    return "\n".join(f"{name}={_loose(value)}" for name, value in sorted(values.items()))


def _loose(value: object) -> str:
    text = value if isinstance(value, str) else _canonical(value).decode()
    plain = " ".join(text.lower().split())
    return plain.rstrip(" .!?") or plain


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=dict).encode()
