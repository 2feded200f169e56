"""What is learnt on an encoder: the labels of texts and the pieces that are marked in them.

Label heads start from the class centroids of the untrained base, so that the first step already is a fair
classifier.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from tokenizers import Encoding
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from shoal.agents.agent import Agent
from shoal.agents.embedded.encoder import Backbone, Text, render, span_bounds
from shoal.agents.embedded.heads import (
    MAX_SPAN_TOKENS,
    Heads,
    HeadSpec,
    LabelHead,
    LabelSpec,
    SpanBounds,
    head_specs,
)
from shoal.errors import ShoalError
from shoal.finetune.examples import Example
from shoal.finetune.lora import Task
from shoal.finetune.rows import EncoderRow, Pack, PackedRow

__all__ = ["EncoderKind", "gold_scores", "scores_of"]

_CENTROID_EXAMPLES = 2000
_CENTROID_SCALE = 10.0
"""Cosines lie in -1..1; this makes them logits that a softmax can tell apart."""
_CENTROID_TOKENS = 4096


class EncoderKind:
    """How agents are trained on the encoder in a folder."""

    task: Task = "FEATURE_EXTRACTION"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def _backbone(self) -> Backbone:
        return Backbone(self.folder)

    @property
    def mask_id(self) -> int:
        """What takes the place of a token that is not to be seen."""
        return self._backbone.mask_id

    @property
    def first_place(self) -> int:
        """The position of the first token of a text."""
        return self._backbone.first_place

    def rows(self, agent: Agent, examples: Sequence[Example], part: str) -> list[EncoderRow]:
        """Examples as tokens.

        Raises:
            ShoalError: an example cannot be learnt from: what it marks is not there, or past the window.
        """
        specs = head_specs(agent)
        texts = [render(agent.input, example.input) for example in examples]
        encodings = self._backbone.tokenizer.encode_batch([text.text for text in texts])
        return [
            _row(specs, text, coded, example.output, f"{part} example {at} of agent '{agent.name}'")
            for at, (text, coded, example) in enumerate(zip(texts, encodings, examples, strict=True), start=1)
        ]

    def row(self, written: Mapping[str, Any]) -> EncoderRow:
        """A row that was written as JSON."""
        return EncoderRow(**written)

    def load(self, dtype: torch.dtype) -> Any:
        """The base, to be trained."""
        return self._backbone.model.to(dtype)

    def heads(self, agent: Agent, model: nn.Module, rows: Sequence[EncoderRow]) -> Heads:
        """The heads of an agent, started from what the untrained base makes of its rows."""
        hidden_size: int = self._backbone.model.config.hidden_size
        heads = Heads(head_specs(agent), hidden_size)
        labels = [name for name, spec in heads.specs.items() if isinstance(spec, LabelSpec)]
        rows = rows[:_CENTROID_EXAMPLES] if labels else []
        pooled: dict[str, list[Tensor]] = {name: [] for name in labels}
        with torch.no_grad():
            for batch in _by_size(rows):
                ids = pad_sequence([torch.tensor(row.tokens) for row in batch], batch_first=True)
                mask = _mask([len(row.tokens) for row in batch])
                hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state
                for name in labels:
                    pooled[name] += _label_head(heads, name).pool(hidden, mask)
            for name in labels:
                gold = torch.tensor([row.labels[name] for row in rows])
                _set_centroids(_label_head(heads, name).cases, torch.stack(pooled[name]), gold)
        return heads

    def losses(self, model: Any, heads: Sequence[Any], smoothing: Sequence[float], pack: Pack) -> Tensor:
        """The loss of each agent's rows: [agents], cross-entropy summed over the fields."""
        hidden = model(input_ids=pack.ids, position_ids=pack.places + self.first_place).last_hidden_state[0]
        losses = torch.zeros(len(heads), device=hidden.device)
        with torch.autocast(hidden.device.type, enabled=False):
            for span in pack.layout.spans:
                rows = [each for each in pack.rows if each.agent == span.agent]
                tokens = hidden[span.start : span.end].float()
                each = _agent_loss(heads[span.agent], tokens, rows, smoothing[span.agent])
                losses = losses.index_add(0, torch.tensor([span.agent], device=hidden.device), each[None])
        return losses


def _row(
    specs: Mapping[str, HeadSpec], text: Text, encoding: Encoding, output: Mapping[str, Any], where: str
) -> EncoderRow:
    bounds = {name: [list(ends) for ends in span_bounds(text, encoding, name)] for name in text.parts}
    labels: dict[str, int] = {}
    spans: dict[str, list[list[int]]] = {}
    for name, spec in specs.items():
        value = output[name]
        if isinstance(spec, LabelSpec):
            labels[name] = spec.cases.index(value)
        elif value is None:
            spans[name] = []
        else:
            spans[name] = _occurrences(text, encoding, spec.source, str(value), bounds[spec.source])
            if not spans[name]:
                raise ShoalError(
                    f"{where}: {name} is {value!r}, which is not one or more whole words of {text.text!r} "
                    f"inside the model's window, or longer than {MAX_SPAN_TOKENS} tokens. Mark another piece"
                )
    return EncoderRow(tokens=encoding.ids, labels=labels, spans=spans, bounds=bounds)


