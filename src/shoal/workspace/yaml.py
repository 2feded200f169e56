"""Strict YAML: plain data, and the line and column of every key and value.

The files of a workspace are contracts, so they are read without YAML's surprises. Refused are tabs, keys
written twice, anchors, aliases, tags, directives, several documents in a file, and files that are huge, very
deep or of very many values. A scalar becomes a number, a boolean or null only when it is written as JSON
writes one (floats with a point); `no`, `010`, `12:30` and `1e3` stay the texts they are. Keys are texts.

The grammar is libyaml's, read event by event, so that what is refused is refused before it costs anything.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from shoal.errors import InvalidFiles, Problem
from shoal.workspace.faults import ALIAS, ANCHOR, DIRECTIVE, TAB, TAG, explain
from shoal.workspace.places import Written

MAX_BYTES = 1_000_000
MAX_DEPTH = 64
MAX_VALUES = 30_000
"""In one file; what is read of a file takes memory and time for each."""
MAX_KEY = 200
"""Characters of a key."""
MAX_PROBLEMS = 100
"""Told of one file at once."""

Where = tuple[str | int, ...]
"""Keys and list indexes from the top of a file down to a value."""

_INT = re.compile(r"-?(0|[1-9][0-9]{0,17})\Z")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+([eE][+-]?[0-9]{1,3})?\Z")
_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "": None}
_INDENTED_BY_TAB = re.compile(r"^[^\S\n\t]*(\t)", re.MULTILINE)
_TAB_BEFORE_COMMENT = re.compile(r"^[^#\t\n]*(\t)", re.MULTILINE)
_INVISIBLE = re.compile(
    "[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_DIRECTIVE = re.compile(r"(?:[ \n]|#.*\n)*^%", re.MULTILINE)


class Mark(NamedTuple):
    """Where a value stands; lines and columns count from 1."""

    key: tuple[int, int]
    """Of its key, or of the value itself in lists."""
    value: tuple[int, int]
    text: tuple[int, int] | None = None
    """Of the first character of a scalar that is written on one line without escapes."""
    written: Written | None = None
    """Of any other scalar."""


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
        elif offset is not None and mark.written:
            line, column = mark.written.place(_text_of(self.source), self._value(found), offset)
        return Problem(self.file, line, column, message, is_warning)

    def _value(self, where: Where) -> str:
        value: Any = self.data
        for step in where:
            value = value[step]
        return str(value)


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
    return text.replace("\r\n", "\n").replace("\r", "\n")


@functools.lru_cache(maxsize=2)
def _text_of(source: bytes) -> str:
    """The text of a file that was read before."""
    return _decode(source, "")


def _place(text: str, index: int) -> tuple[int, int]:
    return text.count("\n", 0, index) + 1, index - (text.rfind("\n", 0, index) + 1) + 1


class _Refused(Exception):
    def __init__(self, problem: Problem) -> None:
        self.problem = problem


class _Reader:
    """Builds plain data from the events of the YAML parser."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self.marks: dict[Where, Mark] = {}
        self.problems: list[Problem] = []
        self._events: Iterator[Any] = iter(())
        self._last: Any = None
        """The last scalar."""
        self._without_texts = list(text) if "\t" in text else []
        """The file with its quoted texts and blocks crossed out: where tabs must not stand."""

    def read(self) -> dict[str, Any]:
        self._check_characters()
        self._events = self._parse()
        event = next(self._events)
        while type(event).__name__ in ("StreamStartEvent", "DocumentStartEvent"):
            event = next(self._events)
        if type(event).__name__ != "MappingStartEvent":
            raise self._refuse(event, "the file must be a mapping that starts with `version: 1`")
        data: dict[str, Any] = self._value(event, (), _position(event))
        for rest in self._events:
            if type(rest).__name__ == "DocumentStartEvent":
                raise self._refuse(rest, "a second document starts here. Put it into a file of its own")
            if type(rest).__name__ == "DocumentEndEvent":
                self._check_directive(rest.end_mark.index)
        self._check_tabs()
        return data

    def _check_characters(self) -> None:
        if match := _INVISIBLE.search(self.text):
            message = f"the control character U+{ord(match[0]):04X} is not allowed. Delete it"
            raise self._refuse_at(match.start(), message)
        if match := _INDENTED_BY_TAB.search(self.text):
            raise self._refuse_at(match.start(1), "a tab cannot be used for indentation. Use spaces")
        self._check_directive(0)

    def _check_directive(self, start: int) -> None:
        # Before the parser reads any: it compares each with all before it.
        if match := _DIRECTIVE.match(self.text, start):
            raise self._refuse_at(match.end() - 1, DIRECTIVE)

    def _check_tabs(self) -> None:
        if match := _TAB_BEFORE_COMMENT.search("".join(self._without_texts)):
            raise self._refuse_at(match.start(1), TAB)

    def _parse(self) -> Iterator[Any]:
        from yaml import MarkedYAMLError
        from yaml.cyaml import CParser

        parser = CParser(self.text)
        try:
            while (event := parser.get_event()) is not None:
                yield event
        except MarkedYAMLError as err:
            raise _Refused(Problem(self.file, *explain(err, self.text, self._last))) from None

    def _refuse(self, event: Any, message: str) -> _Refused:
        return _Refused(Problem(self.file, *_position(event), message))

    def _refuse_at(self, index: int, message: str) -> _Refused:
        return _Refused(Problem(self.file, *_place(self.text, index), message))

    def _value(self, event: Any, where: Where, key: tuple[int, int]) -> Any:
        kind = type(event).__name__
        if kind == "AliasEvent" or event.anchor is not None or event.tag is not None:
            raise self._refuse(event, ALIAS if kind == "AliasEvent" else ANCHOR if event.anchor else TAG)
        if len(where) >= MAX_DEPTH:
            raise self._refuse(event, f"values are nested deeper than {MAX_DEPTH}. Flatten the file")
        if len(self.marks) >= MAX_VALUES:
            raise self._refuse(event, f"the file holds more than {MAX_VALUES:,} values. Split it")
        if kind == "ScalarEvent":
            text = self._text_place(event)
            self.marks[where] = Mark(key, _position(event), text) if text else self._mark(event, key)
            return event.value if event.style else _scalar(event.value)
        # What stands on lines of its own is told of where its key is.
        self.marks[where] = Mark(key, _position(event) if event.flow_style else key)
        return self._list(where) if kind == "SequenceStartEvent" else self._mapping(where)

    def _mark(self, event: Any, key: tuple[int, int]) -> Mark:
        """Of a scalar that goes over several lines, or has escapes, or is not there."""
        start = event.start_mark
        if not event.value and not event.style:
            return Mark(key, key)  # the parser puts what is not there before whatever comes next
        written = Written(start.index, event.end_mark.index, start.line + 1, event.style)
        is_block = event.style in ("|", ">")
        place = written.place(self.text, event.value, 0) if is_block else _position(event)
        return Mark(key, place, written=written)

    def _list(self, where: Where) -> list[Any]:
        items: list[Any] = []
        while type(event := next(self._events)).__name__ != "SequenceEndEvent":
            items.append(self._value(event, (*where, len(items)), _position(event)))
        return items

    def _mapping(self, where: Where) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        while type(event := next(self._events)).__name__ != "MappingEndEvent":
            key = self._key(event)
            value = self._value(next(self._events), (*where, key), _position(event))
            if key in mapping:
                self._tell_of_twice(key, event)
            mapping[key] = value
        return mapping

    def _tell_of_twice(self, key: str, event: Any) -> None:
        refused = self._refuse(event, f"'{key}' is written twice. Keep one of them")
        self.problems.append(refused.problem)
        if len(self.problems) >= MAX_PROBLEMS:
            raise refused

    def _key(self, event: Any) -> str:
        if type(event).__name__ == "AliasEvent" or event.anchor is not None:
            raise self._refuse(event, "anchors and aliases are not allowed. Write the key out")
        if type(event).__name__ != "ScalarEvent" or event.tag is not None:
            raise self._refuse(event, "a key must be a plain word")
        if not event.value:
            raise self._refuse(event, "a key is missing before ':'")
        if len(event.value) > MAX_KEY or not event.value.isprintable():
            raise self._refuse(event, f"a key must be a plain word of at most {MAX_KEY} characters")
        self._text_place(event)
        return str(event.value)

    def _text_place(self, event: Any) -> tuple[int, int] | None:
        self._last = event
        start, end = event.start_mark, event.end_mark
        if self._without_texts:
            self._cross_out(start.index, end.index, is_plain=not event.style)
        line = start.line
        if line != end.line or not (event.value or event.style):
            return None
        quote = 1 if event.style in ("'", '"') else 0
        # What is as long as it is written has no escapes and is not folded.
        is_plain = len(event.value) == end.index - start.index - 2 * quote
        return (line + 1, start.column + quote + 1) if is_plain else None

    def _cross_out(self, start: int, end: int, *, is_plain: bool) -> None:
        crossed = self.text[start:end].replace("#", "x") if is_plain else "x" * (end - start)
        self._without_texts[start:end] = crossed


def _position(event: Any) -> tuple[int, int]:
    mark = event.start_mark
    return mark.line + 1, mark.column + 1


def _scalar(text: str) -> Any:
    """What a text without quotes is."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in "-0123456789":
        return text
    if _INT.match(text):
        return int(text)
    if _FLOAT.match(text) and math.isfinite(float(text)):
        return float(text)
    return text
