"""The checker: graph files in, plans and problems out, before anything runs.

`check_workspace` reports all problems of all files together; `load_plan` gives one plan or raises them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from shoal.agents.manifest import NAME, NAME_RULE, Workspace, read_workspace
from shoal.errors import InvalidFiles, Problem, ShoalError, suggest
from shoal.graphs.expressions import Compiled
from shoal.graphs.model import GraphFile, NodeEntry
from shoal.graphs.nodes import Known, NodeReader, Worker
from shoal.graphs.plan import AgentCall, Block, Node, Plan, ToolCall
from shoal.graphs.scope import EVERYTHING, ExpressionError, Scope, Source, joined
from shoal.graphs.templates import ValueFault, compile_value, is_template, split_text
from shoal.graphs.tokens import RESERVED, known_after, needed_and_asked
from shoal.graphs.tokens import Path as ReadPath
from shoal.graphs.values import source_type
from shoal.workspace.schema import entries, problems_of, record_at
from shoal.workspace.types import ANY, Nullable, Record, Type
from shoal.workspace.yaml import Document, Where, read_yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a check found."""

    workspace: Workspace
    plans: Mapping[str, Plan]
    """By graph name; graphs whose files have problems are absent."""
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
        workspace, known, problems = _known(root)
    except InvalidFiles as err:
        raise InvalidFiles([*err.problems, *_problems_alone(root)]) from None
    plans: dict[str, Plan] = {}
    for path in workspace.graph_files:
        plan, found = check_graph(path, workspace, known)
        problems.extend(found)
        if plan and plan.name in plans:
            problems.append(Problem(plan.file, 1, 1, _taken(plan.name, plans[plan.name].file)))
        elif plan:
            plans[plan.name] = plan
    problems.extend(
        Problem(path.relative_to(root).as_posix(), 1, 1, "graph files end in .yaml. Rename this one")
        for path in (root / "graphs").glob("*.yml")
    )
    return Checked(workspace=workspace, plans=plans, problems=tuple(sorted(set(problems))))


def _taken(name: str, file: str) -> str:
    return f"the name '{name}' is taken by {file}. Give this graph another one: `graph: ...`"


def _problems_alone(root: Path) -> Iterable[Problem]:
    """What is wrong with the graph files, whatever agents.yaml says."""
    for path in sorted((root / "graphs").glob("*.yaml")):
        try:
            yield from problems_of(read_yaml(path, path.relative_to(root).as_posix()), GraphFile)
        except InvalidFiles as err:
            yield from err.problems


def load_plan(root: Path, graph: str) -> Plan:
    """The plan of a graph by its name, or by the path of its file.

    Raises:
        InvalidFiles: the workspace or the graph has problems.
        ShoalError: there is no such graph.
    """
    path = _graph_path(root, graph)
    workspace, known, problems = _known(root)
    plan, found = check_graph(path, workspace, known)
    errors = [problem for problem in (*problems, *found) if not problem.is_warning]
    if errors or plan is None:
        raise InvalidFiles(errors)
    return plan


def _graph_path(root: Path, graph: str) -> Path:
    if graph.endswith(".yaml"):
        # From where the user stands, or, as runs remember it, from the workspace.
        for path in (Path(graph).resolve(), root / graph):
            if path.is_file():
                return path
    files = sorted(path for path in (root / "graphs").glob("*.yaml") if path.is_file())
    named = {path.stem: path for path in files} | {name: path for path in files if (name := _name_in(path))}
    if graph in named:
        return named[graph]
    raise ShoalError(f"there is no graph '{graph}' in {root / 'graphs'}. {suggest(graph, named)}")


def _name_in(path: Path) -> str | None:
    """The name that a graph file gives itself, read without parsing the rest, which may be wrong."""
    try:
        content = path.read_bytes()
    except OSError:
        return None  # told of when it is the one that is wanted
    found = re.search(rb"^graph:\s*([a-z][a-z0-9_]*)\s*(?:#.*)?$", content, flags=re.MULTILINE)
    return found[1].decode() if found else None


def _known(root: Path) -> tuple[Workspace, Known, list[Problem]]:
    from shoal.graphs.tools import load_tools

    workspace, problems = read_workspace(root)
    tools, faults = load_tools(workspace)
    broken = workspace.broken | (set(workspace.tools) - set(tools))
    known = Known(agents=workspace.agents, tools=tools, broken=frozenset(broken))
    return workspace, known, [*problems, *faults, *_prompt_problems(workspace)]


def _prompt_problems(workspace: Workspace) -> list[Problem]:
    prompts = [agent for agent in workspace.agents.values() if agent.prompt is not None]
    if not prompts:
        return []
    from shoal.agents.prompts import check_prompt

    return [
        problem
        for agent in prompts
        for problem in check_prompt(str(agent.prompt), agent.input.fields, f"agents/{agent.name}/prompt.md")
    ]


