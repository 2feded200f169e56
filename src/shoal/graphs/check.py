"""The checker: graph files in, plans and problems out, before anything runs.

`check_workspace` reports all problems of all files together; `load_plan` gives one plan or raises them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from shoal.agents.manifest import Workspace, read_workspace
from shoal.errors import InvalidFiles, Problem, ShoalError, suggest
from shoal.graphs.files import GraphFiles, named_files
from shoal.graphs.model import GraphFile
from shoal.graphs.plan import Plan
from shoal.workspace.schema import problems_of
from shoal.workspace.yaml import read_yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a check found."""

    workspace: Workspace
    plans: Mapping[str, Plan]
    """By graph name; graphs whose files, or files of graphs they call, have problems are absent."""
    problems: tuple[Problem, ...]
    """Sorted by place; warnings among them."""

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that are not warnings."""
        return tuple(problem for problem in self.problems if not problem.is_warning)


def check_workspace(root: Path) -> Checked:
    """Check every file of a workspace.

    Raises:
        InvalidFiles: agents.yaml is missing or is not YAML.
    """
    try:
        workspace, files, problems = _opened(root)
    except InvalidFiles as err:
        raise InvalidFiles([*err.problems, *_problems_alone(root)]) from None
    plans: dict[str, Plan] = {}
    for path in workspace.graph_files:
        plan, found = files.check(path)
        problems.extend(found)
        if plan and plan.name in plans:
            problems.append(files.problem(path, ("graph",), _taken(plan.name, plans[plan.name].file)))
        elif plan:
            plans[plan.name] = plan
    problems.extend(
        Problem(path.relative_to(root).as_posix(), 1, 1, "graph files end in .yaml. Rename this one")
        for path in (root / "graphs").glob("*.yml")
    )
    return Checked(workspace=workspace, plans=plans, problems=tuple(sorted(set(problems))))


def load_plan(root: Path, graph: str) -> Plan:
    """The plan of a graph by its name, or by the path of its file.

    Raises:
        InvalidFiles: the workspace, the graph, or a graph it calls has problems.
        ShoalError: there is no such graph.
    """
    path = _graph_path(root, graph)
    _, files, problems = _opened(root)
    plan, found = files.check(path)
    found = [*problems, *found, *([] if plan else files.problems_behind(path))]
    errors = sorted({problem for problem in found if not problem.is_warning})
    if errors or plan is None:
        raise InvalidFiles(errors)
    return plan


def _taken(name: str, file: str) -> str:
    return f"the name '{name}' is taken by {file}. Give this graph another one: `graph: ...`"


def _problems_alone(root: Path) -> Iterable[Problem]:
    """What is wrong with the graph files, whatever agents.yaml says."""
    for path in sorted((root / "graphs").glob("*.yaml")):
        try:
            yield from problems_of(read_yaml(path, path.relative_to(root).as_posix()), GraphFile)
        except InvalidFiles as err:
            yield from err.problems


def _graph_path(root: Path, graph: str) -> Path:
    if graph.endswith(".yaml"):
        # From where the user stands, or, as runs remember it, from the workspace.
        for path in (Path(graph).resolve(), root / graph):
            if path.is_file():
                return path
    named = named_files(sorted((root / "graphs").glob("*.yaml")))
    if graph in named:
        return named[graph]
    raise ShoalError(f"there is no graph '{graph}' in {root / 'graphs'}. {suggest(graph, named)}")


def _opened(root: Path) -> tuple[Workspace, GraphFiles, list[Problem]]:
    from shoal.graphs.tools import load_tools

    workspace, problems = read_workspace(root)
    tools, faults = load_tools(workspace)
    broken = workspace.broken | (set(workspace.tools) - set(tools))
    files = GraphFiles(workspace, workspace.agents, tools, frozenset(broken))
    return workspace, files, [*problems, *faults, *_prompt_problems(workspace)]


def _prompt_problems(workspace: Workspace) -> list[Problem]:
    prompts = [agent for agent in workspace.agents.values() if agent.prompt is not None]
    if not prompts:
        return []
    from shoal.agents.prompts import check_prompt
    from shoal.agents.windows import window_problems

    problems = [
        problem
        for agent in prompts
        for problem in check_prompt(str(agent.prompt), agent.input.fields, f"agents/{agent.name}/prompt.md")
    ]
    return problems + window_problems(prompts, workspace.root)
