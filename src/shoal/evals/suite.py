"""A suite: cases, how answers are scored, and what is good enough.

version: 1
suite: triage
target: {agent: triage}
cases: bank/triage_heldout.jsonl
scorers: {intent: exact}
gate: {intent: 0.9}
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from shoal.evals.forms import Scorer, Text
from shoal.evals.gate_file import Criteria, ProofEntry
from shoal.workspace.schema import Strict

__all__ = ["CaseEntry", "SuiteFile", "TargetEntry", "WorldEntry"]


class TargetEntry(Strict):
    """What is tested; exactly one of them."""

    agent: Text = Field(None, description="An agent of agents.yaml.")
    graph: Text = Field(None, description="A graph of the workspace.")
    model: Text = Field(None, description="The URL of an OpenAI-compatible server, to compare with.")

    @model_validator(mode="after")
    def _one(self) -> TargetEntry:
        if len(self.model_fields_set) != 1:
            raise PydanticCustomError("one", "exactly one of agent, graph, model")
        return self


class CaseEntry(Strict):
    """One question with the answer that a careful person would give."""

    input: dict[str, Any] = Field(description="Inputs of the target by name.")
    gold: dict[str, Any] = Field(
        {}, description="Right values of output fields; fields that are left out are not scored in this case."
    )
    nodes: dict[str, dict[str, Any]] = Field(
        {}, description="Of a graph: right values of fields of nodes, by the node's path."
    )
    answers: dict[str, Any] = Field(
        {}, description="Of a graph: what a person answers where a node asks one, by the node's path."
    )
    steps: list[str] | None = Field(None, description="Of a graph: the nodes that are to run.")
    state: list[dict[str, Any]] | None = Field(
        None,
        description="What tools are to change: {insert: TABLE, row: {...}}, {delete: TABLE, row: {...}} or "
        "{update: TABLE, key: {...}, after: {...}}; columns that are left out do not count.",
    )
    id: Text = Field(None, description="Names the case in reports; a hash of its input if left out.")
    slice: str | list[str] | None = Field(
        None, description="The group, or groups, it is counted in besides all cases."
    )


class WorldEntry(Strict):
    """A SQLite database that tools find by an environment variable: each case gets a copy of its own."""

    sqlite: Text = Field(None, description="A file beside the suite that is copied.")
    python: Text = Field(
        None, description="`file.py:function`, beside the suite: makes the database at the path it is given."
    )

    @model_validator(mode="after")
    def _one(self) -> WorldEntry:
        if len(self.model_fields_set) != 1:
            raise PydanticCustomError("one", "exactly one of sqlite, python")
        return self


class SuiteFile(Strict):
    """evals/<name>.yaml: cases, scorers and a gate."""

    version: Literal[1] = Field(description="The version of this file format.")
    suite: str = Field(description="The name of the suite.")
    about: str = Field("", description="One sentence on what the cases show.")
    target: TargetEntry = Field(description="What is tested: {agent: NAME}, {graph: NAME} or {model: URL}.")
    cases: str | Annotated[list[CaseEntry], Field(min_length=1)] = Field(
        description="A .jsonl or .csv file beside this one, or a list of {input, gold, ...}. In files "
        "`output` may stand for `gold`; columns of a .csv are input.NAME, gold.NAME, nodes.NODE.NAME, "
        "answers.NODE, id and slice."
    )
    scorers: dict[str, Scorer] = Field(
        {},
        description="How each output field is compared: exact, normalised (case, spaces and punctuation do "
        "not count), choice (exact, counted by case), json, {number: {tolerance: 0.5}}, {regex: PATTERN}, "
        "{sql: {database: FILE}}, {python: 'file.py:function'}; and the whole run: steps, state, "
        "{latency: {at_most_ms: 500}}, {tokens: {at_most: 300}}.",
    )
    nodes: dict[str, dict[str, Scorer]] = Field(
        {},
        description="The same for outputs of nodes of a graph, by the node's path; NODE.FIELD names a score.",
    )
    world: Literal["real"] | dict[str, WorldEntry] | None = Field(
        None,
        description="Databases of tools that act, by the environment variable that names the file. `real`: "
        "the tools may act as they do in a run.",
    )
    slices: list[str] = Field([], description="Slices that cases may name, each reported on its own.")
    repeats: int = Field(1, ge=1, le=100, description="How often each case is asked.")
    seed: int = Field(7, ge=0, description="Of sampling, where a case is asked again.")
    temperature: float | None = Field(
        None,
        gt=0,
        le=2,
        description="Agents sample at it everywhere, instead of answering greedily at first.",
    )
    at_once: int = Field(
        64,
        ge=1,
        le=1000,
        description="How many cases may be under way; 1 where `latency` is that of one alone.",
    )
    timeout_s: float = Field(600.0, gt=0, description="Seconds that a case may take before it is an error.")
    gate: dict[str, Criteria] = Field(
        {},
        description="What is asked of each score: the least share of right answers, as 0.9 or "
        "{at_least: 0.9}; {not_worse_by: 0.02} and {better_by: 0} than the baseline; {ece: 0.05}; or a "
        "list of such.",
    )
    proof: ProofEntry = Field(
        ProofEntry.model_validate({}), description="How sure the verdict of the gate is to be."
    )

    @model_validator(mode="after")
    def _has_scorers(self) -> SuiteFile:
        if not self.scorers and not any(self.nodes.values()):
            raise PydanticCustomError("scorers", "at least one scorer, in `scorers` or `nodes`")
        return self
