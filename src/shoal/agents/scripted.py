"""The engine without a model: answers come from a script. For tests of graphs, and for `--engine scripted`.

    version: 1
    agents:
      triage: {intent: balance}                       # always the same
      policy:                                         # one after another; the last one stays
        - {reason: unsure, decision: refer, confidence: 0.4}
        - {reason: every rule is met, decision: approve}

An agent that is not in the script gives the plainest answer its output type allows. In Python, an entry may
also be a function (or an async one) from the Request to the answer. Who reads along gets texts word by word.
"""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from shoal.agents.engine import Answer, OnText, Request, Usage
from shoal.agents.free_text import free_texts
from shoal.errors import InvalidFiles, ShoalError, suggest
from shoal.workspace.schema import Strict
from shoal.workspace.types import Enum, ListOf, Nullable, Record, Scalar, Type, ValueMismatch, plain, read
from shoal.workspace.yaml import read_yaml

Values: TypeAlias = Mapping[str, Any]
"""Output fields, and `confidence` where it is not 1."""
Entry: TypeAlias = Values | Sequence[Values] | Callable[[Request], Values | Awaitable[Values]]


class ScriptFile(Strict):
    """Answers of agents, for runs without models: agentctl run GRAPH --engine scripted:FILE."""

    version: Literal[1] = Field(description="The version of this file format.")
    agents: dict[str, dict[str, Any] | Annotated[list[dict[str, Any]], Field(min_length=1)]] = Field(
        description="For each agent its output fields, and `confidence` where it is not 1; or a list of such "
        "answers, given one after another, of which the last one stays."
    )


class ScriptedEngine:
    """An Engine that answers from a script and remembers what it was asked."""

    def __init__(self, script: Mapping[str, Entry] | None = None) -> None:
        self._script = dict(script or {})
        self.requests: list[Request] = []
        """All requests, in the order in which they came."""
        self._num_asked: dict[str, int] = {}

    @property
    def agents(self) -> frozenset[str]:
        """Those that the script has answers of."""
        return frozenset(self._script)

    async def complete(self, request: Request) -> Answer:
        """Answer from the script. Raises ShoalError when the scripted values do not fit the agent."""
        self.requests.append(request)
        values = dict(await self._values(request))
        confidence = float(values.pop("confidence", 1.0))
        name = request.agent.name
        try:
            output = read(request.agent.output, values, f"the scripted answer of agent '{name}'")
        except ValueMismatch as error:
            raise ShoalError(str(error)) from error
        if request.on_text is not None:
            await _write(request.agent.output, output, request.on_text)
        usage = Usage(prompt_tokens=_num_words(request.values), completion_tokens=_num_words(output))
        return Answer(
            output=output,
            confidence=confidence,
            field_confidence=dict.fromkeys(output, confidence),
            usage=usage,
        )

    async def close(self) -> None:
        """Nothing is held."""

    async def _values(self, request: Request) -> Values:
        name = request.agent.name
        entry = self._script.get(name)
        turn = self._num_asked.get(name, 0)
        self._num_asked[name] = turn + 1
        if entry is None:
            values: Values = plainest(request.agent.output)
            return values
        if isinstance(entry, Mapping):
            return entry
        if isinstance(entry, Sequence):
            return entry[min(turn, len(entry) - 1)]
        given = entry(request)
        return await given if inspect.isawaitable(given) else given


def read_script(file: Path, known: Collection[str] | None = None) -> ScriptedEngine:
    """The engine of a script in YAML or JSON, for the agents that are known. Raises InvalidFiles."""
    document = read_yaml(file, str(file))
    problems = [
        document.problem((key,), f"unknown key '{key}'. Known: version, agents", at_key=True)
        for key in document.data
        if key not in {"version", "agents"}
    ]
    if document.data.get("version") != 1:
        problems.append(document.problem(("version",), "a script starts with `version: 1`"))
    agents = document.data.get("agents")
    if not isinstance(agents, dict):
        problems.append(document.problem(("agents",), "`agents` maps names of agents to their answers"))
        raise InvalidFiles(problems)
    for name, entry in agents.items():
        answers = entry if isinstance(entry, list) else [entry]
        if not answers or not all(isinstance(answer, dict) for answer in answers):
            message = f"the answers of agent '{name}' are a mapping of output fields, or a list of such"
            problems.append(document.problem(("agents", name), message))
        if known is not None and name not in known:
            message = f"agents.yaml has no agent '{name}'. {suggest(name, known)}"
            problems.append(document.problem(("agents", name), message, at_key=True))
    if problems:
        raise InvalidFiles(problems)
    return ScriptedEngine(agents)


def plainest(kind: Type) -> Any:
    """The plainest value of a type: its first case, null, zero, no, an empty text or list."""
    match plain(kind):
        case Enum(cases):
            return cases[0]
        case Record(fields):
            return {name: plainest(field) for name, field in fields.items()}
        case ListOf():
            return []
        case Scalar(name):
            return {"str": "", "int": 0, "float": 0.0, "bool": False, "any": None}[name]
        case Nullable():
            return None
    raise AssertionError(f"{kind} has no plainest value")


async def _write(kind: Record, output: Values, on_text: OnText) -> None:
    """Tell of texts by words, with a turn for others after each, as if a model wrote them."""
    for name in output:
        if name in free_texts(kind) and output[name]:
            for word in re.findall(r"\s*\S+\s*\Z|\s*\S+|\s+", output[name]):
                on_text(name, word)
                await asyncio.sleep(0)


def _num_words(values: Mapping[str, Any]) -> int:
    return sum(len(str(value).split()) for value in values.values())
