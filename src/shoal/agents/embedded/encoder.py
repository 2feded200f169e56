"""An encoder base in this process, with the adapters and heads of its agents.

One forward pass answers all fields of an agent. Texts longer than the model's window (512 tokens on BERT
and MiniLM) are read up to the window; what comes after is not seen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Encoding, Tokenizer
from torch import Tensor

from shoal.agents.adapters import check_fits
from shoal.agents.agent import Agent, Base
from shoal.agents.bases import base_sha256, locate
from shoal.agents.embedded.heads import Heads, LabelSpec, SpanBounds, SpanSpec, load_heads
from shoal.agents.engine import Answer, Request, Usage
from shoal.agents.numbers import read_number
from shoal.errors import ShoalError
from shoal.workspace.types import Record

_BATCH_TOKENS = 4096
"""Padded tokens of one forward pass: more gains nothing on a CPU and costs memory."""

_MOST_READ = 8
"""How many choices are tried before a number is given up."""
_LEAST_LIKELY = 0.05
"""A piece of the text below this probability is no answer."""
_NUMBER = re.compile(r"\d(?:[.,'\u2019]?\d)*")
"""Digits that belong together, as in 5,252.37."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """What the encoder reads, and which part of it each input field is."""

    text: str
    parts: Mapping[str, tuple[int, int]]


def render(record: Record, values: Mapping[str, Any]) -> Text:
    """Write an agent's input as one text: a single field as it is, several as lines `name: value`."""
    names = list(record.fields)
    text, parts = "", {}
    for name in names:
        value = values.get(name)
        shown = (
            value
            if isinstance(value, str)
            else ""
            if value is None
            else json.dumps(value, ensure_ascii=False)
        )
        text += ("\n" if text else "") + (f"{name}: " if len(names) > 1 else "")
        parts[name] = (len(text), len(text) + len(shown))
        text += shown
    return Text(text=text, parts=parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Tokens of several texts, padded to one length."""

    ids: Tensor
    mask: Tensor
    encodings: Sequence[Encoding]
    texts: Sequence[Text]

    def bounds(self) -> dict[str, SpanBounds]:
        """By input field, the tokens that begin and end a word of it: spans cut neither words nor numbers."""
        return {name: self._bounds_of(name) for name in self.texts[0].parts}

    def _bounds_of(self, name: str) -> SpanBounds:
        starts = torch.zeros(self.ids.shape, dtype=torch.bool)
        ends = torch.zeros(self.ids.shape, dtype=torch.bool)
        for row, (encoding, text) in enumerate(zip(self.encodings, self.texts, strict=True)):
            first, last = span_bounds(text, encoding, name)
            starts[row, first] = True
            ends[row, last] = True
        return SpanBounds(starts=starts, ends=ends)


def span_bounds(text: Text, encoding: Encoding, name: str) -> tuple[list[int], list[int]]:
    """The tokens that begin and those that end a word of an input field; numbers are not cut."""
    low, high = text.parts[name]
    words = [*encoding.word_ids, None]
    inside = {at for run in _NUMBER.finditer(text.text) for at in range(run.start() + 1, run.end())}
    starts, ends = [], []
    for at, (begin, end) in enumerate(encoding.offsets):
        if words[at] is not None and low <= begin < end <= high:
            if (at == 0 or words[at - 1] != words[at]) and begin not in inside:
                starts.append(at)
            if words[at + 1] != words[at] and end not in inside:
                ends.append(at)
    return starts, ends


class Backbone:
    """Tokenizer and bare model of an encoder base."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with ThreadPoolExecutor(1) as beside:
            # Adapters are held against the hash of the weights: 0.25 s for MiniLM, hidden behind the imports.
            beside.submit(base_sha256, folder)
            self._load()

    def _load(self) -> None:
        from transformers import AutoConfig, AutoModel
        from transformers.utils import logging

        # It reports unused weights (the pooler) and draws a bar for what takes milliseconds.
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        config = AutoConfig.from_pretrained(self.folder, local_files_only=True)
        # RoBERTa counts positions from pad + 1.
        self.first_place: int = config.pad_token_id + 1 if "roberta" in config.model_type else 0
        """The position of the first token."""
        self.window: int = config.max_position_embeddings - self.first_place
        self.tokenizer = Tokenizer.from_file(str(self.folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(self.window)
        self._pad: int = config.pad_token_id
        known = (self.tokenizer.token_to_id(name) for name in ("[MASK]", "<mask>", "[UNK]", "<unk>"))
        self.mask_id: int = next((each for each in known if each is not None), self._pad)
        unused = (
            {"add_pooling_layer": False} if config.model_type in ("bert", "roberta", "xlm-roberta") else {}
        )
        self.model = AutoModel.from_pretrained(
            self.folder, config=config, local_files_only=True, dtype=torch.float32, **unused
        ).eval()

    def pad(self, texts: Sequence[Text], encodings: Sequence[Encoding]) -> Batch:
        """Pad tokenized texts to the longest."""
        ids = torch.full((len(encodings), max(len(each) for each in encodings)), self._pad)
        mask = torch.zeros_like(ids)
        for row, encoding in enumerate(encodings):
            ids[row, : len(encoding)] = torch.tensor(encoding.ids)
            mask[row, : len(encoding)] = 1
        return Batch(ids=ids, mask=mask, encodings=encodings, texts=texts)


class EncoderModel:
    """Answers for all agents of one encoder base; not to be called from two threads at once."""

    def __init__(self, base: Base, root: Path) -> None:
        self._backbone = Backbone(locate(base, root))
        self._model: Any = self._backbone.model
        self._heads: dict[str, Heads] = {}

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """Answer requests to one agent, in their order.

        Raises:
            ShoalError: the agent has no adapter, or one that does not fit.
        """
        agent = requests[0].agent
        with torch.inference_mode():
            heads = self._activate(agent)
            texts = [render(agent.input, request.values) for request in requests]
            encodings = self._backbone.tokenizer.encode_batch([text.text for text in texts])
            answers: dict[int, Answer] = {}
            for rows in by_length([len(each) for each in encodings], _BATCH_TOKENS):
                batch = self._backbone.pad([texts[row] for row in rows], [encodings[row] for row in rows])
                asked = [requests[row] for row in rows]
                answers.update(zip(rows, self._answer_batch(heads, batch, asked), strict=True))
        return [answers[row] for row in range(len(requests))]

    def _answer_batch(self, heads: Heads, batch: Batch, requests: Sequence[Request]) -> list[Answer]:
        hidden = self._model(input_ids=batch.ids, attention_mask=batch.mask).last_hidden_state
        scores = heads(hidden, batch.mask, batch.bounds())
        return [
            _read_answer(heads, {name: field[row] for name, field in scores.items()}, batch, row, request)
            for row, request in enumerate(requests)
        ]

    def _activate(self, agent: Agent) -> Heads:
        if agent.adapter is None:
            raise ShoalError(
                f"agent '{agent.name}' is on the encoder '{agent.base.name}' and has no adapter, so "
                f"it has no head to answer with. Train one with: agentctl finetune finetune/{agent.name}.yaml"
            )
        key = agent.adapter.sha256
        if key not in self._heads:
            self._load(agent.adapter.folder, key)
        self._heads[key].check(agent)
        if self._model.active_adapter != key:
            self._model.set_adapter(key)
        return self._heads[key]

    def _load(self, folder: Path, key: str) -> None:
        from peft import PeftModel

        check_fits(folder, self._backbone.folder)
        heads = load_heads(folder)
        if self._heads:
            self._model.load_adapter(str(folder), adapter_name=key)
        else:
            self._model = PeftModel.from_pretrained(self._backbone.model, str(folder), adapter_name=key)
        self._model.eval()
        self._heads[key] = heads


def by_length(lengths: Sequence[int], batch_tokens: int) -> Iterator[list[int]]:
    """Split rows into batches of similar length, each at most `batch_tokens` when padded."""
    rows: list[int] = []
    for row in sorted(range(len(lengths)), key=lambda each: lengths[each]):
        if rows and lengths[row] * (len(rows) + 1) > batch_tokens:
            yield rows
            rows = []
        rows.append(row)
    if rows:
        yield rows


def _read_answer(
    heads: Heads, scores: Mapping[str, Tensor], batch: Batch, row: int, request: Request
) -> Answer:
    output: dict[str, Any] = {}
    confidence: dict[str, float] = {}
    for name in request.agent.output.fields:
        spec = heads.specs[name]
        chances = torch.softmax(scores[name] / heads.temperatures[name], dim=-1)
        if isinstance(spec, LabelSpec):
            chosen = _ranked(chances, request)[0]
            output[name], confidence[name] = spec.cases[chosen], float(chances[chosen])
        else:
            output[name], confidence[name] = _read_span(spec, chances, batch, row, request)
    return Answer(
        output=output,
        confidence=min(confidence.values()),
        field_confidence=confidence,
        usage=Usage(prompt_tokens=len(batch.encodings[row])),
    )


def _ranked(chances: Tensor, request: Request) -> list[int]:
    """Choices from the likeliest down; or drawn, when a retry asks for another answer."""
    most = min(_MOST_READ, int((chances > 0).sum()))
    if request.temperature <= 0:
        return chances.topk(most).indices.tolist()
    generator = torch.Generator().manual_seed(request.seed)
    return torch.multinomial(
        chances.double() ** (1 / request.temperature), most, generator=generator
    ).tolist()


def _read_span(
    spec: SpanSpec, chances: Tensor, batch: Batch, row: int, request: Request
) -> tuple[str | float | None, float]:
    """The likeliest piece of the text, or null; for a number, the likeliest that can be read as one.

    Where only an unlikely piece can be read, as the end of the range `2-3k`, there is no number.
    """
    for chosen in _ranked(chances, request):
        if chances[chosen] < _LEAST_LIKELY:
            break
        text = span_text(batch, row, chosen) if chosen else None
        value = read_number(text) if text is not None and spec.of == "number" else text
        if chosen == 0 or value is not None:
            return value, float(chances[chosen])
    return None, float(chances[0])


def span_text(batch: Batch, row: int, chosen: int) -> str:
    """The piece of text that a row of span scores stands for; `chosen` > 0."""
    first, last = divmod(chosen - 1, batch.ids.shape[1])
    offsets = batch.encodings[row].offsets
    return batch.texts[row].text[offsets[first][0] : offsets[last][1]]
