from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

from shoal.agents.agent import Agent
from shoal.errors import ShoalError
from shoal.finetune.decoder import DecoderKind
from shoal.finetune.examples import Example
from shoal.finetune.rows import DecoderRow
from tests.agents.tiny_decoder import SPECIAL, TEMPLATE, make_agent, make_decoder


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_decoder(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def agent(base: Path) -> Agent:
    return make_agent(base, reason="str", decision="enum[approve, refer]")


def example(message: str, reason: str = "so", decision: str = "refer") -> Example:
    return Example(input={"message": message}, output={"reason": reason, "decision": decision})


def row(agent: Agent, *examples: Example) -> DecoderRow:
    return DecoderKind(Path(agent.base.model)).rows(agent, examples, "training")[-1]


def test_only_what_the_grammar_leaves_open_is_learnt(agent: Agent) -> None:
    made = row(agent, example("hello", reason="abc"))
    learnt = [token for token, weight in zip(made.tokens[made.start :], made.weights, strict=True) if weight]
    # Bytes are tokens: a, b, c and the end of the text, then the letter that tells the decisions apart.
    assert len(learnt) == 5
    assert made.weights.count(1.0) == 1
    assert made.weight == pytest.approx(2.0)


def test_an_example_whose_answer_would_be_cut_is_refused(agent: Agent) -> None:
    with pytest.raises(ShoalError, match=r"training example 2 of agent 'writer' has \d+ \+ \d+ tokens"):
        row(agent, example("a"), example("a" * 180, reason="so " * 40))


def test_an_answer_that_the_grammar_refuses_is_named(agent: Agent) -> None:
    with pytest.raises(ShoalError, match="training example 1 of agent 'writer'"):
        row(agent, example("a", reason="a\x07"))


def test_a_row_with_nothing_to_decide_is_refused(base: Path) -> None:
    agent = make_agent(base, decision="enum[refer]")
    only = Example(input={"message": "a"}, output={"decision": "refer"})
    with pytest.raises(ShoalError, match="training example 1 of agent 'writer' has nothing to learn"):
        row(agent, only)


def test_a_start_token_that_stands_twice_is_refused(tmp_path: Path) -> None:
    base = make_decoder(tmp_path)
    (base / "chat_template.jinja").write_text("{{ bos_token }}{{ bos_token }}" + TEMPLATE, encoding="utf-8")
    with pytest.raises(ShoalError) as caught:
        row(make_agent(base), example("a"))
    assert f"begins with {SPECIAL[0]} twice" in str(caught.value)
