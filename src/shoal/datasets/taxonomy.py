"""InstructLab's qna.yaml: skills and knowledge, of the versions 1, 2, 3 and none.

What has one meaning is repaired and told; the rest is refused with every line that is wrong.

skills       seed_examples: [{question, answer, context?}]
knowledge    the same with `document` (1, 2), or seed_examples: [{context, questions_and_answers: [...]}] (3)

Its documents lie in git repositories, which nobody has to have: they are named, not fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from shoal.datasets.mending import read_mended
from shoal.datasets.qna import Kind
from shoal.errors import InvalidFiles, Problem, one_line
from shoal.workspace.yaml import Document, Where

__all__ = ["ForeignSeed", "Taxonomy", "is_taxonomy", "read_taxonomy"]

_TOP = (
    "version",
    "created_by",
    "domain",
    "task_description",
    "seed_examples",
    "document",
    "document_outline",
)
_SEED = ("question", "answer", "context", "questions_and_answers", "attribution")
_PAIR = ("question", "answer")
_NEWEST = 3
_LICENCE = re.compile(r"^\s*licen[cs]e of the work:\s*(\S.*?)\s*$", re.IGNORECASE | re.MULTILINE)
_WORK = re.compile(r"^\s*(?:title|link) (?:of|to) (?:the )?work:\s*(\S.*?)\s*$", re.IGNORECASE | re.MULTILINE)
_NO_WORK = {"-", "n/a", "none"}
_WRITTEN = re.compile(r"[^\s,\]}#]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignSeed:
    """One question with its answer, word by word."""

    question: str
    answer: str
    context: str | None
    line: int
    licence: str | None = None
    source: str | None = None


@dataclass(slots=True, kw_only=True)
class Taxonomy:
    """What a file says, and what was changed to read it."""

    file: str
    version: int | None
    kind: Kind = "skill"
    task: str = ""
    domain: str | None = None
    outline: str | None = None
    created_by: str | None = None
    licence: str | None = None
    sources: list[str] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)
    """Where its documents are said to be."""
    seeds: list[ForeignSeed] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    """What was repaired or left out, each at its place."""


def is_taxonomy(document: Document) -> bool:
    """Whether a file that reads as YAML is one of InstructLab's."""
    return any(_nearest(key, ("seed_examples",)) for key in document.data)


def read_taxonomy(path: Path, file: str) -> Taxonomy:
    """Read a file of a taxonomy and the attribution.txt beside it; `file` is its name in problems.

    Raises:
        InvalidFiles: with all that cannot be repaired.
    """
    try:
        source = path.read_bytes()
    except OSError as err:
        raise InvalidFiles([Problem(file, 1, 1, f"the file cannot be read: {err.strerror}")]) from err
    document, notes = read_mended(source, file)
    reader = _Reader(document, notes)
    made = reader.read()
    if reader.faults:
        raise InvalidFiles(reader.faults)
    attribution = path.with_name("attribution.txt")
    if attribution.is_file():
        _attribute(made, attribution.read_text(encoding="utf-8", errors="replace"))
    return made


def _attribute(made: Taxonomy, text: str) -> None:
    licences = list(dict.fromkeys(_LICENCE.findall(text)))
    made.licence = " and ".join(licences) or None
    works = (one_line(work) for work in _WORK.findall(text) if work.lower() not in _NO_WORK)
    made.sources += list(dict.fromkeys(works))


