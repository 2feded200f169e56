"""What is learnt on a decoder: the answers of an agent, token by token.

The loss counts only what the model will be asked: the tokens of the answer that the grammar leaves open,
each field as much as the next however short its value is. Prompts are rendered, put into the chat template
and cut into tokens by the same code that asks later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from shoal.agents.agent import Agent
from shoal.agents.embedded.decoder import Questions
from shoal.agents.embedded.guided import write_answer
from shoal.errors import ShoalError
from shoal.finetune.examples import Example
from shoal.finetune.lora import Task
from shoal.finetune.rows import DecoderRow, Pack, PackedRow, refuse_doubled_start

__all__ = ["DecoderKind"]


class DecoderKind:
    """How agents are trained on the decoder in a folder."""

    task: Task = "CAUSAL_LM"
    mask_id = 0
    first_place = 0

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def _questions(self) -> Questions:
        return Questions(self.folder)

    def rows(self, agent: Agent, examples: Sequence[Example], part: str) -> list[DecoderRow]:
        """Examples as tokens.

        Raises:
            ShoalError: an example cannot be learnt from: its answer would be cut, does not fit the grammar,
                or leaves the model nothing to decide.
        """
        return [
            self._row(agent, each, f"{part} example {at} of agent '{agent.name}'")
            for at, each in enumerate(examples, start=1)
        ]

    def row(self, written: Mapping[str, Any]) -> DecoderRow:
        """A row that was written as JSON."""
        return DecoderRow(**written)

    def load(self, dtype: torch.dtype) -> Any:
        """The base, to be trained."""
        from transformers import AutoModelForCausalLM

        return AutoModelForCausalLM.from_pretrained(self.folder, local_files_only=True, dtype=dtype)

    def heads(self, agent: Agent, model: nn.Module, rows: Sequence[DecoderRow]) -> None:
        """A decoder has none but its own."""

    def losses(self, model: Any, heads: Sequence[Any], smoothing: Sequence[float], pack: Pack) -> Tensor:
        """The loss of each agent's rows: [agents], cross-entropy over the tokens that are asked."""
        device = pack.ids.device
        places, weights, owners = (
            torch.tensor(column, device=device) for column in zip(*_asked(pack.rows), strict=True)
        )
        # The logits at one place are for the token at the next.
        found = model(
            input_ids=pack.ids, position_ids=pack.places, logits_to_keep=places - 1, use_cache=False
        )
        losses = nn.functional.cross_entropy(found.logits[0].float(), pack.ids[0, places], reduction="none")
        return torch.zeros(len(heads), device=device).index_add(0, owners, losses * weights)

    def _row(self, agent: Agent, example: Example, where: str) -> DecoderRow:
        asked = self._questions
        question = asked.prompt(agent, example.input)
        answer = asked.chat.answer(write_answer(agent, example.output))
        refuse_doubled_start(question, asked.chat.special, where)
        if len(question) + len(answer) > asked.window:
            raise ShoalError(
                f"{where} has {len(question)} + {len(answer)} tokens, "
                f"and its answer would be cut at the {asked.window} of the base. Write shorter examples"
            )
        try:
            fields = asked.asked(agent, example.input, answer)
        except ShoalError as err:
            raise ShoalError(f"{where}: {err}") from err
        weights = [1 / fields.count(name) if name else 0.0 for name in fields]
        if not any(weights):
            raise ShoalError(
                f"{where} has nothing to learn: the output type allows no other answer than its own"
            )
        return DecoderRow(tokens=question + answer, start=len(question), weights=weights)


def _asked(rows: Sequence[PackedRow]) -> list[tuple[int, float, int]]:
    """Place in the pack, weight and agent of each token that is asked.

    A row that does not count is asked for one token and not heard, so that its agent has gradients.
    """
    asked = []
    for each in rows:
        first = each.start + each.row.start
        tokens = [(first + at, weight) for at, weight in enumerate(each.row.weights) if weight]
        heard = tokens if each.scale else tokens[:1]
        asked += [(place, weight * each.scale, each.agent) for place, weight in heard]
    return asked
