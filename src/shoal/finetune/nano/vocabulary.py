"""Seeded makers of names, words, numbers, money, keys and phrases, in a training and a held-out half.

What is made in training never shows up in the held-out half: a word belongs to one of them by its checksum,
so that no list of used words has to be kept and two processes agree without talking.
"""

import random
import zlib
from collections.abc import Callable, Sequence
from typing import TypeVar

from shoal.finetune.nano import lexicon as lex

HELD_SHARE = 8
T = TypeVar("T")


def is_held(word: str) -> bool:
    """Says whether a made-up word, name or long number belongs to the held-out half."""
    return zlib.crc32(word.lower().encode()) % HELD_SHARE == 0


class Draw:
    """A seeded source of small pieces of text.

    Attributes:
        rng: The generator every choice comes from.
        held: True draws names, invented words and long numbers from the held-out half.
        new_wordings: True takes wordings that training never uses; follows held where it is not given.
        level: Between 0 and 1; scales the upper end of counts, so that a curriculum can start short.
    """

    def __init__(
        self, seed: int | str, held: bool = False, level: float = 1.0, new_wordings: bool | None = None
    ) -> None:
        """Starts a source; equal arguments give equal text."""
        self.rng = random.Random(seed)
        self.held = held
        self.new_wordings = held if new_wordings is None else new_wordings
        self.level = level

    def pick(self, options: Sequence[T]) -> T:
        """Returns one of the options."""
        return options[self.rng.randrange(len(options))]

    def some(self, options: Sequence[T], low: int, high: int) -> list[T]:
        """Returns between low and high different options, in random order."""
        return self.rng.sample(options, min(len(options), self.rng.randint(low, high)))

    def wording(self, train: Sequence[str], held: Sequence[str]) -> str:
        """Returns a wording of this half."""
        return self.pick(held if self.new_wordings else train)

    def chance(self, share: float) -> bool:
        """Is true in this share of calls."""
        return self.rng.random() < share

    def count(self, low: int, high: int) -> int:
        """Returns a count between low and high; high is lowered by the level."""
        return self.rng.randint(low, low + round((high - low) * self.level))

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Returns the items in random order."""
        return self.rng.sample(items, len(items))

    def one_of(self, *makers: Callable[[], str]) -> str:
        """Calls one of the makers."""
        return self.pick(makers)()

    def _syllable(self, accents: bool) -> str:
        vowel = self.pick(lex.ACCENTED) if accents and self.chance(0.12) else self.pick(lex.VOWELS)
        return (self.pick(lex.ONSETS) if self.chance(0.9) else "") + vowel + self.pick(lex.CODAS)

    def syllables(self, low: int = 1, high: int = 3, accents: bool = False) -> str:
        """Makes a pronounceable word of this half."""
        while True:
            word = "".join(self._syllable(accents) for _ in range(self.rng.randint(low, high)))
            if len(word) > 1 and is_held(word) == self.held:
                return word

    def _name_word(self, known: Sequence[str]) -> str:
        if self.chance(0.22):
            return self.pick(lex.HELD_NAMES if self.held else known)
        word = self.syllables(1, 4 if self.chance(0.2) else 3, accents=self.chance(0.3))
        word = word[0].upper() + word[1:]
        if self.chance(0.07):
            return self.pick(("O'", "D'", "Mc", "Mac", "Al-", "N'", "Fitz", "L'", "M'", "Saint-")) + word
        return word.upper() if self.chance(0.02) else word

    def family(self) -> str:
        """Makes a family name: one word, a double name or one with particles."""
        name = self._name_word(lex.FAMILY)
        if self.chance(0.2):
            name += self.pick(("-", "-", "-", "–", " ")) + self._name_word(lex.FAMILY)
        if self.chance(0.1):
            name = self.pick(lex.PARTICLES) + " " + name
        return name + self.pick((" Jr", " III", " Sr.", " PhD")) if self.chance(0.02) else name

    def name(self) -> str:
        """Makes a person's name of one to four words."""
        shape = self.rng.random()
        given = self._name_word(lex.GIVEN)
        if shape < 0.1:
            return given
        if shape < 0.2:
            given += " " + self.pick("ABCDEFGHIJKLMNOPRSTVWZ") + "."
        elif shape < 0.27:
            given = self.pick("ABCDEFGHIJKLMNOPRSTVWZ") + "."
        elif shape < 0.37:
            given += self.pick(("-", " ")) + self._name_word(lex.GIVEN)
        elif shape < 0.41:
            given = self.pick(("Mr", "Ms", "Mrs", "Dr", "Dr.", "Prof.", "Mx")) + " " + given
        return given + " " + self.family()

    def digits(self, length: int) -> str:
        """Makes a number of this many digits; long ones belong to one half."""
        while True:
            text = str(self.rng.randrange(10 ** (length - 1) if length > 1 else 0, 10**length))
            if length < 4 or is_held(text) == self.held:
                return text

    def number(self) -> str:
        """Makes a plain number: mostly one to three digits, sometimes a decimal."""
        text = self.digits(self.pick((1, 1, 2, 2, 2, 2, 3, 3, 4, 5)))
        return text + "." + self.digits(self.pick((1, 1, 2))) if self.chance(0.12) else text

    def money(self) -> str:
        """Makes an amount in one of many notations."""
        whole = self.digits(self.pick((1, 2, 3, 3, 4, 4, 5, 5, 6, 7)))
        whole = whole[:-2] + "00" if self.chance(0.3) and len(whole) > 2 else whole
        mark = self.pick((",", ",", ",", ",", "", "", " ", ".", "'"))
        text = f"{int(whole):,}".replace(",", mark)
        if self.chance(0.3):
            text += ("," if mark in (".", " ") else ".") + self.digits(2).zfill(2)
        return self.pick(
            (
                "${}",
                "${}",
                "${}",
                "${}",
                "€{}",
                "£{}",
                "{} EUR",
                "{} USD",
                "EUR {}",
                "{} €",
                "US${}",
                "{} CHF",
                "₹{}",
            )
        ).format(text)

    def date(self) -> str:
        """Makes a date in one of many notations."""
        day, month, year = self.rng.randint(1, 28), self.rng.randint(1, 12), self.rng.randint(1990, 2039)
        name = lex.MONTHS[month - 1]
        return self.pick(
            (
                f"{year}-{month:02}-{day:02}",
                f"{day} {name} {year}",
                f"{name} {day}, {year}",
                f"{day}/{month}/{year}",
                f"{day:02}.{month:02}.{year}",
                f"{name} {day}",
                f"{day} {name}",
                f"{name[:3]} {day}",
            )
        )

    def identifier(self) -> str:
        """Makes an id such as C-1042, INV_2291-B or a mail address."""
        letters = self.syllables(1, 1).upper()[: self.rng.randint(1, 4)]
        if self.chance(0.15):
            who, where = f"{self.syllables(1, 2)}.{self.syllables(1, 3)}", self.syllables(1, 3)
            return f"{who}@{where}.{self.pick(('com', 'org', 'net', 'eu', 'io'))}"
        return self.pick(("{}-{}", "{}{}", "{}_{}", "#{}{}", "{}-{}-A")).format(
            letters, self.digits(self.rng.randint(2, 7))
        )

    def word(self) -> str:
        """Returns a plain word, or an invented one."""
        return self.pick(lex.WORDS) if self.chance(0.65) else self.syllables(1, 3)

    def key(self) -> str:
        """Makes the left side of a `key: value` line."""
        roll = self.rng.random()
        if roll < 0.35:
            return self.pick(lex.KEYS)
        if roll < 0.45:
            return self.pick(lex.FIELDS)
        text = self.pick((" ", " ", " ", "_", "-")).join(
            self.word() for _ in range(self.pick((1, 1, 2, 2, 2, 3)))
        )
        return text.capitalize() if self.chance(0.12) else text

    def keys(self, count: int) -> list[str]:
        """Makes different keys."""
        found: dict[str, None] = {}
        while len(found) < count:
            found[self.key()] = None
        return list(found)

    def phrase(self, low: int = 2, high: int = 6) -> str:
        """Makes a phrase of plain and invented words, sometimes with a number or an amount in it."""
        words = [self.word() for _ in range(self.rng.randint(low, high))]
        if self.chance(0.25):
            words.insert(self.rng.randint(1, len(words)), self.one_of(self.number, self.money))
        text = " ".join(words)
        return text[0].upper() + text[1:] if self.chance(0.15) else text

    def quantity(self) -> str:
        """Makes a number with a unit, or an amount of money."""
        return self.money() if self.chance(0.2) else self.number() + self.pick(lex.UNITS)

    def value(self) -> str:
        """Makes the right side of a `key: value` line."""
        return self.one_of(
            self.name,
            self.name,
            self.money,
            self.money,
            self.number,
            self.date,
            self.identifier,
            self.word,
            self.phrase,
            self.quantity,
            self.quantity,
            lambda: self.pick(("yes", "no", "true", "false", "none")),
            lambda: self.pick(lex.DECISIONS),
        )
