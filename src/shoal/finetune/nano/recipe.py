"""The recipe of a pre-training run, read from YAML."""

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field

from shoal.finetune.nano.model import Shape


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TokenizerPart(_Part):
    """How the tokenizer is learnt."""

    merges: int = Field(gt=0)
    examples: int = Field(gt=0)


class ModelPart(_Part):
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


class TrainingPart(_Part):
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


class OutputPart(_Part):
    """Where and how often results are written."""

    weights: Path
    state: Path
    report_steps: int = Field(gt=0)
    save_steps: int = Field(gt=0)
    measure_steps: int = Field(gt=0)
    measure_examples: int = Field(gt=0)


class Recipe(_Part):
    """A whole pre-training run."""

    version: int = Field(ge=1, le=1)
    seed: int
    tokenizer: TokenizerPart
    model: ModelPart
    training: TrainingPart
    mix: dict[str, float]
    output: OutputPart


def load(path: Path) -> Recipe:
    """Reads a recipe; unknown keys and wrong values are refused by pydantic with their place."""
    return Recipe.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
