"""How suites write scorers: a word, or a mapping of one key with its settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from shoal.evals.patterns import pattern_fault
from shoal.workspace.schema import Given, Strict

Text = Annotated[str | None, Given]
Word = Literal["exact", "normalised", "choice", "json", "steps", "state"]


class Form(Strict):
    """What all forms of scorers have."""

    of: Text = Field(None, description="The output field it reads; the one of its own name if left out.")


class NumberEntry(Strict):
    """Numbers that are close enough."""

    tolerance: float = Field(0.0, ge=0, description="How far the answer may be off.")
    relative: float = Field(0.0, ge=0, description="How far, as a share of the gold number: 0.01 is 1 %.")


class NumberScorer(Form):
    """Compares numbers."""

    number: NumberEntry


class JsonEntry(Strict):
    """Values field by field."""

    tolerance: float = Field(0.0, ge=0, description="How far numbers may be off.")
    ignore: list[str] = Field([], description="Fields that do not count, like `at` or `lines[].id`.")


class JsonScorer(Form):
    """Counts the fields of a record, a list or anything else that are right."""

    settings: JsonEntry = Field(alias="json")


def _pattern(text: str) -> str:
    if fault := pattern_fault(text):
        raise PydanticCustomError("regex", "a regular expression ({fault})", {"fault": fault})
    return text


class RegexScorer(Form):
    """Looks for a pattern, whatever the gold answer is."""

    regex: Annotated[str, AfterValidator(_pattern)] = Field(
        description="What the answer must match somewhere, in the syntax of RE2."
    )


class SqlEntry(Strict):
    """Queries by what they find."""

    database: str = Field(description="A SQLite file beside the suite; it is only read.")
    is_ordered: bool = Field(False, alias="ordered", description="Whether the order of the rows counts.")
    seconds: float = Field(5.0, gt=0, le=600, description="How long a query may take.")


class SqlScorer(Form):
    """Runs the answer and the gold query, and compares the rows that they find."""

    sql: SqlEntry


class StateEntry(Strict):
    """What tools changed."""

    ignore: list[str] = Field([], description="Tables, or TABLE.COLUMN, that do not count.")


class StateScorer(Form):
    """Compares what changed in the databases of `world` with the `state` of the case."""

    state: StateEntry


class StepsEntry(Strict):
    """The way a run took."""

    match: Literal["same", "includes", "in_order"] = Field(
        "same",
        description="same: these nodes ran and no others. includes: these ran. in_order: in this order.",
    )


class StepsScorer(Form):
    """Compares which nodes ran with the `steps` of the case."""

    steps: StepsEntry


class LatencyEntry(Strict):
    """Time."""

    at_most_ms: float = Field(gt=0, description="Milliseconds that a case may take.")


class LatencyScorer(Form):
    """Whether a case was quick enough; where it came from the cache, as it was when it was asked."""

    latency: LatencyEntry


class TokensEntry(Strict):
    """Tokens."""

    at_most: int = Field(gt=0, description="Tokens that a case may take, read and written together.")


class TokensScorer(Form):
    """Whether a case took few enough tokens."""

    tokens: TokensEntry


class PythonScorer(Form):
    """A function of one's own."""

    python: str = Field(
        description="`file.py:function`, beside the suite; it takes some of input, gold, output, "
        "nodes, steps, state, ms and tokens by name, and gives a bool, a number from 0 to 1, "
        "(number, note), or None."
    )


_FORMS: Mapping[str, type[Form]] = {
    "number": NumberScorer,
    "json": JsonScorer,
    "regex": RegexScorer,
    "sql": SqlScorer,
    "state": StateScorer,
    "steps": StepsScorer,
    "latency": LatencyScorer,
    "tokens": TokensScorer,
    "python": PythonScorer,
}


def _form(value: object) -> str:
    if isinstance(value, Form):
        return next(name for name, form in _FORMS.items() if isinstance(value, form))
    if isinstance(value, dict):
        return next((name for name in _FORMS if name in value), "number")
    return "word"


Scorer = Annotated[
    Annotated[Word, Tag("word")]
    | Annotated[NumberScorer, Tag("number")]
    | Annotated[JsonScorer, Tag("json")]
    | Annotated[RegexScorer, Tag("regex")]
    | Annotated[SqlScorer, Tag("sql")]
    | Annotated[StateScorer, Tag("state")]
    | Annotated[StepsScorer, Tag("steps")]
    | Annotated[LatencyScorer, Tag("latency")]
    | Annotated[TokensScorer, Tag("tokens")]
    | Annotated[PythonScorer, Tag("python")],
    Discriminator(_form),
]
"""exact: the same value. normalised: the same text but for case, spaces and punctuation. choice: exact,
counted case by case. json: the share of fields that are right. steps, state: as their forms."""

_IN_FULL: Mapping[str, Mapping[str, Any]] = {
    "json": {"json": {}},
    "steps": {"steps": {}},
    "state": {"state": {}},
}


def in_full(scorer: Word | Form) -> Literal["exact", "normalised", "choice"] | Form:
    """A scorer with its settings, where it is written as a word and has some."""
    if isinstance(scorer, Form):
        return scorer
    if scorer in _IN_FULL:
        return _FORMS[scorer].model_validate(_IN_FULL[scorer])
    return scorer  # type: ignore[return-value]


OF_RUN = (StateScorer, StepsScorer, LatencyScorer, TokensScorer)
"""Scorers that look at the whole run, not at a field."""
