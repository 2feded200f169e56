"""Seeds held against their agent, and those that are held out."""

from __future__ import annotations

import pytest

from shoal.datasets.rows import fitted, key_of, words
from shoal.datasets.seeds import seeds_of
from shoal.workspace.types import ValueMismatch

from .bakery import SEEDS, agent, qna

HEAD = "version: 1\nseeds:\n"


def test_a_third_seed_of_a_label_is_held_out() -> None:
    seeds, problems = seeds_of(qna(SEEDS), agent())
    assert problems == []
    assert [each.output["intent"] for each in seeds.heldout] == ["order", "complaint", "hours"]
    assert len(seeds.train) == 6
    assert seeds.train[0].source.startswith("agents/bakery/qna.yaml:")
    assert {each.licence for each in seeds.train} == {"cc0-1.0"}


def test_the_file_may_say_which_are_held_out() -> None:
    text = SEEDS.replace("goods: rolls}}", "goods: rolls}, heldout: true}")
    seeds, _ = seeds_of(qna(text), agent())
    assert [each.input["message"] for each in seeds.heldout] == ["Put a dozen rolls aside for me"]
    assert len(seeds.train) == 8


def test_context_is_an_input_where_the_agent_has_one() -> None:
    text = HEAD + "  - {context: We open at 7., question: When?, answer: At 7.}\n"
    given = {"context": "str", "question": "str"}
    grounded, _ = seeds_of(qna(text), agent({"answer": "str"}, given, kind="decoder"))
    assert grounded.train[0].input == {"context": "We open at 7.", "question": "When?"}
    closed, _ = seeds_of(qna(text), agent({"answer": "str"}, {"question": "str"}, kind="decoder"))
    assert closed.train[0].input == {"question": "When?"}
    assert closed.train[0].context == "We open at 7."


def test_answers_become_what_the_field_wants() -> None:
    text = HEAD + '  - {question: How many?, answer: "12"}\n  - {question: Any?, answer: 3}\n'
    seeds, problems = seeds_of(qna(text), agent({"count": "int"}, {"question": "str"}, kind="decoder"))
    assert problems == []
    assert [each.output for each in seeds.train] == [{"count": 12}, {"count": 3}]
    seeds, _ = seeds_of(
        qna(HEAD + '  - {question: Open?, answer: "yes"}\n'), agent({"open": "bool"}, {"question": "str"})
    )
    assert seeds.train[0].output == {"open": True}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"input": {"message": "hi"}}, "the key 'output' is missing"),
        ({"input": {}, "output": {}}, "input lacks the field 'message' (str)"),
        ({"input": {"message": "a b"}, "output": {"goods": " b"}}, "without spaces around it"),
        (
            {"input": {"message": "a b"}, "output": {"goods": "c"}},
            "output.goods is 'c', which is not a piece",
        ),
        ({"input": {"message": "a b"}, "output": {"amount": "b"}}, "which cannot be read as a number"),
    ],
)
def test_what_does_not_fit(raw: dict[str, object], message: str) -> None:
    with pytest.raises(ValueMismatch) as caught:
        fitted(raw, agent({"goods": "span[str]", "amount": "span[number] from message"}))
    assert message in str(caught.value)


def test_what_makes_inputs_the_same() -> None:
    assert key_of({"a": "Hi  there!"}) == key_of({"a": "hi there"})
    assert key_of({"a": "5 < 6"}) != key_of({"a": "5 > 6"})
    assert key_of({"a": "?!"}) != key_of({"a": "..."})
    assert words("It's 5 < 6, isn't it?") == ["it's", "5", "<", "6", "isn't", "it"]
