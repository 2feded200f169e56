"""The flows of a workspace: finetune/flows/*.yaml, found, read and checked; and those that are built in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from shoal.datasets.flow import Flow, FlowFile, TeacherEntry
from shoal.datasets.qna import Kind
from shoal.errors import InvalidFiles, Problem, ShoalError, suggest
from shoal.workspace.schema import problems_of
from shoal.workspace.yaml import Document, Where, parse_yaml, read_yaml

FOLDER = "finetune/flows"


def load_flow(root: Path, name: str | None, agent: str, kind: Kind) -> Flow:
    """The flow with a name; else that of the agent, of its kind of seeds, or the one that is built in.

    Raises:
        InvalidFiles: the file is wrong.
        ShoalError: there is none with this name.
    """
    for each in (name,) if name else (agent, kind):
        file = root / FOLDER / f"{each}.yaml"
        if file.is_file():
            return _flow(read_yaml(file, file.relative_to(root).as_posix()))
    if name not in (None, *BUILT_IN):
        known = {file.stem for file in (root / FOLDER).glob("*.yaml")} | set(BUILT_IN)
        raise ShoalError(f"there is no flow '{name}' in {FOLDER}/. {suggest(str(name), known)}")
    return _flow(parse_yaml(BUILT_IN[name or kind].encode(), "built in"))


def _flow(document: Document) -> Flow:
    if problems := problems_of(document, FlowFile):
        raise InvalidFiles(problems)
    made = FlowFile.model_validate(document.data)
    canonical = made.model_dump_json(by_alias=True).encode()
    return Flow(file=made, place=document.file, sha256=hashlib.sha256(canonical).hexdigest())


BUILT_IN = {
    "skill": "version: 1\nflow: skill\nbalance: {at_most: 2.0}\n",
    "grounded": "version: 1\nflow: grounded\n",
    "knowledge": "version: 1\nflow: knowledge\n",
    "import": "version: 1\nflow: import\ndedupe: {near: 1}\nstop: {below: 0}\n",
}
"""The flows of a workspace that has none of its own: for each kind of seeds, and for rows that are there."""


def check_flows(root: Path, agents: Iterable[str] | None) -> tuple[int, list[Problem]]:
    """How many flows there are in finetune/flows, and what is wrong with them.

    Agents are not looked up where `agents` is None: then they are not known.
    """
    count, problems = 0, list[Problem]()
    for file in sorted((root / FOLDER).glob("*.yaml")):
        count += 1
        try:
            document = read_yaml(file, file.relative_to(root).as_posix())
        except InvalidFiles as err:
            problems.extend(err.problems)
            continue
        found = problems_of(document, FlowFile)
        if not found and agents is not None:
            found = list(_unknown_agents(document, sorted(agents)))
        problems.extend(found)
    return count, problems


def _unknown_agents(document: Document, agents: list[str]) -> Iterator[Problem]:
    flow = FlowFile.model_validate(document.data)
    named: list[tuple[Where, str]] = []
    if isinstance(flow.generate.teacher, TeacherEntry) and flow.generate.teacher.agent:
        named.append((("generate", "teacher", "agent"), flow.generate.teacher.agent))
    if flow.judge and isinstance(flow.judge.teacher, TeacherEntry) and flow.judge.teacher.agent:
        named.append((("judge", "teacher", "agent"), flow.judge.teacher.agent))
    if flow.mix and flow.mix.agents != "all":
        named += [(("mix", "agents", at), name) for at, name in enumerate(flow.mix.agents)]
    for where, name in named:
        if name not in agents:
            yield document.problem(where, f"there is no agent '{name}'. {suggest(name, agents)}")
    if flow.judge and flow.judge.teacher == "teacher" and isinstance(flow.generate.teacher, str):
        message = "the grammar cannot judge. Name a judge: {agent: NAME} or {url: URL, model: NAME}"
        yield document.problem(("judge", "teacher"), message)
