from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")

from shoal.agents.adapters import read_manifest
from shoal.agents.agent import Adapter, Agent
from shoal.agents.embedded.encoder import EncoderModel, by_length, render
from shoal.agents.engine import Request
from shoal.errors import ShoalError
from shoal.finetune.train import train
from shoal.workspace.types import parse_record
from tests.agents.tiny import make_base, make_workspace

MESSAGES = [
    ("please raise my limit by $500", "raise_limit", 500.0),
    ("lost the card ending 4321", "lost_card", None),
    ("hello, give me $1200 please", "raise_limit", 1200.0),
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Agent:
    root = make_workspace(tmp_path_factory.mktemp("bank"))
    (made,) = train([root / "finetune" / "reader.yaml"], root, lambda _: None)
    assert made.outcome.figures["accuracy"] == 1.0
    return replace(_agent(root), adapter=Adapter(name=made.adapter, sha256=made.sha256, folder=made.folder))


def _agent(root: Path) -> Agent:
    from shoal.agents.manifest import load_workspace

    agent = load_workspace(root, with_adapters=False).agents["reader"]
    return replace(agent, base=replace(agent.base, model=str(root / "models" / "tiny")))


def ask(agent: Agent, *messages: str, temperature: float = 0.0) -> list[Request]:
    return [
        Request(agent=agent, values={"message": each}, temperature=temperature, seed=3) for each in messages
    ]


def test_labels_and_numbers_come_from_one_pass(trained: Agent) -> None:
    answers = EncoderModel(trained.base, Path()).answer(
        ask(trained, *(message for message, _, _ in MESSAGES))
    )
    assert [(each.output["intent"], each.output["amount"]) for each in answers] == [
        (i, a) for _, i, a in MESSAGES
    ]
    for answer in answers:
        assert list(answer.output) == ["intent", "amount"]
        assert answer.confidence == min(answer.field_confidence.values())
        assert 0.5 < answer.confidence <= 1.0
        assert answer.usage.prompt_tokens > 5


def test_a_batch_answers_as_one_by_one(trained: Agent) -> None:
    model = EncoderModel(trained.base, Path())
    together = model.answer(ask(trained, *(message for message, _, _ in MESSAGES)))
    alone = [model.answer(ask(trained, message))[0] for message, _, _ in MESSAGES]
    assert [each.output for each in together] == [each.output for each in alone]
    assert [each.confidence for each in together] == pytest.approx(
        [each.confidence for each in alone], abs=1e-4
    )


def test_two_agents_share_a_base_and_keep_apart(trained: Agent) -> None:
    model = EncoderModel(trained.base, Path())
    assert trained.adapter
    twin = replace(trained, adapter=replace(trained.adapter, sha256="0" * 64))
    first = model.answer(ask(trained, MESSAGES[0][0]))
    assert model.answer(ask(twin, MESSAGES[0][0])) == first
    assert model.answer(ask(trained, MESSAGES[0][0])) == first


def test_what_is_marked_is_a_piece_of_any_input_or_null(trained: Agent) -> None:
    agent = trained
    odd = ["", "🎣🎣", "raise " * 200, "９００", "$ $ $", "500 900 1200", "a\tb\nc 500"]
    for request, answer in zip(
        ask(agent, *odd), EncoderModel(agent.base, Path()).answer(ask(agent, *odd)), strict=True
    ):
        assert answer.output["amount"] is None or str(int(answer.output["amount"])) in request.values[
            "message"
        ].replace("９", "9").replace("０", "0")


def test_a_retry_may_draw_another_answer(trained: Agent) -> None:
    model = EncoderModel(trained.base, Path())
    drawn = {
        model.answer([replace(ask(trained, "hello")[0], temperature=50.0, seed=seed)])[0].output["intent"]
        for seed in range(20)
    }
    assert drawn == {"raise_limit", "lost_card"}


def test_an_agent_without_an_adapter_is_refused(trained: Agent) -> None:
    with pytest.raises(ShoalError, match=r"agent 'reader' is on the encoder 'tiny' and has no adapter"):
        EncoderModel(trained.base, Path()).answer(ask(replace(trained, adapter=None), "hello"))


def test_an_adapter_of_another_contract_is_refused(trained: Agent) -> None:
    other = replace(
        trained,
        output=parse_record({"intent": "enum[raise_limit, other]", "amount": "span[number] from message"}),
    )
    with pytest.raises(
        ShoalError, match=r"trained before the output 'intent: enum\[raise_limit, other\]' was declared so"
    ):
        EncoderModel(trained.base, Path()).answer(ask(other, "hello"))


def test_an_adapter_of_other_weights_is_refused(trained: Agent, tmp_path: Path) -> None:
    base = replace(trained.base, model=str(make_base(tmp_path / "other", seed=2)))
    with pytest.raises(ShoalError, match=r"was trained on other weights than .* Train it again"):
        EncoderModel(base, Path()).answer(ask(replace(trained, base=base), "hello"))


def test_the_same_recipe_gives_the_same_adapter(trained: Agent) -> None:
    assert trained.adapter
    root = trained.adapter.folder.parents[2]
    (again,) = train([root / "finetune" / "reader.yaml"], root, lambda _: None)
    assert (again.sha256, again.adapter) == (trained.adapter.sha256, "reader@1")
    assert read_manifest(again.folder).examples["train"] == 120


def test_fields_that_an_encoder_cannot_give_are_refused(trained: Agent) -> None:
    from shoal.agents.embedded.heads import head_specs

    with pytest.raises(
        ShoalError, match=r"its output 'text' is str. Expected enum, bool or span, or a decoder as base"
    ):
        head_specs(replace(trained, output=parse_record({"text": "str"})))


def test_several_inputs_are_written_as_lines_and_keep_their_places() -> None:
    text = render(parse_record({"name": "str", "message": "str"}), {"name": "Ann", "message": "hello"})
    assert text.text == "name: Ann\nmessage: hello"
    low, high = text.parts["message"]
    assert text.text[low:high] == "hello"


def test_batches_hold_texts_of_similar_length() -> None:
    assert list(by_length([5, 1, 2, 50], 12)) == [[1, 2], [0], [3]]
