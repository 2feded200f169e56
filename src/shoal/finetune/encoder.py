"""Training of an agent on an encoder: a LoRA and its heads, in one loop.

Label heads start from the class centroids of the untrained base, so that the first step already is a fair
classifier. Batches hold texts of similar length. Temperatures are fitted on the held-out part and may only
soften: held-out wordings come from the same hand as the training wordings, so being right on all of them
proves no certainty elsewhere.
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
from tokenizers import Encoding
from torch import Tensor, nn

from shoal.agents.adapters import CONFIG, TENSORS
from shoal.agents.agent import Agent
from shoal.agents.embedded.encoder import Backbone, Text, by_length, render
from shoal.agents.embedded.heads import Heads, HeadSpec, LabelHead, LabelSpec, SpanSpec, head_specs
from shoal.errors import ShoalError
from shoal.finetune.examples import Data, Example
from shoal.finetune.lora import with_lora
from shoal.finetune.progress import Outcome, Progress
from shoal.finetune.recipe import Recipe, TrainingPart

_CENTROID_EXAMPLES = 2000
_CENTROID_SCALE = 10.0
"""Cosines lie in -1..1; this makes them logits that a softmax can tell apart."""
_BUCKET_BATCHES = 40
_EVAL_TOKENS = 4096
_MAX_TEMPERATURE = 10.0
_NUM_BINS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """An example, tokenized; `gold` holds for each field the right rows of the scores."""

    text: Text
    encoding: Encoding
    output: Mapping[str, Any]


def train_encoder(
    agent: Agent,
    recipe: Recipe,
    data: Data,
    base_folder: Path,
    out: Path,
    progress: Callable[[Progress], None],
) -> Outcome:
    """Train, measure, calibrate and write the adapter's files into `out`."""
    torch.manual_seed(recipe.training.seed)
    backbone = Backbone(base_folder)
    specs = head_specs(agent)
    train_rows = _tokenize(backbone, agent, data.train)
    heads = Heads(specs, backbone.model.config.hidden_size)
    _start_from_centroids(backbone, heads, train_rows[:_CENTROID_EXAMPLES])
    model = with_lora(backbone.model, recipe.lora, "FEATURE_EXTRACTION")
    _fit(backbone, model, heads, train_rows, recipe, lambda: _save(model, heads, agent, out), progress)
    outcome = _measure(backbone, model, heads, _tokenize(backbone, agent, data.heldout))
    _save(model, heads, agent, out)
    return outcome


def _tokenize(backbone: Backbone, agent: Agent, examples: Sequence[Example]) -> list[_Row]:
    texts = [render(agent.input, example.input) for example in examples]
    encodings = backbone.tokenizer.encode_batch([text.text for text in texts])
    return [
        _Row(text=text, encoding=encoding, output=example.output)
        for text, encoding, example in zip(texts, encodings, examples, strict=True)
    ]


def _start_from_centroids(backbone: Backbone, heads: Heads, rows: Sequence[_Row]) -> None:
    labels = {name: spec for name, spec in heads.specs.items() if isinstance(spec, LabelSpec)}
    with torch.no_grad():
        pooled = {name: torch.zeros(len(rows), backbone.model.config.hidden_size) for name in labels}
        for at in by_length([len(row.encoding) for row in rows], _EVAL_TOKENS) if labels else ():
            batch = backbone.pad([rows[i].text for i in at], [rows[i].encoding for i in at])
            hidden = backbone.model(input_ids=batch.ids, attention_mask=batch.mask).last_hidden_state
            for name in labels:
                pooled[name][at] = _label_head(heads, name).pool(hidden, batch.mask)
        for name, spec in labels.items():
            _set_centroids(
                _label_head(heads, name).cases, spec, pooled[name], [row.output[name] for row in rows]
            )


def _label_head(heads: Heads, name: str) -> LabelHead:
    head = heads.fields[name]
    assert isinstance(head, LabelHead)
    return head


def _set_centroids(linear: nn.Linear, spec: LabelSpec, pooled: Tensor, values: Sequence[Any]) -> None:
    linear.bias.zero_()
    for case, label in enumerate(spec.cases):
        members = pooled[[i for i, value in enumerate(values) if value == label]]
        if len(members):
            linear.weight[case] = _CENTROID_SCALE * nn.functional.normalize(members.mean(0), dim=0)


