"""Examples as tokens, ready to be learnt from, and the passes that several of them are packed into.

Rows are made once, by one process, and written beside the checkpoints; the others read them from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import torch
from torch import Tensor

from shoal.errors import ShoalError
from shoal.finetune.batches import Share
from shoal.finetune.chance import row_seed, token_seeds
from shoal.finetune.segments import Layout, Span

__all__ = ["DecoderRow", "EncoderRow", "Pack", "PackedRow", "Row", "pack", "refuse_doubled_start"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderRow:
    """A question and its answer."""

    tokens: list[int]
    start: int
    """Where the answer starts."""
    weights: list[float]
    """Of each token of the answer: 0 where it has no alternative; all fields count the same."""

    @property
    def weight(self) -> float:
        """How much it counts beside others."""
        return sum(self.weights)


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderRow:
    """A text, and what is right about it."""

    tokens: list[int]
    labels: Mapping[str, int]
    """By field: the case, counted from 0."""
    spans: Mapping[str, list[list[int]]]
    """By field: first and last token of each place where the right piece stands; none: nothing is there."""
    bounds: Mapping[str, list[list[int]]]
    """By input field: the tokens that may begin a piece of it, and those that may end one."""

    @property
    def weight(self) -> float:
        """How much it counts beside others."""
        return 1.0


Row: TypeAlias = DecoderRow | EncoderRow


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedRow:
    """A row in a pack."""

    agent: int
    row: Any
    start: int
    """Its first token in the pack."""
    scale: float
    """What its loss is multiplied with; 0: it does not count."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pack:
    """What one forward pass computes."""

    ids: Tensor
    """[1, tokens]"""
    places: Tensor
    """[1, tokens] The position of each token in its row."""
    layout: Layout
    rows: Sequence[PackedRow]

    @property
    def num_tokens(self) -> int:
        """Tokens of the rows that count."""
        return sum(len(each.row.tokens) for each in self.rows if each.scale)

    def to(self, device: torch.device) -> Pack:
        """The same where the model is."""
        layout = replace(self.layout, seeds=self.layout.seeds.to(device))
        return replace(self, ids=self.ids.to(device), places=self.places.to(device), layout=layout)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What packs take of one agent."""

    rows: Sequence[Row]
    seed: int
    token_dropout: float = 0.0
    epoch: int = 0


def pack(
    shares: Sequence[Share], sources: Sequence[Source], totals: Sequence[float], mask_id: int = 0
) -> Pack:
    """Put the rows of a slot side by side.

    Args:
        shares: the rows, those of an agent together.
        sources: of each agent.
        totals: for each agent the weight of all its rows in this step.
        mask_id: what takes the place of a token that is not to be seen.
    """
    ids, places, seeds = [], [], []
    rows: list[PackedRow] = []
    spans: dict[int, Span] = {}
    start = 0
    for share in shares:
        source = sources[share.agent]
        row = source.rows[share.row]
        seed = row_seed(source.seed, source.epoch, share.row)
        ids.append(_seen(row.tokens, seed, source.token_dropout, mask_id))
        places.append(torch.arange(len(row.tokens)))
        seeds.append(token_seeds(seed, len(row.tokens)))
        scale = 1 / totals[share.agent] if share.counts else 0.0
        rows.append(PackedRow(agent=share.agent, row=row, start=start, scale=scale))
        end = start + len(row.tokens)
        first = spans[share.agent].start if share.agent in spans else start
        spans[share.agent] = Span(share.agent, first, end)
        start = end
    layout = Layout(
        lengths=tuple(len(each.row.tokens) for each in rows),
        spans=tuple(spans.values()),
        seeds=torch.cat(seeds),
    )
    return Pack(ids=torch.cat(ids)[None], places=torch.cat(places)[None], layout=layout, rows=rows)


def _seen(tokens: Sequence[int], seed: int, rate: float, mask_id: int) -> Tensor:
    ids = torch.tensor(tokens)
    if rate:
        hidden = torch.rand(len(ids), generator=torch.Generator().manual_seed(seed)) < rate
        # The first token stays: it is no word, and span heads read "nothing there" from it.
        hidden[0] = False
        ids = ids.masked_fill(hidden, mask_id)
    return ids


def refuse_doubled_start(tokens: Sequence[int], special: Mapping[int, str], where: str) -> None:
    """Refuse a row that begins with the same special token twice, as no question will when it is asked.

    Raises:
        ShoalError: it does.
    """
    if len(tokens) > 1 and tokens[0] == tokens[1] and tokens[0] in special:
        raise ShoalError(
            f"{where} begins with {special[tokens[0]]} twice. The tokenizer adds it and the chat template "
            "writes it: leave it out of the template"
        )
