"""Sentences of templates and lexicons, and of seeds where there are none."""

from __future__ import annotations

from itertools import islice
from typing import Any

from shoal.datasets.grammar import Grammar, Sentence
from shoal.datasets.lexicons import SplitPart
from shoal.datasets.rows import fitted
from shoal.datasets.seeds import seeds_of

from .bakery import GRAMMAR, SEEDS, agent, qna


def grammar(text: str = SEEDS + GRAMMAR, **kinds: Any) -> Grammar:
    """The grammar of some seeds; it has no faults."""
    of = agent(**kinds)
    read = qna(text)
    made = Grammar(read, of, seeds_of(read, of)[0])
    assert made.problems == []
    return made


def sentences(made: Grammar, count: int, part: SplitPart = "train", noise: float = 0.0) -> list[Sentence]:
    """Its first sentences."""
    numbers = (made.sentence(number, part, 7, noise) for number in range(count))
    return [each for each in numbers if each is not None]


def test_sentences_fit_the_agent_and_labels_come_in_turn() -> None:
    made = sentences(grammar(), 600, noise=0.5)
    fits = [fitted({"input": each.input, "output": each.output}, agent()) for each in made]
    assert [output["intent"] for _, output in fits[:4]] == ["order", "complaint", "hours", "order"]
    assert len({values["message"] for values, _ in fits}) > 450
    assert {output["goods"] for values, output in fits if output["intent"] == "hours"} == {None}
    assert all("  " not in values["message"] for values, _ in fits)


def test_the_same_number_is_the_same_sentence() -> None:
    assert sentences(grammar(), 50, noise=0.5) == sentences(grammar(), 50, noise=0.5)
    assert sentences(grammar(), 50) != [
        each for n in range(50) if (each := grammar().sentence(n, "train", 8))
    ]


def test_pieces_that_are_held_out_are_never_trained_on() -> None:
    found = {
        part: {str(each.output and each.output.get("goods")) for each in sentences(grammar(), 900, part)}
        for part in ("train", "heldout")
    }
    plain = {part: {each for each in goods if "croissants" not in each} for part, goods in found.items()}
    assert plain["heldout"] - {"None"}
    assert not (plain["train"] & plain["heldout"]) - {"None"}


def test_templates_of_a_label_are_apart_where_there_are_enough() -> None:
    text = "version: 1\nseeds: [{input: hi, output: hours}]\ntemplates:\n" + "".join(
        f"  - {{input: 'wording {number} of it', output: hours}}\n" for number in range(8)
    )
    made = grammar(text, output={"intent": "enum[hours, order]"})
    found = {
        part: {each.input["message"] for each in sentences(made, 80, part)}
        for part in ("train", "dev", "heldout")
    }
    assert [len(found[part]) for part in ("train", "dev", "heldout")] == [6, 1, 1]
    assert len(set.union(*found.values())) == 8
    assert made.shared() == []
    assert grammar().shared() == ["order", "complaint", "hours"]


def test_another_piece_is_another_one() -> None:
    for each in islice(sentences(grammar(), 3000), 3000):
        days = [day for day in ("Monday", "Tuesday", "Wednesday", "Saturday") if day in each.input["message"]]
        if " and " in each.input["message"]:
            assert len(days) + sum(day in each.input["message"] for day in ("weekend", "holiday")) == 2


def test_written_outputs_and_numbers() -> None:
    text = (
        "version: 1\nseeds: [{input: {name: Ada, cakes: 2}, output: {text: 'Dear Ada, 2', total: 4}}]\n"
        "lexicons:\n  name: [Ada, Grace]\n"
        "  n: {numbers: {from: 1000, to: 9000, step: 1000, forms: ['{n:,}']}}\n"
        "templates:\n  - input: {name: '{name}', cakes: '{n.value}'}\n"
        "    output: {text: 'Dear {name}, {n} cakes.', total: '{n.value}'}\n"
    )
    (first,) = sentences(
        grammar(
            text,
            output={"text": "str", "total": "int"},
            given={"name": "str", "cakes": "int"},
            kind="decoder",
        ),
        1,
    )
    name, cakes = first.input["name"], first.input["cakes"]
    assert first.output == {"text": f"Dear {name}, {cakes:,} cakes.", "total": cakes}
    assert isinstance(cakes, int)


def test_seeds_without_templates_are_varied_in_what_is_marked() -> None:
    made = grammar(SEEDS)
    every = sentences(made, 2000)
    for each in every:
        fitted({"input": each.input, "output": each.output}, agent())
    orders = {each.output["goods"] for each in every if each.output and each.output["intent"] == "order"}
    assert "cinnamon buns" in orders  # of a complaint
    hours = {each.input["message"] for each in every if each.output and each.output["intent"] == "hours"}
    assert 4 <= len(hours) <= 10  # nothing is marked in them: a few spellings of two seeds
    assert made.lacks() is not None
    assert grammar().lacks() is None


def test_size_is_about_what_can_be_written() -> None:
    small = "version: 1\nseeds: [{input: hi, output: hours}]\nlexicons: {a: [b, c]}\ntemplates:\n"
    text = small + "  - {input: '{x|y|}{a} {a} {a#2}', output: hours}\n"
    assert grammar(text, output={"intent": "enum[hours]"}).size() == 12
    assert grammar().size() > 10_000
