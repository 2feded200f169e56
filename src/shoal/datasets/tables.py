"""Rows that exist already: JSON Lines or CSV, also packed with gzip, and which column is which field.

Names of columns that lie inside others are joined with points: `slots.time` of {"slots": {"time": "noon"}}.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoal.agents.agent import Agent
from shoal.agents.numbers import read_number
from shoal.datasets.seeds import as_typed
from shoal.errors import InvalidFiles, InvalidInput, Problem, suggest
from shoal.workspace.types import STR, Enum, Nullable, Span, Type, plain

__all__ = ["Columns", "Line", "as_word", "columns_of", "example_of", "read_table"]

ENDINGS = (".jsonl", ".ndjson", ".csv", ".tsv")
INPUTS = ("text", "message", "question", "prompt", "utterance", "sentence", "query", "input", "user")
OUTPUTS = (
    "label",
    "intent",
    "category",
    "class",
    "answer",
    "output",
    "completion",
    "response",
    "gold",
    "assistant",
)
_NOT_WORD = re.compile(r"[^A-Za-z0-9_-]+")
_MAX_PROBLEMS = 20

Columns = Mapping[str, str]
"""For each field, `input.NAME` or `output.NAME`, the column it is in."""


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table: the number of its line, and its columns."""

    number: int
    values: Mapping[str, Any]


def read_table(path: Path, file: str) -> list[Line]:
    """The rows of a file; `file` is its name in problems.

    Raises:
        InvalidFiles: with the lines that cannot be read.
    """
    name = path.name.removesuffix(".gz")
    if not name.endswith(ENDINGS):
        message = f"a table ends in {', '.join(ENDINGS)}, each also with .gz"
        raise InvalidFiles([Problem(file, 1, 1, message)])
    text = _text(path, file)
    found = list(
        _csv(text, "\t" if name.endswith(".tsv") else None) if name.endswith(("csv", "tsv")) else _json(text)
    )
    problems = [Problem(file, number, 1, each) for number, each in found if isinstance(each, str)]
    if problems:
        raise InvalidFiles(problems[:_MAX_PROBLEMS])
    lines = [Line(number, each) for number, each in found if isinstance(each, dict)]
    if not lines:
        raise InvalidFiles([Problem(file, 1, 1, "there are no rows in it")])
    return lines


def _text(path: Path, file: str) -> str:
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        line = content.count(b"\n", 0, err.start) + 1
        raise InvalidFiles(
            [Problem(file, line, 1, "this is not UTF-8 text. Save the file as UTF-8")]
        ) from err
    except (OSError, EOFError) as err:
        reason = getattr(err, "strerror", None) or str(err)
        raise InvalidFiles([Problem(file, 1, 1, f"the file cannot be read: {reason}")]) from err


