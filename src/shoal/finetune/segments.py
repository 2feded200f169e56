"""Several texts in one row of tokens that do not see each other.

What is where in the row is a `Layout`. It is laid out for the whole of a forward and a backward pass, and
read by attention, LoRA and dropout deep inside the model, whose layers know nothing of it. (A context
variable would not do: on a GPU the backward pass, which may compute layers again, runs in threads of its
own.)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from shoal.errors import ShoalError
from shoal.finetune.chance import keep

__all__ = ["Layout", "Manner", "Span", "dropped", "laid_out", "own_dropout", "pack_attention", "present"]

_NAME = "shoal_segments"
"""Under which transformers knows `segment_attention`."""


@dataclass(frozen=True, slots=True)
class Span:
    """The tokens of one agent."""

    agent: int
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layout:
    """What the tokens of a row are."""

    lengths: tuple[int, ...]
    """Of the texts, in their order."""
    spans: tuple[Span, ...]
    """Which agent's they are, in their order."""
    seeds: Tensor
    """[tokens] What the randomness of each token follows from."""


_present: list[Layout] = []


@contextmanager
def laid_out(layout: Layout) -> Iterator[None]:
    """Lay out the tokens that are computed in here, forwards and backwards."""
    _present.append(layout)
    try:
        yield
    finally:
        _present.pop()


def present() -> Layout:
    """What is laid out now."""
    return _present[-1]


def pack_attention(model: Any) -> None:
    """Make a model of transformers attend inside segments only.

    Raises:
        ValueError: its attention cannot be exchanged.
    """
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(_NAME, segment_attention)
    AttentionMaskInterface.register(_NAME, lambda *_, **__: None)
    model.set_attn_implementation(_NAME)


@dataclass(frozen=True, slots=True)
class Manner:
    """How a model attends inside a segment."""

    scaling: float | None
    is_causal: bool
    window: int | None
    """How far a token sees; None: all the way."""

    def seen(self, tokens: int, device: torch.device) -> Tensor:
        """[tokens, tokens] Which tokens see which."""
        seen = torch.ones(tokens, tokens, dtype=torch.bool, device=device)
        if self.is_causal:
            seen = seen.tril()
        if self.window is not None:
            seen = seen.triu(1 - self.window)
            seen = seen if self.is_causal else seen.tril(self.window - 1)
        return seen


def segment_attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    is_causal: bool | None = None,
    sliding_window: int | None = None,
    **extras: Any,
) -> tuple[Tensor, None]:
    """Attention of transformers' interface: [1, heads, tokens, width] in, [1, tokens, heads, width] out."""
    if extras.get("softcap") is not None or extras.get("s_aux") is not None:
        raise ShoalError("this model's attention has softcaps or sinks, which packed rows do not know")
    causal = getattr(module, "is_causal", True) if is_causal is None else is_causal
    manner = Manner(scaling, causal, sliding_window)
    if query.is_cuda and query.dtype != torch.float32 and not dropout:
        return fused_attention(query, key, value, manner), None
    lengths = list(present().lengths)
    place = f"attention {getattr(module, 'layer_idx', 0)}"
    q, k, v = (torch.split(each, lengths, 2) for each in (query, key, value))
    if dropout:
        seeds = torch.split(present().seeds, lengths)
        found = [_dropped(*pieces, manner, place, dropout) for pieces in zip(q, k, v, seeds, strict=True)]
    else:
        found = [_plain(*pieces, manner) for pieces in zip(q, k, v, strict=True)]
    return torch.cat(found, 2).transpose(1, 2), None


def _plain(q: Tensor, k: Tensor, v: Tensor, manner: Manner) -> Tensor:
    tokens = q.shape[2]
    is_cut = manner.window is not None and manner.window < tokens
    return nn.functional.scaled_dot_product_attention(
        q,
        k,
        v,
        attn_mask=manner.seen(tokens, q.device) if is_cut else None,
        is_causal=manner.is_causal and not is_cut,
        scale=manner.scaling,
        enable_gqa=q.shape[1] != k.shape[1],
    )


def _dropped(
    q: Tensor, k: Tensor, v: Tensor, seeds: Tensor, manner: Manner, place: str, rate: float
) -> Tensor:
    """Attention in which each pair of tokens is forgotten by chance: the seed of its query decides."""
    repeats = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(repeats, 1), v.repeat_interleave(repeats, 1)
    scores = q @ k.transpose(2, 3) * (q.shape[-1] ** -0.5 if manner.scaling is None else manner.scaling)
    heads, tokens = q.shape[1], q.shape[2]
    scores = scores.masked_fill(~manner.seen(tokens, q.device), -torch.inf)
    kept = keep(seeds, heads * tokens, place, rate).view(tokens, heads, tokens).transpose(0, 1)
    return scores.softmax(-1) * kept / (1 - rate) @ v


def fused_attention(q: Tensor, k: Tensor, v: Tensor, manner: Manner) -> Tensor:
    """The same by the kernel of GPUs that knows segments: no mask, no loop, 16 bits only."""
    from torch.nn.attention.varlen import varlen_attn

    lengths = present().lengths
    ends = torch.tensor([0, *lengths], device=q.device).cumsum(0).int()
    behind = -1 if manner.window is None else manner.window - 1
    found = varlen_attn(
        q[0].transpose(0, 1),
        k[0].transpose(0, 1),
        v[0].transpose(0, 1),
        ends,
        ends,
        max(lengths),
        max(lengths),
        scale=manner.scaling,
        window_size=(behind, 0 if manner.is_causal else behind),
        enable_gqa=q.shape[1] != k.shape[1],
    )
    assert isinstance(found, Tensor)
    return found[None]


class Dropout(nn.Module):
    """Takes the place of a dropout layer: what it hides of a token follows from the token's seed."""

    def __init__(self, rate: float, place: str) -> None:
        super().__init__()
        self.p = rate  # by this name attention reads it, to hand it to `segment_attention`
        self.place = place

    def forward(self, hidden: Tensor) -> Tensor:
        """Hide numbers by chance while training: [1, tokens, width] in and out."""
        return dropped(hidden, present().seeds, self.place, self.p) if self.training else hidden


def dropped(hidden: Tensor, seeds: Tensor, place: str, rate: float) -> Tensor:
    """Numbers of tokens, some of them hidden by chance and the others made larger for it."""
    if rate == 0:
        return hidden
    return hidden * keep(seeds, hidden.shape[-1], place, rate) / (1 - rate)


def own_dropout(model: nn.Module) -> None:
    """Exchange every dropout layer of a model that works on tokens."""
    for name, module in list(model.named_modules()):
        for key, child in list(module.named_children()):
            if type(child) is nn.Dropout:
                setattr(module, key, Dropout(child.p, f"{name}.{key}").train(child.training))
