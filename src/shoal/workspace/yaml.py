"""Strict YAML: plain data, and the line and column of every key and value.

The files of a workspace are contracts, so they are read without YAML's surprises. Refused are tabs, keys
written twice, anchors, aliases, tags, several documents in a file, and files that are huge or very deep. A
scalar becomes a number, a boolean or null only when it is written as JSON writes one (floats with a point);
`no`, `010`, `12:30` and `1e3` stay the texts they are. Keys are always texts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shoal.errors import InvalidFiles, Problem

MAX_BYTES = 1_000_000
MAX_DEPTH = 64

Where = tuple[str | int, ...]
"""Keys and list indexes from the top of a file down to a value."""

_INT = re.compile(r"-?(0|[1-9][0-9]{0,17})\Z")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+([eE][+-]?[0-9]{1,3})?\Z")
_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "": None}


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a value stands; lines and columns count from 1."""

    key: tuple[int, int]
    """Of its key, or of the value itself in lists."""
    value: tuple[int, int]
    text: tuple[int, int] | None = None
    """Of the first character of a scalar that is written on one line without escapes."""


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML file."""

    file: str
    """The name that problems show."""
    data: dict[str, Any]
    marks: Mapping[Where, Mark] = field(repr=False)
    source: bytes = field(repr=False, default=b"")

    def problem(
        self,
        where: Where,
        message: str,
        *,
        at_key: bool = False,
        offset: int | None = None,
        is_warning: bool = False,
    ) -> Problem:
        """A problem at a key, a value, or a character of a scalar; at what holds it when that is missing."""
        found = where
        while found not in self.marks:
            found, at_key, offset = found[:-1], True, None
        mark = self.marks[found]
        line, column = mark.key if at_key else mark.value
        if offset is not None and mark.text:
            line, column = mark.text[0], mark.text[1] + offset
        return Problem(self.file, line, column, message, is_warning)


def read_yaml(path: Path, file: str) -> Document:
    """Read a YAML file; `file` is its name in problems.

    Raises:
        InvalidFiles: with every reason why the file is refused.
    """
    return parse_yaml(_read_bytes(path, file), file)


def parse_yaml(source: bytes, file: str) -> Document:
    """Read YAML that is in memory already.

    Raises:
        InvalidFiles: with every reason why the file is refused.
    """
    text = _decode(source, file)
    reader = _Reader(file, text)
    try:
        data = reader.read()
    except _Refused as err:
        raise InvalidFiles([*reader.problems, err.problem]) from None
    if reader.problems:
        raise InvalidFiles(reader.problems)
    return Document(file, data, reader.marks, source)


def _read_bytes(path: Path, file: str) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InvalidFiles(
                [Problem(file, 1, 1, f"the file is over {MAX_BYTES // 1_000_000} MB. Split it")]
            )
        return path.read_bytes()
    except FileNotFoundError:
        raise InvalidFiles(
            [Problem(file, 1, 1, "there is no such file. Create it or mend the path")]
        ) from None
    except OSError as err:
        reason = err.strerror or type(err).__name__
        raise InvalidFiles([Problem(file, 1, 1, f"the file cannot be read: {reason}")]) from None


def _decode(source: bytes, file: str) -> str:
    if len(source) > MAX_BYTES:
        raise InvalidFiles([Problem(file, 1, 1, f"the file is over {MAX_BYTES // 1_000_000} MB. Split it")])
    try:
        text = source.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        before = source[: err.start].decode("utf-8", "replace")
        line, column = _place(before, len(before))
        message = f"byte 0x{source[err.start]:02x} is not UTF-8 text. Save the file as UTF-8"
        raise InvalidFiles([Problem(file, line, column, message)]) from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    for number, line_text in enumerate(text.split("\n"), start=1):
        indent = line_text[: len(line_text) - len(line_text.lstrip())]
        if "\t" in indent:
            raise InvalidFiles([Problem(file, number, indent.index("\t") + 1, _TAB)])
    return text


def _place(text: str, index: int) -> tuple[int, int]:
    return text.count("\n", 0, index) + 1, index - (text.rfind("\n", 0, index) + 1) + 1


class _Refused(Exception):
    def __init__(self, problem: Problem) -> None:
        self.problem = problem


class _Reader:
    """Builds plain data from the events of the YAML parser."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.lines = re.split("[\n\x85\u2028\u2029]", text)  # all that the parser counts as line ends
        self.text = text
        self.marks: dict[Where, Mark] = {}
        self.problems: list[Problem] = []
        self._events: Iterator[Any] = iter(())

    def read(self) -> dict[str, Any]:
        self._events = self._parse()
        event = self._next()
        while type(event).__name__ in ("StreamStartEvent", "DocumentStartEvent"):
            event = self._next()
        if type(event).__name__ != "MappingStartEvent":
            raise self._refuse(event, "the file must be a mapping that starts with `version: 1`")
        data: dict[str, Any] = self._value(event, (), _position(event))
        for rest in self._events:
            if type(rest).__name__ == "DocumentStartEvent":
                raise self._refuse(rest, "a second document starts here. Put it into a file of its own")
        return data

    def _parse(self) -> Iterator[Any]:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import MarkedYAMLError
        from ruamel.yaml.reader import ReaderError

        try:
            yield from YAML(typ="safe", pure=True).parse(self.text)
        except MarkedYAMLError as err:
            line, column, message = _explain(err, self.lines)
            raise _Refused(Problem(self.file, line, column, message)) from None
        except ReaderError as err:
            line, column = _place(self.text, err.position)
            message = f"the control character U+{err.character:04X} is not allowed. Delete it"
            raise _Refused(Problem(self.file, line, column, message)) from None
        except Exception as err:
            # The parser leaks ValueError, IndexError and the like on odd escapes and directives.
            message = f"the file cannot be read as YAML ({type(err).__name__})"
            raise _Refused(Problem(self.file, 1, 1, message)) from None

    def _next(self) -> Any:
        return next(self._events)

    def _refuse(self, event: Any, message: str) -> _Refused:
        return _Refused(Problem(self.file, *_position(event), message))

    def _value(self, event: Any, where: Where, key: tuple[int, int]) -> Any:
        kind = type(event).__name__
        if kind == "AliasEvent":
            raise self._refuse(event, "'*' starts an alias, which is not allowed. Put a text in quotes")
        if event.anchor is not None:
            raise self._refuse(event, "'&' starts an anchor, which is not allowed. Put a text in quotes")
        if event.tag is not None:
            raise self._refuse(event, "'!' starts a tag, which is not allowed. Put a text in quotes")
        if len(where) >= MAX_DEPTH:
            raise self._refuse(event, f"values are nested deeper than {MAX_DEPTH}. Flatten the file")
        if kind == "ScalarEvent":
            self._text(event)
            # The parser puts a value that is not there before whatever comes next.
            place = _position(event) if event.value or event.style else key
            self.marks[where] = Mark(key, place, self._text_place(event))
            return _scalar(event)
        self.marks[where] = Mark(key, _position(event))
        return self._list(where) if kind == "SequenceStartEvent" else self._mapping(where)

    def _list(self, where: Where) -> list[Any]:
        items: list[Any] = []
        while type(event := self._next()).__name__ != "SequenceEndEvent":
            items.append(self._value(event, (*where, len(items)), _position(event)))
        return items

    def _mapping(self, where: Where) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        while type(event := self._next()).__name__ != "MappingEndEvent":
            key = self._key(event)
            value = self._value(self._next(), (*where, key), _position(event))
            if key in mapping:
                self.problems.append(
                    self._refuse(event, f"'{key}' is written twice. Keep one of them").problem
                )
            mapping[key] = value
        return mapping

    def _key(self, event: Any) -> str:
        if type(event).__name__ == "AliasEvent" or event.anchor is not None:
            raise self._refuse(event, "anchors and aliases are not allowed. Write the key out")
        if type(event).__name__ != "ScalarEvent" or event.tag is not None:
            raise self._refuse(event, "a key must be a plain word")
        if not event.value:
            raise self._refuse(event, "a key is missing before ':'")
        return self._text(event)

    def _text(self, event: Any) -> str:
        text: str = event.value
        if any("\ud800" <= char <= "\udfff" for char in text):
            message = "an escape stands for half a character (a surrogate). Write the character itself"
            raise self._refuse(event, message)
        return text

    def _text_place(self, event: Any) -> tuple[int, int] | None:
        start, end = event.start_mark, event.end_mark
        if start.line != end.line:
            return None
        quote = 1 if event.style in ("'", '"') else 0
        written = self.lines[start.line][start.column + quote : end.column - quote]
        return (start.line + 1, start.column + quote + 1) if written == event.value else None


