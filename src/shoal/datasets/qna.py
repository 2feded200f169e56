"""agents/<name>/qna.yaml: what a person gives so that an agent can be made: seeds, lexicons, templates.

version: 1
task: Names what a customer of a bakery wants.
license: apache-2.0
seeds:
  - {input: "Two rye loaves for Saturday, please", output: order}
lexicons:
  goods: [rye loaves, rolls, cinnamon buns]
templates:
  - {input: "{Could|Can} I have {goods} {please|}?", output: order}

A text where a mapping is expected stands for the only field. `question` and `answer` are other words for
`input` and `output`; `context` is the agent's field `context`, or else what a teacher is told beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from shoal.errors import InvalidFiles
from shoal.workspace.schema import Given, Strict, problems_of
from shoal.workspace.yaml import Document, Where, read_yaml

FILE = "qna.yaml"
NO_LICENCE = "unknown"

Kind = Literal["skill", "grounded", "knowledge"]


def _as_written(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Piece = Annotated[
    str, BeforeValidator(_as_written), WithJsonSchema({"type": ["string", "integer"]}, mode="validation")
]
"""A text; whole numbers may stand without quotes."""
_Text = Annotated[str | None, Given]


def _text_or_fields(value: object) -> str:
    return "text" if isinstance(value, str) else "fields"


Asked = Annotated[
    Annotated[str, Tag("text")] | Annotated[dict[str, Any], Tag("fields")], Discriminator(_text_or_fields)
]


class QuestionEntry(Strict):
    """A question and its answer."""

    question: str = Field(min_length=1, description="What is asked.")
    answer: Piece = Field(min_length=1, description="The right answer.")


class SeedEntry(Strict):
    """An example written by a person."""

    input: Annotated[Asked | None, Given] = Field(
        None, description="The agent's input; a text stands for its only text field."
    )
    output: Any = Field(None, description="The right output; one value stands for the only field.")
    question: _Text = Field(None, description="The same as `input`, of agents that are asked questions.")
    answer: Annotated[Piece | None, Given] = Field(None, description="The same as `output`.")
    context: _Text = Field(None, description="The text that the answer is found in.")
    questions: Annotated[list[QuestionEntry] | None, Given] = Field(
        None, min_length=1, description="Several questions about one `context`."
    )
    heldout: bool = Field(False, description="true: it is only measured on, never trained on.")
    source: _Text = Field(None, description="Where it is from, if not from whoever wrote this file.")
    license: _Text = Field(None, description="Its licence, if not that of this file.")

    @model_validator(mode="after")
    def _one_form(self) -> SeedEntry:
        given = self.model_fields_set & {"input", "output", "question", "answer", "questions"}
        if given not in ({"input", "output"}, {"question", "answer"}, {"questions"}):
            raise PydanticCustomError(
                "form", "`input` with `output`, `question` with `answer`, or `questions`"
            )
        return self


def _lexicon_form(value: object) -> str:
    """What a lexicon is meant to be, so that a fault is told once and not for all that it could be."""
    if isinstance(value, dict):
        return "numbers" if isinstance(value.get("numbers"), dict) else "fields"
    return "list"


class NumbersEntry(Strict):
    """Numbers in the forms that people write."""

    lowest: int = Field(alias="from", description="The lowest number.")
    highest: int = Field(alias="to", description="The highest number.")
    step: int = Field(1, ge=1, description="All numbers are the lowest and whole steps above it.")
    forms: list[str] = Field(
        ["{n}"], min_length=1, description="How they are written: `{n}` is 1500, `{n:,}` is 1,500."
    )

    @model_validator(mode="after")
    def _in_order(self) -> NumbersEntry:
        if self.lowest > self.highest:
            raise PydanticCustomError("order", "`from` that is not above `to`")
        return self


class NumberLexicon(Strict):
    """A lexicon of numbers."""

    numbers: NumbersEntry = Field(description="From where to where, and how they are written.")


Pieces = Annotated[list[Piece], Field(min_length=1)]
Lexicon = Annotated[
    Annotated[Pieces, Tag("list")]
    | Annotated[NumberLexicon, Tag("numbers")]
    | Annotated[dict[str, Pieces], Tag("fields"), Field(min_length=1)],
    Discriminator(_lexicon_form),
]
"""Pieces; numbers; or pieces of cases, like {small: [small, little], large: [large, big]}."""


class TemplateEntry(Strict):
    """A pattern of examples: texts with {slots} that are filled from lexicons."""

    input: Asked = Field(
        description="`{goods}` is a piece of the lexicon `goods`, the same wherever it stands in the "
        "template; `{goods#2}` is another one; `{please|}` is one of the words between the bars."
    )
    output: Any = Field(
        None,
        description="Values and texts with slots; `{wish.case}` is the case of a lexicon with cases, "
        "`{amount.value}` the number of a piece. Left out where an agent teaches, which then answers.",
    )


class KnowledgeEntry(Strict):
    """What holds of the files in knowledge/."""

    license: _Text = Field(None, description="Their licence, if not that of this file.")
    source: _Text = Field(None, description="Where they are from.")


class QnaFile(Strict):
    """agents/<name>/qna.yaml: seeds, lexicons and templates of one agent."""

    version: Literal[1] = Field(description="The version of this file format.")
    task: str = Field(
        "", description="What is to be done, as a teacher is told; `about` of the agent if left out."
    )
    kind: Kind = Field(
        "skill",
        description="skill; grounded: questions about a given text; knowledge: facts of the documents in "
        "knowledge/.",
    )
    domain: _Text = Field(None, description="The field that the questions are of.")
    outline: _Text = Field(None, description="What the documents are about.")
    created_by: _Text = Field(None, description="Who wrote the seeds.")
    license: Annotated[str, Given] = Field(NO_LICENCE, description="The licence of seeds and templates.")
    sources: list[str] = Field([], description="Works that seeds and documents are taken from.")
    knowledge: Annotated[KnowledgeEntry | None, Given] = Field(
        None, description="About the files in knowledge/."
    )
    seeds: list[SeedEntry] = Field(min_length=1, description="About ten examples.")
    lexicons: dict[str, Lexicon] = Field({}, description="Pieces that slots are filled with, by name.")
    templates: list[TemplateEntry] = Field([], description="Patterns that make many examples of a few.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """One question with its answer; not yet held against an agent."""

    input: str | dict[str, Any]
    output: Any
    context: str | None
    is_heldout: bool
    source: str | None
    licence: str
    where: Where
    """Its place in the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Qna:
    """What a qna.yaml says."""

    file: QnaFile
    document: Document
    seeds: tuple[Seed, ...]


def read_qna(path: Path, file: str) -> Qna:
    """Read a qna.yaml; `file` is its name in problems.

    Raises:
        InvalidFiles: with every fault and its place.
    """
    document = read_yaml(path, file)
    if problems := problems_of(document, QnaFile):
        raise InvalidFiles(problems)
    return qna_of(document)


def qna_of(document: Document) -> Qna:
    """What a document says that fits the model."""
    made = QnaFile.model_validate(document.data)
    return Qna(file=made, document=document, seeds=tuple(_seeds(made)))


def _seeds(file: QnaFile) -> Iterator[Seed]:
    for number, each in enumerate(file.seeds):
        where: Where = ("seeds", number)
        pairs: list[tuple[str | dict[str, Any], Any, Where]]
        if each.questions is not None:
            pairs = [(q.question, q.answer, (*where, "questions", i)) for i, q in enumerate(each.questions)]
        elif each.question is not None:
            pairs = [(each.question, each.answer, where)]
        else:
            pairs = [(each.input if each.input is not None else {}, each.output, where)]
        for asked, answered, place in pairs:
            yield Seed(
                input=asked,
                output=answered,
                context=each.context,
                is_heldout=each.heldout,
                source=each.source,
                licence=each.license or file.license,
                where=place,
            )
