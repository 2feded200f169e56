"""What an agent is: one skill, with typed input and output, on a base with its adapter."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from shoal.workspace.types import Record

BaseKind = Literal["decoder", "encoder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A model with weights that agents share.

    `model` is what agents.yaml says: `shoal/nano`, a folder, or a hub name; `bases.locate` finds its folder.
    """

    name: str
    model: str
    kind: BaseKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """A LoRA on a base, immutable, stored under the SHA-256 of its content."""

    name: str
    """`<agent>@<version>`."""
    sha256: str
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """One skill: a contract, a prompt (decoders only), a base and an adapter."""

    name: str
    about: str
    base: Base
    input: Record
    output: Record
    adapter: Adapter | None = None
    prompt: str | None = field(default=None, repr=False)
    """Jinja2 source. Without one a decoder gets `about` and its fields as lines; an encoder needs none."""
    knowledge: str = field(default="", repr=False)
    """The text of the agent's knowledge/ folder, given to the prompt as `knowledge`."""
