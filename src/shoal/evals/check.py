"""Checks suites: that what they test exists, and that cases, scorers and gates fit its fields."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoal.agents.agent import Agent
from shoal.agents.manifest import NAME, NAME_RULE
from shoal.errors import InvalidFiles, Problem, suggest
from shoal.evals.suite import NumberScorer, SuiteFile
from shoal.graphs.plan import Plan
from shoal.workspace.schema import problems_of
from shoal.workspace.types import (
    BOOL,
    FLOAT,
    INT,
    STR,
    Enum,
    Nullable,
    Record,
    Type,
    ValueMismatch,
    json_schema,
    plain,
    read,
)
from shoal.workspace.yaml import Document, Where, read_yaml

_MAX_FAULTS = 10
"""Problems of one file of cases that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """What suites may test. None: it is declared, with faults that are reported elsewhere."""

    agents: Mapping[str, Agent | None]
    graphs: Mapping[str, Plan | None]


def check_suites(root: Path, targets: Targets) -> tuple[int, list[Problem]]:
    """How many suites there are in evals/, and what is wrong with them."""
    problems: list[Problem] = []
    taken: dict[str, str] = {}
    files = sorted((root / "evals").glob("*.yaml"))
    for file in files:
        suite, found = check_suite(file, root, targets)
        problems += found
        if suite is None:
            continue
        name = file.relative_to(root).as_posix()
        if suite in taken:
            message = (
                f"the name '{suite}' is taken by {taken[suite]}. Give this suite another one: `suite: ...`"
            )
            problems.append(Problem(name, 1, 1, message))
        taken.setdefault(suite, name)
    return len(files), problems


def check_suite(file: Path, root: Path, targets: Targets) -> tuple[str | None, list[Problem]]:
    """The name of a suite whose keys are right; and what is wrong with it and its cases."""
    try:
        document = read_yaml(file, file.relative_to(root).as_posix())
    except InvalidFiles as err:
        return None, list(err.problems)
    if problems := problems_of(document, SuiteFile):
        return None, problems
    suite = SuiteFile.model_validate(document.data)
    return suite.suite, list(_SuiteChecker(document, suite, file, targets).check())


class _SuiteChecker:
    """Checks a suite whose keys are right."""

    def __init__(self, document: Document, suite: SuiteFile, file: Path, targets: Targets) -> None:
        self.document = document
        self.suite = suite
        self.folder = file.parent
        self.targets = targets
        self.input: Record | None = None
        self.output: Record | None = None

    def check(self) -> Iterator[Problem]:
        if not NAME.match(self.suite.suite):
            message = f"'{self.suite.suite}' cannot be a name. {NAME_RULE}"
            yield self.document.problem(("suite",), message)
        yield from self._target()
        yield from self._fields()
        if isinstance(self.suite.cases, str):
            yield from self._case_file(self.suite.cases)
        else:
            for number, case in enumerate(self.suite.cases):
                where: Where = ("cases", number)
                for key, message in self._case(case.model_dump()):
                    yield self.document.problem((*where, *key), message)

    def _target(self) -> Iterator[Problem]:
        target = self.suite.target
        if target.model is not None:
            if not re.match(r"https?://[^\s/]+", target.model):
                message = f"'{target.model}' is not a URL. Write http://... or https://..."
                yield self.document.problem(("target", "model"), message)
            return
        kind, name = ("agent", target.agent) if target.agent is not None else ("graph", target.graph)
        known: Mapping[str, Agent | Plan | None] = (
            self.targets.agents if kind == "agent" else self.targets.graphs
        )
        if name not in known:
            yield self.document.problem(
                ("target", kind), f"there is no {kind} '{name}'. {suggest(str(name), known)}"
            )
            return
        match known[str(name)]:
            case Agent(input=given, output=output):
                self.input, self.output = given, output
            case Plan() as plan:
                self.input, self.output = plan.input, plan.block.output_type

    def _fields(self) -> Iterator[Problem]:
        for name, scorer in self.suite.scorers.items():
            where: Where = ("scorers", name)
            kind = self.output.fields.get(name) if self.output else None
            if self.output and kind is None:
                yield self.document.problem(where, self._no_field(name), at_key=True)
            elif kind is not None and (message := _unfit(name, kind, scorer)):
                yield self.document.problem(where, message)
        for name in self.suite.gate:
            if name not in self.suite.scorers:
                message = f"the gate names '{name}', which has no scorer. {suggest(name, self.suite.scorers)}"
                yield self.document.problem(("gate", name), message, at_key=True)

    def _no_field(self, name: str) -> str:
        target = self.suite.target
        owner = f"agent '{target.agent}'" if target.agent else f"graph '{target.graph}'"
        return f"{owner} gives no '{name}'. {suggest(name, self.output.fields if self.output else ())}"

    def _case_file(self, name: str) -> Iterator[Problem]:
        file, shown = self.folder / name, f"{Path(self.document.file).parent.as_posix()}/{name}"
        if file.suffix not in {".jsonl", ".csv"}:
            message = f"'{name}' is not a file of cases. They end in .jsonl or .csv"
            yield self.document.problem(("cases",), message)
            return
        try:
            text = file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as err:
            reason = err.strerror if isinstance(err, OSError) else "it is not UTF-8 text"
            yield self.document.problem(("cases",), f"{shown} cannot be read: {reason}. Mend the path")
            return
        lines = _csv_cases(text, self.output) if file.suffix == ".csv" else _json_cases(text)
        faults = [
            Problem(shown, line, 1, message)
            for line, case in lines
            for message in ([case] if isinstance(case, str) else [each for _, each in self._case(case)])
        ]
        yield from faults[:_MAX_FAULTS]
        if len(faults) > _MAX_FAULTS:
            rest = faults[_MAX_FAULTS]
            yield Problem(
                shown, rest.line, 1, f"there are {len(faults) - _MAX_FAULTS} more faults from here on"
            )

    def _case(self, case: Mapping[str, Any]) -> Iterator[tuple[Where, str]]:
        """The faults of one case, each with the keys that lead to it."""
        if self.input:
            try:
                read(self.input, case["input"], "input")
            except ValueMismatch as err:
                yield ("input",), str(err)
        for name, value in case["gold"].items():
            kind = self.output.fields.get(name) if self.output else None
            if self.output and kind is None:
                yield ("gold", name), self._no_field(name)
            elif kind is not None:
                try:
                    read(kind, value, f"gold '{name}'")
                except ValueMismatch as err:
                    yield ("gold", name), str(err)
        if case.get("slice") is not None and case["slice"] not in self.suite.slices:
            yield (
                ("slice",),
                f"'{case['slice']}' is not one of `slices`. {suggest(case['slice'], self.suite.slices)}",
            )