def check_graph(path: Path, workspace: Workspace, known: Known) -> tuple[Plan | None, list[Problem]]:
    """The plan of one graph file, or None; and its problems, warnings among them."""
    root = workspace.root.resolve()
    full = path.resolve()
    file = full.relative_to(root).as_posix() if full.is_relative_to(root) else str(path)
    try:
        document = read_yaml(path, file)
    except InvalidFiles as err:
        return None, list(err.problems)
    checker = _GraphChecker(document, known)
    plan = checker.check()
    return plan, checker.problems


class _GraphChecker:
    """Checks one graph file and collects its problems."""

    def __init__(self, document: Document, known: Known) -> None:
        self.document = document
        self.known = known
        self.problems = problems_of(document, GraphFile)
        found = entries(document, "nodes", NodeEntry)
        self.readers: dict[str, NodeReader] = {}
        self.unread: set[str] = set()
        """Nodes that cannot be looked at any closer."""
        for name, entry in found.items():
            if self._has_name(name) and entry:
                self.readers[name] = NodeReader(document, name, entry, self.problems.append)
            else:
                self.unread.add(name)

    def check(self) -> Plan | None:
        """The plan, if there is no problem but warnings."""
        self._check_names()
        graph_input = self._input()
        workers = {name: reader.worker(self.known) for name, reader in self.readers.items()}
        sources = self._sources(graph_input, workers)
        order = self._order()
        nodes = self._nodes(order, workers, sources)
        output = self._output(sources, nodes)
        if any(not problem.is_warning for problem in self.problems) or len(nodes) < len(self.readers):
            return None
        self._warn_of_unread(nodes, output)
        return Plan(
            name=self.document.data["graph"],
            file=self.document.file,
            input=graph_input,
            block=Block(
                nodes=nodes,
                output={name: value for name, (value, _) in output.items()},
                output_type=Record({name: kind for name, (_, kind) in output.items()}),
            ),
            sha256=_digest(self.document, nodes.values()),
        )

    def _fault(self, where: Where, message: str, *, at_key: bool = False, offset: int | None = None) -> None:
        self.problems.append(self.document.problem(where, message, at_key=at_key, offset=offset))

    def _check_names(self) -> None:
        name = self.document.data.get("graph")
        if isinstance(name, str) and not NAME.match(name):
            self._fault(("graph",), f"'{name}' cannot be a name. {NAME_RULE}")
        if self.document.data.get("budget") is not None:
            self._fault(("budget",), "'budget' is not available in this version yet", at_key=True)
        if self.document.data.get("nodes") == {}:
            self._fault(("nodes",), "the graph has no nodes. Add one, like {triage: {agent: triage}}")

    def _has_name(self, node: str) -> bool:
        if node in RESERVED:
            message = f"'{node}' means something in expressions. Rename the node"
            self._fault(("nodes", node), message, at_key=True)
        elif not NAME.match(node):
            self._fault(("nodes", node), f"'{node}' cannot be a name. {NAME_RULE}", at_key=True)
        else:
            return True
        return False

    def _input(self) -> Record:
        given = self.document.data.get("input")
        if not isinstance(given, dict):
            return Record({})
        record, problems = record_at(self.document, ("input",), given)
        self.problems.extend(problems)
        return record or Record(dict.fromkeys(given, ANY))

    def _sources(self, graph_input: Record, workers: Mapping[str, Worker | None]) -> dict[str, Source]:
        sources = {name: Source(ANY, f"node '{name}' gives") for name in self.unread}
        for name, worker in workers.items():
            known = worker.source() if worker else None
            sources[name] = known or Source(ANY, f"node '{name}' gives")
        is_read = isinstance(self.document.data.get("input", {}), dict)
        given = source_type(graph_input) if is_read else ANY
        return sources | {"input": Source(given, "the input of the graph has")}

    def _links(self, reader: NodeReader) -> tuple[set[str], set[str]]:
        """Nodes that a node needs and nodes it asks for, before anything is compiled."""
        needed, asked = _links_of(reader.conditions(), reader.values())
        others = set(self.readers) - {reader.name}
        return needed & others, asked & others

    def _order(self) -> list[str]:
        links = {name: set().union(*self._links(reader)) for name, reader in self.readers.items()}
        try:
            return list(TopologicalSorter(links).static_order())
        except CycleError as err:
            cycle = err.args[1]
            first = min(cycle[:-1], key=list(self.readers).index)
            turned = [*cycle[cycle.index(first) : -1], *cycle[: cycle.index(first)], first]
            message = f"nodes wait for each other: {' -> '.join(turned)}. Let one of them read something else"
            self._fault(("nodes", first), message, at_key=True)
            return list(self.readers)

    def _nodes(
        self, order: Iterable[str], workers: Mapping[str, Worker | None], sources: Mapping[str, Source]
    ) -> dict[str, Node]:
        nodes: dict[str, Node] = {}
        self.facts: dict[str, frozenset[ReadPath]] = {}
        for name in order:
            reader = self.readers[name]
            needed, _ = self._links(reader)
            # What a node needs has run, so its `when` holds here too.
            facts = joined(self.facts.get(each, frozenset()) for each in needed)
            own = known_after(reader.entry.when) if reader.entry.when else frozenset()
            self.facts[name] = facts | own
            worker = workers[name]
            if worker and (node := reader.compile(worker, sources, facts, own)):
                nodes[name] = node
            if reader.has_faulty_when:
                self.facts[name] = EVERYTHING
        return nodes

    def _output(
        self, sources: Mapping[str, Source], nodes: Mapping[str, Node]
    ) -> dict[str, tuple[Compiled, Type]]:
        output: dict[str, tuple[Compiled, Type]] = {}
        given = self.document.data.get("output")
        if not isinstance(self.document.data.get("nodes"), dict):
            return output  # which was reported, and would be again for all that is read of them
        if given == {}:
            self._fault(
                ("output",), 'the graph gives no output. Name at least one, like {reply: "${reply.text}"}'
            )
        skippable = _skippable(nodes)
        for name, value in given.items() if isinstance(given, dict) else ():
            needed, _ = _links_of([], [value])
            facts = joined(self.facts.get(each, frozenset()) for each in needed)
            scope = Scope(reader=f"output '{name}'", sources=sources, facts=facts)
            try:
                compiled = compile_value(("output", name), value, None, scope, "the output")
            except ValueFault as err:
                self._fault(err.where, str(err), offset=err.offset)
                continue
            may_be_absent = bool(compiled.reads & skippable) and not isinstance(compiled.type, Nullable)
            output[name] = (compiled, Nullable(compiled.type) if may_be_absent else compiled.type)
        return output

    def _warn_of_unread(self, nodes: Mapping[str, Node], output: Mapping[str, tuple[Compiled, Type]]) -> None:
        used: set[str] = set().union(*(value.reads | value.asks for value, _ in output.values()))
        used.update(*(node.reads | node.asks for node in nodes.values()))
        for name, node in nodes.items():
            is_pure = isinstance(node.work, AgentCall) or (
                isinstance(node.work, ToolCall) and node.work.tool.effect == "pure"
            )
            if is_pure and name not in used:
                message = f"nothing reads node '{name}'. Read its output somewhere, or delete it"
                self.problems.append(
                    self.document.problem(("nodes", name), message, at_key=True, is_warning=True)
                )


