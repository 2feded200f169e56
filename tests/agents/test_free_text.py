"""Reading the texts of an answer while it is being written."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest

from shoal.agents.agent import Agent, Base
from shoal.agents.engine import Request
from shoal.agents.free_text import FreeTextReader
from shoal.agents.scripted import ScriptedEngine
from shoal.workspace.types import Record, parse_record

OUTPUT = parse_record(
    {
        "reason": "str",
        "decision": "enum[approve, decline]",
        "note": "str?",
        "tags": "list[str]",
        "more": "any",
    }
)
ANSWERS: list[dict[str, Any]] = [
    {"reason": "all rules are met", "decision": "approve", "note": None, "tags": [], "more": None},
    {
        "reason": 'she said "no" \\ twice\nand left',
        "decision": "decline",
        "note": "",
        "tags": ["a"],
        "more": 1,
    },
    {
        "reason": "東京 \U0001f41f ünd",
        "decision": "approve",
        "note": "\U0001f600\u2028x",
        "tags": ['{"reason": "no"}'],
        "more": {"reason": "not this", "note": ["nor this"]},
    },
]


def texts_of(output: Record, pieces: list[bytes]) -> dict[str, str]:
    texts: dict[str, str] = {}

    def take(field: str, text: str) -> None:
        assert text
        texts[field] = texts.get(field, "") + text

    reader = FreeTextReader(output, take)
    for piece in pieces:
        reader.add(piece)
    return texts


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("is_ascii", [False, True])
def test_texts_are_the_same_however_the_answer_is_cut(answer: dict[str, Any], is_ascii: bool) -> None:
    raw = json.dumps(answer, ensure_ascii=is_ascii).encode()
    wanted = {name: answer[name] for name in ("reason", "note") if answer[name]}
    chance = random.Random(7)
    for _ in range(50):
        cuts = sorted(chance.sample(range(len(raw)), k=chance.randrange(len(raw))))
        pieces = [raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
        assert texts_of(OUTPUT, pieces) == wanted
    assert texts_of(OUTPUT, [bytes([byte]) for byte in raw]) == wanted


def test_text_is_told_as_soon_as_it_is_there() -> None:
    told: list[str] = []
    reader = FreeTextReader(OUTPUT, lambda field, text: told.append(f"{field}:{text}"))
    for piece in ('{"rea', 'son": "Dear ', "Ada", ",\\", "n", "bye"):
        reader.add(piece.encode())
    assert told == ["reason:Dear ", "reason:Ada", "reason:,", "reason:\n", "reason:bye"]


def test_a_script_is_told_word_by_word_and_only_to_those_who_read_along() -> None:
    agent = Agent(
        name="writer",
        about="",
        base=Base(name="nano", model="shoal/nano", kind="decoder"),
        input=parse_record({}),
        output=OUTPUT,
    )
    engine = ScriptedEngine({"writer": {**ANSWERS[0], "reason": " all  rules\nare met "}})
    told: list[tuple[str, str]] = []
    request = Request(agent=agent, values={}, on_text=lambda field, text: told.append((field, text)))
    answer = asyncio.run(engine.complete(request))
    assert told == [("reason", " all"), ("reason", "  rules"), ("reason", "\nare"), ("reason", " met ")]
    assert answer == asyncio.run(engine.complete(Request(agent=agent, values={})))
