"""Writing answers token by token: many rows at once over one key-value cache, each under its own grammar.

A step asks the model once for all rows. Tokens without an alternative are taken without asking, so rows
move on by different numbers of tokens; the shorter ones are padded on the left and the padding is masked in
the cache.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from shoal.agents.embedded.guided import Guide

__all__ = ["Row", "write"]


@dataclass(slots=True, kw_only=True)
class Row:
    """One answer in the making."""

    prompt: list[int]
    guide: Guide
    last: int
    """How many tokens it may have."""
    closing: int
    """How many of them are kept for closing what is open."""
    closers: Sequence[int]
    """The tokens that close a text, a list or a record, tried in this order."""
    temperature: float
    generator: torch.Generator
    tokens: list[int] = field(default_factory=list)
    chances: list[list[float]] = field(default_factory=list)
    """For each token its log-probability at each calibration temperature; 0 where it had no alternative."""
    on_tokens: Callable[[Sequence[int]], None] | None = None
    """Called with the tokens of each step, where somebody reads along."""


def write(model: Any, rows: list[Row], temperatures: Sequence[float]) -> None:
    """Write the answers of all rows into them.

    Args:
        model: a causal model of transformers.
        rows: what to answer.
        temperatures: at which the probabilities are noted, for calibration.
    """
    from transformers import DynamicCache

    cache = DynamicCache()
    mask = torch.zeros(len(rows), 0, dtype=torch.long)
    scales = torch.tensor(temperatures)[:, None]
    blocks = [row.prompt + _told(row, _take_forced(row, len(temperatures))) for row in rows]
    while rows:
        mask, ids, places = _padded(rows, blocks, mask)
        logits = _ask(model, ids, mask, places, cache)
        blocks = [_told(row, _next(row, logits[at], scales)) for at, row in enumerate(rows)]
        going = [at for at, row in enumerate(rows) if not row.guide.is_done]
        if len(going) < len(rows):
            cache.batch_select_indices(torch.tensor(going, dtype=torch.long, device=model.device))
            rows, blocks, mask = [rows[at] for at in going], [blocks[at] for at in going], mask[going]


def _padded(rows: Sequence[Row], blocks: Sequence[list[int]], mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mask over cache and blocks, the tokens of the blocks, and their places in their rows."""
    width = max(map(len, blocks))
    ids, new, places = (torch.zeros(len(rows), width, dtype=torch.long) for _ in range(3))
    for at, (row, block) in enumerate(zip(rows, blocks, strict=True)):
        left, total = width - len(block), len(row.prompt) + len(row.tokens)
        ids[at, left:] = torch.tensor(block)
        new[at, left:] = 1
        places[at, left:] = torch.arange(total - len(block), total)
    return torch.cat([mask, new], dim=1), ids, places


def _ask(model: Any, ids: Tensor, mask: Tensor, places: Tensor, cache: Any) -> Tensor:
    found = model(
        input_ids=ids.to(model.device),
        attention_mask=mask.to(model.device),
        position_ids=places.to(model.device),
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    )
    logits: Tensor = found.logits[:, -1].float().cpu()
    return logits


def _next(row: Row, logits: Tensor, scales: Tensor) -> list[int]:
    """Choose a token, take what is forced after it, and return all of them."""
    allowed = torch.frombuffer(bytearray(row.guide.allowed()), dtype=torch.uint8).bool()
    logits = logits.masked_fill(~allowed, -math.inf)
    token = _choose(row, logits)
    row.guide.take([token])
    row.tokens.append(token)
    row.chances.append(torch.log_softmax(logits / scales, dim=-1)[:, token].tolist())
    return [token, *_take_forced(row, len(scales))]


def _told(row: Row, tokens: list[int]) -> list[int]:
    if row.on_tokens is not None and tokens:
        row.on_tokens(tokens)
    return tokens


def _choose(row: Row, logits: Tensor) -> int:
    if len(row.tokens) >= row.last - row.closing:
        for token in row.closers:
            if logits[token] > -math.inf:
                return token
    if row.temperature <= 0:
        return int(logits.argmax())
    chances = torch.softmax(logits / row.temperature, dim=-1)
    return int(torch.multinomial(chances, 1, generator=row.generator))


def _take_forced(row: Row, num_temperatures: int) -> list[int]:
    forced = row.guide.forced()
    row.tokens += forced
    row.chances += [[0.0] * num_temperatures] * len(forced)
    return forced
