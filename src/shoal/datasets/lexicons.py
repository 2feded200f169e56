"""Lexicons: the pieces that slots are filled with, apart for training and measuring.

Of a lexicon with enough pieces some are kept for the dev part and some for the held-out part, chosen by
their hash: figures measured there are about pieces that were never trained on.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from shoal.agents.manifest import NAME, NAME_RULE
from shoal.datasets.patterns import Choice, Parts, PatternError, Slot, parse, slots_of, tidy
from shoal.datasets.qna import Lexicon as LexiconEntry
from shoal.datasets.qna import NumberLexicon, NumbersEntry
from shoal.errors import Problem, suggest
from shoal.workspace.yaml import Document, Where

SplitPart = Literal["train", "dev", "heldout"]
T = TypeVar("T")

MOST = 10**9
"""Where counting of what a grammar can write ends."""
_FEWEST_PIECES = 8
_TRIES = 50
_DEEPEST = 8


def part_of(items: Sequence[T], part: SplitPart, fewest: int, keys: Sequence[str]) -> Sequence[T]:
    """Those of some items that belong to a part; all of them where there are too few to be apart."""
    if len(items) < fewest:
        return items
    order = sorted(range(len(items)), key=lambda at: hashlib.sha256(keys[at].encode()).digest())
    count = max(1, len(items) // 8)
    heldout, dev = order[:count], order[count : 2 * count]
    if len(items) < fewest + fewest // 2:
        dev = heldout
    chosen = {"heldout": heldout, "dev": dev, "train": order[count if dev is heldout else 2 * count :]}[part]
    return [items[at] for at in sorted(chosen)]


@dataclass(frozen=True, slots=True)
class LexiconPiece:
    """A text with slots that a slot can be filled with."""

    parts: Parts
    source: str
    case: str | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a slot was filled with."""

    text: str
    case: str | None = None
    value: int | None = None


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The pieces of one lexicon, or its numbers."""

    pieces: Mapping[SplitPart, Sequence[LexiconPiece]] = field(default_factory=dict)
    numbers: NumbersEntry | None = None

    def cases(self) -> tuple[str, ...]:
        """The cases its pieces belong to, in the order of the file."""
        found = dict.fromkeys(each.case for part in self.pieces.values() for each in part)
        return tuple(case for case in found if case is not None)

    def size(self) -> int:
        """How many pieces it has, slots in them not counted."""
        if self.numbers is not None:
            count = (self.numbers.highest - self.numbers.lowest) // self.numbers.step + 1
            return count * len(self.numbers.forms)
        return len(self.pieces["train"])


class Lexicons:
    """All lexicons of a file, and what is wrong with them."""

    def __init__(self, entries: Mapping[str, LexiconEntry], document: Document) -> None:
        self.problems: list[Problem] = []
        self._document = document
        self._all = {name: self._read(name, entry) for name, entry in entries.items()}
        for name in entries:
            if not NAME.match(name):
                message = f"'{name}' cannot be a name. {NAME_RULE}"
                self.problems.append(document.problem(("lexicons", name), message, at_key=True))
        for name, lexicon in self._all.items():
            for piece in lexicon.pieces.get("train", ()):
                self.problems += self.unknown(piece.parts, ("lexicons", name))
        if not self.problems:
            self._refuse_circles()

    def __contains__(self, name: str) -> bool:
        return name in self._all

    def __getitem__(self, name: str) -> Lexicon:
        return self._all[name]

    def add(self, name: str, texts: Sequence[str]) -> None:
        """Add a lexicon of plain texts under a name that no file can give."""
        pieces = [LexiconPiece((text,), text) for text in texts]
        self._all[name] = Lexicon({"train": pieces, "dev": pieces, "heldout": pieces})

    def holding(self, text: str) -> list[str]:
        """Texts of all lexicons that have this text as a piece."""
        plain = [
            [each.source for each in lexicon.pieces.get("train", ()) if not any(slots_of(each.parts))]
            for lexicon in self._all.values()
        ]
        return [each for texts in plain if text in texts for each in texts]

    def unknown(self, parts: Parts, where: Where) -> Iterator[Problem]:
        """Problems of the slots of a text."""
        for slot in slots_of(parts):
            if slot.lexicon not in self._all:
                message = f"there is no lexicon '{slot.lexicon}'. {suggest(slot.lexicon, self._all)}"
                yield self._document.problem(where, message, offset=slot.at)
            elif slot.look == "case" and not self._all[slot.lexicon].cases():
                message = f"'{slot.lexicon}' has no cases. Write it as a mapping of cases to lists of pieces"
                yield self._document.problem(where, message, offset=slot.at)
            elif slot.look == "value" and self._all[slot.lexicon].numbers is None:
                message = f"'{slot.lexicon}' has no numbers. Write it as {{numbers: {{from: 1, to: 100}}}}"
                yield self._document.problem(where, message, offset=slot.at)

    def size(self, parts: Parts, cases: Mapping[str, str], depth: int = 0) -> int:
        """About how many different texts these parts can become."""
        found, seen = 1, set[tuple[str, int]]()
        for part in parts:
            if isinstance(part, Choice):
                found *= sum(self.size(option, cases, depth) for option in part.options)
            elif isinstance(part, Slot) and (part.lexicon, part.number) not in seen:
                seen.add((part.lexicon, part.number))
                found *= self._slot_size(part, cases, depth)
            if found > MOST:
                return MOST
        return found

    def _slot_size(self, slot: Slot, cases: Mapping[str, str], depth: int) -> int:
        lexicon = self._all[slot.lexicon]
        if lexicon.numbers is not None or depth > _DEEPEST:
            return lexicon.size()
        wanted = cases.get(slot.lexicon)
        pieces = [each for each in lexicon.pieces["train"] if wanted in (None, each.case)]
        return sum(self.size(each.parts, cases, depth + 1) for each in pieces)

    def _read(self, name: str, entry: LexiconEntry) -> Lexicon:
        if isinstance(entry, NumberLexicon):
            for number, form in enumerate(entry.numbers.forms):
                if "{n}" not in form and "{n:,}" not in form:
                    message = f"'{form}' has no {{n}}, where the number goes"
                    where: Where = ("lexicons", name, "numbers", "forms", number)
                    self.problems.append(self._document.problem(where, message))
            return Lexicon(numbers=entry.numbers)
        listed = entry if isinstance(entry, dict) else {None: entry}
        parts: dict[SplitPart, list[LexiconPiece]] = {"train": [], "dev": [], "heldout": []}
        for case, texts in listed.items():
            pieces = [self._piece(name, case, number, text) for number, text in enumerate(texts)]
            for part, chosen in parts.items():
                chosen += part_of(pieces, part, _FEWEST_PIECES, texts)
        return Lexicon(parts)

    def _piece(self, name: str, case: str | None, number: int, text: str) -> LexiconPiece:
        try:
            return LexiconPiece(parse(text), text, case)
        except PatternError as err:
            where: Where = ("lexicons", name, *([case] if case is not None else []), number)
            self.problems.append(self._document.problem(where, str(err), offset=err.at))
            return LexiconPiece((), text, case)

    def _refuse_circles(self) -> None:
        uses = {
            name: {
                slot.lexicon for part in lexicon.pieces.values() for p in part for slot in slots_of(p.parts)
            }
            for name, lexicon in self._all.items()
        }
        done: set[str] = set()
        for name in uses:
            if name not in done and (circle := _circle(name, uses, done, ())):
                message = f"the lexicons {' -> '.join(circle)} hold each other. Take one out of another"
                self.problems.append(self._document.problem(("lexicons", circle[0]), message, at_key=True))
                return


def _circle(
    name: str, uses: Mapping[str, set[str]], done: set[str], path: tuple[str, ...]
) -> tuple[str, ...] | None:
    if name in path:
        return (*path[path.index(name) :], name)
    for other in sorted(uses[name]):
        if other not in done and (found := _circle(other, uses, done, (*path, name))):
            return found
    done.add(name)
    return None


class Exhausted(Exception):
    """A lexicon has too few pieces for the slots that want different ones."""


class Filling:
    """What the slots of one example are filled with; drawn when a slot is first met."""

    def __init__(
        self,
        lexicons: Lexicons,
        chance: random.Random,
        part: SplitPart,
        cases: Mapping[str, str] | None = None,
    ) -> None:
        self._lexicons = lexicons
        self._chance = chance
        self._part = part
        self._cases = cases or {}
        self._drawn: dict[tuple[str, int], Drawn] = {}

    def has(self, slot: Slot) -> bool:
        """Whether something was drawn for a slot already."""
        return (slot.lexicon, slot.number) in self._drawn

    def write(self, parts: Parts) -> str:
        """The text that the parts become.

        Raises:
            Exhausted: slots want more different pieces than a lexicon has.
        """
        text = self._write(parts)
        return tidy(text) if any(isinstance(part, Choice) for part in parts) else text

    def draw(self, slot: Slot) -> Drawn:
        """What a slot is filled with."""
        key = (slot.lexicon, slot.number)
        if key not in self._drawn:
            others = {each.text for (name, _), each in self._drawn.items() if name == slot.lexicon}
            for _ in range(_TRIES):
                drawn = self._draw(slot.lexicon)
                if drawn.text not in others:
                    break
            else:
                raise Exhausted(f"the lexicon '{slot.lexicon}' has too few different pieces")
            self._drawn.setdefault(key, drawn)
        return self._drawn[key]

    def _write(self, parts: Parts) -> str:
        written = []
        for part in parts:
            if isinstance(part, str):
                written.append(part)
            elif isinstance(part, Choice):
                written.append(self._write(self._chance.choice(part.options)))
            else:
                drawn = self.draw(part)
                written.append(str({"text": drawn.text, "case": drawn.case, "value": drawn.value}[part.look]))
        return "".join(written)

    def _draw(self, name: str) -> Drawn:
        lexicon = self._lexicons[name]
        if lexicon.numbers is not None:
            return self._number(lexicon.numbers)
        pieces = lexicon.pieces[self._part]
        case = self._cases.get(name)
        piece = self._chance.choice([p for p in pieces if case is None or p.case == case])
        return Drawn(self.write(piece.parts), piece.case)

    def _number(self, numbers: NumbersEntry) -> Drawn:
        count = (numbers.highest - numbers.lowest) // numbers.step + 1
        for _ in range(_TRIES):
            value = numbers.lowest + self._chance.randrange(count) * numbers.step
            if count < _FEWEST_PIECES or _part_of_number(value) == self._part:
                break
        form = self._chance.choice(numbers.forms)
        return Drawn(form.replace("{n:,}", f"{value:,}").replace("{n}", str(value)), value=value)


def _part_of_number(value: int) -> SplitPart:
    place = hashlib.sha256(str(value).encode()).digest()[0] % 8
    return "heldout" if place == 0 else "dev" if place == 1 else "train"
