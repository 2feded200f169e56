"""A decoder base in this process, with the adapters of its agents.

Answers are JSON under the grammar of the agent's output type, so each of them parses; a field's confidence
is the probability of the tokens of its value among those the grammar allowed, at the temperature found when
the adapter was trained.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import torch

from shoal.agents.adapters import check_fits, read_manifest
from shoal.agents.agent import Adapter, Agent, Base
from shoal.agents.bases import WEIGHTS, locate
from shoal.agents.embedded.chat import Chat
from shoal.agents.embedded.guided import Guides, field_ranges, is_decision, read_answer, shortest_answer
from shoal.agents.embedded.writing import Row, write
from shoal.agents.engine import Answer, Request, Usage
from shoal.agents.free_text import FreeTextReader
from shoal.agents.prompts import render_prompt
from shoal.errors import ShoalError

__all__ = ["Decoder", "DecoderModel", "Questions", "decided_fields"]

_ANSWER_TOKENS = 400
"""The longest answer; where fewer tokens are left in the window, that many."""
_BATCH_TOKENS = 8192
"""Padded tokens of one batch, answers not counted."""
_SMALL_BYTES = 1 << 30
"""Weights up to this size are computed in float32, larger ones as they were saved."""


class Questions:
    """The tokenizer of a base and the grammars of its answers, without its model."""

    def __init__(self, folder: Path) -> None:
        from transformers import AutoConfig

        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        self.folder = folder
        self.window: int = config.max_position_embeddings
        self.chat = Chat(folder)
        self._guides = Guides(self.chat.tokenizer_json, config.vocab_size, self.chat.end)
        self._closers = [self.chat.answer(sign)[0] for sign in ('"', "]", "}", ",")]

    def prompt(self, agent: Agent, values: Mapping[str, Any]) -> list[int]:
        """The tokens of a question to an agent.

        Raises:
            ShoalError: the question leaves no room for an answer in the model's window.
        """
        tokens = self.chat.question(render_prompt(agent, values))
        needed = self._closing(agent) + 1
        if len(tokens) + needed > self.window:
            raise ShoalError(
                f"agent '{agent.name}': the prompt has {len(tokens)} tokens and the answer needs {needed} or "
                f"more, but base '{agent.base.name}' has a window of {self.window}. Give it shorter "
                "values, or a base with a longer window"
            )
        return tokens

    def asked(self, agent: Agent, values: Mapping[str, Any], answer: Sequence[int]) -> list[str]:
        """For each token of an answer the field it decides on, or "" where it has no alternative.

        Raises:
            ShoalError: the grammar does not allow this answer.
        """
        guide = self._guides.start(agent, values)
        fields = self._fields(answer)
        at = 0
        while at < len(answer):
            forced = guide.forced()
            if list(answer[at : at + len(forced)]) != forced:
                raise ShoalError("its answer is cut into other tokens than the grammar's")
            fields[at : at + len(forced)] = [""] * len(forced)
            at += len(forced)
            guide.take(answer[at : at + 1])
            at += 1
        return fields

    def read(self, agent: Agent, row: Row) -> tuple[dict[str, Any], dict[str, list[float]]]:
        """The output of a written answer, and each field's log-probability at each temperature."""
        text = b"".join(self._guides.pieces(row.tokens)).decode()
        chances: dict[str, list[float]] = {}
        for name, found in zip(self._fields(row.tokens), row.chances, strict=True):
            chances[name] = [
                sum(pair) for pair in zip(chances.get(name, [0.0] * len(found)), found, strict=True)
            ]
        return read_answer(agent, text), {name: chances[name] for name in agent.output.fields}

    def _fields(self, answer: Sequence[int]) -> list[str]:
        """The field whose value each token of an answer is part of, "" between values."""
        pieces = self._guides.pieces(answer)
        text = b"".join(pieces).decode()
        ends = list(accumulate(map(len, pieces)))
        fields = [""] * len(pieces)
        for name, (start, end) in field_ranges(text).items():
            low, high = len(text[:start].encode()), len(text[:end].encode())
            for at, stop in enumerate(ends):
                if stop > low and stop - len(pieces[at]) < high:
                    fields[at] = name
        return fields

    def _closing(self, agent: Agent) -> int:
        # A token more for an open escape, and the bytes of an open letter.
        return len(self.chat.answer(shortest_answer(agent.output))) + 4


