"""From what a user typed to the typed inputs of a graph."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from shoal.errors import InvalidInput, suggest
from shoal.workspace.types import STR, Enum, Nullable, Record, Type, ValueMismatch, plain, read


def collect(declared: Record, text: str | None, items: Sequence[str], graph: str) -> dict[str, Any]:
    """Join TEXT and the --input items into one set of inputs that fits the graph.

    An item is `name=value`, `@file.json`, or `-` for a JSON object on standard input; later items win. TEXT
    fills the first text input that no item gives.

    Raises:
        InvalidInput: names the input, what was given and what the graph declares.
    """
    given = parse_items(declared, items)
    if text is not None:
        given = {_text_input(declared, given, graph): text} | given
    return fit(declared, given, graph)


def fit(declared: Record, given: Mapping[str, Any], graph: str) -> dict[str, Any]:
    """Check JSON inputs against what a graph declares."""
    for name in given:
        if name not in declared.fields:
            raise InvalidInput(f"graph '{graph}' has no input '{name}'. {suggest(name, declared.fields)}")
    missing = [
        name
        for name, kind in declared.fields.items()
        if name not in given and not isinstance(plain(kind), Nullable)
    ]
    if missing:
        wanted = ", ".join(f"'{name}' ({declared.fields[name]})" for name in missing)
        example = " ".join(f"--input {name}=..." for name in missing)
        raise InvalidInput(f"graph '{graph}' needs the input {wanted}. Give it with {example}")
    try:
        return {
            name: read(kind, given.get(name), f"input '{name}'") for name, kind in declared.fields.items()
        }
    except ValueMismatch as error:
        raise InvalidInput(f"{error}, as graph '{graph}' declares it.") from error


def read_lines(file: Path, declared: Record, shared: Mapping[str, Any], graph: str) -> list[dict[str, Any]]:
    """The inputs of every line of a JSON Lines file, all checked before anything runs.

    `shared` holds inputs given on the command line; a line's own values win.
    """
    lines = []
    # Not splitlines(): JSON texts may hold line ends of Unicode.
    for number, line in enumerate(_read_file(file).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            lines.append(fit(declared, {**shared, **_json_object(line, "a line")}, graph))
        except InvalidInput as error:
            raise InvalidInput(f"{file}:{number}:1 {error} Nothing was run.") from error
    return lines


def parse_items(declared: Record, items: Sequence[str]) -> dict[str, Any]:
    """The --input items alone, not yet complete."""
    given: dict[str, Any] = {}
    for item in items:
        given |= _read_item(item, declared)
    return given


def _read_item(item: str, declared: Record) -> dict[str, Any]:
    if item == "-":
        return _json_object(sys.stdin.read(), "standard input")
    if item.startswith("@"):
        return _json_object(_read_file(Path(item[1:])), item[1:])
    name, equals, value = item.partition("=")
    if not equals:
        raise InvalidInput(
            f"--input {item} is not understood. Write name=value, @file.json, or - for standard input."
        )
    return {name: _read_text(declared.fields.get(name, STR), value)}


def _read_text(kind: Type, text: str) -> Any:
    """Texts stay as they are; everything else is JSON. What is not JSON is left for `fit` to refuse."""
    kind = plain(kind)
    kind = kind.of if isinstance(kind, Nullable) else kind
    if kind == STR or isinstance(kind, Enum):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _text_input(declared: Record, given: Mapping[str, Any], graph: str) -> str:
    for name, kind in declared.fields.items():
        if kind == STR and name not in given:
            return name
    raise InvalidInput(f"graph '{graph}' has no text input left for TEXT. It declares {declared}.")


def _read_file(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error.strerror}. Mend the path.") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{file} cannot be read: it is not UTF-8 text. Save it as UTF-8.") from error


def _json_object(text: str, where: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise InvalidInput(f"{where} is nested too deeply. Flatten it.") from error
    except ValueError as error:
        raise InvalidInput(f"{where} is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise InvalidInput(f"{where} is {text.strip()[:40]}, expected a JSON object of inputs.")
    return value
