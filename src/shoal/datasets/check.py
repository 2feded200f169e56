"""Checks the qna.yaml of every agent: keys, types, slots; all problems at once, each at its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from shoal.agents.agent import Agent
from shoal.datasets.grammar import Grammar
from shoal.datasets.qna import FILE, QnaFile, qna_of
from shoal.datasets.seeds import seeds_of
from shoal.errors import InvalidFiles, Problem, suggest
from shoal.workspace.schema import problems_of
from shoal.workspace.yaml import read_yaml


def check_seeds(root: Path, agents: Mapping[str, Agent | None] | None) -> tuple[int, list[Problem]]:
    """How many agents have seeds, and what is wrong with them.

    Args:
        root: the workspace.
        agents: those of agents.yaml; None for one that has faults of its own. None: they are not known.
    """
    count, problems = 0, list[Problem]()
    for file in sorted((root / "agents").glob(f"*/{FILE}")):
        count += 1
        problems += _problems(file, file.relative_to(root).as_posix(), agents)
    return count, problems


def _problems(file: Path, name: str, agents: Mapping[str, Agent | None] | None) -> Iterator[Problem]:
    try:
        document = read_yaml(file, name)
    except InvalidFiles as err:
        yield from err.problems
        return
    if problems := problems_of(document, QnaFile):
        yield from problems
        return
    owner = file.parent.name
    if agents is None:
        return
    if owner not in agents:
        message = f"there is no agent '{owner}' in agents.yaml, so nothing is made of these seeds"
        yield Problem(name, 1, 1, f"{message}. {suggest(owner, agents)}")
        return
    agent = agents[owner]
    if agent is None:
        return
    qna = qna_of(document)
    seeds, problems = seeds_of(qna, agent)
    yield from problems
    yield from Grammar(qna, agent, seeds).problems
