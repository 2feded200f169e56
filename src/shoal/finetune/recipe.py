"""A recipe: everything that decides what an adapter becomes, in one YAML file.

version: 1
agent: triage
data: {python: "finetune/bank/triage.py:examples", train: 12000, heldout: 1500}
lora: {rank: 16}
training: {epochs: 2, learning_rate: 0.0005}
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from shoal.errors import InvalidFiles, Problem, suggest
from shoal.workspace.schema import Strict, problems_of
from shoal.workspace.yaml import Document, read_yaml


class DataPart(Strict):
    """Where the examples come from, and how many of them: a generator in Python, or a stored data set."""

    python: str | None = Field(
        default=None,
        pattern=r"^[^:]+\.py:[A-Za-z_]\w*$",
        description="file.py:function, relative to the workspace. The function is called with a seed "
        "and 'train' or 'heldout', and yields {input: {...}, output: {...}}, as long as it likes.",
    )
    dataset: str | None = Field(
        default=None,
        pattern=r"^(latest|[0-9a-f]{12})$",
        description="A data set of the agent in the store: the twelve digits of its name, or latest.",
    )
    train: int | None = Field(
        default=None,
        gt=0,
        description="How many distinct examples to train on; of a data set at most so many, or all.",
    )
    dev: int | None = Field(
        default=None,
        ge=0,
        description="How many examples to stop and to calibrate by; they are not trained on. A generator "
        "draws them with those to train on, 0 when left out; of a data set at most so many, or all.",
    )
    heldout: int | None = Field(
        default=None,
        gt=0,
        description="How many distinct examples to measure on; of a data set at most so many, or all.",
    )

    @model_validator(mode="after")
    def _one_source(self) -> DataPart:
        if (self.python is None) == (self.dataset is None):
            raise ValueError("either python or dataset")
        if self.python is not None and (self.train is None or self.heldout is None):
            raise ValueError("train and heldout beside python: a generator may go on for ever")
        return self


class LoraPart(Strict):
    """The shape of the LoRA."""

    rank: int = Field(default=16, ge=1, le=64, description="Rank of the matrices.")
    alpha: int = Field(default=32, ge=1, description="The update is scaled by alpha / rank.")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="Dropout before the matrices.")
    targets: list[str] | None = Field(
        default=None, description="Names of the linear layers to adapt; all of them when left out."
    )


class TrainingPart(Strict):
    """How long, how fast and by what means."""

    epochs: float | None = Field(default=None, gt=0, description="Passes over the examples; or steps.")
    steps: int | None = Field(default=None, gt=0, description="Optimizer steps; or epochs.")
    batch_tokens: int = Field(
        default=1024, ge=64, description="Tokens of one step, of all processes together."
    )
    pack_tokens: int = Field(
        default=8192,
        ge=64,
        description="The most tokens that a process computes at once; a larger step is cut into several "
        "such packs. Less needs less memory.",
    )
    learning_rate: float = Field(default=0.0005, gt=0, description="Of the LoRA, at its highest.")
    head_learning_rate: float = Field(default=0.002, gt=0, description="Of the heads on encoders.")
    warmup: float = Field(default=0.05, ge=0, lt=1, description="Part of the steps in which the rate rises.")
    decay: Literal["linear", "cosine"] = Field(
        default="linear", description="How the rate falls to 0 afterwards."
    )
    weight_decay: float = Field(default=0.01, ge=0, description="Of AdamW.")
    clip: float = Field(default=1.0, gt=0, description="Gradients longer than this are shortened to it.")
    token_dropout: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Part of the input tokens that encoders do not get to see, drawn anew each step.",
    )
    label_smoothing: float = Field(default=0.0, ge=0, lt=1, description="Of enum fields on encoders.")
    evaluations: int = Field(
        default=20, ge=1, description="How many times the loss on the dev examples is asked for."
    )
    patience: int = Field(
        default=5,
        ge=0,
        description="After so many evaluations without a better dev loss the training stops, and the "
        "weights of the best one are kept. 0, or no dev examples: it goes to its end.",
    )
    precision: Literal["auto", "fp32", "bf16"] = Field(
        default="auto", description="Of the computation. auto is bf16 on a GPU and fp32 on a CPU."
    )
    checkpoint_activations: bool = Field(
        default=False,
        description="Compute each layer twice instead of keeping what it computed: a third slower, "
        "with a fraction of the memory.",
    )
    save_seconds: float = Field(
        default=60.0, ge=0, description="How often what was learnt is saved, at the most; 0 is every step."
    )
    seed: int = Field(default=7, description="Of weights, order and the generator.")

    @model_validator(mode="after")
    def _one_length(self) -> TrainingPart:
        if (self.epochs is None) == (self.steps is None):
            raise ValueError("either epochs or steps")
        return self


class Recipe(Strict):
    """How one agent is trained."""

    version: Literal[1] = Field(description="The version of this file format.")
    agent: str = Field(description="Name of the agent in agents.yaml.")
    data: DataPart = Field(description="Where the examples come from.")
    lora: LoraPart = Field(default=LoraPart(), description="The shape of the LoRA.")
    training: TrainingPart = Field(description="How long, how fast and by what means.")


def load_recipe(file: Path, root: Path) -> Recipe:
    """Read a recipe.

    Raises:
        InvalidFiles: with every fault and its place.
    """
    name = file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)
    document = read_yaml(file, name)
    if problems := problems_of(document, Recipe):
        raise InvalidFiles(problems)
    return Recipe.model_validate(document.data)


def check_recipes(root: Path, agents: Iterable[str] | None) -> tuple[int, list[Problem]]:
    """How many recipes of adapters there are in finetune/, and what is wrong with them.

    Agents are not looked up where `agents` is None: then they are not known.

    The recipe that pre-trains a base has a `tokenizer`; `shoal.finetune.nano` reads that one.
    """
    known = None if agents is None else set(agents)
    count, problems = 0, list[Problem]()
    for file in sorted((root / "finetune").glob("*.yaml")):
        try:
            document = read_yaml(file, file.relative_to(root).as_posix())
        except InvalidFiles as err:
            problems.extend(err.problems)
            continue
        if "tokenizer" not in document.data:
            count += 1
            problems.extend(problems_of(document, Recipe) or _unknown_names(document, root, known))
    return count, problems


def _unknown_names(document: Document, root: Path, agents: set[str] | None) -> Iterator[Problem]:
    recipe = Recipe.model_validate(document.data)
    if agents is not None and recipe.agent not in agents:
        message = f"there is no agent '{recipe.agent}'. {suggest(recipe.agent, agents)}"
        yield document.problem(("agent",), message)
    if recipe.data.python is None:
        return
    source, _, function = recipe.data.python.rpartition(":")
    where = ("data", "python")
    try:
        tree = ast.parse((root / source).read_bytes())
    except OSError as err:
        yield document.problem(where, f"{source} cannot be read: {err.strerror}. Mend the path")
    except (SyntaxError, ValueError) as err:
        yield document.problem(where, f"{source} is not Python: {err}")
    else:
        if function not in {name for each in tree.body for name in _defined(each)}:
            yield document.problem(where, f"{source} defines no '{function}'. Mend the name")


def _defined(statement: ast.stmt) -> Iterator[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Assign(targets=targets):
            yield from (target.id for target in targets if isinstance(target, ast.Name))
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            yield from (alias.asname or alias.name for alias in names)
