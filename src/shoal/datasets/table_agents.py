"""The types of an agent that learns from a table: which column is read, and what the others are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from shoal.datasets.tables import INPUTS, OUTPUTS, Line, as_word, labels_in, names_of
from shoal.errors import InvalidInput, suggest

__all__ = ["Guess", "guess"]

MAX_LABELS = 1_000
_LONGEST_LABEL = 64
_FIELD = re.compile(r"[^a-z0-9_]+")


@dataclass(frozen=True, slots=True)
class Guess:
    """Input and output of an agent as its columns look."""

    input: dict[str, str]
    output: dict[str, str]
    columns: tuple[str, ...]
    """COLUMN=FIELD, as --map wants it."""
    notes: tuple[str, ...] = ()


def guess(lines: Sequence[Line], given: Sequence[str]) -> Guess:
    """The types that fit all rows of a table.

    Args:
        lines: the rows.
        given: COLUMN=input.NAME or COLUMN=output.NAME; by their names where they are left out.

    Raises:
        InvalidInput: it cannot be told which column is what.
    """
    names = names_of(lines)
    inputs, outputs = _sides(given, names) if given else _by_name(names)
    texts = [str(line.values.get(column, "")) for line in lines for column in inputs]
    output: dict[str, str] = {}
    notes: list[str] = []
    source = next(iter(inputs.values()))
    for column, field in outputs.items():
        output[field], note = _type(lines, column, tuple(inputs), source)
        notes += [note] if note else []
    if not any(texts):
        raise InvalidInput(
            f"the column '{next(iter(inputs))}' is empty. Say which one is read: --map COLUMN=input.message"
        )
    columns = [f"{column}=input.{name}" for column, name in inputs.items()]
    columns += [f"{column}=output.{name}" for column, name in outputs.items()]
    return Guess({name: "str" for name in inputs.values()}, output, tuple(columns), tuple(notes))


def _sides(given: Sequence[str], names: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    sides: dict[str, dict[str, str]] = {"input": {}, "output": {}}
    for each in (item for items in given for item in items.split(",")):
        column, _, field = each.partition("=")
        side, _, name = field.partition(".")
        if side not in sides or not name:
            raise InvalidInput(
                f"--map {each} is not understood. For a new agent: COLUMN=input.NAME or COLUMN=output.NAME"
            )
        if column not in names:
            raise InvalidInput(f"--map {each}: there is no column '{column}'. {suggest(column, names)}")
        sides[side][column] = name
    if not sides["input"] or not sides["output"]:
        raise InvalidInput("--map names at least one COLUMN=input.NAME and one COLUMN=output.NAME")
    return sides["input"], sides["output"]


def _by_name(names: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    inputs = {name: _field(name.removeprefix("input.")) for name in names if name.startswith("input.")}
    outputs = {
        name: _field(re.sub(r"^(output|gold)\.", "", name))
        for name in names
        if name.startswith(("output.", "gold."))
    }
    if not inputs:
        inputs = {name: _field(name) for name in [each for each in INPUTS if each in names][:1]}
    if not outputs:
        known = [each for each in OUTPUTS if each in names and each not in inputs][:1]
        outputs = {name: _field(name) for name in known}
    if not inputs or not outputs:
        raise InvalidInput(
            f"which column is read, and which one is the answer? Columns: {', '.join(names)}. "
            f"Say --map {names[0]}=input.message --map {names[-1]}=output.label"
        )
    return inputs, outputs


def _field(name: str) -> str:
    field = _FIELD.sub("_", name.lower()).strip("_")
    return field if field and not field[0].isdigit() else f"_{field}"


def _type(lines: Sequence[Line], column: str, inputs: Sequence[str], source: str) -> tuple[str, str | None]:
    """The type of a column of answers, and what to know of it."""
    values = [line.values.get(column) for line in lines]
    there = [each for each in values if each not in (None, "")]
    is_optional = len(there) < len(values)
    if there and all(isinstance(each, bool) for each in there):
        return f"bool{'?' if is_optional else ''}", None
    if _is_piece(lines, column, inputs):
        return f"span[str] from {source}", None
    labels = labels_in(lines, column)
    if len(labels) <= min(MAX_LABELS, max(2, len(there) // 2)) and all(
        len(each) <= _LONGEST_LABEL for each in labels
    ):
        words = list(dict.fromkeys(map(as_word, labels)))
        if len(words) == len(labels) and all(words):
            changed = [
                f"'{label}' is {word}" for label, word in zip(labels, words, strict=True) if label != word
            ]
            note = f"labels became words: {', '.join(changed[:5])}" if changed else None
            return f"enum[{', '.join(words)}]{'?' if is_optional else ''}", note
    if there and all(isinstance(each, int | float) for each in there):
        kind = "int" if all(isinstance(each, int) for each in there) else "float"
        return f"{kind}{'?' if is_optional else ''}", None
    return f"str{'?' if is_optional else ''}", None


def _is_piece(lines: Sequence[Line], column: str, inputs: Sequence[str]) -> bool:
    """Whether whatever stands in a column also stands in the text, and is not all of it."""
    there = [(line, each) for line in lines if (each := line.values.get(column)) not in (None, "")]
    if len(inputs) != 1 or not there:
        return False
    texts = [(str(line.values.get(inputs[0], "")), each) for line, each in there]
    return all(isinstance(each, str) and each in text for text, each in texts) and any(
        each != text for text, each in texts
    )
