"""The generators: same seed, same text; halves apart; answers that follow from their prompts."""

import json

import pytest

from shoal.finetune.nano import lexicon, policies
from shoal.finetune.nano.mix import TASKS
from shoal.finetune.nano.vocabulary import Draw, is_held


@pytest.mark.parametrize("name", sorted(TASKS))
def test_same_seed_same_text(name: str) -> None:
    first = [TASKS[name](draw) for draw in [Draw("a")] for _ in range(20)]
    second = [TASKS[name](draw) for draw in [Draw("a")] for _ in range(20)]
    assert first == second


def _name_words(held: bool) -> set[str]:
    draw = Draw(7, held=held)
    words = {word for _ in range(3000) for word in draw.name().replace("-", " ").replace("–", " ").split()}
    return {word for word in words if len(word) > 5}


def test_names_of_the_halves_are_disjoint() -> None:
    shared = _name_words(False) & _name_words(True)
    assert not shared


def test_held_names_never_show_up_in_training() -> None:
    draw = Draw(8)
    text = " ".join(TASKS[name](draw).prompt for name in TASKS for _ in range(200))
    assert not [name for name in lexicon.HELD_NAMES if f" {name}" in text]


def test_long_numbers_of_the_halves_are_disjoint() -> None:
    assert all(is_held(Draw(seed, held=True).digits(6)) for seed in range(50))
    assert not any(is_held(Draw(seed).digits(6)) for seed in range(50))


@pytest.mark.parametrize("name", ["policy", "lookup", "reply", "template"])
def test_held_wordings_are_not_in_training(name: str) -> None:
    train, held = Draw(3), Draw(3, held=True)
    told = {TASKS[name](train).prompt.splitlines()[-1] for _ in range(300)}
    asked = {TASKS[name](held).prompt.splitlines()[-1] for _ in range(300)}
    wordings = {line for line in asked if line and line[0].isupper() and line.endswith("JSON.")}
    assert not {line for line in wordings & told if line.startswith(("Now settle", "Please let"))}


def test_policy_answers_follow_from_the_checks() -> None:
    draw = Draw(5)
    for _ in range(100):
        answer = json.loads(policies.policy(draw).answer)
        assert len(answer) == 2
    checks = policies.make_checks(draw, 4, 4)
    chosen = policies.first_unmet(checks)
    before = checks[: checks.index(chosen)] if chosen else checks
    assert all(check.met for check in before)


def test_replies_hold_name_amount_and_reason() -> None:
    draw = Draw(6)
    for _ in range(200):
        example = TASKS["reply"](draw)
        text = json.loads(example.answer)["text"] if example.answer.startswith("{") else example.answer
        assert len(example.needs) >= 3
        assert all(piece in text for piece in example.needs)


def test_every_label_is_an_answer_at_times() -> None:
    draw = Draw(9)
    answers = " ".join(
        TASKS[name](draw).answer
        for name in ("intent", "choose", "policy", "yes_no", "extract")
        for _ in range(800)
    )
    missing = [
        word
        for word in [*lexicon.INTENTS, *lexicon.DECISIONS, "yes", "no", "null", "true", "false"]
        if word not in answers
    ]
    assert not missing
