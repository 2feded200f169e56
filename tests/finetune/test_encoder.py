from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import torch

from shoal.agents.agent import Agent, Base
from shoal.errors import ShoalError
from shoal.finetune.encoder import EncoderKind
from shoal.finetune.examples import Example
from shoal.workspace.types import parse_record
from tests.agents.tiny import make_base


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Agent:
    base = make_base(tmp_path_factory.mktemp("base"))
    return Agent(
        name="reader",
        about="",
        base=Base(name="tiny", model=str(base), kind="encoder"),
        input=parse_record({"message": "str"}),
        output=parse_record({
            "intent": "enum[more, less]", "amount": "span[number] from message",
            "why": "span[str]? from message",
        }),
    )  # fmt: skip


def example(message: str, amount: str | None = None, why: str | None = None, intent: str = "more") -> Example:
    return Example(input={"message": message}, output={"intent": intent, "amount": amount, "why": why})


def rows(agent: Agent, *examples: Example) -> list[Any]:
    return EncoderKind(Path(agent.base.model)).rows(agent, examples, "training")


def test_labels_are_counted_and_pieces_are_found_wherever_they_stand(agent: Agent) -> None:
    first, second = rows(agent, example("give me 500 , 500", "500"), example("my card", None, "card", "less"))
    assert (first.labels, first.spans) == ({"intent": 0}, {"amount": [[3, 3], [5, 5]], "why": []})
    assert (second.labels, second.spans) == ({"intent": 1}, {"amount": [], "why": [[2, 2]]})
    assert len(first.tokens) == 7


@pytest.mark.parametrize(
    ("message", "amount", "why"),
    [
        ("please " * 70 + "500", "500", None),
        ("give me 500", None, "iv"),
        ("please " * 40, None, ("please " * 33).strip()),
    ],
    ids=["past the window", "half a word", "too long"],
)
def test_a_piece_that_cannot_be_marked_is_refused(
    agent: Agent, message: str, amount: str | None, why: str | None
) -> None:
    with pytest.raises(
        ShoalError, match=r"training example 2 of agent 'reader': (amount|why) is .* whole words"
    ):
        rows(agent, example("a"), example(message, amount, why))


def test_the_head_starts_from_the_centroids_of_the_classes(agent: Agent) -> None:
    kind = EncoderKind(Path(agent.base.model))
    agent = replace(agent, output=parse_record({"intent": "enum[more, less]"}))
    examples = [example("raise my limit", intent="more"), example("lost the card", intent="less")] * 2
    made = kind.rows(agent, examples, "training")
    heads = kind.heads(agent, kind.load(torch.float32), made)
    cases = heads.get_submodule("fields.intent.cases")
    assert isinstance(cases, torch.nn.Linear)
    assert cases.weight.norm(dim=1).tolist() == pytest.approx([10.0, 10.0], abs=1e-4)
    assert cases.bias.tolist() == [0.0, 0.0]