def _position(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _scalar(event: Any) -> Any:
    text: str = event.value
    if event.style is not None:
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INT.match(text):
        return int(text)
    if _FLOAT.match(text) and math.isfinite(float(text)):
        return float(text)
    return text


_TAB = "a tab cannot be used for indentation. Use spaces"

_EXPLANATIONS: tuple[tuple[str, str], ...] = (
    ("character '\\t'", "a tab cannot be used here. Use spaces"),
    ("that cannot start any token", "a text cannot start with {char}. Put it in quotes"),
    (
        "mapping values are not allowed",
        "': ' cannot stand here. Put the text in quotes, or mend the indentation",
    ),
    ("unexpected end of stream", "the quote is never closed"),
    (
        "unknown escape character",
        "the escape \\{char} is unknown in double quotes. Write \\\\ for a backslash",
    ),
    ("but got '{'", "inside {{ }} and [ ] a text with '{{' in it needs quotes, like \"${{input.message}}\""),
    ("but got '['", "inside {{ }} and [ ] a text with '[' in it needs quotes, like \"enum[a, b]\""),
    ("expected ',' or ']'", "the list is not closed with ']', or a comma is missing"),
    ("expected ',' or '}'", "the mapping is not closed with '}}', or a comma is missing"),
    ("expected <block end>", "this line does not fit the indentation or the kind of the lines above"),
    ("expected chomping", "a text cannot start with > or |. Put it in quotes"),
    ("sequence entries are not allowed", "a list item cannot start here. Put it on a line of its own"),
    ("could not find expected ':'", "a ':' is missing after this key"),
    ("expected the node content", "a value or a closing bracket is missing here"),
    ("expected '<document start>'", "nothing may follow the end of the mapping"),
)


def _explain(err: Any, lines: list[str]) -> tuple[int, int, str]:
    """Place and one sentence for an error of the YAML parser."""
    reason = " ".join(str(err.problem or err.context or "it is not YAML").split())
    is_open = "unexpected end of stream" in reason or (
        "expected ',' or" in reason and not re.search(r"got '[\[{]'", reason)
    )
    mark = (err.context_mark if is_open else None) or err.problem_mark or err.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    before = lines[line - 1][: column - 1].rstrip() if line <= len(lines) else ""
    if "found '<scalar>'" in reason and before.endswith(("'", '"')):
        return line, column, "nothing may follow the closing quote. Put the whole text in other quotes"
    for part, sentence in _EXPLANATIONS:
        if part in reason:
            char = re.search(r"character (.+?)(?: that|$)", reason)
            return line, column, sentence.format(char=char[1].strip("'\"") if char else "")
    return line, column, f"the file cannot be read as YAML: {reason}"