def _json(text: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
    # Not splitlines(): JSON texts may hold line ends of Unicode.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as err:
            yield number, f"the line is not JSON: {err}"
            continue
        yield number, _flat(_spoken(value)) if isinstance(value, dict) else "the line is no object, {...}"


def _spoken(value: dict[str, Any]) -> dict[str, Any]:
    """A conversation as columns: what the user said last, and the answer."""
    turns = value.get("messages")
    if not isinstance(turns, list) or not all(isinstance(each, dict) for each in turns):
        return value
    said = {str(each.get("role")): each.get("content") for each in turns}
    return {key: each for key, each in value.items() if key != "messages"} | said


def _flat(value: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, each in value.items():
        if isinstance(each, dict) and each:
            found |= _flat(each, f"{before}{key}.")
        else:
            found[f"{before}{key}"] = each if each != {} else None
    return found


def _csv(text: str, delimiter: str | None) -> Iterator[tuple[int, dict[str, Any] | str]]:
    if delimiter is None:
        head = text.split("\n", 1)[0]
        delimiter = max(",;\t|", key=head.count)
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            if None in row:
                yield (
                    reader.line_num,
                    f"the line has more cells than the {len(reader.fieldnames or ())} columns",
                )
            elif any(each is None for each in row.values()):
                yield reader.line_num, f"the line has fewer cells than the {len(row)} columns"
            else:
                yield reader.line_num, dict(row)
    except csv.Error as err:
        yield reader.line_num + 1, f"the line is not CSV: {err}"


def columns_of(lines: Sequence[Line], agent: Agent, given: Sequence[str]) -> dict[str, str]:
    """Which column holds which field: as --map says, else by their names.

    Raises:
        InvalidInput: a field has no column, or --map names what is not there.
    """
    names = names_of(lines)
    found = _given(given, names, agent)
    for part, fields, common in (
        ("input", agent.input.fields, INPUTS),
        ("output", agent.output.fields, OUTPUTS),
    ):
        left = [name for name in fields if f"{part}.{name}" not in found]
        for name in left:
            same = [column for column in (f"{part}.{name}", f"gold.{name}", name) if column in names]
            if same and same[0] not in found.values():
                found[f"{part}.{name}"] = same[0]
        left = [name for name in left if f"{part}.{name}" not in found]
        if len(left) == 1:
            free = [column for column in common if column in names and column not in found.values()]
            found |= {f"{part}.{left[0]}": free[0]} if free else {}
    _check(found, names, agent)
    return found


def names_of(lines: Sequence[Line]) -> list[str]:
    """All columns, in the order in which they are met."""
    return list(dict.fromkeys(name for line in lines for name in line.values))


def _given(given: Sequence[str], names: Sequence[str], agent: Agent) -> dict[str, str]:
    fields = [f"input.{name}" for name in agent.input.fields] + [
        f"output.{name}" for name in agent.output.fields
    ]
    found: dict[str, str] = {}
    for each in (item for items in given for item in items.split(",")):
        column, equals, field = each.partition("=")
        if not equals or not column or not field:
            raise InvalidInput(f"--map {each} is not understood. Write COLUMN=FIELD, like text={fields[0]}")
        if column not in names:
            raise InvalidInput(f"--map {each}: there is no column '{column}'. {suggest(column, names)}")
        full = [name for name in fields if name == field or name.partition(".")[2] == field]
        if len(full) != 1:
            raise InvalidInput(
                f"--map {each}: agent '{agent.name}' has no field '{field}'. {suggest(field, fields)}"
            )
        found[full[0]] = column
    return found


def _check(found: Columns, names: Sequence[str], agent: Agent) -> None:
    missing = [
        f"{part}.{name}"
        for part, record in (("input", agent.input), ("output", agent.output))
        for name, kind in record.fields.items()
        if f"{part}.{name}" not in found and not isinstance(plain(kind), Nullable)
    ]
    if missing or not any(field.startswith("output.") for field in found):
        lacking = missing or [f"output.{name}" for name in agent.output.fields]
        raise InvalidInput(
            f"no column is {' or '.join(lacking)} of agent '{agent.name}'. Say which one is: "
            f"--map COLUMN={lacking[0]}. Columns: {', '.join(names)}"
        )


def example_of(line: Line, columns: Columns, agent: Agent) -> dict[str, dict[str, Any]]:
    """Input and output of a row, not yet held against the types."""
    made: dict[str, dict[str, Any]] = {"input": {}, "output": {}}
    for field, column in columns.items():
        part, _, name = field.partition(".")
        kind = (agent.input if part == "input" else agent.output).fields[name]
        made[part][name] = _cell(line.values.get(column), kind, made["input"])
    return made


def _cell(value: Any, kind: Type, values: Mapping[str, Any]) -> Any:
    """A cell as its field wants it."""
    inner = kind.of if isinstance(kind, Nullable) else kind
    if value in (None, "") and isinstance(plain(kind), Nullable):
        return None
    if isinstance(kind, Span):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return _located(value, kind, values) if is_number else value
    if isinstance(inner, Enum) and isinstance(value, str):
        return value if value in inner.cases else as_word(value)
    if inner == STR and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return as_typed(inner, value)


def _located(value: float, kind: Span, values: Mapping[str, Any]) -> Any:
    """The only piece of the input that stands for a number; the number itself where it is not one."""
    texts = [str(text) for name, text in values.items() if kind.source in (None, name)]
    pieces: set[str] = set()
    for text in texts:
        tokens = list(re.finditer(r"\S+", text))
        for first in range(len(tokens)):
            for last in range(first, min(first + 4, len(tokens))):
                piece = text[tokens[first].start() : tokens[last].end()].rstrip(".,;:!?")
                if read_number(piece) == value:
                    pieces.add(piece)
    shortest = [piece for piece in pieces if not any(other in piece for other in pieces if other != piece)]
    return shortest[0] if len(shortest) == 1 else value


def as_word(label: str) -> str:
    """A label as the word that a case of an enum has to be."""
    word = _NOT_WORD.sub("_", label.strip()).strip("_")
    return word if not word[:1].isdigit() and not word.startswith("-") else f"_{word}"


def labels_in(lines: Iterable[Line], column: str) -> list[str]:
    """The different values of a column, in the order in which they are met."""
    return list(
        dict.fromkeys(str(each) for line in lines if (each := line.values.get(column)) not in (None, ""))
    )