class _Reader:
    """Reads key by key and collects faults and repairs on the way."""

    def __init__(self, document: Document, notes: list[Problem]) -> None:
        self.document = document
        self.notes = notes
        self.faults: list[Problem] = []

    def read(self) -> Taxonomy:
        data = self._renamed((), self.document.data, _TOP)
        made = Taxonomy(file=self.document.file, version=self._version(data), notes=self.notes)
        made.task = self._text(data, "task_description") or ""
        made.domain = self._text(data, "domain")
        made.outline = self._text(data, "document_outline")
        made.created_by = self._text(data, "created_by")
        made.documents = list(self._documents(data))
        made.seeds = self._without_repeats(self._seeds(data))
        if not made.seeds and not self.faults:
            self._fault(
                data["seed_examples"][0] if "seed_examples" in data else (), "there are no seeds in it"
            )
        made.kind = self._kind(data, made)
        return made

    def _kind(self, data: Mapping[str, tuple[Where, Any]], made: Taxonomy) -> Kind:
        if "document" in data or "document_outline" in data or "domain" in data:
            return "knowledge"
        return "grounded" if any(each.context for each in made.seeds) else "skill"

    def _fault(self, where: Where, message: str, *, at_key: bool = False) -> None:
        self.faults.append(self.document.problem(where, message, at_key=at_key))

    def _note(self, where: Where, message: str, *, at_key: bool = False) -> None:
        self.notes.append(self.document.problem(where, message, at_key=at_key, is_warning=True))

    def _renamed(
        self, where: Where, given: Mapping[str, Any], known: tuple[str, ...]
    ) -> dict[str, tuple[Where, Any]]:
        """The known keys with place and value; misspelt ones under their right names."""
        found: dict[str, tuple[Where, Any]] = {}
        for key, value in given.items():
            place: Where = (*where, key)
            name = key if key in known else _nearest(key, [each for each in known if each not in given])
            if name is None:
                self._note(place, f"the unknown key '{key}' was left out", at_key=True)
                continue
            if name != key:
                self._note(place, f"'{key}' was read as '{name}'", at_key=True)
            found.setdefault(name, (place, value))
        return found

    def _version(self, data: Mapping[str, tuple[Where, Any]]) -> int | None:
        if "version" not in data:
            return None
        where, value = data["version"]
        text = str(value).strip().removesuffix(".0")
        if not text.isdigit() or not 1 <= int(text) <= _NEWEST:
            self._fault(where, f"version {text} is not known. Known: 1, 2, 3, or none")
            return None
        if value != int(text):
            self._note(where, f"the version was read as {text}")
        return int(text)

    def _text(self, data: Mapping[str, tuple[Where, Any]], key: str) -> str | None:
        if key not in data:
            return None
        where, value = data[key]
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        if isinstance(value, str):
            return value
        if isinstance(value, list) and value and all(isinstance(each, str | int | float) for each in value):
            self._note(where, f"the list of '{key}' became lines of a text")
            return "\n".join(f"- {each}" for each in value)
        if isinstance(value, dict | list):
            self._fault(
                where, f"'{key}' is a {'mapping' if isinstance(value, dict) else 'list'}, expected a text"
            )
            return None
        text = self._written(where, value)
        self._note(where, f"'{key}' became the text '{text}'")
        return text

    def _written(self, where: Where, value: Any) -> str:
        """A number or boolean as it stands in the file."""
        line, column = self.document.marks[where].value
        rows = self.document.source.decode("utf-8-sig").splitlines()
        match = _WRITTEN.match(rows[line - 1], column - 1)
        return match[0] if match else str(value)

    def _documents(self, data: Mapping[str, tuple[Where, Any]]) -> Iterator[str]:
        if "document" not in data:
            return
        where, value = data["document"]
        if not isinstance(value, dict):
            yield from [str(value)] if value else []
            return
        patterns = value.get("patterns") or []
        patterns = patterns if isinstance(patterns, list) else [patterns]
        place = value.get("repo") or value.get("folder")
        commit = f" at {value['commit']}" if value.get("commit") else ""
        if not place:
            self._note(where, "the document names no place, so only the seeds are taken", at_key=True)
        else:
            yield f"{place}{commit}: {', '.join(map(str, patterns)) or 'all files'}"

    def _seeds(self, data: Mapping[str, tuple[Where, Any]]) -> Iterator[ForeignSeed]:
        if "seed_examples" not in data:
            self._fault((), "the key 'seed_examples' is missing")
            return
        where, value = data["seed_examples"]
        if not isinstance(value, list):
            self._fault(where, "'seed_examples' is no list. Begin each seed with '- '")
            return
        for number, each in enumerate(value):
            place: Where = (*where, number)
            if isinstance(each, dict):
                yield from self._seed(place, self._renamed(place, each, _SEED))
            elif each is None:
                self._note(place, "the empty seed was left out")
            else:
                self._fault(place, "a seed has a question and an answer. Write both as keys")

    def _seed(self, where: Where, seed: Mapping[str, tuple[Where, Any]]) -> Iterator[ForeignSeed]:
        context = self._text(seed, "context")
        if "questions_and_answers" not in seed:
            yield from self._pair(where, seed, context, seed)
            return
        place, pairs = seed["questions_and_answers"]
        if not isinstance(pairs, list):
            self._fault(place, "'questions_and_answers' is no list. Begin each question with '- '")
            return
        for number, pair in enumerate(pairs):
            inside: Where = (*place, number)
            if isinstance(pair, dict):
                yield from self._pair(inside, self._renamed(inside, pair, _PAIR), context, seed)
            else:
                self._fault(inside, "a question stands with its answer. Write both as keys")

    def _pair(
        self,
        where: Where,
        pair: Mapping[str, tuple[Where, Any]],
        context: str | None,
        seed: Mapping[str, tuple[Where, Any]],
    ) -> Iterator[ForeignSeed]:
        num_faults = len(self.faults)
        question, answer = self._text(pair, "question"), self._text(pair, "answer")
        if len(self.faults) > num_faults:
            return
        if question is None and answer is None:
            self._note(where, "the empty seed was left out")
            return
        for name, text in (("question", question), ("answer", answer)):
            if text is None:
                self._fault(where, f"the {name} is missing or empty. Write it, or delete the seed")
        if question is None or answer is None:
            return
        line = self.document.marks[where].value[0]
        licence, source = _credit(seed)
        yield ForeignSeed(
            question=question, answer=answer, context=context, line=line, licence=licence, source=source
        )

    def _without_repeats(self, seeds: Iterator[ForeignSeed]) -> list[ForeignSeed]:
        found: dict[tuple[str, str, str | None], ForeignSeed] = {}
        for each in seeds:
            key = (each.question.strip(), each.answer.strip(), each.context and each.context.strip())
            if (first := found.setdefault(key, each)) is not each:
                message = f"the seed is that of line {first.line} again and was left out"
                self.notes.append(Problem(self.document.file, each.line, 1, message, is_warning=True))
        return list(found.values())


def _credit(seed: Mapping[str, tuple[Where, Any]]) -> tuple[str | None, str | None]:
    """Licence and source that early files give each seed."""
    _, given = seed.get("attribution", ((), None))
    entries = given if isinstance(given, list) else [given]
    found = [each for each in entries if isinstance(each, dict)]
    licences = list(dict.fromkeys(str(each["license"]) for each in found if each.get("license")))
    sources = list(dict.fromkeys(str(each["source"]) for each in found if each.get("source")))
    return " and ".join(licences) or None, ", ".join(sources) or None


def _nearest(word: str, known: Any) -> str | None:
    """The name that a misspelt one was meant to be."""
    plain = re.sub(r"[^a-z]", "_", word.lower()) if len(word) <= 40 else ""
    near = get_close_matches(plain, list(known), n=1, cutoff=0.75)
    return near[0] if near else None
