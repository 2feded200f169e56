from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from shoal.agents.agent import Agent
from shoal.agents.embedded.chat import Chat
from shoal.agents.embedded.guided import (
    Guides,
    field_ranges,
    grammar,
    is_decision,
    read_answer,
    shortest_answer,
    write_answer,
)
from shoal.errors import ShoalError
from shoal.workspace.types import parse_type, read
from tests.agents.tiny_decoder import make_agent, make_decoder

FOLDER = Path("anywhere")
EVERYTHING = {
    "reason": "str",
    "decision": "enum[approve, decline, refer]",
    "count": "int",
    "amount": "float",
    "sure": "bool?",
    "tags": "list[enum[a, b]]",
    "piece": "span[str] from message",
    "sum": "span[number] from message",
    "more": "any",
    "inner": "list[str]?",
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> tuple[Chat, Guides]:
    chat = Chat(make_decoder(tmp_path_factory.mktemp("base")))
    return chat, Guides(chat.tokenizer_json, 261, chat.end)


def accepts(base: tuple[Chat, Guides], agent: Agent, message: str, answer: str) -> bool:
    chat, guides = base
    guide = guides.start(agent, {"message": message})
    try:
        guide.take(chat.answer(answer))
    except ShoalError:
        return False
    return guide.is_done


def test_answers_are_written_with_fields_in_order_and_letters_as_they_are() -> None:
    agent = make_agent(FOLDER, amount="float", name="str", note="str?")
    assert write_answer(agent, {"name": 'Zoë "Z"', "amount": 12500.0}) == (
        '{"amount": 12500, "name": "Zoë \\"Z\\"", "note": null}'
    )


@pytest.mark.parametrize(
    ("answer", "is_allowed"),
    [
        ('{"reason": "é \\"x\\" \\n", "decision": "refer"}', True),
        ('{"reason": "", "decision": "approve"}', True),
        ('{"reason":"", "decision": "approve"}', False),
        ('{"decision": "approve", "reason": ""}', False),
        ('{"reason": "", "decision": "maybe"}', False),
        ('{"reason": null, "decision": "approve"}', False),
        ('{"reason": "a\tb", "decision": "approve"}', False),
        ('{"reason": "\\u0007", "decision": "approve"}', False),
        ('{"reason": "", "decision": "approve"', False),
        ('{"reason": "", "decision": "approve", "more": 1}', False),
    ],
)
def test_the_grammar_allows_the_type_and_nothing_else(
    base: tuple[Chat, Guides], answer: str, is_allowed: bool
) -> None:
    assert accepts(base, make_agent(FOLDER), "hello", answer) is is_allowed


@pytest.mark.parametrize(
    ("piece", "is_allowed"),
    [
        ("$1,200", True),
        ('"now"\\n', False),
        ('\\"now\\"\\n', True),
        ("héllo", True),
        ("hello", False),
        ("$1,200!", False),
    ],
)
def test_a_span_is_a_piece_of_its_source(base: tuple[Chat, Guides], piece: str, is_allowed: bool) -> None:
    agent = make_agent(FOLDER, found="span[str] from message")
    assert accepts(base, agent, 'héllo $1,200 "now"\n', f'{{"found": "{piece}"}}') is is_allowed
    assert accepts(base, agent, 'héllo $1,200 "now"\n', '{"found": null}')


def test_spans_are_read_as_text_number_or_null() -> None:
    agent = make_agent(FOLDER, sum="span[number] from message", card="span[str] from message")
    assert read_answer(agent, '{"sum": "$12.5k", "card": "gold"}') == {"sum": 12500.0, "card": "gold"}
    assert read_answer(agent, '{"sum": "soon", "card": ""}') == {"sum": None, "card": None}


def test_a_span_without_a_source_needs_a_single_text() -> None:
    agent = make_agent(FOLDER, found="span[str]")
    assert '"a"' in grammar(agent, {"message": "a"})


@pytest.mark.parametrize("seed", range(12))
def test_any_walk_through_the_grammar_ends_in_an_answer(base: tuple[Chat, Guides], seed: int) -> None:
    chat, guides = base
    dice = random.Random(seed)
    agent = make_agent(FOLDER, **EVERYTHING)
    guide = guides.start(agent, {"message": 'I paid $1,200 for "it" — twelve thousand'})
    closers = [chat.answer(sign)[0] for sign in ('"', "]", "}", ",")]
    tokens: list[int] = guide.forced()
    while not guide.is_done:
        allowed = [token for token, is_open in enumerate(guide.allowed()) if is_open]
        closing = [token for token in closers if token in allowed]
        # After a while whatever closes is taken, as the engine does near the end of the window.
        token = closing[0] if closing and len(tokens) > 200 else dice.choice(allowed)
        guide.take([token])
        tokens += [token, *guide.forced()]
    text = b"".join(guides.pieces(tokens)).decode()
    output = read_answer(agent, text)
    assert read(agent.output, output) == output
    assert len(tokens) < 200 + len(chat.answer(shortest_answer(agent.output))) + 10


def test_field_ranges_point_at_the_values() -> None:
    values: dict[str, Any] = {"a": 'x", "b": 1', "b": [1, 2], "c": None}
    text = json.dumps(values)
    assert {name: json.loads(text[slice(*ends)]) for name, ends in field_ranges(text).items()} == values


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("str", False),
        ("str?", False),
        ("enum[a, b]", True),
        ("bool", True),
        ("span[str]", True),
        ("list[int]", True),
    ],
)
def test_what_a_decision_is(kind: str, expected: bool) -> None:
    assert is_decision(parse_type(kind)) is expected