def _occurrences(
    text: Text, encoding: Encoding, source: str, value: str, bounds: Sequence[Sequence[int]]
) -> list[list[int]]:
    """First and last token of every place where `value` stands."""
    low, high = text.parts[source]
    first = {encoding.offsets[at][0]: at for at in bounds[0]}
    last = {encoding.offsets[at][1]: at for at in bounds[1]}
    found, start = [], text.text.find(value, low, high)
    while start >= 0:
        ends = first.get(start), last.get(start + len(value))
        if ends[0] is not None and ends[1] is not None and ends[1] - ends[0] < MAX_SPAN_TOKENS:
            found.append([ends[0], ends[1]])
        start = text.text.find(value, start + 1, high)
    return found


def _by_size(rows: Sequence[EncoderRow]) -> Iterator[Sequence[EncoderRow]]:
    """Rows in their order, in batches that need little memory."""
    if rows:
        size = max(1, _CENTROID_TOKENS // max(len(row.tokens) for row in rows))
        for start in range(0, len(rows), size):
            yield rows[start : start + size]


def _mask(lengths: Sequence[int]) -> Tensor:
    """[texts, tokens], 1 where there is a token."""
    return (torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]).long()


def _label_head(heads: Heads, name: str) -> LabelHead:
    head = heads.fields[name]
    assert isinstance(head, LabelHead)
    return head


def _set_centroids(linear: nn.Linear, pooled: Tensor, gold: Tensor) -> None:
    linear.bias.zero_()
    for case in range(len(linear.bias)):
        members = pooled[gold == case]
        if len(members):
            linear.weight[case] = _CENTROID_SCALE * nn.functional.normalize(members.mean(0), dim=0)


def _agent_loss(heads: Heads, tokens: Tensor, rows: Sequence[PackedRow], smoothing: float) -> Tensor:
    """The loss of an agent's rows, whose hidden states stand side by side in `tokens`."""
    lengths = [len(each.row.tokens) for each in rows]
    hidden = pad_sequence(list(torch.split(tokens, lengths)), batch_first=True)
    mask = _mask(lengths).to(tokens.device)
    scores = heads(hidden, mask, _bounds([each.row for each in rows], hidden.shape[1], tokens.device))
    losses = torch.zeros(len(rows), device=tokens.device)
    for name, spec in heads.specs.items():
        gold = gold_scores(name, spec, [each.row for each in rows], scores[name].shape).to(tokens.device)
        if isinstance(spec, LabelSpec):
            losses = losses + nn.functional.cross_entropy(
                scores[name], gold.float().argmax(-1), label_smoothing=smoothing, reduction="none"
            )
        else:
            right = scores[name].masked_fill(~gold, -torch.inf).logsumexp(-1)
            losses = losses + scores[name].logsumexp(-1) - right
    return losses @ torch.tensor([each.scale for each in rows], device=tokens.device)


def scores_of(model: Any, heads: Heads, rows: Sequence[EncoderRow]) -> dict[str, Tensor]:
    """The scores of each field for rows that are padded to one length, as when they are asked."""
    ids = pad_sequence([torch.tensor(row.tokens) for row in rows], batch_first=True)
    mask = _mask([len(row.tokens) for row in rows])
    hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state
    found: dict[str, Tensor] = heads(hidden, mask, _bounds(rows, ids.shape[1], hidden.device))
    return found


def _bounds(rows: Sequence[EncoderRow], width: int, device: torch.device) -> dict[str, SpanBounds]:
    """Where spans may start and end in texts that are padded to `width`."""
    return {
        name: SpanBounds(
            starts=_marked([row.bounds[name][0] for row in rows], width).to(device),
            ends=_marked([row.bounds[name][1] for row in rows], width).to(device),
        )
        for name in rows[0].bounds
    }


def _marked(places: Sequence[Sequence[int]], width: int) -> Tensor:
    marked = torch.zeros(len(places), width, dtype=torch.bool)
    for at, each in enumerate(places):
        marked[at, list(each)] = True
    return marked


def gold_scores(name: str, spec: HeadSpec, rows: Sequence[EncoderRow], shape: torch.Size) -> Tensor:
    """Which scores are right: [texts, scores]; a span that stands in the text twice has two."""
    gold = torch.zeros(shape, dtype=torch.bool)
    for at, row in enumerate(rows):
        if isinstance(spec, LabelSpec):
            gold[at, row.labels[name]] = True
            continue
        width = round((shape[1] - 1) ** 0.5)
        right = [1 + first * width + last for first, last in row.spans[name]] or [0]
        gold[at, right] = True
    return gold
