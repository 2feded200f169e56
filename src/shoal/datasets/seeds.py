"""Seeds as an agent's examples, and which of them are kept to measure on.

Of each label with three seeds or more about a fifth is held out, at least one, unless the file says
`heldout: true` anywhere: then it is as the file says. Labels with fewer keep all for training.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shoal.agents.agent import Agent
from shoal.datasets.qna import Qna, Seed
from shoal.datasets.rows import fitted, key_of
from shoal.errors import Problem
from shoal.workspace.types import BOOL, STR, Enum, Nullable, Record, Type, ValueMismatch

_FEWEST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A seed that fits its agent."""

    input: Mapping[str, Any]
    output: Mapping[str, Any]
    context: str | None
    source: str
    licence: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeds:
    """The seeds of a file, apart."""

    train: tuple[Example, ...]
    heldout: tuple[Example, ...]


def seeds_of(qna: Qna, agent: Agent) -> tuple[Seeds, list[Problem]]:
    """The seeds that fit the agent, and what is wrong with the others."""
    found: list[tuple[Seed, Example]] = []
    problems: list[Problem] = []
    known: dict[str, int] = {}
    for number, seed in enumerate(qna.seeds):
        line = qna.document.marks[seed.where].value[0]
        try:
            answered = output_fields(_stripped(seed.output), agent)
            values, output = fitted({"input": _input(seed, agent), "output": answered}, agent)
        except ValueMismatch as err:
            problems.append(
                qna.document.problem(seed.where, f"{err}. Agent '{agent.name}' declares the types")
            )
            continue
        if (other := known.setdefault(key_of(values), line)) != line:
            message = f"the input of this seed is that of line {other}. Keep one of them"
            problems.append(qna.document.problem(seed.where, message))
        source = seed.source or f"{qna.document.file}:{line}"
        made = Example(
            input=values,
            output=output,
            context=_stripped(seed.context),
            source=source,
            licence=seed.licence,
            number=number,
        )
        found.append((seed, made))
    heldout = _held_out(found, agent)
    parts = (
        tuple(each for _, each in found if each.number not in heldout),
        tuple(each for _, each in found if each.number in heldout),
    )
    return Seeds(train=parts[0], heldout=parts[1]), problems


def output_fields(value: Any, agent: Agent) -> Any:
    """An output as a mapping of fields: one value stands for the only field."""
    fields = agent.output.fields
    if isinstance(value, Mapping) and (len(fields) > 1 or set(value) <= set(fields)):
        return dict(value)
    if len(fields) > 1:
        raise ValueMismatch(f"the output has to name its fields: {', '.join(fields)}")
    (name,) = fields
    return {name: as_typed(fields[name], value)}


def as_typed(kind: Type, value: Any) -> Any:
    """A text read as the number or yes/no that a field wants; other values as they are."""
    inner = kind.of if isinstance(kind, Nullable) else kind
    if not isinstance(value, str) or inner == STR or isinstance(inner, Enum | Record):
        return value
    if inner == BOOL and value.lower() in ("yes", "no"):
        return value.lower() == "yes"
    try:
        read = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return read if isinstance(read, int | float) else value


def text_field(agent: Agent, *, but: Sequence[str] = ()) -> str:
    """The field that a text alone stands for.

    Raises:
        ValueMismatch: it could be none or several.
    """
    texts = [name for name, kind in agent.input.fields.items() if kind in (STR, Nullable(STR))]
    needed = [name for name in texts if agent.input.fields[name] == STR and name not in but]
    if len(needed) == 1:
        return needed[0]
    names = [name for name in texts if name not in but]
    if len(names) == 1:
        return names[0]
    raise ValueMismatch(f"the input has to name its fields: {', '.join(agent.input.fields)}")


def _input(seed: Seed, agent: Agent) -> dict[str, Any]:
    has_context = seed.context is not None and "context" in agent.input.fields
    but = ("context",) if has_context else ()
    if isinstance(seed.input, Mapping):
        given = dict(seed.input)
    else:
        given = {text_field(agent, but=but): _stripped(seed.input)}
    return {"context": _stripped(seed.context)} | given if has_context else given


def _stripped(value: Any) -> Any:
    """A text without the line end that YAML's blocks leave."""
    return value.strip() if isinstance(value, str) else value


def label_of(output: Mapping[str, Any], agent: Agent, field: str | None = None) -> str | None:
    """The value that examples are counted by: of the first field that is a choice, or of the one named."""
    field = field or label_field(agent)
    return None if field is None else str(output[field])


def label_field(agent: Agent) -> str | None:
    """The first output field that is a choice."""
    for name, kind in agent.output.fields.items():
        if isinstance(kind, Enum) or kind == BOOL:
            return name
    return None


def _held_out(found: Sequence[tuple[Seed, Example]], agent: Agent) -> set[int]:
    if any(seed.is_heldout for seed, _ in found):
        return {each.number for seed, each in found if seed.is_heldout}
    groups: dict[str | None, list[Example]] = {}
    for _, each in found:
        groups.setdefault(label_of(each.output, agent), []).append(each)
    chosen: set[int] = set()
    for group in groups.values():
        if len(group) >= _FEWEST:
            order = sorted(group, key=lambda each: hashlib.sha256(key_of(each.input).encode()).digest())
            chosen |= {each.number for each in order[: max(1, len(group) // 5)]}
    return chosen
