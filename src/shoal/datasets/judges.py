"""Judges: a server that gives points, or an agent of the workspace that says yes or no."""

from __future__ import annotations

import json

from shoal.agents.agent import Agent
from shoal.agents.engine import Engine, Request
from shoal.datasets.answers import Answers
from shoal.datasets.flow import JudgePart, TeacherEntry
from shoal.datasets.making import Verdict
from shoal.datasets.prompts import asked_to_judge, verdict_in, verdict_schema
from shoal.datasets.qna import Qna
from shoal.datasets.rows import Row
from shoal.datasets.server import Server
from shoal.datasets.teachers import answer_key
from shoal.errors import ShoalError
from shoal.workspace.types import BOOL

__all__ = ["AgentJudge", "ServerJudge"]


class ServerJudge:
    """A model of a server that gives points."""

    def __init__(
        self, server: Server, entry: TeacherEntry, wish: JudgePart, agent: Agent, qna: Qna | None
    ) -> None:
        self._server = server
        self._wish = wish
        self._agent = agent
        self._qna = qna
        self.name = server.name
        self.at_once = entry.at_once

    async def judge(self, row: Row) -> Verdict:
        """Ask for points. Raises ShoalError when the server is given up."""
        reply = await self._server.ask(asked_to_judge(self._agent, self._qna, row), verdict_schema(), 0)
        if reply.fault is not None:
            return Verdict(False, "the judge gave no verdict", f"{reply.fault}: {reply.detail}")
        try:
            points, reason = verdict_in(reply.text)
        except ValueError as err:
            return Verdict(False, "the judge gave no verdict", f"{err}: {reply.text[:200]}")
        if points >= self._wish.least:
            return Verdict(True)
        return Verdict(False, "too few points", f"{points} of 5: {reason}")

    async def close(self) -> None:
        """Close connections."""
        await self._server.close()


class AgentJudge:
    """An agent of the workspace that says whether a row is good.

    It reads `task`, `input` and `output` (texts, as many of them as it wants) and gives `good: bool`; a field
    `reason` is shown where it gives one.
    """

    def __init__(
        self,
        judge: Agent,
        entry: TeacherEntry,
        agent: Agent,
        qna: Qna | None,
        engine: Engine,
        answers: Answers,
    ) -> None:
        reads = set(judge.input.fields)
        if judge.output.fields.get("good") != BOOL or not reads <= {"task", "input", "output"}:
            raise ShoalError(
                f"agent '{judge.name}' cannot judge: a judge reads texts named task, input and output, as "
                "many of them as it wants, and gives `good: bool`. "
                f"It reads {judge.input} and gives {judge.output}"
            )
        self._judge = judge
        self._task = (qna.file.task if qna else "") or agent.about or agent.name
        self._engine = engine
        self._answers = answers
        self.name = f"agent {judge.name}"
        self.at_once = entry.at_once

    async def judge(self, row: Row) -> Verdict:
        """Ask the agent. Raises ShoalError when the engine cannot answer at all."""
        said = {
            "task": self._task,
            "input": json.dumps(dict(row.input), ensure_ascii=False),
            "output": json.dumps(dict(row.output), ensure_ascii=False),
        }
        values = {name: said[name] for name in self._judge.input.fields}
        key = answer_key(self._judge, values, 0.0, 0)
        kept = await self._answers.get(key)
        if kept is None:
            answer = await self._engine.complete(Request(agent=self._judge, values=values))
            kept = json.dumps(dict(answer.output), ensure_ascii=False)
            await self._answers.put(key, kept)
        found = json.loads(kept)
        if found["good"]:
            return Verdict(True)
        return Verdict(False, "the judge says no", str(found.get("reason", "")))

    async def close(self) -> None:
        """The engine is closed by whoever made it."""