def _unfit(name: str, kind: Type, scorer: object) -> str | None:
    """Why a scorer cannot compare values of a type."""
    bare = plain(kind)
    bare = bare.of if isinstance(bare, Nullable) else bare
    if isinstance(scorer, NumberScorer) and bare not in (INT, FLOAT):
        return f"'{name}' is {kind}, which `number` cannot compare. Use exact"
    if scorer == "choice" and not (isinstance(bare, Enum) or bare == BOOL):
        return f"'{name}' is {kind}, and `choice` needs an enum or a bool. Use exact"
    if scorer == "normalised" and bare != STR:
        return f"'{name}' is {kind}, and `normalised` needs a text. Use exact"
    return None


def _json_cases(text: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
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


def _whole(case: object) -> dict[str, Any] | str:
    if not isinstance(case, dict):
        return "a case is a mapping with `input` and `gold`"
    if "gold" not in case and "output" in case:
        case = {("gold" if key == "output" else key): value for key, value in case.items()}
    for key in case:
        if key not in {"input", "gold", "id", "slice"}:
            return f"'{key}' is not a known key. {suggest(key, ('input', 'gold', 'id', 'slice'))}"
    for key in ("input", "gold"):
        if not isinstance(case.get(key), dict):
            return f"the key '{key}' is missing, or is not a mapping"
    if not all(case.get(key) is None or isinstance(case[key], str) for key in ("id", "slice")):
        return "`id` and `slice` are texts"
    return case


def _csv_cases(text: str, output: Record | None) -> Iterator[tuple[int, dict[str, Any] | str]]:
    reader = csv.DictReader(io.StringIO(text))
    for row in reader:
        case: dict[str, Any] = {"input": {}, "gold": {}}
        for column, cell in row.items():
            part, _, name = (column or "").partition(".")
            if part in case and name:
                kind = output.fields.get(name) if output and part == "gold" else None
                if cell or kind is None or isinstance(plain(kind), Nullable):
                    case[part][name] = _cell(cell, kind)
            elif column in {"id", "slice"}:
                case[column] = cell or None
            else:
                yield (
                    reader.line_num,
                    f"'{column}' is not a column of cases: input.NAME, gold.NAME, id, slice",
                )
                return
        yield reader.line_num, _whole(case)


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
