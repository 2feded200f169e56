"""What qna.yaml may say, and what is said of its faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from shoal.datasets.check import check_seeds
from shoal.datasets.qna import QnaFile
from shoal.errors import Problem
from shoal.workspace.schema import problems_of
from shoal.workspace.yaml import parse_yaml

from .bakery import GRAMMAR, SEEDS, agent, qna

HEAD = "version: 1\nlicense: cc0-1.0\n"


def problems(text: str, tmp_path: Path, output: dict[str, str] | None = None) -> list[str]:
    """What `agentctl check` says of these seeds."""
    file = tmp_path / "agents/bakery/qna.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    count, found = check_seeds(tmp_path, {"bakery": agent(output)})
    assert count == 1
    return [f"{each.line}:{each.column} {each.message}" for each in found]


def test_questions_stand_for_inputs() -> None:
    made = qna(
        HEAD + "seeds:\n"
        "  - {question: Are you open?, answer: 7}\n"
        "  - context: We open at seven.\n"
        "    license: cc-by-4.0\n"
        "    questions:\n"
        "      - {question: When do you open?, answer: At seven.}\n"
        "      - {question: Are you open at six?, answer: No.}\n"
    )
    assert [(each.input, each.output, each.context, each.licence) for each in made.seeds] == [
        ("Are you open?", "7", None, "cc0-1.0"),
        ("When do you open?", "At seven.", "We open at seven.", "cc-by-4.0"),
        ("Are you open at six?", "No.", "We open at seven.", "cc-by-4.0"),
    ]
    assert made.seeds[2].where == ("seeds", 1, "questions", 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("seeds: []", "3:8 'seeds' is a list, expected at least 1 of them"),
        ("seeds: [{input: hi}]", "3:9 '0' is a mapping, expected `input` with `output`"),
        ("seeds: [{input: hi, output: hours, answer: x}]", "3:9 '0' is a mapping, expected `input` with"),
        ("seeds: [{input: 5, output: hours}]", "3:17 'input' is 5, expected a mapping"),
        ("seeds: [{imput: hi, output: hours}]", "3:10 'imput' is not a known key. Did you mean 'input'?"),
        ("seeds: [{input: hi, output: hours}]\nlexicons: {a: []}", "4:15 'a' is a list, expected at least 1"),
        ("seeds: [{input: hi, output: hours}]\nlexicons: {a: {b: c}}", "4:19 'b' is 'c', expected a list"),
        (
            "seeds: [{input: hi, output: hours}]\nlexicons: {a: {numbers: {from: 3, to: 1}}}",
            "4:25 'numbers' is a mapping, expected `from` that is not above `to`",
        ),
    ],
)
def test_keys_that_are_wrong(text: str, expected: str, tmp_path: Path) -> None:
    (found,) = problems(HEAD + text, tmp_path)
    assert found.startswith(expected)


@pytest.mark.parametrize(
    ("old", "new", "at", "expected"),
    [
        ("goods: rolls}", "goods: buns}", '{input: "Put', "output.goods is 'buns', which is not a piece of"),
        ("order, goods: rolls", "ordr", '{input: "Put', "output.intent is 'ordr', expected one of order,"),
        (
            "{intent: order, goods: rolls}",
            "order",
            '{input: "Put',
            "the output has to name its fields: intent,",
        ),
        (
            "When do you close today?",
            "Are you open on Sunday?",
            '{input: "Are',
            "is that of line 11. Keep one",
        ),
        ("{wish} {goods}", "{wish} {godos}", "{godos}", "there is no lexicon 'godos'. Did you mean 'goods'?"),
        ('"{wish.case}"', '"{goods.case}"', "{goods.case}", "'goods' has no cases. Write it as a mapping"),
        ('"{wish.case}"', '"{day.value}"', "{day.value}", "'day' has no numbers. Write it as {numbers:"),
        ("Tuesday,", '"on {weekend",', "{weekend", "'{' is never closed"),
        ("Tuesday,", '"{wish}",', None, "there is no lexicon"),
        ('forms: ["{n}"', 'forms: ["{m}"', '"{m}"', "'{m}' has no {n}, where the number goes"),
        (
            "output: {intent: hours}}",
            "output: {}}",
            "{}}",
            "the output of this template lacks the field 'intent'",
        ),
        (
            ", output: {intent: hours}}",
            ", output: {intent: hours, size: big}}",
            "size:",
            "has no output 'size'",
        ),
        ("{day#2}|}?", "{day#2}|?", "{ and", "'{' is never closed"),
    ],
)
def test_what_does_not_fit_is_told_at_its_place(
    old: str, new: str, at: str | None, expected: str, tmp_path: Path
) -> None:
    head, _, tail = (SEEDS + GRAMMAR).rpartition(old)
    text = head + new + tail
    found = problems(text, tmp_path)
    if at is None:
        assert found == []
        return
    place, _, message = found[0].partition(" ")
    line, _, column = place.partition(":")
    assert expected in message
    assert text.splitlines()[int(line) - 1][int(column) - 1 :].startswith(at), found


def test_lexicons_that_hold_each_other(tmp_path: Path) -> None:
    text = SEEDS + GRAMMAR.replace("[Monday,", '["{n} {month}",').replace(
        "  n: {", '  month: ["{day} in May", June]\n  n: {'
    )
    (found,) = problems(text, tmp_path)
    assert found.endswith("the lexicons month -> day -> month hold each other. Take one out of another")


def test_seeds_without_an_agent(tmp_path: Path) -> None:
    (tmp_path / "agents/bakrey").mkdir(parents=True)
    (tmp_path / "agents/bakrey/qna.yaml").write_text(SEEDS, encoding="utf-8")
    _, found = check_seeds(tmp_path, {"bakery": agent()})
    message = (
        "there is no agent 'bakrey' in agents.yaml, so nothing is made of these seeds. Did you mean 'bakery'?"
    )
    assert found == [Problem("agents/bakrey/qna.yaml", 1, 1, message)]
    assert check_seeds(tmp_path, {"bakrey": None}) == (1, [])
    assert check_seeds(tmp_path, None) == (1, [])


def test_what_is_no_yaml_is_told_once(tmp_path: Path) -> None:
    assert problems("version: 1\nseeds: [", tmp_path) == ["2:9 a value or a closing bracket is missing here"]
    assert problems_of(parse_yaml(b"version: 1", "x"), QnaFile)[0].message == "the key 'seeds' is missing"
