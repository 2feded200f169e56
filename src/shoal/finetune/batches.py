"""Which examples a step learns from, and who computes which of them: pure arithmetic on lengths.

The batches of a step follow from lengths and seed alone, never from the number of processes, so a training
goes on with any number of them. Inside a step the rows of all agents are dealt out to slots: one for each
process and each of its forward passes. Every slot holds a row of every agent, because processes that
compute together must all have gradients for the same weights; where rows are too few, one is computed
again and not counted.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Order", "Share", "deal"]


@dataclass(frozen=True, slots=True)
class Share:
    """A row of one agent in a slot."""

    agent: int
    row: int
    counts: bool = True
    """False: computed only so that the slot is not empty."""


class Order:
    """The batches of one agent's rows: one epoch after the other, each shuffled anew.

    Args:
        lengths: of the rows, in tokens.
        batch_tokens: the most tokens of a batch, unless a single row has more.
        seed: what the order follows from.
    """

    def __init__(self, lengths: Sequence[int], batch_tokens: int, seed: int) -> None:
        self._lengths = lengths
        self._batch_tokens = batch_tokens
        self._seed = seed
        self.epoch, self.at = 0, 0
        self._batches = self._cut(0)
        self.per_epoch = len(self._batches)
        """Batches of the first epoch; others have about as many."""

    def move(self, epoch: int, at: int) -> None:
        """Go on from this place."""
        if epoch != self.epoch:
            self._batches = self._cut(epoch)
        self.epoch, self.at = epoch, at

    def take(self) -> list[int]:
        """The rows of the next batch; `epoch` is the one they belong to."""
        if self.at == len(self._batches):
            self.move(self.epoch + 1, 0)
        self.at += 1
        return self._batches[self.at - 1]

    def _cut(self, epoch: int) -> list[list[int]]:
        rows = list(range(len(self._lengths)))
        random.Random(f"{self._seed}/{epoch}").shuffle(rows)
        return cut(rows, self._lengths, self._batch_tokens)


def cut(rows: Sequence[int], lengths: Sequence[int], batch_tokens: int) -> list[list[int]]:
    """Rows in their order as batches of at most `batch_tokens`."""
    batches: list[list[int]] = []
    size = 0
    for row in rows:
        size += lengths[row]
        if not batches or size > batch_tokens:
            batches.append([])
            size = lengths[row]
        batches[-1].append(row)
    return batches


def deal(
    rows: Sequence[Sequence[int]],
    lengths: Sequence[Sequence[int]],
    processes: int,
    pack_tokens: int,
) -> list[list[list[Share]]]:
    """Deal the rows of a step to processes and their forward passes, so that all have about as much to do.

    Args:
        rows: of each agent; an agent without rows takes no part.
        lengths: of all rows of each agent.
        processes: how many compute together.
        pack_tokens: the most tokens of a forward pass, unless a single row has more.

    Returns:
        for each process its forward passes; all processes have as many.
    """
    total = sum(lengths[agent][row] for agent, mine in enumerate(rows) for row in mine)
    most = max((len(mine) for mine in rows), default=0)
    passes = max(1, math.ceil(total / (processes * pack_tokens)))
    while True:
        slots = _spread(rows, lengths, processes * passes)
        widest = max(sum(lengths[each.agent][each.row] for each in slot) for slot in slots)
        if widest <= pack_tokens or processes * passes >= most:
            return [slots[process::processes] for process in range(processes)]
        passes += 1


def _spread(
    rows: Sequence[Sequence[int]], lengths: Sequence[Sequence[int]], num_slots: int
) -> list[list[Share]]:
    """Each row, the longest first, to the slot that has the least to do."""
    slots: list[list[Share]] = [[] for _ in range(num_slots)]
    loads = [(0, slot) for slot in range(num_slots)]
    for agent, mine in enumerate(rows):
        ordered = sorted(mine, key=lambda row: (-lengths[agent][row], row))
        empty = set(range(num_slots))
        for row in ordered:
            load, slot = heapq.heappop(loads)
            slots[slot].append(Share(agent, row))
            empty.discard(slot)
            heapq.heappush(loads, (load + lengths[agent][row], slot))
        for slot in sorted(empty) if ordered else ():
            slots[slot].append(Share(agent, ordered[-1], counts=False))
    return slots
