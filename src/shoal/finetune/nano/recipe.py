"""The recipe of a pre-training run, read from YAML."""

from pathlib import Path

from pydantic import Field

from shoal.errors import InvalidFiles
from shoal.finetune.nano.model import Shape
from shoal.workspace.schema import Strict, problems_of
from shoal.workspace.yaml import read_yaml


class TokenizerPart(Strict):
    """How the tokenizer is learnt."""

    merges: int = Field(gt=0)
    examples: int = Field(gt=0)


class ModelPart(Strict):
    """Sizes of the decoder."""

    width: int = Field(gt=0)
    layers: int = Field(gt=0)
    heads: int = Field(gt=0)
    inner: int = Field(gt=0)
    positions: int = Field(gt=0)
    rope_theta: float = Field(gt=0)
    embedding_multiplier: float = Field(gt=0)

    def shape(self, vocabulary: int) -> Shape:
        """Joins the sizes and the vocabulary."""
        return Shape(vocabulary=vocabulary, **self.model_dump())


class TrainingPart(Strict):
    """How long, how fast and in which portions."""

    tokens: int = Field(gt=0)
    batch_tokens: int = Field(gt=0)
    batch_tokens_late: int = Field(gt=0)
    late_from: float = Field(ge=0, le=1)
    pool_batches: int = Field(gt=0)
    curriculum_tokens: int = Field(gt=0)
    curriculum_start: float = Field(ge=0, le=1)
    warmup_steps: int = Field(ge=0)
    decay_from: float = Field(ge=0, lt=1)
    matrix_rate: float = Field(gt=0)
    other_rate: float = Field(gt=0)
    weight_decay: float = Field(ge=0)
    clip: float = Field(gt=0)
    average: float = Field(ge=0, lt=1)
    processes: int = Field(gt=0)
    threads: int = Field(gt=0)


class OutputPart(Strict):
    """Where and how often results are written."""

    weights: Path = Field(strict=False)
    state: Path = Field(strict=False)
    report_steps: int = Field(gt=0)
    save_steps: int = Field(gt=0)
    measure_steps: int = Field(gt=0)
    measure_examples: int = Field(gt=0)


class Recipe(Strict):
    """A whole pre-training run."""

    version: int = Field(ge=1, le=1)
    seed: int
    tokenizer: TokenizerPart
    model: ModelPart
    training: TrainingPart
    mix: dict[str, float]
    output: OutputPart


def load(path: Path) -> Recipe:
    """Reads a recipe. Raises InvalidFiles with every fault and its place."""
    document = read_yaml(path, str(path))
    if problems := problems_of(document, Recipe):
        raise InvalidFiles(problems)
    return Recipe.model_validate(document.data)
