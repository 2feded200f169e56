"""The LoRA that a recipe asks for, put onto a model of either kind."""

from __future__ import annotations

from typing import Any, Literal

from torch import nn

from shoal.finetune.recipe import LoraPart

Task = Literal["CAUSAL_LM", "FEATURE_EXTRACTION"]


def with_lora(model: nn.Module, options: LoraPart, task: Task) -> Any:
    """A peft model whose LoRA alone is trained; all linear layers where the recipe names none."""
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        task_type=task,
        r=options.rank,
        lora_alpha=options.alpha,
        lora_dropout=options.dropout,
        target_modules=options.targets or "all-linear",
    )
    return get_peft_model(model, config)
