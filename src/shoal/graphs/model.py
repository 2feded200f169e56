"""Graph files as they are written: pydantic models, before any name is looked up.

A *step* is one kind of work and how it is done. A node is a step with a name, and it may have a `when`;
bodies of map, repeat and vote, cases of a switch and the target of an escalation are steps without.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from shoal.workspace.schema import Given, Strict

KINDS = ("agent", "tool", "human", "graph", "knowledge", "nodes", "switch", "map", "repeat", "vote")

KEYS_OF_KINDS: dict[str, frozenset[str]] = {
    "with": frozenset({"agent", "tool", "graph", "knowledge"}),
    "answer": frozenset({"human"}),
    "top": frozenset({"knowledge"}),
    "output": frozenset({"nodes"}),
    "cases": frozenset({"switch"}),
    "default": frozenset({"switch"}),
    "each": frozenset({"map"}),
    "as": frozenset({"map"}),
    "at_once": frozenset({"map"}),
    "until": frozenset({"repeat"}),
    "at_most": frozenset({"repeat", "graph"}),
    "start": frozenset({"repeat"}),
    "samples": frozenset({"vote"}),
    "by": frozenset({"vote"}),
    "on": frozenset({"vote"}),
    "early": frozenset({"vote"}),
}
"""Keys that only some kinds have; all others are on every kind but human."""

NEEDED_BY_KINDS = {
    "switch": ("cases",),
    "map": ("each",),
    "repeat": ("until", "at_most"),
    "vote": ("samples",),
    "nodes": ("output",),
}

Text = Annotated[str | None, Given]


def _condition(value: object) -> object:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else value


Condition = Annotated[str | None, BeforeValidator(_condition), Given]
"""An expression; `when: false`, which YAML reads as a boolean, is one too."""


class BudgetEntry(Strict):
    """What may be spent; a run or node that would go beyond it fails."""

    calls: Annotated[int | None, Given] = Field(None, gt=0, description="Attempts at agents and tools.")
    tokens: Annotated[int | None, Given] = Field(None, gt=0, description="Tokens that models read and write.")
    seconds: Annotated[float | None, Given] = Field(None, gt=0, description="Seconds of one execution.")
    steps: Annotated[int | None, Given] = Field(
        None, gt=0, description="Nodes begun, each item, round and sample counted."
    )

    @model_validator(mode="after")
    def _limits_something(self) -> BudgetEntry:
        if not self.model_fields_set:
            raise PydanticCustomError("empty", "at least one of calls, tokens, seconds, steps")
        return self


def _seconds(value: object) -> object:
    is_number = isinstance(value, int | float) and value > 0
    if not is_number:
        raise PydanticCustomError("cache", "true or a number of seconds. Remove the key for no cache")
    return value


CacheSeconds = Annotated[
    Any,
    AfterValidator(_seconds),
    WithJsonSchema({"anyOf": [{"const": True}, {"type": "number", "exclusiveMinimum": 0}]}),
]


def _form(value: object) -> str:
    return "step" if isinstance(value, dict | Strict) else "name"


class EscalateEntry(Strict):
    """Another step that answers where this one is not good enough."""

    when: Annotated[str, BeforeValidator(_condition)] = Field(
        description="An expression over the node's own output, like `decide.confidence < 0.9`."
    )
    to: Annotated[Annotated[str, Tag("name")] | Annotated[StepEntry, Tag("step")], Discriminator(_form)] = (
        Field(description="An agent, which gets the same `with`; or a step.")
    )


class StepEntry(Strict):
    """Exactly one kind of work, what goes into it, and how it is done."""

    agent: Text = Field(None, description="An agent of agents.yaml answers.")
    tool: Text = Field(None, description="A tool of agents.yaml is called.")
    human: Text = Field(None, description="A person is asked this question; the run waits.")
    graph: Text = Field(None, description="Another graph of the workspace runs; it sees only its `with`.")
    knowledge: Any = Field(None, description="Passages are retrieved; not available in this version yet.")
    nodes: Annotated[dict[str, NodeEntry] | None, Given] = Field(
        None, description="Nodes in place, which read what is around them; needs `output`."
    )
    switch: Any = Field(None, description="An expression that chooses one of `cases`.")
    map: Annotated[StepEntry | None, Given] = Field(None, description="A step that runs for each item.")
    repeat: Annotated[StepEntry | None, Given] = Field(None, description="A step that runs round by round.")
    vote: Annotated[StepEntry | None, Given] = Field(None, description="A step that is sampled.")

    with_: dict[str, Any] = Field({}, alias="with", description="Inputs by name: values or `${expressions}`.")
    answer: Annotated[dict[str, Any] | None, Given] = Field(
        None, description="Of a human step: names and types of what is asked; {yes: bool} if left out."
    )
    top: int = Field(3, ge=1, le=100, description="Of a knowledge step: how many passages.")
    output: Annotated[dict[str, Any] | None, Given] = Field(
        None, description="Of nodes in place: what they give, values or `${expressions}` by name."
    )
    cases: Annotated[dict[str, StepEntry] | None, Given] = Field(
        None, description="Of a switch: steps by the value that chooses them."
    )
    default: Annotated[StepEntry | None, Given] = Field(
        None, description="Of a switch: the step for all other values."
    )
    each: Any = Field(None, description="Of a map: an expression that gives a list, or a list.")
    as_: Text = Field(None, alias="as", description="Of a map: what the item is called; `item` if left out.")
    at_once: int = Field(16, ge=1, le=1000, description="Of a map: how many items are worked on at once.")
    until: Condition = Field(
        None, description="Of a repeat: an expression over this round's output that ends the rounds."
    )
    at_most: Annotated[int | None, Given] = Field(
        None, ge=1, le=10_000, description="Of a repeat: rounds. Of a graph that leads back to itself: depth."
    )
    start: Any = Field(None, description="Of a repeat: what the first round reads as the last one's output.")
    samples: Annotated[int | None, Given] = Field(None, ge=2, le=64, description="Of a vote: how many.")
    by: Literal["majority", "confidence"] = Field(
        "majority", description="Of a vote: the most frequent answer wins, or the surest."
    )
    on: Annotated[list[str] | None, Given] = Field(
        None, min_length=1, description="Of a vote: fields that are compared; all but free text if left out."
    )
    early: bool = Field(
        False, description="Of a vote: ends once the majority is certain; samples left over are given up."
    )

    accept: Condition = Field(
        None, description="What the output, or the answer of a person, must satisfy: an expression."
    )
    retry: int = Field(0, ge=0, le=10, description="How often the work is tried again.")
    timeout_s: Annotated[float | None, Given] = Field(
        None, gt=0, description="Seconds that one try may take."
    )
    fallback: Any = Field(None, description="The output where all tries failed.")
    escalate: Annotated[EscalateEntry | None, Given] = Field(
        None, description="Who answers where this step is not good enough."
    )
    cache: Annotated[CacheSeconds, Given] = Field(
        None, description="true, or seconds for which a later run may use the answer again."
    )
    budget: Annotated[BudgetEntry | None, Given] = Field(
        None, description="What this step, with all inside it, may spend."
    )


class NodeEntry(StepEntry):
    """A step with a name."""

    when: Condition = Field(None, description="The node is skipped where this expression is false.")


class GraphFile(Strict):
    """graphs/<name>.yaml: a system of agents, tools and people."""

    version: Literal[1] = Field(description="The version of this file format.")
    graph: str = Field(description="The name of the graph; its file bears it too, as a rule.")
    about: str = Field("", description="One sentence on what the graph does.")
    input: dict[str, Any] = Field({}, description="Names and types of what a run is given.")
    nodes: dict[str, NodeEntry] = Field(description="Nodes by name; edges follow from what they read.")
    output: dict[str, Any] = Field(description="What a run gives: values or `${expressions}` by name.")
    budget: Annotated[BudgetEntry | None, Given] = Field(None, description="What a run may spend.")


BROKEN = StepEntry.model_validate({})
"""Stands for a step that does not fit the model, which `problems_of` has reported."""

BROKEN_NODE = NodeEntry.model_validate({})

_BODIES = ("map", "repeat", "vote", "default")
_HARMLESS = frozenset({"accept", "retry", "timeout_s", "escalate", "cache", "budget", "at_once", "top"})
"""Keys without which a step can still be looked at."""

S = TypeVar("S", bound=StepEntry)


def read_step(model: type[S], data: object) -> S | None:
    """A step with all steps inside it; those that do not fit are BROKEN. None if it does not fit itself.

    A fault inside must not hide what is around it, so every step is validated on its own.
    """
    if not isinstance(data, dict):
        return None
    shallow = dict(data)
    for key in _BODIES:
        if isinstance(shallow.get(key), dict):
            shallow[key] = read_step(StepEntry, shallow[key]) or BROKEN
    for key, inner in (("cases", StepEntry), ("nodes", NodeEntry)):
        if isinstance(shallow.get(key), dict):
            shallow[key] = {
                name: read_step(inner, each) or _broken(inner) for name, each in shallow[key].items()
            }
    escalate = shallow.get("escalate")
    if isinstance(escalate, dict) and isinstance(escalate.get("to"), dict):
        shallow["escalate"] = {**escalate, "to": read_step(StepEntry, escalate["to"]) or BROKEN}
    return _validated(model, shallow)


def _broken(model: type[StepEntry]) -> StepEntry:
    return BROKEN if model is StepEntry else BROKEN_NODE


def _validated(model: type[S], data: dict[str, Any]) -> S | None:
    try:
        return model.model_validate(data)
    except ValidationError as err:
        wrong = {
            str(each["loc"][0]) for each in err.errors(include_url=False, include_input=False) if each["loc"]
        }
    if not wrong or not wrong <= _HARMLESS:
        return None
    return _validated(model, {key: value for key, value in data.items() if key not in wrong})


def kinds_of(entry: StepEntry) -> list[str]:
    """The kinds that a step names; exactly one is right."""
    return [kind for kind in KINDS if getattr(entry, kind) is not None]


def steps_in(entry: StepEntry) -> Iterator[tuple[tuple[str, ...], StepEntry]]:
    """The steps directly inside a step, each with the keys that lead to it."""
    for key in _BODIES:
        if isinstance(inner := getattr(entry, key), StepEntry):
            yield (key,), inner
    for key in ("cases", "nodes"):
        for name, inner in (getattr(entry, key) or {}).items():
            yield (key, name), inner
    if entry.escalate and isinstance(entry.escalate.to, StepEntry):
        yield ("escalate", "to"), entry.escalate.to
