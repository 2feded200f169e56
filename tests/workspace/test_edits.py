"""Entries are added in place, and nothing else changes."""

from __future__ import annotations

import pytest

from shoal.errors import ShoalError
from shoal.workspace.edits import scalar, with_entry
from shoal.workspace.yaml import parse_yaml

LINES = ["reply:", "  base: nano", "  output: {text: str}"]
ADDED = {"base": "nano", "output": {"text": "str"}}
SPACED = """\
# A bank.
version: 1

agents:
  triage:            # the first
    base: minilm
    output:
      intent: enum[a, b]     # two of them

  slots:
    base: minilm

# Tools of the bank.
tools:
  look: {python: "a.py:b", effect: pure}
"""


def added(text: str) -> str:
    """The text with an agent."""
    made = with_entry(text.encode(), "agents.yaml", "agents", "reply", LINES).decode()
    before, after = parse_yaml(text.encode(), "x").data, parse_yaml(made.encode(), "x").data
    assert after.pop("agents") == {**(before.pop("agents", None) or {}), "reply": ADDED}
    assert after == before
    return made


def test_comments_and_layout_stay() -> None:
    made = added(SPACED)
    new = "\n  reply:\n    base: nano\n    output: {text: str}\n"
    assert made == SPACED.replace("\n# Tools", f"{new}\n# Tools")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("version: 1\n", "version: 1\n\nagents:\n  reply:\n    base: nano\n    output: {text: str}\n"),
        (
            "agents: {}  # none yet\nversion: 1\n",
            "agents:  # none yet\n  reply:\n    base: nano\n    output: {text: str}\nversion: 1\n",
        ),
        ("agents:\nversion: 1", "agents:\n  reply:\n    base: nano\n    output: {text: str}\nversion: 1"),
        (
            "agents:\n    a: {base: b}\n    # the end\nversion: 1\n",
            "agents:\n    a: {base: b}\n    # the end\n"
            "    reply:\n      base: nano\n      output: {text: str}\nversion: 1\n",
        ),
        (
            "agents:\n  a:\n    about: |\n      two\n\n      lines\n",
            "agents:\n  a:\n    about: |\n      two\n\n      lines\n"
            "  reply:\n    base: nano\n    output: {text: str}\n",
        ),
    ],
)
def test_wherever_the_section_stands(text: str, expected: str) -> None:
    assert added(text) == expected


def test_line_ends_and_marks_of_other_systems_stay() -> None:
    text = "\ufeffversion: 1\r\nagents:\r\n  a: {base: b}\r\n"
    made = with_entry(text.encode(), "x", "agents", "reply", LINES)
    assert made.startswith(b"\xef\xbb\xbfversion")
    assert made.count(b"\r\n") == made.count(b"\n") == 6


@pytest.mark.parametrize(
    "text", ["agents: {a: {base: b}}\n", "agents:\n  {a: {base: b}}\n", '"agents":\n  a: {}\n']
)
def test_what_cannot_be_added_to_is_refused_with_the_lines(text: str) -> None:
    with pytest.raises(ShoalError) as caught:
        with_entry(text.encode(), "agents.yaml", "agents", "reply", LINES)
    assert "'agents' is written in a way that 'reply' cannot be added to" in str(caught.value)
    assert str(caught.value).endswith("\n  reply:\n    base: nano\n    output: {text: str}")


@pytest.mark.parametrize(
    ("value", "expected"),
    [("plain", "plain"), ("no", "'no'"), ("a: b", "'a: b'"), ("", "''"), (3, "3"), ("x" * 300, "x" * 300)],
)
def test_texts_get_quotes_where_they_need_some(value: object, expected: str) -> None:
    assert scalar(value) == expected
    assert parse_yaml(f"k: {scalar(value)}".encode(), "x").data == {"k": value}
