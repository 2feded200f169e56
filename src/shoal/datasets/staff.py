"""Who teaches and who judges in a flow, made of what the flow says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from shoal.agents.agent import Agent
from shoal.agents.engine import Engine
from shoal.agents.manifest import Workspace, load_workspace
from shoal.datasets.answers import Answers
from shoal.datasets.documents import Passage, document_files, passages_of
from shoal.datasets.flow import Flow, TeacherEntry
from shoal.datasets.grammar import Grammar
from shoal.datasets.judges import AgentJudge, ServerJudge
from shoal.datasets.making import Judge
from shoal.datasets.qna import Qna
from shoal.datasets.seeds import Seeds
from shoal.datasets.server import Server
from shoal.datasets.teachers import AgentTeacher, ServerTeacher
from shoal.datasets.teaching import GrammarTeacher, Teacher
from shoal.errors import ShoalError, suggest

Engines = Callable[[Agent], Engine]


@dataclass(slots=True, kw_only=True)
class Staff:
    """Makes the teacher and the judge of one run of a flow."""

    workspace: Workspace
    agent: Agent
    qna: Qna
    seeds: Seeds
    flow: Flow
    grammar: Grammar
    answers: Answers
    engines: Engines | None = None

    def teacher(self) -> Teacher:
        """The teacher of the flow.

        Raises:
            ShoalError: it cannot teach this agent.
        """
        wish = self.flow.file.generate
        if wish.teacher == "grammar":
            self._check_grammar()
            return GrammarTeacher(self.grammar, wish.seed, wish.noise)
        if wish.teacher.agent is not None:
            teacher, engine = self._engine(wish.teacher.agent)
            return AgentTeacher(teacher, self.agent, self.grammar, engine, self.answers, wish)
        server = Server(wish.teacher, self.answers)
        return ServerTeacher(server, wish.teacher, wish, self.agent, self.qna, self.seeds, self.passages())

    def judge(self) -> Judge | None:
        """The judge of the flow, if it has one.

        Raises:
            ShoalError: it cannot judge.
        """
        wish = self.flow.file.judge
        if wish is None:
            return None
        entry = self.flow.file.generate.teacher if wish.teacher == "teacher" else wish.teacher
        if not isinstance(entry, TeacherEntry) or (wish.teacher == "teacher" and entry.url is None):
            raise ShoalError(
                f"the flow {self.flow.place} lets the teacher judge, which only a server can. Name a judge: "
                "{agent: NAME} or {url: URL, model: NAME}"
            )
        # A judge is to say the same of a row whenever it is asked.
        entry = entry.model_copy(update={"temperature": 0.0})
        if entry.agent is not None:
            judge, engine = self._engine(entry.agent)
            return AgentJudge(judge, entry, self.agent, self.qna, engine, self.answers)
        return ServerJudge(Server(entry, self.answers), entry, wish, self.agent, self.qna)

    @property
    def folder(self) -> Path:
        """Where the agent's documents are."""
        return self.workspace.root / "agents" / self.agent.name / "knowledge"

    def documents(self) -> list[Path]:
        """The documents that rows are made of."""
        wish = self.flow.file.generate.teacher
        is_read = isinstance(wish, TeacherEntry) and wish.url is not None
        return document_files(self.folder) if is_read and self.qna.file.kind != "skill" else []

    def passages(self) -> Sequence[Passage]:
        """The texts that a teacher asks about: of the documents, else what the seeds are about.

        Raises:
            ShoalError: there are none, and nothing can be asked without.
        """
        if self.qna.file.kind == "skill":
            return []
        if found := passages_of(self.folder, self.workspace.root, self.flow.file.documents):
            return found
        about = {
            each.input.get("context") or each.context: each.source
            for each in self.seeds.train
            if each.input.get("context") or each.context
        }
        if not about:
            folder = self.folder.relative_to(self.workspace.root).as_posix()
            raise ShoalError(
                f"{self.qna.document.file} is of kind '{self.qna.file.kind}', and there are no texts to ask "
                f"about. Put documents into {folder}/, or give seeds their `context`"
            )
        return [Passage(str(text), source) for text, source in about.items()]

    def _check_grammar(self) -> None:
        if self.qna.file.kind != "skill" and not self.grammar.has_templates:
            raise ShoalError(
                f"{self.qna.document.file} is of kind '{self.qna.file.kind}', and the grammar cannot read. "
                "Name a teacher with a model (`--teacher URL --model NAME`), or write templates"
            )

    def _engine(self, name: str) -> tuple[Agent, Engine]:
        agents = load_workspace(self.workspace.root).agents
        if name not in agents:
            raise ShoalError(f"there is no agent '{name}' to teach or judge. {suggest(name, agents)}")
        if self.engines is None:
            raise ShoalError(f"agent '{name}' is to answer, and there is no engine for it")
        return agents[name], self.engines(agents[name])
