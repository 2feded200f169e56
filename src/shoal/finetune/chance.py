"""Randomness that belongs to examples.

What dropout hides of an example follows from the recipe's seed, the epoch and the example alone, and so
does not change with the number of processes, with what is packed beside it, with other agents in the same
pass, or with where a training was stopped and went on. There is no state to save.
"""

from __future__ import annotations

import hashlib
import zlib
from functools import lru_cache

import torch
from torch import Tensor

__all__ = ["keep", "row_seed", "token_seeds"]

_TOP = 1 << 31
_STEP = 0x9E3779B9
"""2^32 / golden ratio: its multiples spread evenly over 32 bits."""


def row_seed(seed: int, epoch: int, row: int) -> int:
    """32 bits for a row in an epoch."""
    digest = hashlib.blake2b(f"{seed}/{epoch}/{row}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little")


def token_seeds(seed: int, tokens: int) -> Tensor:
    """[tokens] of 32 bits for the tokens of a row."""
    return _signed(torch.arange(tokens, dtype=torch.int64) * _STEP + seed)


def keep(seeds: Tensor, width: int, place: str, rate: float) -> Tensor:
    """Which of [tokens, width] numbers dropout leaves, at a place in the model; all but `rate` of them."""
    mixed = seeds[:, None] ^ _columns(width, zlib.crc32(place.encode()), seeds.device)[None]
    for factor in (-0x7A143595, -0x3D4D51CB):
        mixed = mixed * factor
        mixed = mixed ^ (mixed >> 15)
    return (mixed & (_TOP - 1)) >= int(rate * _TOP)


@lru_cache(maxsize=512)
def _columns(width: int, place: int, device: torch.device) -> Tensor:
    columns = torch.arange(1, width + 1, dtype=torch.int64) * 0x85EBCA6B + place
    columns = (columns ^ (columns >> 13)) * 0xC2B2AE35
    return _signed(columns ^ (columns >> 16)).to(device)


def _signed(bits: Tensor) -> Tensor:
    """The lowest 32 of 64 bits as int32."""
    return (((bits & 0xFFFFFFFF) ^ _TOP) - _TOP).to(torch.int32)
