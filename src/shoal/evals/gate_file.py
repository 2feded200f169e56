"""How suites write gates: what is asked of each score, and how sure the answer is to be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, NamedTuple

from pydantic import Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from shoal.evals.forms import Text
from shoal.workspace.schema import Strict

Share = Annotated[float, Field(ge=0, le=1)]
Kind = Literal["at_least", "not_worse_by", "better_by", "ece", "brier"]
KINDS: tuple[Kind, ...] = ("at_least", "not_worse_by", "better_by", "ece", "brier")
COMPARING: tuple[Kind, ...] = ("not_worse_by", "better_by")
EACH = "each"


class Criterion(Strict):
    """What is asked of one score, of all cases or of a slice; one of these or several."""

    at_least: Share | None = Field(None, description="The least share of right answers, from 0 to 1.")
    passes: int | None = Field(
        None,
        alias="pass",
        ge=1,
        description="With at_least: of cases of which so many repeats are all right.",
    )
    not_worse_by: float | None = Field(
        None, gt=0, le=1, description="At most so much worse than the baseline: 0.02 is two points."
    )
    better_by: float | None = Field(
        None, ge=0, lt=1, description="More than so much better than the baseline; 0: better at all."
    )
    ece: Share | None = Field(None, description="The largest expected calibration error.")
    brier: Share | None = Field(None, description="The largest Brier score of the confidence.")
    slice: Text = Field(None, description="Of the cases of this slice; `each`: of each slice by itself.")

    @model_validator(mode="after")
    def _asks(self) -> Criterion:
        if all(getattr(self, kind) is None for kind in KINDS):
            raise PydanticCustomError("asks", "one of {kinds}", {"kinds": ", ".join(KINDS)})
        if self.passes is not None and self.at_least is None:
            raise PydanticCustomError("pass", "`at_least` beside `pass`")
        return self


def _form(value: object) -> str:
    if isinstance(value, list):
        return "list"
    return "mapping" if isinstance(value, dict | Criterion) else "share"


Criteria = Annotated[
    Annotated[Share, Tag("share")]
    | Annotated[Criterion, Tag("mapping")]
    | Annotated[list[Criterion], Tag("list")],
    Discriminator(_form),
]
"""0.9, {at_least: 0.9}, or a list of such."""


class ProofEntry(Strict):
    """How sure a verdict is to be."""

    alpha: float = Field(
        0.05, gt=0, lt=0.5, description="How often at most the gate says GO, or NO-GO, by mistake."
    )
    power: float = Field(
        0.8, gt=0.5, lt=1, description="NEEDS n MORE: how often so many cases would be enough for an answer."
    )
    worth: float = Field(
        0.02,
        gt=0,
        lt=1,
        description="A difference that matters: where a gain this large is excluded, "
        "`better_by` is a NO-GO; and no number of cases is planned for smaller ones.",
    )
    errors: Share = Field(0.0, description="The largest share of cases that may have no answer.")
    looks: int = Field(
        1,
        ge=1,
        le=100,
        description="How often a verdict is asked for while cases are added; `alpha` is shared out.",
    )


class Question(NamedTuple):
    """One thing that the gate wants to know."""

    score: str
    kind: Kind
    limit: float
    slice: str | None
    passes: int | None


def questions(gate: dict[str, Criteria], slices: list[str]) -> Iterator[Question]:
    """All that a gate wants to know, in the order of the file."""
    for score, criteria in gate.items():
        if isinstance(criteria, float | int):
            yield Question(score, "at_least", float(criteria), None, None)
            continue
        for criterion in criteria if isinstance(criteria, list) else [criteria]:
            named = slices if criterion.slice == EACH else [criterion.slice]
            for kind in KINDS:
                limit = getattr(criterion, kind)
                passes = criterion.passes if kind == "at_least" else None
                yield from (Question(score, kind, limit, each, passes) for each in named if limit is not None)
