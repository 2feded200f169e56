"""A suite of a workspace with its target and its cases, ready to be asked."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from shoal.agents.agent import Agent
from shoal.agents.manifest import load_workspace
from shoal.errors import InvalidFiles, ShoalError, suggest
from shoal.evals.cases import Case, make_cases
from shoal.evals.check import Checked, Targets, look_at, read_suite, suite_files
from shoal.evals.functions import function_sha256
from shoal.evals.suite import SuiteFile, TargetEntry
from shoal.graphs.check import load_plan
from shoal.graphs.files import named_files
from shoal.graphs.plan import Plan
from shoal.workspace.yaml import read_yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A suite that was checked."""

    file: Path
    shown: str
    """The file as users know it."""
    entry: SuiteFile
    target: Agent | Plan | None
    """None: a model elsewhere."""
    cases: tuple[Case, ...]
    sha256: str
    """Of the file, and of the functions it names; not of its cases."""

    @property
    def name(self) -> str:
        """As the file gives it."""
        return self.entry.suite

    @property
    def scores(self) -> list[str]:
        """The names of its scores."""
        nodes = self.entry.nodes.items()
        return [*self.entry.scorers, *(f"{node}.{name}" for node, fields in nodes for name in fields)]

    @property
    def folder(self) -> Path:
        """What files that the suite names stand in."""
        return self.file.parent


def load_suite(root: Path, name: str) -> Suite:
    """A suite by its name, or by the path of its file.

    Raises:
        InvalidFiles: the suite or its target has problems.
        ShoalError: there is no such suite.
    """
    file = _file(root, name)
    document = read_suite(file, root)
    entry = SuiteFile.model_validate(document.data)
    checked = look_at(document, file, _targets(root, entry.target))
    if checked.problems:
        raise InvalidFiles(checked.problems)
    return Suite(
        file=file,
        shown=document.file,
        entry=entry,
        target=checked.target,
        cases=make_cases(checked.cases, checked.input, checked.output),
        sha256=_sha256(document.source, checked, file.parent),
    )


def suite_names(root: Path) -> dict[str, Path]:
    """The suites of a workspace by name; files that cannot be read are passed over."""
    names: dict[str, Path] = {}
    for file in suite_files(root):
        try:
            named = read_yaml(file, file.name).data.get("suite")
        except InvalidFiles:
            continue
        if isinstance(named, str):
            names.setdefault(named, file)
    return names


def _file(root: Path, name: str) -> Path:
    if name.endswith(".yaml"):
        for path in (Path(name).resolve(), root / name):
            if path.is_file() and path.is_relative_to(root):
                return path
    names = suite_names(root)
    if name in names:
        return names[name]
    raise ShoalError(f"there is no suite '{name}' in {root / 'evals'}. {suggest(name, names)}")


def _targets(root: Path, target: TargetEntry) -> Targets:
    """What is needed of a workspace for one target; others may have problems."""
    workspace = load_workspace(root)
    graphs: dict[str, Plan | None] = {}
    if target.graph is not None:
        named = named_files(workspace.graph_files)
        graphs = dict.fromkeys(named)
        if target.graph in named:
            graphs[target.graph] = load_plan(root, target.graph)
    return Targets(agents=workspace.agents, graphs=graphs)


def _sha256(source: bytes, checked: Checked, folder: Path) -> str:
    scorers = [*checked.suite.scorers.values()]
    scorers += [each for fields in checked.suite.nodes.values() for each in fields.values()]
    references = [reference for each in scorers if (reference := getattr(each, "python", None))]
    sources = [function_sha256(folder, reference) for reference in references]
    return hashlib.sha256(b"\n".join([source, *map(str.encode, sources)])).hexdigest()
