"""A data flow: how rows are made of seeds, and what each filter lets pass. finetune/flows/<name>.yaml.

version: 1
flow: skill
generate: {teacher: grammar, rows: 2000}
dedupe: {near: 0.85}

Filters stand in one order, whatever the order in the file: validate, dedupe, decontaminate, judge, balance.
Decontamination comes before the judge, because what may not be used needs no judgement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from shoal.workspace.schema import Given, Strict


class TeacherEntry(Strict):
    """A teacher with a model: an agent of the workspace, or a server."""

    agent: Annotated[str | None, Given] = Field(
        default=None, description="An agent that answers the inputs which the grammar writes."
    )
    url: Annotated[str | None, Given] = Field(
        default=None,
        pattern=r"^https?://",
        description="An OpenAI-compatible server, like http://localhost:8000/v1.",
    )
    model: Annotated[str | None, Given] = Field(default=None, description="The model's name at `url`.")
    key_env: str = Field(
        default="OPENAI_API_KEY",
        description="The environment variable that holds the key; the key itself stands nowhere.",
    )
    license: Annotated[str | None, Given] = Field(
        default=None, description="What the licence of the model says of its answers; noted in the card."
    )
    temperature: float = Field(default=0.8, ge=0, le=2, description="0: always its likeliest answer.")
    confidence: float = Field(
        default=0.0, ge=0, le=1, description="Of an agent: answers that are less sure are not learnt from."
    )
    at_once: int = Field(default=8, ge=1, le=256, description="Requests under way at the same time.")
    per_minute: int | None = Field(default=None, ge=1, description="The most requests in a minute.")
    timeout_s: float = Field(default=120.0, gt=0, description="How long one request may take.")
    max_tokens: int = Field(default=2048, ge=16, description="The longest reply.")

    @model_validator(mode="after")
    def _one(self) -> TeacherEntry:
        if (self.agent is None) == (self.url is None):
            raise PydanticCustomError("one", "either `agent` or `url`")
        if self.url is not None and self.model is None:
            raise PydanticCustomError("model", "`model` beside `url`")
        return self


def _teacher_form(value: object) -> str:
    return "word" if isinstance(value, str) else "entry"


Teacher = Annotated[
    Annotated[Literal["grammar"], Tag("word")] | Annotated[TeacherEntry, Tag("entry")],
    Discriminator(_teacher_form),
]


Judge = Annotated[
    Annotated[Literal["teacher"], Tag("word")] | Annotated[TeacherEntry, Tag("entry")],
    Discriminator(_teacher_form),
]


class GeneratePart(Strict):
    """Where rows come from, and how many."""

    teacher: Teacher = Field(
        default="grammar",
        description="grammar (templates and lexicons, no model), {agent: NAME}, or {url: URL, model: NAME}.",
    )
    rows: int = Field(
        default=2000, ge=1, le=1_000_000, description="How many rows are wanted after all filters."
    )
    seed: int = Field(default=7, ge=0, description="The same seed makes the same data set.")
    noise: float = Field(
        default=0.2, ge=0, le=1, description="Share of the grammar's texts that are roughened as people type."
    )
    examples: int = Field(
        default=4, ge=1, le=50, description="Seeds that a teacher with a model is shown at a time."
    )
    each: int = Field(
        default=5, ge=1, le=50, description="Rows that a teacher with a model is asked for at a time."
    )
    budget: float = Field(
        default=5.0,
        ge=1,
        description="Rows that may be asked for, for each one that is wanted; ten times that of a grammar.",
    )


class DocumentsPart(Strict):
    """How the files in knowledge/ are cut into passages."""

    chunk: int = Field(default=1200, ge=100, le=100_000, description="Characters of a passage, at most.")
    overlap: int = Field(
        default=100, ge=0, description="Characters that a passage repeats of the one before."
    )

    @model_validator(mode="after")
    def _smaller(self) -> DocumentsPart:
        if self.overlap * 2 > self.chunk:
            raise PydanticCustomError("overlap", "an `overlap` of at most half a `chunk`")
        return self


class ValidatePart(Strict):
    """What a row must be, besides being of the agent's types."""

    shortest: int = Field(
        default=1, ge=0, description="Characters of the longest text of an input, at least."
    )
    longest: int = Field(
        default=8000, ge=1, description="Characters of all texts of a row together, at most."
    )


