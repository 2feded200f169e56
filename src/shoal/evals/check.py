"""Checks suites: that what they test exists, and that cases, scorers and gates fit its fields."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoal.agents.agent import Agent
from shoal.agents.manifest import NAME, NAME_RULE
from shoal.errors import InvalidFiles, Problem, suggest
from shoal.evals.cases import RawCase, csv_cases, json_cases
from shoal.evals.check_fields import GraphFields, gate_faults, scorer_faults, unfit
from shoal.evals.functions import function_fault
from shoal.evals.suite import SuiteFile
from shoal.graphs.plan import Plan, ToolCall, walk_nodes
from shoal.workspace.schema import problems_of
from shoal.workspace.types import Record, ValueMismatch, read
from shoal.workspace.yaml import Document, Where, read_yaml

_MAX_FAULTS = 10
"""Problems of one file of cases that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """What suites may test. None: it is declared, with faults that are reported elsewhere."""

    agents: Mapping[str, Agent | None]
    graphs: Mapping[str, Plan | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A suite whose keys are right, and what is wrong with it and its cases."""

    suite: SuiteFile
    target: Agent | Plan | None
    input: Record | None
    output: Record | None
    cases: list[RawCase]
    problems: list[Problem]


def check_suites(root: Path, targets: Targets) -> tuple[int, list[Problem]]:
    """How many suites there are in evals/, and what is wrong with them."""
    problems: list[Problem] = []
    taken: dict[str, str] = {}
    files = suite_files(root)
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


def suite_files(root: Path) -> list[Path]:
    """The suites of a workspace, sorted by name."""
    return sorted((root / "evals").glob("*.yaml"))


def check_suite(file: Path, root: Path, targets: Targets) -> tuple[str | None, list[Problem]]:
    """The name of a suite whose keys are right; and what is wrong with it and its cases."""
    try:
        document = read_suite(file, root)
    except InvalidFiles as err:
        return None, list(err.problems)
    checked = look_at(document, file, targets)
    return checked.suite.suite, checked.problems


def read_suite(file: Path, root: Path) -> Document:
    """The document of a suite whose keys are right. Raises InvalidFiles."""
    document = read_yaml(file, file.relative_to(root).as_posix())
    if problems := problems_of(document, SuiteFile):
        raise InvalidFiles(problems)
    return document


def look_at(document: Document, file: Path, targets: Targets) -> Checked:
    """A suite whose keys are right with its cases, and all that is wrong."""
    checker = _SuiteChecker(document, SuiteFile.model_validate(document.data), file, targets)
    problems = list(checker.check())
    return Checked(
        suite=checker.suite,
        target=checker.target,
        input=checker.input,
        output=checker.output,
        cases=checker.cases,
        problems=problems,
    )


class _SuiteChecker:
    """Checks a suite whose keys are right."""

    def __init__(self, document: Document, suite: SuiteFile, file: Path, targets: Targets) -> None:
        self.document = document
        self.suite = suite
        self.folder = file.parent
        self.targets = targets
        self.target: Agent | Plan | None = None
        self.input: Record | None = None
        self.output: Record | None = None
        self.graph: GraphFields | None = None
        self.cases: list[RawCase] = []
        self._ids: set[str] = set()

    def check(self) -> Iterator[Problem]:
        if not NAME.match(self.suite.suite):
            message = f"'{self.suite.suite}' cannot be a name. {NAME_RULE}"
            yield self.document.problem(("suite",), message)
        yield from self._target()
        yield from self._fields()
        yield from self._nodes()
        yield from self._files()
        yield from self._world()
        if isinstance(self.suite.cases, str):
            yield from self._case_file(self.suite.cases)
        else:
            for number, case in enumerate(self.suite.cases):
                where: Where = ("cases", number)
                self.cases.append(case.model_dump())
                for key, message in self._case(self.cases[-1]):
                    yield self.document.problem((*where, *key), message)

    def _target(self) -> Iterator[Problem]:
        target = self.suite.target
        if target.model is not None:
            if not re.match(r"https?://[^\s/]+", target.model):
                message = f"'{target.model}' is not a URL. Write http://... or https://..."
                yield self.document.problem(("target", "model"), message)
            return
        kind = "agent" if target.agent is not None else "graph"
        name = target.agent or target.graph or ""
        known: Mapping[str, Agent | Plan | None] = (
            self.targets.agents if kind == "agent" else self.targets.graphs
        )
        if name not in known:
            yield self.document.problem(
                ("target", kind), f"there is no {kind} '{name}'. {suggest(name, known)}"
            )
            return
        self.target = known[name]
        match self.target:
            case Agent(input=given, output=output):
                self.input, self.output = given, output
            case Plan() as plan:
                self.input, self.output = plan.input, plan.block.output_type
                self.graph = GraphFields(plan)

    def _fields(self) -> Iterator[Problem]:
        for name, scorer in self.suite.scorers.items():
            for key, message in scorer_faults(name, scorer, self.output, self._owner, self.suite):
                where = ("scorers", name, *(each for each in key if each))
                yield self.document.problem(where, message, at_key=not key)
        scores = [*self.suite.scorers]
        scores += [f"{node}.{field}" for node, fields in self.suite.nodes.items() for field in fields]
        for where, message in gate_faults(self.suite, scores):
            yield self.document.problem(("gate", *where), message, at_key=len(where) == 1)

    def _nodes(self) -> Iterator[Problem]:
        if self.suite.nodes and self.suite.target.graph is None:
            message = "`nodes` are scored where the target is a graph. Use `scorers`"
            yield self.document.problem(("nodes",), message, at_key=True)
        elif self.graph is not None:
            for path, fields in self.suite.nodes.items():
                for name, scorer in fields.items():
                    fault = self.graph.fault(path, name)
                    if fault is not None:
                        where: Where = ("nodes", path) if fault.is_path else ("nodes", path, name)
                        yield self.document.problem(where, fault.message, at_key=True)
                    elif (kind := self.graph.type_of(path, name)) and (why := unfit(name, kind, scorer)):
                        yield self.document.problem(("nodes", path, name), why)

    def _files(self) -> Iterator[Problem]:
        """Files and functions that are named beside the suite."""
        scorers: list[tuple[Where, Any]] = [
            (("scorers", name), each) for name, each in self.suite.scorers.items()
        ]
        for node, fields in self.suite.nodes.items():
            scorers += [(("nodes", node, name), each) for name, each in fields.items()]
        worlds = self.suite.world if isinstance(self.suite.world, dict) else {}
        scorers += [(("world", name), each) for name, each in worlds.items()]
        for where, each in scorers:
            reference = getattr(each, "python", None)
            if reference and (fault := function_fault(self.folder, reference)):
                yield self.document.problem((*where, "python"), fault)
            sql = getattr(each, "sql", None)
            file = getattr(each, "sqlite", None) or (sql and sql.database)
            if file and not (self.folder / file).is_file():
                key = (*where, "sql", "database") if sql else (*where, "sqlite")
                yield self.document.problem(key, f"there is no file {file} beside the suite")

    def _world(self) -> Iterator[Problem]:
        if self.suite.world is not None or not isinstance(self.target, Plan):
            return
        tools = [node.work.tool for node in walk_nodes(self.target) if isinstance(node.work, ToolCall)]
        acting = sorted({tool.name for tool in tools if tool.effect != "pure"})
        if acting:
            message = (
                f"graph '{self.target.name}' calls tools that act: {', '.join(acting)}. Say where they may: "
                "`world: {VARIABLE: {sqlite: FILE}}` gives each case a copy of the database that they find "
                "by an environment variable; `world: real` lets them act as in a run"
            )
            yield self.document.problem(("target", "graph"), message)

    @property
    def _owner(self) -> str:
        target = self.suite.target
        return f"agent '{target.agent}'" if target.agent else f"graph '{target.graph}'"

    def _no_field(self, name: str) -> str:
        return f"{self._owner} gives no '{name}'. {suggest(name, self.output.fields if self.output else ())}"

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
        faults: list[Problem] = []
        for line, case in csv_cases(text, self.output) if file.suffix == ".csv" else json_cases(text):
            if isinstance(case, str):
                faults.append(Problem(shown, line, 1, case))
                continue
            self.cases.append(case)
            faults += [Problem(shown, line, 1, each) for _, each in self._case(case)]
        if not self.cases and not faults:
            faults.append(Problem(shown, 1, 1, "the file holds no case. Write one a line"))
        yield from faults[:_MAX_FAULTS]
        if len(faults) > _MAX_FAULTS:
            rest = faults[_MAX_FAULTS]
            yield Problem(
                shown, rest.line, 1, f"there are {len(faults) - _MAX_FAULTS} more faults from here on"
            )

    def _case(self, case: RawCase) -> Iterator[tuple[Where, str]]:
        """The faults of one case, each with the keys that lead to it."""
        if self.input:
            try:
                read(self.input, case["input"], "input")
            except ValueMismatch as err:
                yield ("input",), str(err)
        for name, value in (case.get("gold") or {}).items():
            kind = self.output.fields.get(name) if self.output else None
            if self.output and kind is None:
                yield ("gold", name), self._no_field(name)
            elif kind is not None:
                try:
                    read(kind, value, f"gold '{name}'")
                except ValueMismatch as err:
                    yield ("gold", name), str(err)
        yield from self._slices(case)
        if (given := case.get("id")) in self._ids:
            yield ("id",), f"the id '{given}' is taken by another case"
        elif given is not None:
            self._ids.add(given)
        if self.graph is not None:
            yield from self.graph.case_faults(case)
        elif self.target is not None and (keys := [key for key in _OF_GRAPHS if case.get(key)]):
            yield (keys[0],), f"`{keys[0]}` is for graphs, and {self._owner} is none"

    def _slices(self, case: RawCase) -> Iterator[tuple[Where, str]]:
        named = case.get("slice") or ()
        for each in (named,) if isinstance(named, str) else named:
            if each not in self.suite.slices:
                yield ("slice",), f"'{each}' is not one of `slices`. {suggest(each, self.suite.slices)}"


_OF_GRAPHS = ("nodes", "answers", "steps", "state")
