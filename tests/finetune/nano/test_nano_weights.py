"""The shipped weights: they load offline, they are small, they copy a name nobody trained them on."""

from pathlib import Path

import pytest
import yaml

import shoal.finetune.nano as package
from shoal.finetune.nano.measure import generate
from shoal.finetune.nano.tasks import Example, as_json

FOLDER = Path(package.__file__).parents[2] / "bases" / "nano"


def test_the_folder_is_small_and_whole() -> None:
    names = {path.name for path in FOLDER.iterdir()}
    assert {
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "README.md",
    } <= names
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 14_000_000


def test_it_copies_an_unseen_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    facts = "amount: $12,500\nname: Zoltan Abiodun-Quist\ndecision: decline\nreason: no steady income"
    copied, reply = generate(
        FOLDER, [Example("Copy: Zoltan Abiodun-Quist", ""), Example(f"{facts}\nWrite the reply.", "")]
    )
    assert copied == "Zoltan Abiodun-Quist"
    assert "Zoltan Abiodun-Quist" in reply
    assert "$12,500" in reply


def test_it_decides_by_the_first_check_that_is_not_met() -> None:
    prompt = (
        "Checks:\naccount age 30 months is at least 12 months: met\n"
        "utilisation 82 % is not below 70 %: not met\n\nRules:\n"
        "- utilisation: below 70 %. Otherwise refer.\n- account age: at least 12 months. Otherwise decline.\n"
        "If every rule is met: approve.\nThe first rule that is not met decides.\n\nAnswer in JSON."
    )
    assert generate(FOLDER, [Example(prompt, "")]) == [
        '{"reason": "utilisation 82 % is not below 70 %", "decision": "refer"}'
    ]


def test_it_answers_prompts_written_by_hand() -> None:
    cases = yaml.safe_load((Path(__file__).parent / "handmade.yaml").read_text("utf-8"))
    decided = generate(FOLDER, [Example(case["prompt"], "") for case in cases["policy"]])
    right = [answer == as_json(case["answer"]) for answer, case in zip(decided, cases["policy"], strict=True)]
    written = generate(FOLDER, [Example(case["prompt"], "") for case in cases["reply"]])
    whole = [
        all(piece in answer for piece in case["needs"])
        for answer, case in zip(written, cases["reply"], strict=True)
    ]
    assert sum(right) >= 8
    assert sum(whole) >= 6
