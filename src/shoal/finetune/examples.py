"""Training examples: of a data set or drawn from a generator, held against the agent's contract, counted.

A generator is a function in the workspace, found by its file:

    def examples(seed: int, part: Literal["train", "heldout"]) -> Iterator[dict]:
        yield {"input": {"message": "I lost my card"}, "output": {"intent": "lost_card"}}

Span fields hold the exact piece of the input, or null. Generators may go on for ever: the recipe says how
many distinct examples are taken. What both parts hold is dropped from the training part.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from shoal.agents.agent import Agent
from shoal.datasets.made import REAL
from shoal.datasets.rows import fitted
from shoal.datasets.store import PARTS, DataSets
from shoal.errors import ShoalError
from shoal.finetune.recipe import DataPart
from shoal.workspace.store import Store
from shoal.workspace.types import ValueMismatch

_MAX_DRAWS_FOR_EACH = 50
"""A generator that needs more draws for each new example has run dry."""

Generator = Callable[[int, str], Iterator[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A question and its right answer."""

    input: Mapping[str, Any]
    output: Mapping[str, Any]
    """As the generator gave it: span fields hold the text, also those of numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """All parts, and what was dropped on the way."""

    train: tuple[Example, ...]
    heldout: tuple[Example, ...]
    funnel: Mapping[str, int]
    dev: tuple[Example, ...] = ()
    replay: tuple[tuple[str, Example], ...] = ()
    """Examples of other agents, each with the agent's name, so that a decoder keeps what it can."""
    is_real: bool = False
    """Whether the dev part is like what will be asked: then confidence may be raised by it, too. What a
    generator or a grammar makes all comes from one hand, and proves no certainty elsewhere."""
    dataset: str | None = None
    """The name of the data set."""


def load_examples(data: DataPart, agent: Agent, root: Path, seed: int) -> Data:
    """All parts of an agent's examples.

    Raises:
        ShoalError: the generator cannot be loaded, the data set is not there, or what they hold does not
            fit the agent, or is too little.
    """
    return _generated(data, agent, root, seed) if data.python else _stored(data, agent, root)


def _generated(data: DataPart, agent: Agent, root: Path, seed: int) -> Data:
    assert data.python and data.train and data.heldout
    generator = _load_generator(data.python, root)
    funnel: dict[str, int] = {}
    known: set[str] = set()
    heldout = _draw(generator, "heldout", data.heldout, agent, data.python, seed, funnel, known)
    wanted = data.train + (data.dev or 0)
    drawn = _draw(generator, "train", wanted, agent, data.python, seed, funnel, set(known))
    train, dev = drawn[: data.train], drawn[data.train :]
    if dev:
        funnel |= {"train": len(train), "dev": len(dev)}
    return Data(train=train, dev=dev, heldout=heldout, funnel=funnel)


def _stored(data: DataPart, agent: Agent, root: Path) -> Data:
    found = DataSets(Store(root)).get(agent.name, data.dataset or "latest")
    rows = {part: list(found.rows(part)) for part in (*PARTS, "replay")}
    most = {"train": data.train, "dev": data.dev, "heldout": data.heldout}
    parts = {
        part: tuple(
            _fitting({"input": row.input, "output": row.output}, agent, f"{found.sha}/{part}.jsonl:{line}")
            for line, row in enumerate(rows[part][: most[part]], start=1)
        )
        for part in PARTS
    }
    for part, wanted in (("train", "train on"), ("heldout", "measure on")):
        if not parts[part]:
            raise ShoalError(
                f"data set {found.sha} of agent '{agent.name}' has no rows to {wanted}: {part}.jsonl"
            )
    funnel = {part: len(examples) for part, examples in parts.items()}
    return Data(
        **parts,
        funnel=funnel | ({"replay": len(rows["replay"])} if rows["replay"] else {}),
        replay=tuple((str(row.agent), Example(input=row.input, output=row.output)) for row in rows["replay"]),
        is_real=all(row.teacher in REAL for row in rows["dev"]),
        dataset=found.sha,
    )


def _load_generator(reference: str, root: Path) -> Generator:
    file, _, name = reference.rpartition(":")
    path = root / file
    if not path.is_file():
        raise ShoalError(f"the generator {reference} is not there. Looked for {path}")
    module = importlib.import_module(f"{_package_of(path.parent.resolve())}.{path.stem}")
    if not callable(function := getattr(module, name, None)):
        raise ShoalError(f"the generator {reference}: {file} has no function '{name}'")
    return function  # type: ignore[no-any-return]


def _package_of(folder: Path) -> str:
    """A package that stands for the folder, so that a generator can say `from .wordings import ...`."""
    name = "shoal_generators_" + hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    package = ModuleType(name)
    package.__path__ = [str(folder)]
    sys.modules.setdefault(name, package)
    return name


def _draw(
    generator: Generator,
    part: str,
    wanted: int,
    agent: Agent,
    source: str,
    seed: int,
    funnel: dict[str, int],
    known: set[str],
) -> tuple[Example, ...]:
    kept: list[Example] = []
    drawn = 0
    for drawn, raw in enumerate(generator(seed, part), start=1):
        example = _checked(raw, agent, f"{source}, {part} example {drawn}")
        key = _key(example)
        if key not in known:
            known.add(key)
            kept.append(example)
        if len(kept) == wanted or drawn >= _MAX_DRAWS_FOR_EACH * wanted:
            break
    funnel[f"{part}_drawn"], funnel[f"{part}_repeated"], funnel[part] = drawn, drawn - len(kept), len(kept)
    if len(kept) < wanted:
        raise ShoalError(
            f"{source} gave {len(kept)} distinct {part} examples in {drawn}, the recipe asks for {wanted}. "
            "Write more wordings, or ask for fewer"
        )
    return tuple(kept)


def _key(example: Example) -> str:
    """What makes two examples the same: their input, whatever the case and the spaces."""
    return " ".join(json.dumps(example.input, sort_keys=True).lower().split())


def _checked(raw: Mapping[str, Any], agent: Agent, where: str) -> Example:
    if set(raw) != {"input", "output"}:
        raise ShoalError(f"{where} has the keys {', '.join(map(str, raw))}; expected input and output")
    return _fitting(raw, agent, where)


def _fitting(raw: Mapping[str, Any], agent: Agent, where: str) -> Example:
    try:
        values, output = fitted(raw, agent)
    except ValueMismatch as err:
        raise ShoalError(f"{where} does not fit agent '{agent.name}': {err}") from err
    return Example(input=values, output=output)
