"""The tokenizer: digits one by one, exact round trips, the same cut with and without a space."""

import pytest
from transformers import PreTrainedTokenizerFast

from shoal.finetune.nano import tokenizer
from shoal.finetune.nano.mix import TASKS
from shoal.finetune.nano.tasks import Example
from shoal.finetune.nano.vocabulary import Draw

TEXTS = [
    "Zoltan Abiodun-Quist",
    "$12,500.00 or 1 200 €",
    "Łucja Ñuñez O'Neill – ğ ş 名前 🐟",
    'a  b\n\n c\t{"x": [1.5, null]}',
    "naïve café, e\u0301",
]


@pytest.fixture(scope="module")
def built() -> PreTrainedTokenizerFast:
    draw = Draw(1)
    return tokenizer.build([TASKS[name](draw).prompt for name in TASKS for _ in range(30)], 300)


@pytest.mark.parametrize("text", TEXTS)
def test_round_trip(built: PreTrainedTokenizerFast, text: str) -> None:
    assert built.decode(built.encode(text, add_special_tokens=False)) == text


def test_digits_stand_alone(built: PreTrainedTokenizerFast) -> None:
    tokens = built.tokenize("C-1042 pays $12,500 on 2026-11-23")
    assert all(len(token) == 1 for token in tokens if any(sign.isdigit() for sign in token))


def test_a_word_is_cut_alike_with_and_without_a_space(built: PreTrainedTokenizerFast) -> None:
    for word in ("Abiodun", "utilisation", "zhoojio", "Ñuñez"):
        plain, spaced = built.tokenize(word), built.tokenize(f"is {word}")[-len(built.tokenize(word)) :]
        assert spaced == [tokenizer.SPACE + plain[0], *plain[1:]]


def test_twins_are_pairs(built: PreTrainedTokenizerFast) -> None:
    pairs = tokenizer.twins(built)
    assert len(pairs) > 200
    assert all(
        built.convert_ids_to_tokens(spaced) == tokenizer.SPACE + built.convert_ids_to_tokens(plain)
        for plain, spaced in pairs
    )


def test_chat_template_writes_what_training_saw(built: PreTrainedTokenizerFast) -> None:
    example = Example("name: Ada\nJSON", "{}", "Be brief.")
    messages = [{"role": "system", "content": example.system}, {"role": "user", "content": example.prompt}]
    assert built.apply_chat_template(messages, tokenize=False, add_generation_prompt=True) == tokenizer.chat(
        example
    )
