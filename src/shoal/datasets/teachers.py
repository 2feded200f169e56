"""Teachers with a model: a server, or an agent of the workspace."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from shoal.agents.agent import Agent
from shoal.agents.engine import Engine, Request
from shoal.datasets.answers import Answers, key_of_question
from shoal.datasets.documents import Passage
from shoal.datasets.flow import GeneratePart, TeacherEntry
from shoal.datasets.grammar import Grammar, Sentence
from shoal.datasets.lexicons import SplitPart
from shoal.datasets.prompts import (
    asked_for_rows,
    chosen,
    labels_of,
    rows_in,
    rows_schema,
)
from shoal.datasets.qna import Qna
from shoal.datasets.seeds import Seeds
from shoal.datasets.server import Server
from shoal.datasets.teaching import Lesson, Order, Taught
from shoal.errors import MissingExtra, ShoalError
from shoal.workspace.types import Span, accepts

__all__ = ["AgentTeacher", "ServerTeacher", "answer_key"]


class ServerTeacher:
    """A model of a server, which is shown seeds and passages and writes rows like them."""

    keeps_parts = False

    def __init__(
        self,
        server: Server,
        entry: TeacherEntry,
        wish: GeneratePart,
        agent: Agent,
        qna: Qna,
        seeds: Seeds,
        passages: Sequence[Passage] = (),
    ) -> None:
        self._server = server
        self._wish = wish
        self._agent = agent
        self._qna = qna
        self._seeds = seeds
        self._passages = passages
        self.name = server.name
        self.each = wish.each
        self.at_once = entry.at_once

    def budget(self, part: SplitPart, wanted: int, factor: float) -> int:
        """As the flow says."""
        return math.ceil(wanted * factor / self.each)

    async def teach(self, order: Order) -> Lesson:
        """Ask for the rows of an order. Raises ShoalError when the server is given up."""
        number, labels = order.number, labels_of(self._agent)
        passage = self._passages[number % len(self._passages)] if self._passages else None
        label = labels[number % len(labels)] if labels else None
        seed = f"{self._wish.seed} {number}"
        seeds = chosen(self._seeds.train, label, self._agent, self._wish.examples, seed)
        messages = asked_for_rows(
            self._agent, self._qna, seeds, count=order.count, label=label, passage=passage
        )
        reply = await self._server.ask(
            messages, rows_schema(self._agent, passage), self._wish.seed * 1_000_003 + number
        )
        if reply.fault is not None:
            return Lesson(order=order, fault=reply.fault, detail=reply.detail)
        try:
            rows = rows_in(reply.text)
        except ValueError as err:
            return Lesson(
                order=order,
                fault="the teacher's reply is not what was asked for",
                detail=f"{err}: {reply.text[:200]}",
            )
        return Lesson(
            order=order, rows=tuple(self._taught(each, number, passage) for each in rows[: order.count])
        )

    async def close(self) -> None:
        """Close connections."""
        await self._server.close()

    def _taught(self, row: object, number: int, passage: Passage | None) -> Taught:
        found = row if isinstance(row, dict) else {}
        given = found.get("input")
        if passage is not None and "context" in self._agent.input.fields and isinstance(given, dict):
            given = given | {"context": passage.text}
        file = self._qna.file
        licence = file.license
        if passage is not None and file.knowledge is not None and file.knowledge.license is not None:
            licence = file.knowledge.license
        return Taught(
            input=given,
            output=found.get("output"),
            source=passage.source if passage else f"{self.name}#{number}",
            licence=licence,
        )


class AgentTeacher:
    """An agent of the workspace, which answers what the grammar writes."""

    each = 1

    def __init__(
        self,
        teacher: Agent,
        pupil: Agent,
        grammar: Grammar,
        engine: Engine,
        answers: Answers,
        wish: GeneratePart,
    ) -> None:
        assert isinstance(wish.teacher, TeacherEntry)
        self._check(teacher, pupil)
        self._teacher = teacher
        self._grammar = grammar
        self._engine = engine
        self._answers = answers
        self._wish = wish
        self._entry = wish.teacher
        self.name = f"agent {teacher.name}" + (f" ({teacher.adapter.name})" if teacher.adapter else "")
        self.at_once = wish.teacher.at_once
        self.keeps_parts = grammar.has_templates

    def budget(self, part: SplitPart, wanted: int, factor: float) -> int:
        """As the flow says."""
        return math.ceil(wanted * factor)

    async def teach(self, order: Order) -> Lesson:
        """Write an input and ask the agent. Raises ShoalError when the engine cannot answer at all."""
        sentence = self._grammar.sentence(order.number, order.part, self._wish.seed, self._wish.noise)
        if sentence is None:
            return Lesson(order=order, fault="a lexicon has too few different pieces")
        try:
            output, confidence = await self._answer(sentence, order.number)
        except MissingExtra:
            raise
        except ShoalError as err:
            return Lesson(order=order, fault="the agent could not answer", detail=str(err))
        if confidence < self._entry.confidence:
            return Lesson(order=order, fault="the teacher was not sure", detail=f"{confidence:.2f}: {output}")
        row = Taught(input=sentence.input, output=output, source=sentence.source, licence=sentence.licence)
        return Lesson(order=order, rows=(row,))

    async def close(self) -> None:
        """The engine is closed by whoever made it."""

    async def _answer(self, sentence: Sentence, number: int) -> tuple[object, float]:
        key = answer_key(self._teacher, sentence.input, self._entry.temperature, number)
        if (kept := await self._answers.get(key)) is not None:
            found = json.loads(kept)
            return found["output"], found["confidence"]
        answer = await self._engine.complete(
            Request(
                agent=self._teacher,
                values=sentence.input,
                temperature=self._entry.temperature,
                seed=self._wish.seed * 1_000_003 + number,
            )
        )
        made = {"output": dict(answer.output), "confidence": answer.confidence}
        await self._answers.put(key, json.dumps(made, ensure_ascii=False))
        return made["output"], answer.confidence

    def _check(self, teacher: Agent, pupil: Agent) -> None:
        if not accepts(teacher.input, pupil.input):
            raise ShoalError(
                f"agent '{teacher.name}' cannot teach '{pupil.name}': it reads {teacher.input}, and is given "
                f"{pupil.input}"
            )
        numbers = [
            name
            for name, kind in pupil.output.fields.items()
            if isinstance(kind, Span) and kind.of == "number"
        ]
        if not accepts(pupil.output, teacher.output) or numbers:
            why = (
                f"the words of '{numbers[0]}' are needed, not its number"
                if numbers
                else f"{pupil.output} is needed"
            )
            raise ShoalError(
                f"agent '{teacher.name}' cannot teach '{pupil.name}': it gives {teacher.output}, and {why}"
            )


def answer_key(agent: Agent, values: object, temperature: float, number: int) -> str:
    """Of an agent's answer: what it depends on."""
    adapter = agent.adapter.sha256 if agent.adapter else None
    turn = number if temperature else 0
    return key_of_question(
        "agent", agent.name, agent.base.model, adapter, agent.about, agent.prompt, agent.knowledge,
        str(agent.output), values, temperature, turn,
    )  # fmt: skip
