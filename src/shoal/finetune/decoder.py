"""Training of an agent on a decoder: a LoRA on questions and guided answers.

The loss counts only what the model will be asked: the tokens of the answer that the grammar leaves open,
each field as much as the next however short its value is. Prompts are rendered, put into the chat template
and cut into tokens by the same code that asks later. Held-out figures come from greedy answers under the
grammar; temperatures may only soften, for held-out wordings come from the same hand as the training
wordings.
"""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from shoal.agents.adapters import CONFIG, TENSORS
from shoal.agents.agent import Agent
from shoal.agents.embedded.decoder import Decoder
from shoal.agents.embedded.guided import is_decision, read_answer, write_answer
from shoal.agents.engine import Request
from shoal.errors import ShoalError
from shoal.finetune.examples import Data, Example
from shoal.finetune.lora import with_lora
from shoal.finetune.progress import Outcome, Progress
from shoal.finetune.recipe import Recipe, TrainingPart
from shoal.workspace.types import Scalar

__all__ = ["train_decoder"]

_BUCKET_BATCHES = 40
_TEMPERATURES = tuple(round(10 ** (i / 40), 4) for i in range(41))
_NUM_BINS = 10
_SAVES = 10
_SHORT_TOKENS = 1024
"""Up to this length plain attention needs little memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """An example as tokens: the question, then the answer from `start` on."""

    tokens: list[int]
    start: int
    weights: list[float]
    """Of each token of the answer: 0 where it has no alternative; all fields count the same."""


def train_decoder(
    agent: Agent,
    recipe: Recipe,
    data: Data,
    base_folder: Path,
    out: Path,
    progress: Callable[[Progress], None],
) -> Outcome:
    """Train, measure, calibrate and write the adapter's files into `out`.

    Raises:
        ShoalError: an example does not fit the model's window or the grammar of the answers.
    """
    from transformers.utils import logging

    logging.disable_progress_bar()
    torch.manual_seed(recipe.training.seed)
    decoder = Decoder(base_folder)
    rows = [_row(decoder, agent, example, at) for at, example in enumerate(data.train, start=1)]
    if decoder.model.device.type == "cpu" and max(len(row.tokens) for row in rows) <= _SHORT_TOKENS:
        # On CPUs the backward pass of fused attention takes 1.4 times as long as that of plain attention.
        decoder.model.set_attn_implementation("eager")
    model = with_lora(decoder.model, recipe.lora, "CAUSAL_LM")
    _fit(model, rows, recipe.training, lambda: _save(model, agent, out), progress)
    decoder.model = model.eval()
    outcome = _measure(decoder, agent, data.heldout, progress)
    _save(model, agent, out)
    return outcome


def _row(decoder: Decoder, agent: Agent, example: Example, at: int) -> _Row:
    question = decoder.prompt(agent, example.input)
    answer = decoder.chat.answer(write_answer(agent, example.output))
    if len(question) + len(answer) > decoder.window:
        raise ShoalError(
            f"training example {at} of agent '{agent.name}' has {len(question)} + {len(answer)} tokens, "
            f"and its answer would be cut at the {decoder.window} of the base. Write shorter examples"
        )
    try:
        fields = decoder.asked(agent, example.input, answer)
    except ShoalError as err:
        raise ShoalError(f"training example {at} of agent '{agent.name}': {err}") from err
    weights = [1 / fields.count(name) if name else 0.0 for name in fields]
    return _Row(tokens=question + answer, start=len(question), weights=weights)


def _fit(
    model: Any,
    rows: Sequence[_Row],
    options: TrainingPart,
    save: Callable[[], None],
    progress: Callable[[Progress], None],
) -> None:
    batches = _batches(rows, options.batch_tokens, random.Random(options.seed))
    epoch = next(batches)
    steps = options.steps or math.ceil((options.epochs or 1) * len(epoch))
    trained = [each for each in model.parameters() if each.requires_grad]
    optimizer = torch.optim.AdamW(
        trained, lr=options.learning_rate, weight_decay=options.weight_decay, fused=True
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, steps, options))
    started = time.monotonic()
    model.train()
    for step in range(1, steps + 1):
        epoch = epoch or next(batches)
        loss = _loss(model, epoch.pop())
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        progress(
            Progress(
                phase="train", step=step, steps=steps, loss=loss.item(), seconds=time.monotonic() - started
            )
        )
        if step % max(1, steps // _SAVES) == 0:
            save()


def _rate(step: int, steps: int, options: TrainingPart) -> float:
    warmup = max(1, int(options.warmup * steps))
    if step < warmup:
        return (step + 1) / warmup
    done = (step - warmup) / max(1, steps - warmup)
    return 1 - done if options.decay == "linear" else 0.5 * (1 + math.cos(math.pi * done))


def _batches(rows: Sequence[_Row], batch_tokens: int, chance: random.Random) -> Iterator[list[list[_Row]]]:
    """The batches of one epoch after the other: shuffled, but of similar length inside each batch."""
    order = list(rows)
    while True:
        chance.shuffle(order)
        size = max(1, _BUCKET_BATCHES * batch_tokens * len(order) // sum(len(row.tokens) for row in order))
        epoch: list[list[_Row]] = []
        for start in range(0, len(order), size):
            epoch += _split(
                sorted(order[start : start + size], key=lambda row: len(row.tokens)), batch_tokens
            )
        chance.shuffle(epoch)
        yield epoch


def _split(rows: Sequence[_Row], batch_tokens: int) -> Iterator[list[_Row]]:
    batch: list[_Row] = []
    for row in rows:
        if batch and len(row.tokens) * (len(batch) + 1) > batch_tokens:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _loss(model: Any, batch: Sequence[_Row]) -> Tensor:
    """Cross-entropy over the asked tokens; a causal model never looks at the padding on the right."""
    width = max(len(row.tokens) for row in batch)
    ids = torch.zeros(len(batch), width, dtype=torch.long)
    weights = torch.zeros(len(batch), width)
    for at, row in enumerate(batch):
        ids[at, : len(row.tokens)] = torch.tensor(row.tokens)
        weights[at, row.start : len(row.tokens)] = torch.tensor(row.weights)
    # The logits at one place are for the token at the next.
    first = min(row.start for row in batch)
    places = torch.arange(first - 1, width - 1)
    with torch.autocast(model.device.type, torch.bfloat16):
        found = model(input_ids=ids.to(model.device), logits_to_keep=places.to(model.device), use_cache=False)
    losses = nn.functional.cross_entropy(
        found.logits.float().flatten(0, 1), ids[:, first:].flatten().to(model.device), reduction="none"
    )
    scale = weights[:, first:].flatten().to(model.device)
    return (losses * scale).sum() / scale.sum()


def _measure(
    decoder: Decoder, agent: Agent, examples: Sequence[Example], progress: Callable[[Progress], None]
) -> Outcome:
    """Accuracy of greedy answers on held-out examples, whole and by field; fits the temperatures."""
    started = time.monotonic()
    requests = [Request(agent=agent, values=example.input) for example in examples]
    written = decoder.write(requests, _TEMPERATURES)
    answers = [decoder.read(agent, row) for row in written]
    gold = [read_answer(agent, write_answer(agent, example.output)) for example in examples]
    progress(Progress(phase="measure", step=1, steps=1, loss=0.0, seconds=time.monotonic() - started))
    figures = {
        "accuracy": _share([output == right for (output, _), right in zip(answers, gold, strict=True)])
    }
    calibration: dict[str, float] = {}
    for name, kind in agent.output.fields.items():
        is_right = [output[name] == right[name] for (output, _), right in zip(answers, gold, strict=True)]
        figures[f"{name}_accuracy"] = _share(is_right)
        if is_decision(kind):
            at = _fit_temperature([chances[name] for _, chances in answers], is_right)
            calibration[name] = _TEMPERATURES[at]
            figures[f"{name}_ece"] = round(
                calibration_error([math.exp(chances[name][at]) for _, chances in answers], is_right), 4
            )
        elif kind == Scalar("str"):
            kept = [
                _keeps(example, right[name], output[name])
                for example, right, (output, _) in zip(examples, gold, answers, strict=True)
            ]
            figures[f"{name}_kept"] = _share(kept)
    return Outcome(figures=figures, calibration=calibration)


def _share(values: Sequence[bool]) -> float:
    return round(sum(values) / len(values), 4)


def _keeps(example: Example, right: str, written: str) -> bool:
    """Whether a text holds every input value that the right text holds: names, amounts, reasons."""
    values = [value for value in example.input.values() if isinstance(value, str) and value in right]
    return all(value in written for value in values)


def _fit_temperature(chances: Sequence[Sequence[float]], is_right: Sequence[bool]) -> int:
    """The index of the temperature under which being right and wrong is least surprising."""

    def surprise(at: int) -> float:
        return -sum(
            found[at] if right else math.log(max(1e-9, 1 - math.exp(found[at])))
            for found, right in zip(chances, is_right, strict=True)
        )

    return min(range(len(_TEMPERATURES)), key=surprise)


def calibration_error(confidence: Sequence[float], is_right: Sequence[bool]) -> float:
    """Expected calibration error: how far confidence is from accuracy, over ten bins."""
    bins: dict[int, list[tuple[float, bool]]] = {}
    for sure, right in zip(confidence, is_right, strict=True):
        bins.setdefault(min(int(sure * _NUM_BINS), _NUM_BINS - 1), []).append((sure, right))
    gaps = [abs(sum(sure - right for sure, right in members)) for members in bins.values()]
    return sum(gaps) / len(confidence)


def _save(model: Any, agent: Agent, out: Path) -> None:
    from peft import get_peft_model_state_dict

    tensors: Mapping[str, Tensor] = get_peft_model_state_dict(model)
    save_file({name: tensor.half().contiguous() for name, tensor in tensors.items()}, out / TENSORS)
    config = model.peft_config["default"].to_dict()
    # The folder of the weights is this machine's affair; sets would be written in any order.
    config |= {"base_model_name_or_path": agent.base.model, "inference_mode": True, "revision": None}
    config["target_modules"] = sorted(config["target_modules"])
    (out / CONFIG).write_text(json.dumps(config, indent=1, sort_keys=True, default=str), encoding="utf-8")
