"""The way of one agent through its training: which rows come next, at what rate, and when it is over."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from shoal.finetune.batches import Order
from shoal.finetune.recipe import TrainingPart
from shoal.finetune.rows import Row, Source

__all__ = ["Course"]


@dataclass(slots=True, kw_only=True)
class Course:
    """One agent's training; several go on side by side over one base."""

    agent: int
    name: str
    options: TrainingPart
    train: Sequence[Row]
    dev: Sequence[Row]
    order: Order
    steps: int
    step: int = 0
    best_loss: float = math.inf
    best_step: int = 0
    best: dict[str, Tensor] = field(default_factory=dict)
    """The weights with the best dev loss; none where the last ones are kept."""
    num_worse: int = 0
    """Evaluations since then."""

    @property
    def is_over(self) -> bool:
        """Whether it learns no more."""
        return self.step >= self.steps or (self.stops_early and self.num_worse >= self.options.patience)

    @property
    def stops_early(self) -> bool:
        """Whether the dev loss decides what is kept."""
        return bool(self.dev) and self.options.patience > 0

    @property
    def is_due(self) -> bool:
        """Whether the dev loss is wanted after this step."""
        every = max(1, self.steps // self.options.evaluations)
        return bool(self.dev) and (self.step % every == 0 or self.step == self.steps)

    @property
    def source(self) -> Source:
        """What packs take from it."""
        return Source(
            rows=self.train,
            seed=self.options.seed,
            token_dropout=self.options.token_dropout,
            epoch=self.order.epoch,
        )

    @property
    def rate(self) -> float:
        """The part of the full learning rate at this step: a rise, then a fall to 0."""
        warmup = max(1, int(self.options.warmup * self.steps))
        if self.step < warmup:
            return (self.step + 1) / warmup
        done = (self.step - warmup) / max(1, self.steps - warmup)
        return 1 - done if self.options.decay == "linear" else 0.5 * (1 + math.cos(math.pi * done))

    def judge(self, loss: float, weights: Mapping[str, Tensor]) -> None:
        """Take note of a dev loss, and of the weights that gave it where it is the best so far."""
        if loss < self.best_loss:
            self.best_loss, self.best_step, self.num_worse = loss, self.step, 0
            if self.stops_early:
                self.best = {name: weight.detach().clone() for name, weight in weights.items()}
        else:
            self.num_worse += 1

    def state(self) -> dict[str, Any]:
        """All but tensors that going on needs."""
        return {
            "step": self.step,
            "position": [self.order.epoch, self.order.at],
            "best": [self.best_loss, self.best_step, self.num_worse],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self.step = state["step"]
        self.order.move(*state["position"])
        self.best_loss, self.best_step, self.num_worse = state["best"]


def new_course(
    agent: int, name: str, options: TrainingPart, train: Sequence[Row], dev: Sequence[Row]
) -> Course:
    """A course at its start."""
    order = Order([len(row.tokens) for row in train], options.batch_tokens, options.seed)
    steps = options.steps or math.ceil((options.epochs or 1) * order.per_epoch)
    return Course(agent=agent, name=name, options=options, train=train, dev=dev, order=order, steps=steps)
