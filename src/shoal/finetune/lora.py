"""LoRA on a base, of one agent or of several that are trained in one pass.

peft makes the matrices and names them; what it computes with them is exchanged: each agent's matrices act
on that agent's tokens only, and are added to what the layer gives in one multiplication.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn

from shoal.finetune.recipe import LoraPart
from shoal.finetune.segments import dropped, present

__all__ = ["Task", "adapter_name", "with_loras"]

Task = Literal["CAUSAL_LM", "FEATURE_EXTRACTION"]


def adapter_name(agent: int) -> str:
    """What peft calls the adapter of an agent: its own name may hold dots, which peft does not take."""
    return f"agent{agent}"


def with_loras(model: nn.Module, loras: Sequence[LoraPart], seeds: Sequence[int], task: Task) -> Any:
    """A peft model with a LoRA for each agent, started from its seed, and nothing else to be trained."""
    from peft import LoraConfig, get_peft_model
    from peft.tuners.lora import Linear

    made: Any = None
    for agent, (lora, seed) in enumerate(zip(loras, seeds, strict=True)):
        torch.manual_seed(seed)
        config = LoraConfig(
            task_type=task,
            r=lora.rank,
            lora_alpha=lora.alpha,
            lora_dropout=lora.dropout,
            target_modules=lora.targets or "all-linear",
        )
        if made is None:
            made = get_peft_model(
                model, config, adapter_name=adapter_name(agent), autocast_adapter_dtype=False
            )
        else:
            made.add_adapter(adapter_name(agent), config, autocast_adapter_dtype=False)
    for name, parameter in made.named_parameters():
        if "lora_" in name:
            parameter.requires_grad = True
            # Small steps are lost in 16 bits.
            parameter.data = parameter.data.float()
    rates = [lora.dropout for lora in loras]
    for place, module in made.named_modules():
        if isinstance(module, Linear):
            module.forward = partial(_forward, module, rates, place)
    return made


def _forward(layer: Any, rates: Sequence[float], place: str, hidden: Tensor) -> Tensor:
    """What a layer gives, and what the LoRA of each agent adds to the agent's tokens: [1, tokens, width]."""
    given: Tensor = layer.base_layer(hidden)
    spans = present().spans
    parts = []
    for span in spans:
        name = adapter_name(span.agent)
        whole = given[0] if len(spans) == 1 else given[0, span.start : span.end]
        if name not in layer.lora_A:
            parts.append(whole)
            continue
        tokens = hidden[0] if len(spans) == 1 else hidden[0, span.start : span.end]
        if layer.training:
            tokens = dropped(tokens, present().seeds[span.start : span.end], place, rates[span.agent])
        down, up = layer.lora_A[name].weight, layer.lora_B[name].weight
        if tokens.dtype != down.dtype and not torch.is_autocast_enabled(tokens.device.type):
            tokens = tokens.to(down.dtype)
        parts.append(torch.addmm(whole, tokens @ down.T, up.T, alpha=layer.scaling[name]))
    return (parts[0] if len(parts) == 1 else torch.cat(parts))[None]
