"""Starting weights that copy before any training.

A transformer learns to copy late: a head that looks one token back and a head that looks for the same token
before must form together. Here both are built. Layer 0 has heads that look one, two and three tokens back
(a constant in every embedding, turned by the rotary angles, makes the offset) and write what they see into
parts of the stream of their own. Layer 1 has heads that look for a place with the same last three tokens
and write the token that came there. All other blocks start at zero output. Training is free to change every
one of these weights.
"""

from typing import cast

import torch
from torch import Tensor, nn

from shoal.finetune.nano.model import Attention, Block, Decoder, Shape

# Token codes live in dimensions 0..59, what stood 1, 2 and 3 tokens before in the three ranges after.
CODE = 60
FLAG = 240  # does a space stand before the word?
CONSTANT = 255
WIDTH, HEAD_WIDTH, HEADS = 256, 64, 4
# Rotary pairs that make offsets; the first of the pairs that hardly turn within the window.
FAST, SLOW = 4, 16


def start_weights(model: Decoder, twins: list[tuple[int, int]], seed: int) -> None:
    """Fills the weights of a decoder of width 256 with 4 heads.

    Args:
        model: The decoder to fill.
        twins: Token ids of words without and with a space before them; twins share their code.
        seed: Makes the random parts.
    """
    shape = model.shape
    if (shape.width, shape.heads) != (WIDTH, HEADS) or shape.layers < 3:
        raise ValueError(
            f"start_weights needs width {WIDTH}, {HEADS} heads and at least 3 layers, not {shape}"
        )
    dice = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        _plain(model, dice)
        _embeddings(model.model.embed_tokens.weight, twins, shape, dice)
        _offset_heads(_attention(model, 0), shape)
        _matching_heads(_attention(model, 1), dice)
        model.model.norm.weight.fill_(2.0)


def _plain(model: Decoder, dice: torch.Generator) -> None:
    for name, weight in model.named_parameters():
        if weight.ndim == 2:
            nn.init.normal_(weight, std=0.04, generator=dice)
            if "o_proj" in name or "down_proj" in name:
                weight.zero_()
    for layer in range(2, model.shape.layers):
        _alike(_attention(model, layer), dice)


def _attention(model: Decoder, layer: int) -> Attention:
    return cast(Block, model.model.layers[layer]).self_attn


def _alike(attention: Attention, dice: torch.Generator) -> None:
    """Makes half of the heads look for alike content: queries and keys share their slow rows."""
    for head in range(HEADS // 2):
        rows = _slow_rows(head)
        attention.k_proj.weight[rows] = attention.q_proj.weight[rows] + 0.01 * torch.randn(
            len(rows), WIDTH, generator=dice
        )


def _slow_rows(head: int) -> list[int]:
    half = HEAD_WIDTH // 2
    return [head * HEAD_WIDTH + part + pair for part in (0, half) for pair in range(SLOW, half)]


def _embeddings(weight: Tensor, twins: list[tuple[int, int]], shape: Shape, dice: torch.Generator) -> None:
    weight.normal_(std=0.004, generator=dice)
    code = torch.randn(shape.vocabulary, CODE, generator=dice)
    for plain, spaced in twins:
        code[spaced] = code[plain]
    weight[:, :CODE] = 0.25 * code / code.norm(dim=1, keepdim=True)
    weight[:, FLAG] = -0.06
    weight[[spaced for _, spaced in twins], FLAG] = 0.06
    weight[:, CONSTANT] = 0.2


def _offset_heads(attention: Attention, shape: Shape) -> None:
    half = HEAD_WIDTH // 2
    speed = shape.rope_theta ** (-torch.arange(half).float() / half)
    strength = 1.15
    for offset in (1, 2, 3):
        base = offset * HEAD_WIDTH
        for part in (attention.q_proj.weight, attention.k_proj.weight, attention.v_proj.weight):
            part[base : base + HEAD_WIDTH] = 0
        for pair in range(FAST):
            turn = -speed[pair] * offset
            attention.q_proj.weight[base + pair, CONSTANT] = strength * torch.cos(turn)
            attention.q_proj.weight[base + half + pair, CONSTANT] = strength * torch.sin(turn)
            attention.k_proj.weight[base + pair, CONSTANT] = strength
        for index in range(CODE):
            attention.v_proj.weight[base + index, index] = 0.5
            attention.o_proj.weight[offset * CODE + index, base + index] = 0.42


def _matching_heads(attention: Attention, dice: torch.Generator) -> None:
    gains = (2.4, 1.5, 1.1)
    for head in range(HEADS):
        rows = _slow_rows(head)
        for part in (attention.q_proj.weight, attention.k_proj.weight, attention.v_proj.weight):
            part[head * HEAD_WIDTH : (head + 1) * HEAD_WIDTH] = 0
        for back, gain in enumerate(gains):
            view = torch.linalg.qr(torch.randn(CODE, len(rows), generator=dice)).Q.T * gain
            attention.q_proj.weight[rows, back * CODE : (back + 1) * CODE] = view
            attention.k_proj.weight[rows, (back + 1) * CODE : (back + 2) * CODE] = view
        for index, source in enumerate([*range(CODE), FLAG]):
            attention.v_proj.weight[head * HEAD_WIDTH + index, source] = 0.7
            attention.o_proj.weight[source, head * HEAD_WIDTH + index] = 0.6
