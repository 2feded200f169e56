"""A suite: cases, how answers are scored, and what is good enough. This version checks suites.

version: 1
suite: triage
target: {agent: triage}
cases: bank/triage_heldout.jsonl
scorers: {intent: exact}
gate: {intent: 0.9}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from shoal.workspace.schema import Given, Strict

Name = Annotated[str | None, Given]


class TargetEntry(Strict):
    """What is tested; exactly one of them."""

    agent: Name = Field(None, description="An agent of agents.yaml.")
    graph: Name = Field(None, description="A graph of the workspace.")
    model: Name = Field(None, description="The URL of an OpenAI-compatible server, to compare with.")

    @model_validator(mode="after")
    def _one(self) -> TargetEntry:
        if len(self.model_fields_set) != 1:
            raise PydanticCustomError("one", "exactly one of agent, graph, model")
        return self


class CaseEntry(Strict):
    """One question with the answer that a careful person would give."""

    input: dict[str, Any] = Field(description="Inputs of the target by name.")
    gold: dict[str, Any] = Field(
        description="Right values of output fields; fields that are left out are not scored in this case."
    )
    id: Name = Field(None, description="Names the case in reports; its number if left out.")
    slice: Name = Field(None, description="The group it is counted in besides all cases.")


class NumberEntry(Strict):
    """Numbers that are close enough."""

    tolerance: float = Field(0.0, ge=0, description="How far the answer may be off.")


class NumberScorer(Strict):
    """Compares numbers."""

    number: NumberEntry


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as err:
        raise PydanticCustomError("regex", f"a regular expression ({err})") from None
    return text


class RegexScorer(Strict):
    """Looks for a pattern, whatever the gold answer is."""

    regex: Annotated[str, AfterValidator(_pattern)] = Field(
        description="What the answer must match somewhere."
    )


def _form(value: object) -> str:
    if isinstance(value, str):
        return "word"
    return (
        "regex"
        if isinstance(value, RegexScorer) or (isinstance(value, dict) and "regex" in value)
        else "number"
    )


Word = Literal["exact", "normalised", "choice"]
Scorer = Annotated[
    Annotated[Word, Tag("word")]
    | Annotated[NumberScorer, Tag("number")]
    | Annotated[RegexScorer, Tag("regex")],
    Discriminator(_form),
]
"""exact: the same value. normalised: the same text but for case, spaces and punctuation. choice: exact,
counted case by case."""

Threshold = Annotated[float, Field(ge=0, le=1)]


class SuiteFile(Strict):
    """evals/<name>.yaml: cases, scorers and a gate."""

    version: Literal[1] = Field(description="The version of this file format.")
    suite: str = Field(description="The name of the suite.")
    about: str = Field("", description="One sentence on what the cases show.")
    target: TargetEntry = Field(description="What is tested: {agent: NAME}, {graph: NAME} or {model: URL}.")
    cases: str | Annotated[list[CaseEntry], Field(min_length=1)] = Field(
        description="A .jsonl or .csv file beside this one, or a list of {input, gold, id?, slice?}. In "
        "files `output` may stand for `gold`; columns of a .csv are input.NAME, gold.NAME, id and slice."
    )
    scorers: Mapping[str, Scorer] = Field(
        min_length=1,
        description="How each output field is compared: exact, normalised (case, spaces and punctuation do "
        "not count), choice (exact, counted by case), {number: {tolerance: 0.5}} or {regex: PATTERN}.",
    )
    slices: list[str] = Field([], description="Slices that cases may name, each reported on its own.")
    repeats: int = Field(1, ge=1, le=100, description="How often each case is asked.")
    seed: int = Field(7, ge=0, description="Of sampling, where a case is asked again.")
    gate: dict[str, Threshold] = Field(
        {}, description="The least share of right answers for each field, from 0 to 1."
    )
