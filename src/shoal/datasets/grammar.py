"""The grammar teacher: many typed examples of a few templates and lexicons, and no model.

Where there are no templates, the seeds themselves are varied in what can be varied safely: what is marked
in them is put in the place of what is marked in others, and their letters are roughened. That makes no new
wordings, and `lacks` says so.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from shoal.agents.agent import Agent
from shoal.datasets.lexicons import MOST, Exhausted, Filling, Lexicons, SplitPart, part_of
from shoal.datasets.patterns import Slot
from shoal.datasets.qna import Qna
from shoal.datasets.roughening import roughened
from shoal.datasets.seeds import Seeds, as_typed, label_field
from shoal.datasets.templates import (
    Pattern,
    Template,
    TemplateReader,
    has_slots,
    parts_in,
    template_of_seed,
)
from shoal.errors import Problem
from shoal.workspace.types import STR, Enum, ListOf, Nullable, Record, Scalar, Span, Type

__all__ = ["Grammar", "Sentence"]

_FEWEST_TEMPLATES = 4
_VARIANTS = 5
"""Of a seed without anything marked: more of its misspellings teach nothing."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """What was drawn: an example that may still not fit the agent."""

    input: Mapping[str, Any]
    output: Mapping[str, Any] | None
    """None where an agent that teaches is to answer."""
    source: str
    licence: str


class Grammar:
    """Templates, or seeds in their place, and the lexicons that fill them."""

    def __init__(self, qna: Qna, agent: Agent, seeds: Seeds, label: str | None = None) -> None:
        self._agent = agent
        self._file = qna.document.file
        self._label = label or label_field(agent)
        self._lexicons = Lexicons(qna.file.lexicons, qna.document)
        reader = TemplateReader(qna, agent, self._lexicons)
        templates = list(reader.read())
        self.problems: list[Problem] = [*self._lexicons.problems, *reader.problems]
        self.has_templates = bool(qna.file.templates)
        if not self.problems and not self.has_templates:
            templates = [template_of_seed(each, seeds.train, agent, self._lexicons) for each in seeds.train]
        self._groups = {} if self.problems else self._grouped(templates)

    def size(self) -> int:
        """About how many different inputs it can write."""
        found = 0
        for each in (template for group in self._groups.values() for template in group):
            parts = tuple(part for text in parts_in(each.input) for part in text)
            size = self._lexicons.size(parts, dict([each.case]) if each.case else {})
            found += _VARIANTS if size == 1 and each.is_seed else size
        return min(found, MOST)

    def lacks(self) -> str | None:
        """What it cannot do for this agent, and the remedy."""
        if self.has_templates:
            return None
        return (
            f"{self._file} has no templates, so its seeds are varied in letters and in what is marked in "
            "them, not in their wording. Write templates, or name a teacher with a model"
        )

    def shared(self) -> list[str]:
        """Labels whose held-out rows come from the same templates as those to train on."""
        few = [label for label, group in self._groups.items() if len(group) < _FEWEST_TEMPLATES]
        return [label or "any" for label in few] if self.has_templates else []

    def sentence(self, number: int, part: SplitPart, seed: int, noise: float = 0.0) -> Sentence | None:
        """The example with a number: always the same one; None where it could not be written.

        Examples of the labels come in turn.
        """
        if not self._groups:
            return None
        labels = list(self._groups)
        chance = random.Random(f"{seed} {part} {number}")
        group = self._groups[labels[number % len(labels)]]
        template = chance.choice(
            part_of(group, part, _FEWEST_TEMPLATES, [repr(each.input) for each in group])
        )
        is_plain = template.is_seed and not has_slots(template.input)
        if is_plain:
            chance = random.Random(f"{seed} {part} {template.source} {number // len(labels) % _VARIANTS}")
        filling = Filling(self._lexicons, chance, part, dict([template.case]) if template.case else {})
        try:
            made = self._filled(template, filling)
        except Exhausted:
            return None
        is_rough = chance.random() < (1.0 if is_plain else noise)
        return self._roughened(made, chance) if is_rough else made

    def _filled(self, template: Template, filling: Filling) -> Sentence:
        values = _written(template.input, self._agent.input, filling)
        output = None
        if template.output is not None:
            output = _written(template.output, self._agent.output, filling)
        return Sentence(values, output, template.source, template.licence)

    def _grouped(self, templates: Sequence[Template]) -> dict[str | None, list[Template]]:
        groups: dict[str | None, list[Template]] = {}
        for each in templates:
            for label, template in self._labelled(each):
                groups.setdefault(label, []).append(template)
        return groups

    def _labelled(self, template: Template) -> Iterator[tuple[str | None, Template]]:
        """A template under its label; under each, where a lexicon with cases decides it."""
        match template.output.get(self._label) if template.output and self._label else None:
            case (Slot(lexicon=lexicon, look="case"),):
                for case in self._lexicons[lexicon].cases():
                    yield case, replace(template, case=(lexicon, case))
            case (str(label),):
                yield label, template
            case bool() as answer:
                yield str(answer), template
            case _:
                yield None, template

    def _roughened(self, made: Sentence, chance: random.Random) -> Sentence:
        """With the letters of its text roughened, where the agent reads one text."""
        texts = [name for name, kind in self._agent.input.fields.items() if kind in (STR, Nullable(STR))]
        if len(texts) != 1 or not isinstance(made.input.get(texts[0]), str):
            return made
        (name,) = texts
        fields = self._agent.output.fields
        kept = [
            str(value)
            for field, value in (made.output or {}).items()
            if value is not None and not isinstance(fields.get(field), Enum)
        ]
        return replace(made, input={**made.input, name: roughened(made.input[name], kept, chance)})


def _written(pattern: Pattern, kind: Type, filling: Filling) -> Any:
    """What a pattern becomes, as the type wants it."""
    inner = kind.of if isinstance(kind, Nullable) else kind
    if isinstance(pattern, Mapping):
        fields = inner.fields if isinstance(inner, Record) else {}
        return {name: _written(each, fields.get(name, STR), filling) for name, each in pattern.items()}
    if isinstance(pattern, list):
        item = inner.item if isinstance(inner, ListOf) else STR
        return [_written(each, item, filling) for each in pattern]
    if not isinstance(pattern, tuple):
        return pattern
    if isinstance(kind, Span) and len(pattern) == 1 and isinstance(pattern[0], Slot):
        # What was left out of the text is not there to be found.
        return filling.draw(pattern[0]).text if filling.has(pattern[0]) else None
    text = filling.write(pattern)
    return as_typed(kind, text) if isinstance(inner, Scalar) else text
