"""Mends YAML that people wrote by hand: texts that need quotes, tabs, lost indentation.

Only what has one meaning is mended, and each change is told with its place. The rest is refused as it is.
"""

from __future__ import annotations

import re

from shoal.errors import InvalidFiles, Problem
from shoal.workspace.yaml import Document, parse_yaml

__all__ = ["read_mended"]

_MOST = 200
_KEYS = (
    r"version|created_by|domain|task_description|document_outline|seed_examples|questions_and_answers|context"
    r"|question|answer|document|repo|commit|patterns|folder|attribution|source|license"
)
_LINE = re.compile(rf"^(?P<indent>\s*)(?P<dash>-\s+)?(?P<key>{_KEYS}):(?P<gap>\s+)(?P<text>\S.*?)\s*$")
_BARE = re.compile(rf"^(?P<indent>\s*)(?P<dash>-\s+)?(?P<key>{_KEYS}):")
_BLOCK = re.compile(r"[|>][+-]?[1-9]?[+-]?\s*(#.*)?\Z")
_CONTROL = re.compile(
    "[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


def read_mended(source: bytes, file: str) -> tuple[Document, list[Problem]]:
    """A YAML file, and what was mended in it.

    Raises:
        InvalidFiles: with what cannot be mended.
    """
    notes: list[Problem] = []
    text = _decoded(source, file, notes)
    text = _without_controls(text, file, notes)
    text = _without_tabs(text, file, notes)
    for _ in range(_MOST):
        try:
            return parse_yaml(text.encode(), file), notes
        except InvalidFiles as err:
            mended = _mended(text, err.problems[0], notes)
            if mended is None:
                raise
            text = mended
    raise InvalidFiles([Problem(file, 1, 1, f"more than {_MOST} places are to be mended. Look at the file")])


def _note(notes: list[Problem], file: str, line: int, column: int, message: str) -> None:
    notes.append(Problem(file, line, column, message, is_warning=True))


def _decoded(source: bytes, file: str, notes: list[Problem]) -> str:
    try:
        text = source.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        text = source.decode("cp1252", "replace")
        line = source.count(b"\n", 0, err.start) + 1
        column = err.start - source.rfind(b"\n", 0, err.start)
        _note(notes, file, line, column, "the file was not UTF-8; it was read as Windows-1252")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _without_controls(text: str, file: str, notes: list[Problem]) -> str:
    for match in _CONTROL.finditer(text):
        line, column = (
            text.count("\n", 0, match.start()) + 1,
            match.start() - text.rfind("\n", 0, match.start()),
        )
        _note(notes, file, line, column, f"the control character U+{ord(match[0]):04X} became a space")
    return _CONTROL.sub(" ", text)


def _without_tabs(text: str, file: str, notes: list[Problem]) -> str:
    rows = text.split("\n")
    for number, row in enumerate(rows):
        if "\t" in row:
            at = row.index("\t") + 1
            _note(notes, file, number + 1, at, "tabs became spaces")
            rows[number] = row.replace("\t", "  ")
    return "\n".join(rows)


def _mended(text: str, problem: Problem, notes: list[Problem]) -> str | None:
    """The text with the place of a problem mended; None where it has no one meaning."""
    rows = text.split("\n")
    at = min(problem.line, len(rows)) - 1
    for mend in (_without_repeat, _indented, _quoted):
        if (mended := mend(rows, at, problem, notes)) is not None:
            return "\n".join(mended)
    return None


def _without_repeat(rows: list[str], at: int, problem: Problem, notes: list[Problem]) -> list[str] | None:
    """Without a line that says again, word by word, what another one at the top of the file said."""
    row = rows[at]
    if "written twice" not in problem.message or not _LINE.match(row) or row[0] in " -":
        return None
    if rows.index(row) == at or _BLOCK.match(row.partition(":")[2].strip()):
        return None
    _note(notes, problem.file, at + 1, 1, f"the repeated line '{row.strip()}' was left out")
    return [*rows[:at], *rows[at + 1 :]]


def _indented(rows: list[str], at: int, problem: Problem, notes: list[Problem]) -> list[str] | None:
    """With a key moved to where the keys before it stand."""
    match = _BARE.match(rows[at])
    if match is None or match["dash"]:
        return None
    above = next((number for number in range(at - 1, -1, -1) if _BARE.match(rows[number])), None)
    if above is None:
        return None
    before = _BARE.match(rows[above])
    assert before is not None
    wanted = len(before["indent"]) + len(before["dash"] or "")
    has = len(match["indent"])
    if has == wanted or abs(has - wanted) > 3 or before["key"] in ("seed_examples", "document"):
        return None
    last = at
    while last + 1 < len(rows) and (not rows[last + 1].strip() or _depth(rows[last + 1]) > has):
        last += 1
    moved = [_moved(row, wanted - has) for row in rows[at : last + 1]]
    message = (
        f"'{match['key']}' stands below '{before['key']}' now; it was indented by {has} instead of {wanted}"
    )
    _note(notes, problem.file, at + 1, has + 1, message)
    return [*rows[:at], *moved, *rows[last + 1 :]]


def _quoted(rows: list[str], at: int, problem: Problem, notes: list[Problem]) -> list[str] | None:
    """With the text of a key in quotes, also where it goes on below."""
    start = next((number for number in range(at, -1, -1) if _BARE.match(rows[number])), None)
    match = _LINE.match(rows[start]) if start is not None else None
    if (
        start is None
        or match is None
        or _BLOCK.match(match["text"])
        or match["key"] in ("seed_examples", "document")
    ):
        return None
    depth = len(match["indent"]) + len(match["dash"] or "")
    last = start
    while last + 1 < len(rows) and (not rows[last + 1].strip() or _depth(rows[last + 1]) > depth):
        last += 1
    while last > start and not rows[last].strip():
        last -= 1
    if at > last:
        return None
    words = " ".join(row.strip() for row in [match["text"], *rows[start + 1 : last + 1]] if row.strip())
    text = _unquoted(words)
    head = f"{match['indent']}{match['dash'] or ''}{match['key']}: "
    made = f"{head}'{text.replace(chr(39), chr(39) * 2)}'"
    if made == rows[start] and last == start:
        return None
    _note(notes, problem.file, start + 1, len(head) + 1, f"the text of '{match['key']}' was put in quotes")
    return [*rows[:start], made, *rows[last + 1 :]]


def _unquoted(text: str) -> str:
    """A text without the quotes that were meant to be around it and do not close as they should."""
    for quote in ("'", '"'):
        inner = text.removeprefix(quote).removesuffix(quote)
        if text.startswith(quote) and len(text) > 1 and (text.endswith(quote) or quote not in inner):
            return inner.replace("''", "'") if quote == "'" else inner.replace('\\"', '"')
    return text


def _depth(row: str) -> int:
    return len(row) - len(row.lstrip())


def _moved(row: str, by: int) -> str:
    if not row.strip():
        return row
    return " " * by + row if by > 0 else row[min(-by, _depth(row)) :]