class DedupePart(Strict):
    """What counts as the same row."""

    near: float = Field(
        default=0.85,
        gt=0.3,
        le=1,
        description="Share of word pairs in common from which two inputs with the same answer are one; "
        "1: only equal ones.",
    )


class DecontaminatePart(Strict):
    """What counts as giving away a case of an eval."""

    run: int = Field(default=8, ge=3, description="So many words in a row shared with a case.")
    near: float = Field(default=0.8, gt=0.3, lt=1, description="Share of word pairs in common with a case.")


class JudgePart(Strict):
    """Who looks at each row, and what is good enough."""

    teacher: Judge = Field(
        description="teacher (the server that generates), {agent: NAME} with a bool field `good`, or "
        "{url: URL, model: NAME}."
    )
    least: int = Field(default=4, ge=1, le=5, description="The least of five points, where a server judges.")


class BalancePart(Strict):
    """How even the labels are."""

    by: Annotated[str | None, Given] = Field(
        default=None,
        description="The output field that is counted; the first one that is a choice if left out.",
    )
    at_most: float = Field(
        default=2.0, ge=1, description="Rows of a label, for each one of the label in the middle."
    )


class MixPart(Strict):
    """Rows of other agents, so that one model with many skills keeps them all."""

    agents: Annotated[list[str], Field(min_length=1)] | Literal["all"] = Field(
        default="all",
        description="Whose newest data sets; all: of every other agent on the same base that has one.",
    )
    share: float = Field(default=0.2, gt=0, le=5, description="Replayed rows for each row of this agent.")


class SplitPart(Strict):
    """What is kept to stop and calibrate by (dev), and to measure on (heldout)."""

    dev: float = Field(default=0.1, ge=0, lt=0.5, description="Share of the rows.")
    heldout: float = Field(default=0.1, ge=0, lt=0.5, description="Share of the rows.")


class StopPart(Strict):
    """When a flow gives up."""

    below: float = Field(
        default=0.02,
        ge=0,
        lt=1,
        description="It stops where a smaller share survives, looked at after 2 % of the budget.",
    )


class FlowFile(Strict):
    """finetune/flows/<name>.yaml: how a data set is made."""

    version: Literal[1] = Field(description="The version of this file format.")
    flow: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$", description="The name of the flow.")
    revision: int = Field(default=1, ge=1, description="Count it up when you change the flow; rows name it.")
    about: str = Field(default="", description="One sentence on what the flow is for.")
    generate: GeneratePart = Field(default=GeneratePart(), description="Where rows come from, and how many.")
    documents: DocumentsPart = Field(
        default=DocumentsPart(), description="How knowledge/ is cut into passages."
    )
    validate_: ValidatePart = Field(
        default=ValidatePart(),
        alias="validate",
        description="What a row must be, besides being of the agent's types.",
    )
    dedupe: DedupePart = Field(default=DedupePart(), description="What counts as the same row.")
    decontaminate: DecontaminatePart = Field(
        default=DecontaminatePart(), description="What counts as giving away a case of an eval."
    )
    judge: Annotated[JudgePart | None, Given] = Field(
        default=None, description="Who looks at each row; nobody if left out."
    )
    balance: Annotated[BalancePart | None, Given] = Field(
        default=None, description="How even the labels are; as they come if left out."
    )
    mix: Annotated[MixPart | None, Given] = Field(
        default=None, description="Rows of other agents; none if left out."
    )
    split: SplitPart = Field(
        default=SplitPart(), description="What is kept to calibrate by and to measure on."
    )
    stop: StopPart = Field(default=StopPart(), description="When the flow gives up.")

    @property
    def name(self) -> str:
        """Name and revision, as rows carry it."""
        return f"{self.flow}@{self.revision}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A flow and where it stands."""

    file: FlowFile
    place: str
    """The file, or `built in`."""
    sha256: str
