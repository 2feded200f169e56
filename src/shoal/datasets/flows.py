"""One run of a flow, from the files of an agent to a data set in the store.

    agentctl agent data triage

Nothing but teachers' answers is kept on the way, so it can be killed at any point: run again, it finds those
answers and comes to the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from shoal.agents.agent import Agent
from shoal.agents.manifest import Workspace, load_workspace
from shoal.datasets.answers import Answers
from shoal.datasets.cards import card_of, told, warnings_of
from shoal.datasets.decontamination import Measured, suites_of
from shoal.datasets.flow import Flow, FlowFile, TeacherEntry
from shoal.datasets.flow_files import load_flow
from shoal.datasets.grammar import Grammar
from shoal.datasets.made import PERSON, Made, Progress
from shoal.datasets.making import Judge, Maker
from shoal.datasets.qna import FILE, Qna, read_qna
from shoal.datasets.replay import replay
from shoal.datasets.rows import Row
from shoal.datasets.seeds import Seeds, seeds_of
from shoal.datasets.staff import Engines, Staff
from shoal.datasets.store import DataSet, DataSets
from shoal.datasets.teaching import Teacher
from shoal.errors import InvalidFiles, ShoalError, suggest

__all__ = ["NothingSurvived", "Wishes", "make_data"]


class NothingSurvived(ShoalError):
    """A flow made no data set; the message says at which filter and why."""

    exit_code = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a user says beside the files."""

    flow: str | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """Keys of `generate` of the flow, such as rows, seed and teacher."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """All that a run of a flow starts from."""

    workspace: Workspace
    agent: Agent
    qna: Qna
    seeds: Seeds
    flow: Flow
    measured: list[Measured]


async def make_data(
    root: Path,
    name: str,
    wishes: Wishes,
    on_progress: Callable[[Progress], None] | None = None,
    engines: Engines | None = None,
) -> DataSet:
    """Make a data set of an agent's seeds.

    Args:
        root: the workspace.
        name: the agent.
        wishes: what a user says beside the files.
        on_progress: called after every row.
        engines: give what computes the answers of an agent that teaches or judges; closed by the caller.

    Raises:
        InvalidFiles: the agent's files, the flow or a suite are wrong.
        NothingSurvived: no data set could be made; the rejects are kept.
        ShoalError: the teacher cannot be asked.
    """
    given = _read(root, name, wishes)
    grammar = Grammar(given.qna, given.agent, given.seeds, _label(given.flow.file))
    if grammar.problems:
        raise InvalidFiles(grammar.problems)
    async with AsyncExitStack() as stack:
        answers = Answers(given.workspace.store.teachers)
        stack.callback(answers.close)
        staff = Staff(
            workspace=given.workspace,
            agent=given.agent,
            qna=given.qna,
            seeds=given.seeds,
            flow=given.flow,
            grammar=grammar,
            answers=answers,
            engines=engines,
        )
        teacher = staff.teacher()
        stack.push_async_callback(teacher.close)
        judge = staff.judge()
        if judge is not None:
            stack.push_async_callback(judge.close)
        maker = Maker(
            agent=given.agent,
            flow=given.flow,
            teacher=teacher,
            judge=judge,
            measured=given.measured,
            on_progress=on_progress,
        )
        made = await maker.make(given.seeds)
        return _stored(given, made, staff, teacher, judge)


def _read(root: Path, name: str, wishes: Wishes) -> _Given:
    workspace = load_workspace(root, with_adapters=False)
    if name not in workspace.agents:
        raise ShoalError(f"there is no agent '{name}'. {suggest(name, workspace.agents)}")
    agent = workspace.agents[name]
    file = root / "agents" / name / FILE
    if not file.is_file():
        shown = file.relative_to(root).as_posix()
        raise ShoalError(
            f"agent '{name}' has no seeds: there is no {shown}. Write it, or give rows of your own: "
            f"agentctl agent data {name} --import FILE"
        )
    qna = read_qna(file, file.relative_to(root).as_posix())
    seeds, problems = seeds_of(qna, agent)
    if problems:
        raise InvalidFiles(problems)
    flow = _overridden(load_flow(root, wishes.flow, name, qna.file.kind), wishes.overrides)
    return _Given(workspace=workspace, agent=agent, qna=qna, seeds=seeds, flow=flow, measured=suites_of(root))


def _overridden(flow: Flow, overrides: Mapping[str, Any]) -> Flow:
    if not overrides:
        return flow
    data = flow.file.model_dump(by_alias=True, exclude_unset=True)
    data["generate"] = data.get("generate", {}) | dict(overrides)
    return replace(flow, file=FlowFile.model_validate(data))


def _label(flow: FlowFile) -> str | None:
    return flow.balance.by if flow.balance else None


def _stored(given: _Given, made: Made, staff: Staff, teacher: Teacher, judge: Judge | None) -> DataSet:
    agent, flow, sets = given.agent, given.flow, DataSets(given.workspace.store)
    lacks = staff.grammar.lacks() if teacher.name == "grammar" else None
    made.warnings += warnings_of(made, agent, flow, lacks)
    root = given.workspace.root
    card = card_of(
        made,
        agent,
        flow,
        teacher=_of_teacher(flow, teacher),
        judge=None if judge is None else {"name": judge.name},
        files=[root / given.qna.document.file, *staff.documents()],
        root=root,
        measured=given.measured,
    )
    rejects = [each.as_json() for each in made.funnel.rejects]
    if all(row.teacher == PERSON for row in made.parts["train"]):
        sets.keep_attempt(agent.name, rejects, card)
        why = told(made.stopped) if made.stopped else "The seeds are all held out. Write more of them"
        raise NothingSurvived(
            f"no data set was made for agent '{agent.name}'. {why}. All rejects: "
            f"agentctl agent data {agent.name} --rejects"
        )
    parts: dict[str, list[Row]] = {str(part): rows for part, rows in made.parts.items()}
    if flow.file.mix is not None:
        rows = replay(flow.file.mix, agent, given.workspace.agents, sets, len(made.parts["train"]))
        parts["replay"] = rows
        card["counts"]["replay"] = len(rows)
    return sets.add(agent.name, parts, rejects, card)


def _of_teacher(flow: Flow, teacher: Teacher) -> dict[str, Any]:
    entry = flow.file.generate.teacher
    known = {"url": entry.url, "licence": entry.license} if isinstance(entry, TeacherEntry) else {}
    return {"name": teacher.name} | {key: value for key, value in known.items() if value is not None}
