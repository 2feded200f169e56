"""What a trained adapter is worth: its answers to held-out examples, and its temperatures.

The adapter is read from its files, as it will be when it is used. Temperatures are fitted on the dev
examples, or on the held-out ones where there are no dev examples; how far confidence is from accuracy
(ECE) is told before and after, on the held-out ones.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from shoal.agents.agent import Agent
from shoal.agents.embedded.guided import is_decision, read_answer, write_answer
from shoal.agents.engine import Request
from shoal.finetune.calibration import best_temperature, calibration_error, temperatures
from shoal.finetune.examples import Data, Example
from shoal.finetune.progress import Outcome, Progress, Report
from shoal.workspace.types import Scalar

__all__ = ["measure"]

_AT_ONCE = 64
_MOST_WRITTEN = 300
"""Dev examples that a decoder is calibrated by: each costs as much as a question of a user."""
_LEAST = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """A field of one answer."""

    is_right: bool
    keeps: bool | None = None
    """Of a text, whether it holds every input value that the right text holds."""
    confidence: Sequence[float] = ()
    """At each temperature, of a field that holds a decision."""
    surprise: Sequence[float] = ()
    """Of what is right, at each temperature."""


def measure(agent: Agent, base_folder: Path, adapter: Path, data: Data, report: Report) -> Outcome:
    """Ask the adapter in a folder, and say how right and how sure it is."""
    tried = temperatures(may_sharpen=data.is_real and bool(data.dev))
    is_encoder = agent.base.kind == "encoder"
    dev = data.dev if is_encoder else data.dev[:_MOST_WRITTEN]
    examples = [*dev, *data.heldout]
    judge = _judge_encoder if is_encoder else _judge_decoder
    judged: list[dict[str, _Judged]] = []
    started = time.monotonic()
    for found in judge(agent, base_folder, adapter, examples, tried):
        judged += found
        seconds = time.monotonic() - started
        report(
            Progress(
                phase="measure",
                step=len(judged),
                steps=len(examples),
                loss=0.0,
                seconds=seconds,
                steps_here=len(judged),
            )
        )
    return _outcome(tried, judged[: len(dev)] or judged, judged[len(dev) :])


def _outcome(
    tried: Sequence[float], dev: Sequence[dict[str, _Judged]], heldout: Sequence[dict[str, _Judged]]
) -> Outcome:
    figures = {"accuracy": _share([all(each.is_right for each in answer.values()) for answer in heldout])}
    calibration: dict[str, float] = {}
    for name, first in heldout[0].items():
        answers = [answer[name] for answer in heldout]
        figures[f"{name}_accuracy"] = _share([each.is_right for each in answers])
        if first.keeps is not None:
            figures[f"{name}_kept"] = _share([bool(each.keeps) for each in answers])
        if not first.confidence:
            continue
        surprise = [sum(each) for each in zip(*(answer[name].surprise for answer in dev), strict=True)]
        at = best_temperature(tried, surprise)
        calibration[name] = tried[at]
        figures[f"{name}_ece_before"] = _error(answers, tried.index(1.0))
        figures[f"{name}_ece"] = _error(answers, at)
    return Outcome(figures=figures, calibration=calibration)


def _share(values: Sequence[bool]) -> float:
    return round(sum(values) / len(values), 4)


def _error(answers: Sequence[_Judged], at: int) -> float:
    confidence = [each.confidence[at] for each in answers]
    return round(calibration_error(confidence, [each.is_right for each in answers]), 4)


def _judge_encoder(
    agent: Agent, base_folder: Path, adapter: Path, examples: Sequence[Example], tried: Sequence[float]
) -> Iterator[list[dict[str, _Judged]]]:
    from peft import PeftModel

    from shoal.agents.embedded.encoder import Backbone
    from shoal.agents.embedded.heads import load_heads
    from shoal.finetune.encoder import EncoderKind, gold_scores, scores_of

    rows = EncoderKind(base_folder).rows(agent, examples, "held-out")
    model = PeftModel.from_pretrained(Backbone(base_folder).model, str(adapter)).eval()
    heads = load_heads(adapter)
    for start in range(0, len(rows), _AT_ONCE):
        batch = rows[start : start + _AT_ONCE]
        with torch.inference_mode():
            scores = scores_of(model, heads, batch)
        gold = {
            name: gold_scores(name, spec, batch, scores[name].shape) for name, spec in heads.specs.items()
        }
        yield [
            {name: _judge_scores(scores[name][at], gold[name][at], tried) for name in heads.specs}
            for at in range(len(batch))
        ]


def _judge_scores(scores: Tensor, gold: Tensor, tried: Sequence[float]) -> _Judged:
    scaled = scores / torch.tensor(tried)[:, None]
    total = scaled.logsumexp(-1)
    return _Judged(
        is_right=bool(gold[scores.argmax()]),
        confidence=(scaled.amax(-1) - total).exp().tolist(),
        surprise=(total - scaled[:, gold].logsumexp(-1)).tolist(),
    )


def _judge_decoder(
    agent: Agent, base_folder: Path, adapter: Path, examples: Sequence[Example], tried: Sequence[float]
) -> Iterator[list[dict[str, _Judged]]]:
    from peft import PeftModel

    from shoal.agents.embedded.decoder import Decoder

    decoder = Decoder(base_folder)
    decoder.model = PeftModel.from_pretrained(decoder.model, str(adapter)).eval()
    for start in range(0, len(examples), _AT_ONCE):
        batch = examples[start : start + _AT_ONCE]
        written = decoder.write([Request(agent=agent, values=each.input) for each in batch], tried)
        yield [
            _judge_answer(agent, each, *decoder.read(agent, row))
            for each, row in zip(batch, written, strict=True)
        ]


def _judge_answer(
    agent: Agent, example: Example, output: dict[str, Any], chances: dict[str, list[float]]
) -> dict[str, _Judged]:
    gold = read_answer(agent, write_answer(agent, example.output))
    judged: dict[str, _Judged] = {}
    for name, kind in agent.output.fields.items():
        is_right = output[name] == gold[name]
        if is_decision(kind):
            sure = [math.exp(each) for each in chances[name]]
            right = sure if is_right else [1 - each for each in sure]
            surprise = [-math.log(max(_LEAST, each)) for each in right]
            judged[name] = _Judged(is_right=is_right, confidence=sure, surprise=surprise)
        else:
            keeps = _keeps(example, gold[name], output[name]) if kind == Scalar("str") else None
            judged[name] = _Judged(is_right=is_right, keeps=keeps)
    return judged


def _keeps(example: Example, right: str, written: str) -> bool:
    """Whether a text holds every input value that the right text holds: names, amounts, reasons."""
    values = [value for value in example.input.values() if isinstance(value, str) and value in right]
    return all(value in written for value in values)