def _fit(
    backbone: Backbone, model: Any, heads: Heads, rows: Sequence[_Row], recipe: Recipe,
    save: Callable[[], None], progress: Callable[[Progress], None],
) -> None:  # fmt: skip
    options = recipe.training
    batches = _batches([len(row.encoding) for row in rows], options.batch_tokens, random.Random(options.seed))
    per_epoch = next(batches)
    steps = options.steps or math.ceil((options.epochs or 1) * len(per_epoch))
    optimizer, schedule = _optimizer(model, heads, recipe, steps)
    started, at, epoch = time.monotonic(), 0, per_epoch
    model.train()
    heads.train()
    for step in range(1, steps + 1):
        if at == len(epoch):
            epoch, at = next(batches), 0
        loss = _loss(backbone, model, heads, [rows[i] for i in epoch[at]], options)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        at += 1
        progress(
            Progress(
                phase="train", step=step, steps=steps, loss=loss.item(), seconds=time.monotonic() - started
            )
        )
        if step % max(1, steps // 10) == 0:
            save()


def _batches(lengths: Sequence[int], batch_tokens: int, chance: random.Random) -> Iterator[list[list[int]]]:
    """The batches of one epoch after the other: shuffled, but of similar length inside each batch."""
    order = list(range(len(lengths)))
    while True:
        chance.shuffle(order)
        size = max(1, _BUCKET_BATCHES * batch_tokens * len(order) // max(1, sum(lengths)))
        epoch: list[list[int]] = []
        for start in range(0, len(order), size):
            bucket = order[start : start + size]
            epoch += [
                [bucket[i] for i in rows] for rows in by_length([lengths[i] for i in bucket], batch_tokens)
            ]
        chance.shuffle(epoch)
        yield epoch


def _optimizer(
    model: Any, heads: Heads, recipe: Recipe, steps: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LambdaLR]:
    options = recipe.training
    groups: list[dict[str, Any]] = [
        {"params": [p for p in model.parameters() if p.requires_grad], "lr": options.learning_rate},
        {"params": list(heads.parameters()), "lr": options.head_learning_rate},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=options.weight_decay, fused=True)
    warmup = max(1, int(options.warmup * steps))

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        done = (step - warmup) / max(1, steps - warmup)
        return 1 - done if options.decay == "linear" else 0.5 * (1 + math.cos(math.pi * done))

    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def _scores(
    backbone: Backbone, model: Any, heads: Heads, rows: Sequence[_Row], token_dropout: float = 0.0
) -> dict[str, Tensor]:
    batch = backbone.pad([row.text for row in rows], [row.encoding for row in rows])
    ids = batch.ids
    if token_dropout:
        # The first token stays: it is no word, and span heads read "nothing there" from it.
        hidden_tokens = torch.rand(ids.shape) < token_dropout
        hidden_tokens[:, 0] = False
        ids = ids.masked_fill(hidden_tokens & (batch.mask == 1), backbone.mask_id)
    with torch.autocast("cpu", torch.bfloat16, enabled=model.training and _is_bf16_fast()):
        hidden = model(input_ids=ids, attention_mask=batch.mask).last_hidden_state
    scores: dict[str, Tensor] = heads(hidden.float(), batch.mask, batch.bounds())
    return scores


def _is_bf16_fast() -> bool:
    """Whether this CPU multiplies bf16 in hardware: a third less time there, more time elsewhere."""
    abilities = torch.cpu.get_capabilities()
    return bool(abilities.get("avx512_bf16") or abilities.get("amx_bf16"))


def _loss(
    backbone: Backbone, model: Any, heads: Heads, rows: Sequence[_Row], options: TrainingPart
) -> Tensor:
    scores = _scores(backbone, model, heads, rows, options.token_dropout)
    total = torch.zeros(())
    for name, spec in heads.specs.items():
        gold = _gold(name, spec, rows, scores[name].shape)
        if isinstance(spec, LabelSpec):
            total = total + nn.functional.cross_entropy(
                scores[name], gold.float().argmax(-1), label_smoothing=options.label_smoothing
            )
        else:
            right = scores[name].masked_fill(~gold, -torch.inf).logsumexp(-1)
            total = total + (scores[name].logsumexp(-1) - right).mean()
    return total


def _gold(name: str, spec: HeadSpec, rows: Sequence[_Row], shape: torch.Size) -> Tensor:
    """Which scores are right: [batch, scores]; a span that stands in the text twice has two."""
    gold = torch.zeros(shape, dtype=torch.bool)
    for at, row in enumerate(rows):
        value = row.output[name]
        if isinstance(spec, LabelSpec):
            gold[at, spec.cases.index(value)] = True
        elif value is None:
            gold[at, 0] = True
        else:
            width = math.isqrt(shape[1] - 1)
            for first, last in _occurrences(row, spec, str(value)):
                gold[at, 1 + first * width + last] = True
    return gold


def _occurrences(row: _Row, spec: SpanSpec, value: str) -> list[tuple[int, int]]:
    """First and last token of every place where `value` stands as whole words."""
    low, high = row.text.parts[spec.source]
    words = [*row.encoding.word_ids, None]
    first = {
        o[0]: i
        for i, o in enumerate(row.encoding.offsets)
        if words[i] is not None and words[i - 1] != words[i]
    }
    last = {
        o[1]: i
        for i, o in enumerate(row.encoding.offsets)
        if words[i] is not None and words[i + 1] != words[i]
    }
    found, start = [], row.text.text.find(value, low, high)
    while start >= 0:
        if start in first and start + len(value) in last:
            found.append((first[start], last[start + len(value)]))
        start = row.text.text.find(value, start + 1, high)
    if not found:
        raise ShoalError(
            f"{value!r} does not begin and end with a word of {row.text.text!r}, "
            "or is past the model's window"
        )
    return found


def _measure(backbone: Backbone, model: Any, heads: Heads, rows: Sequence[_Row]) -> Outcome:
    """Accuracy of each field and of whole answers on held-out examples; fits the temperatures."""
    model.eval()
    heads.eval()
    logits: dict[str, list[Tensor]] = {name: [] for name in heads.specs}
    right: dict[str, list[Tensor]] = {name: [] for name in heads.specs}
    with torch.no_grad():
        for at in by_length([len(row.encoding) for row in rows], _EVAL_TOKENS):
            scores = _scores(backbone, model, heads, [rows[i] for i in at])
            for name, spec in heads.specs.items():
                logits[name] += scores[name]
                right[name] += _gold(name, spec, [rows[i] for i in at], scores[name].shape)
    figures: dict[str, float] = {}
    whole = torch.ones(len(rows), dtype=torch.bool)
    for name in heads.specs:
        heads.temperatures[name] = _fit_temperature(logits[name], right[name])
        is_right, confidence = _judge(logits[name], right[name], heads.temperatures[name])
        whole &= is_right
        figures[f"{name}_accuracy"] = round(float(is_right.float().mean()), 4)
        figures[f"{name}_ece"] = round(_calibration_error(is_right, confidence), 4)
    figures["accuracy"] = round(float(whole.float().mean()), 4)
    return Outcome(figures=figures, calibration={name: round(t, 4) for name, t in heads.temperatures.items()})


def _fit_temperature(logits: Sequence[Tensor], right: Sequence[Tensor]) -> float:
    """The temperature in 1..10 under which the right answers are most likely."""

    def surprise(temperature: float) -> float:
        surprises = [
            (score / temperature).logsumexp(-1) - (score[gold] / temperature).logsumexp(-1)
            for score, gold in zip(logits, right, strict=True)
        ]
        return float(torch.stack(surprises).sum())

    candidates: list[float] = [_MAX_TEMPERATURE ** (i / 40) for i in range(41)]
    return min(candidates, key=surprise)


def _judge(logits: Sequence[Tensor], right: Sequence[Tensor], temperature: float) -> tuple[Tensor, Tensor]:
    chances = [(score / temperature).softmax(-1) for score in logits]
    is_right = torch.stack([gold[chance.argmax()] for chance, gold in zip(chances, right, strict=True)])
    return is_right, torch.stack([chance.max() for chance in chances])


def _calibration_error(is_right: Tensor, confidence: Tensor) -> float:
    """Expected calibration error: how far confidence is from accuracy, over ten bins."""
    bins = (confidence * _NUM_BINS).long().clamp(max=_NUM_BINS - 1)
    error = 0.0
    for each in range(_NUM_BINS):
        members = bins == each
        if not members.any():
            continue
        gap = (is_right[members].float().mean() - confidence[members].mean()).abs()
        error += float(gap) * float(members.float().mean())
    return error


def _save(model: Any, heads: Heads, agent: Agent, out: Path) -> None:
    from peft import get_peft_model_state_dict

    tensors = {name: tensor.half().contiguous() for name, tensor in get_peft_model_state_dict(model).items()}
    save_file(tensors, out / TENSORS)
    config = model.peft_config["default"].to_dict()
    # The folder of the weights is this machine's affair; sets would be written in any order.
    config |= {"base_model_name_or_path": agent.base.model, "inference_mode": True, "revision": None}
    config["target_modules"] = sorted(config["target_modules"])
    (out / CONFIG).write_text(json.dumps(config, indent=1, sort_keys=True, default=str), encoding="utf-8")
    heads.save(out)