class Decoder(Questions):
    """The model of a base beside its tokenizer and grammars; adapters change `model`."""

    def __init__(self, folder: Path) -> None:
        from transformers import AutoModelForCausalLM

        super().__init__(folder)
        size = sum(file.stat().st_size for file in folder.glob(WEIGHTS))
        dtype = torch.float32 if size < _SMALL_BYTES else "auto"
        model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, dtype=dtype)
        self.model: Any = model.to("cuda" if torch.cuda.is_available() else "cpu").eval()

    def write(self, requests: Sequence[Request], temperatures: Sequence[float]) -> list[Row]:
        """Write answers, noting the probabilities of their tokens at each of the temperatures."""
        rows = [self._start(request) for request in requests]
        with torch.inference_mode():
            for batch in _batches(rows):
                write(self.model, batch, temperatures)
        return rows

    def _start(self, request: Request) -> Row:
        prompt = self.prompt(request.agent, request.values)
        return Row(
            prompt=prompt,
            guide=self._guides.start(request.agent, request.values),
            last=min(_ANSWER_TOKENS, self.window - len(prompt)),
            closing=self._closing(request.agent),
            closers=self._closers,
            temperature=request.temperature,
            generator=torch.Generator().manual_seed(request.seed),
            on_tokens=self._listener(request),
        )

    def _listener(self, request: Request) -> Callable[[Sequence[int]], None] | None:
        """Reads tokens along for whoever wants to see the texts of an answer early."""
        if request.on_text is None:
            return None
        reader = FreeTextReader(request.agent.output, request.on_text)
        return lambda tokens: reader.add(b"".join(self._guides.pieces(tokens)))


class DecoderModel:
    """Answers for all agents of one decoder base; not to be called from two threads at once."""

    def __init__(self, base: Base, root: Path) -> None:
        self._decoder = Decoder(locate(base, root))
        self._calibrations: dict[str, Mapping[str, float]] = {}
        """Of each loaded adapter."""

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """Answer requests to one adapter, in their order.

        Raises:
            ShoalError: a prompt does not fit its values or the window, or the adapter does not fit the base.
        """
        calibration = self._activate(requests[0].agent.adapter)
        temperatures = sorted({1.0, *calibration.values()})
        rows = self._decoder.write(requests, temperatures)
        return [
            self._answer(request.agent, row, temperatures, calibration)
            for request, row in zip(requests, rows, strict=True)
        ]

    def _answer(
        self, agent: Agent, row: Row, temperatures: Sequence[float], calibration: Mapping[str, float]
    ) -> Answer:
        output, chances = self._decoder.read(agent, row)
        sure = {
            name: math.exp(found[temperatures.index(calibration.get(name, 1.0))])
            for name, found in chances.items()
        }
        return Answer(
            output=output,
            confidence=min(sure[name] for name in decided_fields(agent)),
            field_confidence=sure,
            usage=Usage(prompt_tokens=len(row.prompt), completion_tokens=len(row.tokens)),
        )

    def _activate(self, adapter: Adapter | None) -> Mapping[str, float]:
        """Switch to an adapter, loading it on first use; return its calibration."""
        model = self._decoder.model
        if adapter is None:
            if self._calibrations:
                model.base_model.disable_adapter_layers()
            return {}
        if adapter.sha256 not in self._calibrations:
            self._calibrations[adapter.sha256] = self._load(adapter)
            model = self._decoder.model
        model.base_model.enable_adapter_layers()
        if model.active_adapter != adapter.sha256:
            model.set_adapter(adapter.sha256)
        return self._calibrations[adapter.sha256]

    def _load(self, adapter: Adapter) -> Mapping[str, float]:
        from peft import PeftModel

        check_fits(adapter.folder, self._decoder.folder)
        if self._calibrations:
            self._decoder.model.load_adapter(str(adapter.folder), adapter_name=adapter.sha256)
        else:
            self._decoder.model = PeftModel.from_pretrained(
                self._decoder.model, str(adapter.folder), adapter_name=adapter.sha256
            )
        self._decoder.model.eval()
        return read_manifest(adapter.folder).calibration


def decided_fields(agent: Agent) -> list[str]:
    """The fields whose probabilities count: those that hold a decision, or all where none does."""
    return [name for name, kind in agent.output.fields.items() if is_decision(kind)] or list(
        agent.output.fields
    )


def _batches(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Rows of similar length together, at most `_BATCH_TOKENS` when padded."""
    batch: list[Row] = []
    for row in sorted(rows, key=lambda each: len(each.prompt)):
        if batch and len(row.prompt) * (len(batch) + 1) > _BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch
