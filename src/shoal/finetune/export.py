"""From what was trained to the files of an adapter, in peft's format and in half precision."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from shoal.agents.adapters import CONFIG, TENSORS
from shoal.agents.agent import Agent
from shoal.finetune.course import Course
from shoal.finetune.lora import adapter_name
from shoal.finetune.processes import World, whole
from shoal.finetune.trainee import Trainee

__all__ = ["learnt", "write_adapter"]


def learnt(trainee: Trainee, course: Course, world: World) -> dict[str, Tensor]:
    """The weights to keep of an agent, whole, in the first process; all processes take part."""
    kept: dict[str, Tensor] = {}
    for name, weight in trainee.agent_parameters(course.agent):
        found = whole(course.best.get(name, weight))
        if world.is_first:
            kept[name] = found.cpu()
    return kept


def write_adapter(trainee: Trainee, number: int, agent: Agent, kept: Mapping[str, Tensor], out: Path) -> None:
    """Write config, LoRA and heads of the agent with this number into a folder."""
    own = f".{adapter_name(number)}."
    tensors = {
        name.removeprefix("model.").replace(own, "."): weight.half().contiguous()
        for name, weight in kept.items()
        if own in name
    }
    save_file(tensors, out / TENSORS)
    config: dict[str, Any] = trainee.model.peft_config[adapter_name(number)].to_dict()
    # The folder of the weights is this machine's affair; sets would be written in any order.
    config |= {"base_model_name_or_path": agent.base.model, "inference_mode": True, "revision": None}
    config["target_modules"] = sorted(config["target_modules"])
    text = json.dumps(config, indent=1, sort_keys=True, default=str)
    (out / CONFIG).write_text(text, encoding="utf-8")
    prefix = f"heads.{number}.fields."
    heads = {name.removeprefix(prefix): weight for name, weight in kept.items() if name.startswith(prefix)}
    if heads:
        from shoal.agents.embedded.heads import Heads, head_specs

        width = next(weight.shape[1] for weight in heads.values() if weight.dim() == 2)
        made = Heads(head_specs(agent), width)
        made.fields.load_state_dict(heads)
        made.save(out)


def set_temperatures(out: Path, calibration: Mapping[str, float]) -> None:
    """Write the temperatures of an encoder's heads into their file."""
    from shoal.agents.embedded.heads import HEADS_FILE, load_heads

    if (out / HEADS_FILE).exists():
        heads = load_heads(out)
        heads.temperatures |= calibration
        heads.save(out)
