from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from shoal.agents.adapters import check_fits
from shoal.agents.agent import Adapter, Agent
from shoal.agents.bases import base_sha256
from shoal.agents.embedded.decoder import DecoderModel
from shoal.agents.engine import Request
from shoal.errors import ShoalError
from shoal.finetune.decoder import calibration_error, train_decoder
from shoal.finetune.examples import Data, Example
from shoal.finetune.progress import Progress
from shoal.finetune.recipe import Recipe
from tests.agents.tiny_decoder import make_agent, make_decoder

YES, NO = "yes " * 6, "? " * 6


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Agent:
    return make_agent(
        make_decoder(tmp_path_factory.mktemp("base")), reason="str", decision="enum[approve, refer]"
    )


def example(message: str, decision: str) -> Example:
    return Example(input={"message": message}, output={"reason": "so", "decision": decision})


def recipe(**training: object) -> Recipe:
    return Recipe.model_validate({
        "version": 1, "agent": "writer", "data": {"python": "a.py:examples", "train": 1, "heldout": 1},
        "lora": {"rank": 8}, "training": {"learning_rate": 0.005, "batch_tokens": 256, **training},
    })  # fmt: skip


def test_an_adapter_learns_is_measured_and_answers_in_the_engine(agent: Agent, tmp_path: Path) -> None:
    cases = tuple(example(message, decision) for message, decision in [(YES, "approve"), (NO, "refer")] * 2)
    data = Data(train=cases, heldout=cases[:2], funnel={})
    seen: list[Progress] = []
    out = tmp_path / "made"
    out.mkdir()
    base = Path(agent.base.model)
    outcome = train_decoder(agent, recipe(steps=300), data, base, out, seen.append)
    assert [each.step for each in seen if each.phase == "train"] == list(range(1, 301))
    assert seen[298].loss < seen[0].loss / 5
    assert outcome.figures["decision_accuracy"] == 1.0
    assert set(outcome.calibration) == {"decision"}
    manifest = {
        "agent": "writer",
        "base": "tiny",
        "base_sha256": base_sha256(base),
        "recipe": {},
        "seed": 7,
        "examples": {},
        "figures": {},
        "calibration": dict(outcome.calibration),
        "made_with": {},
    }
    (out / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    check_fits(out, base)
    trained = replace(agent, adapter=Adapter(name="writer@1", sha256="1" * 64, folder=out))
    answers = DecoderModel(agent.base, tmp_path).answer(
        [Request(agent=trained, values={"message": message}) for message in (YES, NO)]
    )
    assert [answer.output["decision"] for answer in answers] == ["approve", "refer"]
    assert all(answer.confidence > 0.6 for answer in answers)


def test_the_same_seed_gives_the_same_adapter(agent: Agent, tmp_path: Path) -> None:
    data = Data(
        train=tuple(example("a" * n, "refer") for n in range(1, 9)),
        heldout=(example("b", "refer"),),
        funnel={},
    )
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        train_decoder(agent, recipe(steps=3), data, Path(agent.base.model), tmp_path / name, lambda _: None)
        made.append((tmp_path / name / "adapter_model.safetensors").read_bytes())
    assert made[0] == made[1]


def test_an_example_whose_answer_would_be_cut_is_refused(agent: Agent, tmp_path: Path) -> None:
    long = Example(input={"message": "a" * 180}, output={"reason": "so " * 40, "decision": "refer"})
    data = Data(train=(example("a", "refer"), long), heldout=(), funnel={})
    with pytest.raises(ShoalError, match=r"training example 2 of agent 'writer' has \d+ \+ \d+ tokens"):
        train_decoder(agent, recipe(steps=1), data, Path(agent.base.model), tmp_path, lambda _: None)


def test_an_answer_that_the_grammar_refuses_is_named(agent: Agent, tmp_path: Path) -> None:
    wrong = Example(input={"message": "a"}, output={"reason": "a\x07", "decision": "refer"})
    data = Data(train=(wrong,), heldout=(), funnel={})
    with pytest.raises(ShoalError, match="training example 1 of agent 'writer'"):
        train_decoder(agent, recipe(steps=1), data, Path(agent.base.model), tmp_path, lambda _: None)


@pytest.mark.parametrize(
    ("confidence", "is_right", "error"),
    [([1.0, 1.0], [True, True], 0.0), ([0.9, 0.9], [True, False], 0.4), ([0.55, 0.95], [True, True], 0.25)],
)
def test_calibration_error(confidence: list[float], is_right: list[bool], error: float) -> None:
    assert calibration_error(confidence, is_right) == pytest.approx(error)
