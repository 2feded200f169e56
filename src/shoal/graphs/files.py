"""The graph files of a workspace: which calls which, and each compiled once, after those it calls."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from shoal.agents.agent import Agent
from shoal.agents.manifest import Workspace
from shoal.errors import InvalidFiles, Problem
from shoal.expressions.scope import Source
from shoal.expressions.values import source_type
from shoal.graphs.blocks import BlockReader
from shoal.graphs.bounds import problems_of_bounds
from shoal.graphs.composites import effects_of, works_of
from shoal.graphs.model import BudgetEntry
from shoal.graphs.nodes import budget_of
from shoal.graphs.plan import AgentCall, Plan, Tool, ToolCall, walk_nodes
from shoal.graphs.readers import Around, Kit
from shoal.graphs.sources import GraphSource, read_source
from shoal.graphs.workers import Known, Signature
from shoal.workspace.schema import entry
from shoal.workspace.types import ANY, Record, accepts
from shoal.workspace.yaml import Document, Where, read_yaml


class GraphFiles:
    """Reads, links and compiles graph files on demand."""

    def __init__(
        self,
        workspace: Workspace,
        agents: Mapping[str, Agent],
        tools: Mapping[str, Tool],
        broken: frozenset[str],
    ) -> None:
        self.root = workspace.root.resolve()
        files = [path for path in workspace.graph_files if path.is_file()]
        self._names = {path.resolve(): _name_in(path) or path.stem for path in files}
        self.paths = {self._names[path.resolve()]: path for path in reversed(files)}
        """By the one name under which others call each."""
        self._files: dict[Path, GraphSource | list[Problem]] = {}
        self._resolved: dict[Path, Path] = {}
        self.known = Known(
            agents=agents,
            tools=tools,
            broken=broken,
            graphs=self.paths.keys(),
            input_of=self._input_of,
            signature=self._signature,
            leads_to=self._leads_to,
        )

    def check(self, path: Path) -> tuple[Plan | None, list[Problem]]:
        """The plan of one file, or None; and the problems of that file, warnings among them."""
        file = self._read(path)
        if isinstance(file, list):
            return None, file
        try:
            return self._check(file)
        except RecursionError:
            for each in self._reachable(file):
                if each is file or (each.block is None and not each.has_errors):
                    message = "the graphs that it calls are nested too deeply. Flatten them"
                    each.problems.append(each.document.problem(("graph",), message))
            return None, file.problems

    def _check(self, file: GraphSource) -> tuple[Plan | None, list[Problem]]:
        reachable = list(self._reachable(file))
        for each in reachable:
            self._compile(each)
        for each in reachable:
            if not each.is_done:
                each.is_done = True
                each.problems += [*self._loops(each), *self._broken_promises(each)]
        plan = self._plan(file, reachable)
        if plan and file.bounds is None:
            file.bounds = problems_of_bounds(plan, file.document, self._tokens_of)
            file.problems += file.bounds
        assert plan or self._is_told(reachable), f"{file.document.file} is neither accepted nor refused"
        return (None if file.has_errors else plan), file.problems

    def _is_told(self, reachable: Iterable[GraphSource]) -> bool:
        """Whether there is a problem somewhere that keeps a graph from being a plan."""
        calls = [call for file in reachable for call in file.calls if call.graph in self.paths]
        is_elsewhere = bool(self.known.broken) or any(self._by_name(call.graph) is None for call in calls)
        return is_elsewhere or any(file.has_errors for file in reachable)

    def problem(self, path: Path, where: Where, message: str) -> Problem:
        """A problem at a place of a file that was read."""
        file = self._read(path)
        assert isinstance(file, GraphSource), "a file that cannot be read has no places"
        return file.document.problem(where, message)

    def problems_behind(self, path: Path) -> list[Problem]:
        """The problems of the files that a file calls, directly or not."""
        file = self._read(path)
        if isinstance(file, list):
            return []
        found: list[Problem] = []
        for name in sorted({call.graph for each in self._reachable(file) for call in each.calls}):
            if name in self.paths and self.paths[name].resolve() != path.resolve():
                found += self.check(self.paths[name])[1]
        return found

    def _tokens_of(self, agent: Agent) -> tuple[int, int | None]:
        from shoal.agents.windows import tokens_of  # brings Jinja2

        return tokens_of(agent, self.root)

    # -- reading ------------------------------------------------------------------------------------------

    def _read(self, path: Path) -> GraphSource | list[Problem]:
        if path not in self._resolved:
            self._resolved[path] = path.resolve()
        full = self._resolved[path]
        if full not in self._files:
            name = full.relative_to(self.root).as_posix() if full.is_relative_to(self.root) else str(path)
            try:
                self._files[full] = read_source(read_yaml(path, name), self._names.get(full))
            except InvalidFiles as err:
                self._files[full] = list(err.problems)
        return self._files[full]

    def _by_name(self, name: str) -> GraphSource | None:
        file = self._read(self.paths[name]) if name in self.paths else None
        return None if isinstance(file, list) else file

    def _reachable(self, file: GraphSource) -> Iterator[GraphSource]:
        """The file and all it calls, directly or not."""
        seen = {id(file)}
        waiting = [file]
        while waiting:
            current = waiting.pop()
            yield current
            for call in current.calls:
                called = self._by_name(call.graph)
                if called and id(called) not in seen:
                    seen.add(id(called))
                    waiting.append(called)

    def _leads_to(self, one: str, other: str) -> bool:
        file = self._by_name(one)
        return file is not None and any(each.name == other for each in self._reachable(file))

    # -- compiling ----------------------------------------------------------------------------------------

    def _input_of(self, name: str) -> Record | None:
        file = self._by_name(name)
        return file.input if file else None

    def _signature(self, name: str) -> Signature | None:
        """What a graph takes and gives; compiles it first."""
        file = self._by_name(name)
        if file is None:
            return None
        self._compile(file)
        if file.block is None:  # it has faults, or is being compiled: a loop without a bound
            return Signature(input=file.input, output=None)
        return Signature(input=file.input, output=file.block.output_type, effects=self._effects(file))

    def _effects(self, file: GraphSource) -> frozenset[str]:
        """What a graph does to the world, with all it calls."""
        if file.effects is None:
            blocks = [each.block for each in self._reachable(file)]
            nodes = [node for block in blocks if block for node in block.nodes.values()]
            works = [work for node in nodes for work in works_of(node)]
            found = effects_of(works, lambda other: None)
            if not all(blocks):  # some are being compiled
                return found
            file.effects = found
        return file.effects

    def _compile(self, file: GraphSource) -> None:
        if file.is_begun:
            return
        file.is_begun = True
        data = file.document.data
        if not isinstance(data.get("nodes"), dict):
            return  # which was reported, and would be again for all that is read of them
        kit = Kit(
            document=file.document,
            graph=file.name,
            known=self.known,
            report=file.problems.append,
            promises=file.promises,
        )
        is_read = isinstance(data.get("input", {}), dict)
        kind = source_type(file.input) if is_read else ANY
        given = Source(kind, "the input of the graph has", is_known=file.has_good_input)
        output = data.get("output")
        budget = budget_of(entry(file.document, "budget", BudgetEntry)) if "budget" in data else None
        block = BlockReader(kit, (), file.entries).compile(
            output if isinstance(output, dict) else None, Around(sources={"input": given}), budget
        )
        file.block = None if file.has_errors else block

    def _loops(self, file: GraphSource) -> Iterator[Problem]:
        """Calls that lead back to their own graph without a bound."""
        for call in file.calls:
            way = None if call.is_bounded else self._way_back(call.graph, file.name, (file.name,), set())
            if way is not None:
                message = (
                    f"graph '{file.name}' leads back to itself without a bound: {' -> '.join(way)}. "
                    "Give one of these nodes `at_most: N` and a `fallback`"
                )
                yield file.document.problem((*call.where, "graph"), message)

    def _way_back(
        self, name: str, target: str, way: tuple[str, ...], seen: set[str]
    ) -> tuple[str, ...] | None:
        """The graphs on the way from one to another over calls without a bound."""
        way = (*way, name)
        seen.add(name)
        if name == target:
            return way
        file = self._by_name(name)
        for call in file.calls if file else ():
            if not call.is_bounded and (call.graph == target or call.graph not in seen):
                found = self._way_back(call.graph, target, way, seen)
                if found:
                    return found
        return None

    def _broken_promises(self, file: GraphSource) -> Iterator[Problem]:
        """Fallbacks whose type is not what the graph gives that they stand for."""
        for where, graph, promised in file.promises:
            signature = self._signature(graph)
            if signature and signature.output and not accepts(promised, signature.output):
                message = f"the fallback is {promised}, but graph '{graph}' gives {signature.output}"
                yield file.document.problem(where, f"{message}. Let both agree", at_key=True)

    def _plan(self, file: GraphSource, reachable: Iterable[GraphSource]) -> Plan | None:
        called = {each.name: each for each in reachable}
        if file.block is None or any(each.block is None or each.has_errors for each in called.values()):
            return None
        is_own = any(call.graph == file.name for each in called.values() for call in each.calls)
        blocks = {
            name: each.block for name, each in called.items() if each.block and (each is not file or is_own)
        }
        plan = Plan(
            name=file.name,
            file=file.document.file,
            input=file.input,
            block=file.block,
            graphs=blocks,
            sha256="",
        )
        return _with_digest(plan, [each.document for each in called.values()])


def named_files(files: Iterable[Path]) -> dict[str, Path]:
    """Graph files by the names they give themselves, and by the names of the files."""
    files = [path for path in files if path.is_file()]
    by_name = {name: path for path in reversed(files) if (name := _name_in(path))}
    return {path.stem: path for path in files if path.stem not in by_name} | by_name


def _name_in(path: Path) -> str | None:
    """The name that a graph file gives itself, read without parsing the rest, which may be wrong."""
    try:
        content = path.read_bytes()
    except OSError:
        return None  # told of when it is the one that is wanted
    found = re.search(
        rb"^graph:[ ]*(['\"]?)([a-z][a-z0-9_]{0,63})\1[ \r]*(?:#.*)?$", content, flags=re.MULTILINE
    )
    return found[2].decode() if found else None


def _with_digest(plan: Plan, documents: Iterable[Document]) -> Plan:
    """The plan with the SHA-256 over everything a run of it depends on."""
    parts: dict[str, Any] = {
        f"graph {document.file}": hashlib.sha256(document.source).hexdigest() for document in documents
    }
    for node in walk_nodes(plan):
        match node.work:
            case AgentCall(agent=agent):
                parts[f"agent {agent.name}"] = [
                    agent.base.model,
                    agent.base.kind,
                    str(agent.input),
                    str(agent.output),
                    agent.adapter.sha256 if agent.adapter else None,
                    agent.prompt,
                    agent.knowledge,
                ]
            case ToolCall(tool=tool):
                parts[f"tool {tool.name}"] = [tool.effect, str(tool.input), str(tool.output), tool.sha256]
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    return Plan(
        name=plan.name,
        file=plan.file,
        input=plan.input,
        block=plan.block,
        graphs=plan.graphs,
        sha256=digest,
    )
