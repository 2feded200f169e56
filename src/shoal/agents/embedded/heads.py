"""What sits on top of an encoder: one linear head for each output field.

A label head scores the cases of an enum (or bool) from a weighted mean of the token vectors; its weights
start equal and learn where to look. A span head gives every token a score as first and as last of the span,
and "nothing there" a score of its own; the distribution is over all pairs at once, so what it chooses
always is one piece of the text or null, with a probability. Weights, cases and temperatures live in one
file, heads.safetensors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from shoal.agents.agent import Agent
from shoal.errors import ShoalError
from shoal.workspace.types import BOOL, STR, Enum, Nullable, Scalar, Span, Type

HEADS_FILE = "heads.safetensors"
MAX_SPAN_TOKENS = 32
_NEVER = -1e4
"""The score of pairs that are no span; finite, so that sums and half precision stay clean."""


@dataclass(frozen=True, slots=True)
class LabelSpec:
    """A field that holds one of `cases`, in the order of the head's rows."""

    cases: tuple[str | bool | None, ...]


@dataclass(frozen=True, slots=True)
class SpanSpec:
    """A field that holds a piece of the input field `source`, or null."""

    source: str
    of: Literal["str", "number"]


HeadSpec = LabelSpec | SpanSpec


def head_specs(agent: Agent) -> dict[str, HeadSpec]:
    """The heads an agent's output asks for.

    Raises:
        ShoalError: a field that an encoder cannot give.
    """
    return {name: _spec(agent, name, kind) for name, kind in agent.output.fields.items()}


def _spec(agent: Agent, name: str, kind: Type) -> HeadSpec:
    match kind:
        case Enum(cases):
            return LabelSpec(cases)
        case Scalar("bool"):
            return LabelSpec((True, False))
        case Nullable(of) if isinstance(of, Enum) or of == BOOL:
            inner = _spec(agent, name, of)
            assert isinstance(inner, LabelSpec)
            return LabelSpec((*inner.cases, None))
        case Span(of, source):
            texts = [field for field, each in agent.input.fields.items() if each in (STR, Nullable(STR))]
            if source in texts or (source is None and len(texts) == 1):
                return SpanSpec(source or texts[0], of)
            raise ShoalError(
                f"agent '{agent.name}': output '{name}' is {kind}, expected a piece of one of the inputs "
                f"of type str: {', '.join(texts) or 'there are none'}"
            )
    raise ShoalError(
        f"agent '{agent.name}' is on the encoder '{agent.base.name}', which labels and marks; "
        f"its output '{name}' is {kind}. Expected enum, bool or span, or a decoder as base"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanBounds:
    """Where spans of one source field may start and end: [batch, tokens] of bool."""

    starts: Tensor
    ends: Tensor


class LabelHead(nn.Module):
    """Scores of cases: [batch, cases]."""

    def __init__(self, hidden: int, num_cases: int) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.zeros(hidden))
        self.cases = nn.Linear(hidden, num_cases)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Score the cases."""
        scores: Tensor = self.cases(self.pool(hidden, mask))
        return scores

    def pool(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """One vector of length 1 for each text: the mean of its tokens as long as the query is zero."""
        weights = (hidden @ self.query).masked_fill(mask == 0, -torch.inf).softmax(-1)
        return nn.functional.normalize((weights.unsqueeze(1) @ hidden).squeeze(1), dim=-1)


class SpanHead(nn.Module):
    """Scores of null and of all pairs of first and last token: [batch, 1 + tokens * tokens]."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.tokens = nn.Linear(hidden, 3)

    def forward(self, hidden: Tensor, bounds: SpanBounds) -> Tensor:
        """Score null and the pairs; pairs that are no span are far below all others."""
        scores = self.tokens(hidden)
        starts = scores[..., 0].masked_fill(~bounds.starts, _NEVER)
        ends = scores[..., 1].masked_fill(~bounds.ends, _NEVER)
        pairs = starts.unsqueeze(2) + ends.unsqueeze(1)
        width = pairs.shape[1]
        fits = (
            torch.ones(width, width, dtype=torch.bool, device=pairs.device).triu().tril(MAX_SPAN_TOKENS - 1)
        )
        pairs = pairs.masked_fill(~fits, 2 * _NEVER)
        return torch.cat([scores[:, 0, 2:3], pairs.flatten(1)], dim=1)


class Heads(nn.Module):
    """The heads of one agent."""

    def __init__(self, specs: Mapping[str, HeadSpec], hidden: int) -> None:
        super().__init__()
        self.specs = dict(specs)
        self.temperatures = dict.fromkeys(specs, 1.0)
        self.fields = nn.ModuleDict(
            {
                name: LabelHead(hidden, len(spec.cases)) if isinstance(spec, LabelSpec) else SpanHead(hidden)
                for name, spec in specs.items()
            }
        )

    def forward(self, hidden: Tensor, mask: Tensor, bounds: Mapping[str, SpanBounds]) -> dict[str, Tensor]:
        """Scores of each field.

        Args:
            hidden: [batch, tokens, width] from the encoder.
            mask: [batch, tokens], 1 where there is a token.
            bounds: by source field.
        """
        return {
            name: self.fields[name](hidden, mask if isinstance(spec, LabelSpec) else bounds[spec.source])
            for name, spec in self.specs.items()
        }

    def check(self, agent: Agent) -> None:
        """Hold the heads against an agent's contract.

        Raises:
            ShoalError: they were trained for other fields or cases.
        """
        for name, wanted in head_specs(agent).items():
            given = self.specs.get(name)
            if isinstance(given, LabelSpec) and isinstance(wanted, LabelSpec):
                is_same = set(given.cases) == set(wanted.cases)
            else:
                is_same = given == wanted
            if not is_same:
                raise ShoalError(
                    f"agent '{agent.name}': its adapter was trained before the output "
                    f"'{name}: {agent.output.fields[name]}' was declared so. "
                    f"Train it again with: agentctl finetune finetune/{agent.name}.yaml"
                )

    def save(self, folder: Path) -> None:
        """Write weights (half precision), cases and temperatures into the folder."""
        tensors = {name: tensor.half().contiguous() for name, tensor in self.fields.state_dict().items()}
        heads = [
            {"field": name, **asdict(spec), "temperature": round(self.temperatures[name], 4)}
            for name, spec in self.specs.items()
        ]
        save_file(tensors, folder / HEADS_FILE, metadata={"heads": json.dumps(heads)})


def load_heads(folder: Path) -> Heads:
    """Read the heads of an adapter."""
    with safe_open(folder / HEADS_FILE, framework="pt") as file:
        described = {head.pop("field"): head for head in json.loads((file.metadata() or {})["heads"])}
        tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 (no mapping)
    temperatures = {name: float(head.pop("temperature")) for name, head in described.items()}
    specs = {name: _described(head) for name, head in described.items()}
    heads = Heads(specs, next(tensor.shape[1] for tensor in tensors.values() if tensor.dim() == 2))
    heads.fields.load_state_dict(tensors)
    heads.temperatures = temperatures
    return heads.eval()


def _described(head: dict[str, object]) -> HeadSpec:
    if isinstance(cases := head.get("cases"), list):
        return LabelSpec(tuple(cases))
    return SpanSpec(str(head["source"]), "number" if head["of"] == "number" else "str")
