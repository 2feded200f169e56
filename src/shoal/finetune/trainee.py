"""The module that is trained: a base with the LoRAs of one or more agents, and their heads.

The loss is computed inside, because sharded weights are whole only while the module computes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from shoal.agents.agent import Agent
from shoal.errors import ShoalError
from shoal.finetune.batches import Share
from shoal.finetune.examples import Example
from shoal.finetune.lora import Task, adapter_name, with_loras
from shoal.finetune.recipe import Recipe
from shoal.finetune.rows import Pack, Row, Source, pack
from shoal.finetune.segments import laid_out, own_dropout, pack_attention

__all__ = ["Kind", "Trainee", "choose_attention", "kind_of", "make_trainee"]

_NUM_COMPARED = 3
_SAME = 1e-6
"""How far losses may differ that are computed in the same way."""
_ROUNDING = {False: 1e-3, True: 0.03}
"""And those that are computed in two ways, in 32 bits and in 16."""


class Kind(Protocol):
    """What is trained differently on decoders and on encoders."""

    task: Task

    @property
    def mask_id(self) -> int:
        """What takes the place of a token that is not to be seen."""
        ...

    def rows(self, agent: Agent, examples: Sequence[Example], part: str) -> Sequence[Row]:
        """Examples as tokens; raises ShoalError for one that cannot be learnt from."""
        ...

    def row(self, written: Mapping[str, Any]) -> Row:
        """A row that was written as JSON."""
        ...

    def load(self, dtype: torch.dtype) -> Any:
        """The base, to be trained."""
        ...

    def heads(self, agent: Agent, model: nn.Module, rows: Sequence[Any]) -> nn.Module | None:
        """What an agent needs on top of the base."""
        ...

    def losses(self, model: Any, heads: Sequence[Any], smoothing: Sequence[float], pack: Pack) -> Tensor:
        """The loss of each agent's rows: [agents]."""
        ...


def kind_of(agent: Agent, base_folder: Path) -> Kind:
    """How an agent is trained."""
    if agent.base.kind == "encoder":
        from shoal.finetune.encoder import EncoderKind

        return EncoderKind(base_folder)
    from shoal.finetune.decoder import DecoderKind

    return DecoderKind(base_folder)


class Trainee(nn.Module):
    """A base, LoRAs and heads; called with a pack it gives the loss of each agent."""

    def __init__(
        self,
        kind: Kind,
        model: Any,
        heads: Sequence[nn.Module | None],
        smoothing: Sequence[float],
        *,
        is_bf16: bool = False,
    ) -> None:
        super().__init__()
        self.kind = kind
        self.model = model
        self.heads = nn.ModuleList([each or nn.Module() for each in heads])
        self.smoothing = smoothing
        self.is_bf16 = is_bf16
        self.is_packed = False
        self._attention: str = model.config._attn_implementation

    def forward(self, pack: Pack) -> Tensor:
        """[agents]: of each the sum of its rows' losses, scaled as the pack says."""
        smoothing = self.smoothing if self.training else [0.0] * len(self.smoothing)
        with torch.autocast(pack.ids.device.type, torch.bfloat16, enabled=self.is_bf16):
            return self.kind.losses(self.model, list(self.heads), smoothing, pack)

    def attend(self, *, is_packed: bool) -> None:
        """Attend inside segments, or as the base does by itself, to one row at a time."""
        self.is_packed = is_packed
        if is_packed:
            pack_attention(self.model.get_base_model())
        else:
            self.model.get_base_model().set_attn_implementation(self._attention)

    def agent_parameters(self, agent: int) -> Iterator[tuple[str, nn.Parameter]]:
        """The weights an agent trains, with their names."""
        for name, parameter in self.named_parameters():
            is_own = f".{adapter_name(agent)}." in name or name.startswith(f"heads.{agent}.")
            if parameter.requires_grad and is_own:
                yield name, parameter


def make_trainee(
    kind: Kind, agents: Sequence[Agent], recipes: Sequence[Recipe], rows: Sequence[Sequence[Row]]
) -> Trainee:
    """Load the base and put on it what the recipes ask for; nothing is sharded or moved yet."""
    training = recipes[0].training
    is_bf16 = _is_bf16(training.precision)
    model = kind.load(torch.bfloat16 if is_bf16 else torch.float32).eval()
    seeds = [each.training.seed for each in recipes]
    heads = []
    for agent, seed, mine in zip(agents, seeds, rows, strict=True):
        torch.manual_seed(seed)
        heads.append(kind.heads(agent, model, mine))
    model.requires_grad_(False)
    own_dropout(model)
    if training.checkpoint_activations:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    smoothing = [each.training.label_smoothing for each in recipes]
    made = with_loras(model, [each.lora for each in recipes], seeds, kind.task)
    return Trainee(kind, made, heads, smoothing, is_bf16=is_bf16)


def _is_bf16(precision: str) -> bool:
    return precision == "bf16" or (precision == "auto" and torch.cuda.is_available())


def choose_attention(trainee: Trainee, rows: Sequence[Row], device: torch.device) -> bool:
    """Pack rows if the base computes them as if they were alone; return whether it does.

    Some bases carry a state along the tokens (Mamba), or attend in ways of their own: packing is not for
    them, and every row gets a pass of its own. So a few rows are packed beside others and again beside
    others turned around, which must not change their losses, and computed alone as the base does it.
    """
    few = sorted(rows, key=lambda row: len(row.tokens))[: len(rows) // 2 + 1][-_NUM_COMPARED:]
    turned = [replace(row, tokens=row.tokens[::-1]) for row in few]
    trainee.attend(is_packed=False)
    try:
        for at, row in enumerate(few):
            alone = _loss_of(trainee, [row], 0, device)
            trainee.attend(is_packed=True)
            beside = _loss_of(trainee, few, at, device)
            others = _loss_of(trainee, [*turned[:at], row, *turned[at + 1 :]], at, device)
            trainee.attend(is_packed=False)
            if not _is_near(beside, others, _SAME) or not _is_near(beside, alone, _ROUNDING[trainee.is_bf16]):
                return False
    except (ValueError, ShoalError):
        trainee.attend(is_packed=False)
        return False
    trainee.attend(is_packed=True)
    return True


def _is_near(one: float, other: float, tolerance: float) -> bool:
    return abs(one - other) <= tolerance * (1 + abs(other))


def _loss_of(trainee: Trainee, rows: Sequence[Row], counted: int, device: torch.device) -> float:
    shares = [Share(0, at, counts=at == counted) for at in range(len(rows))]
    made = pack(shares, [Source(rows=rows, seed=0)], [1.0]).to(device)
    with torch.no_grad(), laid_out(made.layout):
        return float(trainee.eval()(made)[0])
