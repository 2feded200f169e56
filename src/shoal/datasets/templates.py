"""Templates: the entries of `templates:` read into patterns, and seeds as templates of themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from shoal.agents.agent import Agent
from shoal.datasets.lexicons import Lexicons
from shoal.datasets.patterns import Parts, PatternError, Slot, parse, slots_of
from shoal.datasets.qna import Qna
from shoal.datasets.seeds import Example, output_fields, text_field
from shoal.errors import Problem
from shoal.workspace.types import Nullable, Span, ValueMismatch
from shoal.workspace.yaml import Where

__all__ = ["Pattern", "Template", "TemplateReader", "parts_in", "template_of_seed"]

Pattern: TypeAlias = Any
"""Parts (a tuple) where a text was written, else mappings, lists and values as they were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A pattern of examples."""

    input: Mapping[str, Pattern]
    output: Mapping[str, Pattern] | None
    """None where an agent that teaches is to answer."""
    source: str
    licence: str
    is_seed: bool = False
    case: tuple[str, str] | None = None
    """A lexicon and the case that is asked of it here, where that decides the label."""


class TemplateReader:
    """Reads the templates of a file and collects problems on the way."""

    def __init__(self, qna: Qna, agent: Agent, lexicons: Lexicons) -> None:
        self.problems: list[Problem] = []
        self._qna = qna
        self._agent = agent
        self._lexicons = lexicons

    def read(self) -> Iterator[Template]:
        """The templates without faults."""
        for number, entry in enumerate(self._qna.file.templates):
            where: Where = ("templates", number)
            try:
                given = entry.input
                asked = given if isinstance(given, Mapping) else {text_field(self._agent): given}
                answered = None if entry.output is None else output_fields(entry.output, self._agent)
            except ValueMismatch as err:
                self.problems.append(self._qna.document.problem(where, str(err)))
                continue
            self.problems += self._wrong_fields(where, asked, answered)
            line = self._qna.document.marks[where].value[0]
            yield Template(
                input={name: self._parsed(each, (*where, "input", name)) for name, each in asked.items()},
                output=None
                if answered is None
                else {name: self._parsed(each, (*where, "output", name)) for name, each in answered.items()},
                source=f"{self._qna.document.file}:{line}",
                licence=self._qna.file.license,
            )

    def _wrong_fields(
        self, where: Where, asked: Mapping[str, Any], answered: Mapping[str, Any] | None
    ) -> Iterator[Problem]:
        agent = self._agent
        for key, given, kind in (("input", asked, agent.input), ("output", answered, agent.output)):
            if given is None:
                continue
            for name, field in kind.fields.items():
                if name not in given and not isinstance(field, Nullable | Span):
                    message = f"the {key} of this template lacks the field '{name}' ({field})"
                    yield self._qna.document.problem((*where, key), message)
            for name in given:
                if name not in kind.fields:
                    message = f"agent '{agent.name}' has no {key} '{name}': {kind}"
                    yield self._qna.document.problem((*where, key, name), message, at_key=True)

    def _parsed(self, value: Any, where: Where) -> Pattern:
        if isinstance(value, Mapping):
            return {name: self._parsed(each, (*where, name)) for name, each in value.items()}
        if isinstance(value, list):
            return [self._parsed(each, (*where, at)) for at, each in enumerate(value)]
        if not isinstance(value, str):
            return value
        # A text that stands for the only field has its place one step further up.
        place = where if where in self._qna.document.marks else where[:-1]
        try:
            parts = parse(value)
        except PatternError as err:
            self.problems.append(self._qna.document.problem(place, str(err), offset=err.at))
            return ()
        if not self._lexicons.problems:
            self.problems += self._lexicons.unknown(parts, place)
        return parts


def template_of_seed(seed: Example, seeds: Sequence[Example], agent: Agent, lexicons: Lexicons) -> Template:
    """A seed as a template: what is marked in it is a slot for what is marked in all seeds.

    Where a lexicon holds such a piece, its other pieces fit there, too.
    """
    values: dict[str, Pattern] = {name: _literal(value) for name, value in seed.input.items()}
    output: dict[str, Pattern] = {name: _literal(value) for name, value in seed.output.items()}
    for name, kind in agent.output.fields.items():
        text = seed.output[name]
        if isinstance(kind, Span) and text is not None and _count(seed.input, text) == 1:
            slot = Slot(f"@{name}")
            pieces = {each.output[name] for each in seeds if each.output[name] is not None}
            pieces |= {piece for each in sorted(pieces) for piece in lexicons.holding(each)}
            lexicons.add(slot.lexicon, sorted(pieces))
            output[name] = (slot,)
            values = {key: _cut(value, text, slot) for key, value in values.items()}
    return Template(input=values, output=output, source=seed.source, licence=seed.licence, is_seed=True)


def parts_in(pattern: Pattern) -> Iterator[Parts]:
    """The texts inside a pattern."""
    if isinstance(pattern, tuple):
        yield pattern
    elif isinstance(pattern, Mapping):
        for each in pattern.values():
            yield from parts_in(each)
    elif isinstance(pattern, list):
        for each in pattern:
            yield from parts_in(each)


def has_slots(pattern: Pattern) -> bool:
    """Whether anything in a pattern is to be filled."""
    return any(True for parts in parts_in(pattern) for _ in slots_of(parts))


def _literal(value: Any) -> Pattern:
    return (value,) if isinstance(value, str) else value


def _count(values: Mapping[str, Any], text: str) -> int:
    return sum(value.count(text) for value in values.values() if isinstance(value, str))


def _cut(pattern: Pattern, text: str, slot: Slot) -> Pattern:
    """The pattern with a slot in the place of a text."""
    if not isinstance(pattern, tuple):
        return pattern
    parts: list[Any] = []
    for part in pattern:
        if isinstance(part, str) and text in part:
            before, _, after = part.partition(text)
            parts += [each for each in (before, slot, after) if each]
        else:
            parts.append(part)
    return tuple(parts)
