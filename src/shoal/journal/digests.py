"""What stored values are recognized by: the digest of a row, and the address of a large value."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from shoal.journal.journal import encode

INLINE = 4096
"""Characters a value may have in its row; a larger one is stored once, in `blobs`, under its SHA-256."""

PLACE = "sha256:"
"""Starts a stored value that is in `blobs`; no JSON text starts with it."""


def sha256_of(text: object) -> str:
    """The address of a large value."""
    return hashlib.sha256(str(text).encode("utf-8", "surrogatepass")).hexdigest()


def digest_of(values: Sequence[Any]) -> bytes:
    """The digest of the columns of a row."""
    try:
        text = encode(values)
    except (TypeError, ValueError):
        return b""  # a damaged row can hold what we never write: bytes, infinities
    return hashlib.sha256(text.encode()).digest()
