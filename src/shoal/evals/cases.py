"""Cases, from JSON Lines, CSV or the suite itself."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shoal.errors import suggest
from shoal.evals.suite import CaseEntry
from shoal.journal.journal import encode
from shoal.workspace.types import Nullable, Record, Type, json_schema, plain, read

KEYS = tuple(CaseEntry.model_fields)
_MAPPINGS = ("input", "gold", "nodes", "answers")

RawCase = dict[str, Any]
"""A case as it is written, its keys known and of the right kinds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One question, and what is right."""

    id: str
    input: Mapping[str, Any]
    gold: Mapping[str, Any]
    nodes: Mapping[str, Mapping[str, Any]]
    """Right values of fields of nodes, by path."""
    answers: Mapping[str, Any]
    """What a person says to nodes that ask, by path."""
    steps: tuple[str, ...] | None
    state: tuple[Mapping[str, Any], ...] | None
    slices: tuple[str, ...]

    @property
    def asked(self) -> str:
        """What is asked, as the one text that digests are taken of."""
        return encode([self.input, self.answers])

    @property
    def sha256(self) -> str:
        """Of what is asked and what is right: the same case in two evaluations."""
        right = [self.gold, self.nodes, self.steps, self.state]
        return hashlib.sha256(f"{self.asked}{encode(right)}".encode()).hexdigest()


def json_cases(text: str) -> Iterator[tuple[int, RawCase | str]]:
    """Line numbers with cases, or with what is wrong."""
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            case = json.loads(line)
        except (ValueError, RecursionError) as err:
            yield number, f"the line is not JSON: {err}"
            continue
        yield number, _whole(case)


def csv_cases(text: str, output: Record | None) -> Iterator[tuple[int, RawCase | str]]:
    """Line numbers with cases, or with what is wrong; cells are read as the output fields ask."""
    reader = csv.DictReader(io.StringIO(text))
    for row in reader:
        case: RawCase = {"input": {}, "gold": {}}
        for column, cell in row.items():
            if not _put(case, column or "", cell, output):
                message = f"'{column}' is not a column of cases: input.NAME, gold.NAME, nodes.NODE.NAME, "
                yield reader.line_num, f"{message}answers.NODE, id, slice"
                return
        yield reader.line_num, _whole(case)


def make_cases(raw: Iterable[RawCase], given: Record | None, output: Record | None) -> tuple[Case, ...]:
    """Cases that were checked, with values in the types of the target."""
    made: list[Case] = []
    taken: dict[str, int] = {}
    for each in raw:
        case = _case(each, given, output)
        number = taken[case.id] = taken.get(case.id, 0) + 1
        made.append(case if number == 1 else _renamed(case, number))
    return tuple(made)


def _case(raw: RawCase, given: Record | None, output: Record | None) -> Case:
    values = raw["input"] if given is None else read(given, raw["input"])
    gold = raw.get("gold") or {}
    if output is not None:
        gold = {name: read(output.fields[name], value) for name, value in gold.items()}
    answers, named = raw.get("answers") or {}, raw.get("slice") or ()
    digest = hashlib.sha256(encode([values, answers]).encode()).hexdigest()
    return Case(
        id=raw.get("id") or digest[:10],
        input=values,
        gold=gold,
        nodes=raw.get("nodes") or {},
        answers=answers,
        steps=None if raw.get("steps") is None else tuple(raw["steps"]),
        state=None if raw.get("state") is None else tuple(raw["state"]),
        slices=(named,) if isinstance(named, str) else tuple(named),
    )


def _renamed(case: Case, number: int) -> Case:
    from dataclasses import replace

    return replace(case, id=f"{case.id}-{number}")


def _whole(case: object) -> RawCase | str:
    if not isinstance(case, dict):
        return "a case is a mapping with `input` and `gold`"
    if "gold" not in case and "output" in case:
        case = {("gold" if key == "output" else key): value for key, value in case.items()}
    for key in case:
        if key not in KEYS:
            return f"'{key}' is not a known key. {suggest(key, KEYS)}"
    for key in _MAPPINGS:
        if key == "input" and key not in case or key in case and not isinstance(case[key], dict):
            return f"the key '{key}' is missing, or is not a mapping"
    return _fault(case) or case


def _fault(case: RawCase) -> str | None:
    if not all(isinstance(each, dict) for each in case.get("nodes", {}).values()):
        return "`nodes` maps paths of nodes to mappings of fields"
    if not (case.get("id") is None or isinstance(case["id"], str)):
        return "`id` is a text"
    named = case.get("slice")
    if not (named is None or isinstance(named, str) or _are(named, str)):
        return "`slice` is a text, or a list of texts"
    if not (case.get("steps") is None or _are(case["steps"], str)):
        return "`steps` is a list of names of nodes"
    if not (case.get("state") is None or _are(case["state"], dict)):
        return "`state` is a list of changes, like {insert: TABLE, row: {...}}"
    return None


def _are(value: object, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(each, kind) for each in value)


def _put(case: RawCase, column: str, cell: str | None, output: Record | None) -> bool:
    """Put a cell where its column says; whether there is such a column."""
    part, _, name = column.partition(".")
    if part in {"id", "slice"} and not name:
        case[part] = cell or None
    elif part == "nodes" and "." in name:
        node, _, field = name.rpartition(".")
        if cell:
            case.setdefault("nodes", {}).setdefault(node, {})[field] = _cell(cell, None)
    elif part == "answers" and name:
        if cell:
            case.setdefault("answers", {})[name] = _cell(cell, None)
    elif part in {"input", "gold"} and name:
        kind = output.fields.get(name) if output and part == "gold" else None
        if cell or kind is None or isinstance(plain(kind), Nullable):
            case[part][name] = _cell(cell, kind)
    else:
        return False
    return True


def _cell(cell: str | None, kind: Type | None) -> Any:
    """Text as it is where the field is text; else JSON. An empty cell is null."""
    if not cell:
        return None
    if kind is None or json_schema(kind).get("type") == "string":
        return cell
    try:
        return json.loads(cell)
    except ValueError:
        return cell