def _links_of(conditions: Iterable[str], values: Iterable[Any]) -> tuple[set[str], set[str]]:
    needed: set[str] = set()
    asked: set[str] = set()
    for text in (*conditions, *_expressions(values)):
        more_needed, more_asked = needed_and_asked(text)
        needed |= more_needed
        asked |= more_asked
    return needed, asked - needed


def _expressions(values: Iterable[Any]) -> Iterable[str]:
    """The texts inside `${...}` of values; what cannot be split is reported when it is compiled."""
    for value in values:
        if isinstance(value, dict | list):
            yield from _expressions(value.values() if isinstance(value, dict) else value)
        elif is_template(value):
            try:
                yield from (piece for piece, start in split_text(value) if start is not None)
            except ExpressionError:
                continue


def _skippable(nodes: Mapping[str, Node]) -> set[str]:
    """Nodes that a run may skip; `nodes` come after what they read."""
    found: set[str] = set()
    for name, node in nodes.items():
        if node.when is not None or node.reads & found:
            found.add(name)
    return found


def _digest(document: Document, nodes: Iterable[Node]) -> str:
    """SHA-256 over everything a run of the graph depends on."""
    parts: dict[str, Any] = {"graph": hashlib.sha256(document.source).hexdigest()}
    for node in nodes:
        if isinstance(node.work, AgentCall):
            agent = node.work.agent
            parts[f"agent {agent.name}"] = [
                agent.base.model,
                agent.base.kind,
                str(agent.input),
                str(agent.output),
                agent.adapter.sha256 if agent.adapter else None,
                agent.prompt,
                agent.knowledge,
            ]
        elif isinstance(node.work, ToolCall):
            tool = node.work.tool
            parts[f"tool {tool.name}"] = [tool.effect, str(tool.input), str(tool.output), tool.sha256]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
