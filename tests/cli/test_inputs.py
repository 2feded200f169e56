"""Inputs as people write them: by hand, from files of other systems, and wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shoal.cli.inputs import collect, read_lines
from shoal.errors import InvalidInput
from shoal.workspace.types import parse_record

DECLARED = parse_record({"text": "str", "n": "int?", "x": "any?", "items": "list[int]?"})


@pytest.mark.parametrize(
    "item",
    [
        "n=" + "9" * 400,
        "n=" + "9" * 5000,
        "x=[NaN]",
        'x={"a": 1e999}',
        'x="\\ud83d"',
        "x=" + "[" * 900 + "]" * 900,
        "items=" + "[" * 50_000 + "]" * 50_000,
    ],
)
def test_values_that_no_journal_could_keep(item: str) -> None:
    with pytest.raises(InvalidInput, match="input '(n|x|items)'") as caught:
        collect(DECLARED, "hello", [item], "desk")
    assert len(str(caught.value)) < 200


def test_lines_of_other_systems(tmp_path: Path) -> None:
    """A byte order mark, line ends of Windows, and line ends of Unicode inside a text."""
    file = tmp_path / "lines.jsonl"
    text = "one\u2028two\x85three"
    line = json.dumps({"text": text}, ensure_ascii=False)
    file.write_bytes(b"\xef\xbb\xbf" + f"{line}\r\n\r\n{line}".encode())
    assert [given["text"] for given in read_lines(file, DECLARED, {}, "desk")] == [text, text]


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"\xff\xfe", "UTF-8"), (b"null", "is null, expected a JSON object"), (b"[" * 100_000, "nested")],
)
def test_files_that_hold_no_inputs(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "inputs.json"
    file.write_bytes(content)
    with pytest.raises(InvalidInput, match=words):
        collect(DECLARED, None, [f"@{file}"], "desk")
