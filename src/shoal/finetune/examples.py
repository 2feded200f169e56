"""Training examples: drawn from a generator, held against the agent's contract, counted.

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
from shoal.errors import ShoalError
from shoal.finetune.recipe import DataPart
from shoal.workspace.types import Record, Span, Type, ValueMismatch, read

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
    is_real: bool = False
    """Whether the examples are like what will be asked: then confidence may be raised by them, too. Those of
    a generator all come from one hand, and prove no certainty elsewhere."""


def load_examples(data: DataPart, agent: Agent, root: Path, seed: int) -> Data:
    """Draw all parts of an agent's examples.

    Raises:
        ShoalError: the generator cannot be loaded, or yields something that does not fit
            the agent, or too little.
    """
    generator = _load_generator(data.python, root)
    funnel: dict[str, int] = {}
    known: set[str] = set()
    heldout = _draw(generator, "heldout", data.heldout, agent, data.python, seed, funnel, known)
    wanted = data.train + data.dev
    drawn = _draw(generator, "train", wanted, agent, data.python, seed, funnel, set(known))
    train, dev = drawn[: data.train], drawn[data.train :]
    if dev:
        funnel |= {"train": len(train), "dev": len(dev)}
    return Data(train=train, dev=dev, heldout=heldout, funnel=funnel)


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
    try:
        values = read(agent.input, raw["input"], "input")
        output = read(
            Record({name: _as_written(kind) for name, kind in agent.output.fields.items()}),
            raw["output"],
            "output",
        )
    except ValueMismatch as err:
        raise ShoalError(f"{where} does not fit agent '{agent.name}': {err}") from err
    for name, kind in agent.output.fields.items():
        if isinstance(kind, Span) and output[name] is not None:
            _check_span(str(output[name]), kind, values, f"{where}: {name}")
    return Example(input=values, output=output)


def _as_written(kind: Type) -> Type:
    return Span("str", kind.source) if isinstance(kind, Span) else kind


def _check_span(text: str, kind: Span, values: Mapping[str, Any], where: str) -> None:
    from shoal.agents.numbers import read_number

    source = "\n".join(str(value) for name, value in values.items() if kind.source in (None, name))
    if not text or text != text.strip() or text not in source:
        raise ShoalError(f"{where} is {text!r}, which is not a piece of the input {source!r}")
    if kind.of == "number" and read_number(text) is None:
        raise ShoalError(f"{where} is {text!r}, which cannot be read as a number")
