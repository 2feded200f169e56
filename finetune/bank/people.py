"""Names and words that nobody has: the bank's adapters learn to copy, not to know.

A made-up word belongs to training or to the held-out part by its checksum, so both parts share none.
"""

from __future__ import annotations

import random
import zlib


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_STARTS = (
    *_words(
        "b c d f g h j k l m n p r s t v w y z br ch cl cr dr fl gr kh kl kw mb nd ng nk ny ph pl pr qu rh"
    ),
    *_words("sh sk sl sm st sv sz th tr ts tz vl x zh"),
    *("",) * 6,
)
_VOWELS = _words("a a a e e e i i o o u y aa ai au ea ee ei eu ia ie io oa oo ou ua ue ui")
_ACCENTS = _words("á à ä â ã å ą ă é è ë ê ę ě í ï î ó ö ô õ ø ő ú ü ů ű ý")
_ENDS = (
    *_words(
        "b ch ck d ff g hl k l ll lt m n n n nd ng nk nn ns nt p r r rd rg rk rn rs s s sch sh sk ss st sz"
    ),
    *_words("t th tt ts x z"),
    *("",) * 12,
)
_ACCENTED_ENDS = _words("č ć ğ ł ń ň ř š ş ș ț ž ź ż")
_PARTICLES = (
    "van",
    "van der",
    "von",
    "de",
    "de la",
    "del",
    "da",
    "dos",
    "bin",
    "ibn",
    "al",
    "el",
    "ter",
    "ten",
    "mac",
    "ap",
    "af",
    "zu",
)
_PREFIXES = (
    "O'",
    "O’",
    "D’",
    "D'",
    "Mc",
    "Mac",
    "Al-",
    "N'",
    "Fitz",
    "L'",
    "Ó ",
    "St. ",
    "Abd el-",
    "Ben-",
    "Ter-",
    "M'",
)
_ALPHABETS = (
    (0x4E00, 0x9FA5),
    (0x0410, 0x044F),
    (0x0391, 0x03C9),
    (0x0621, 0x064A),
    (0xAC00, 0xD7A3),
    (0x0905, 0x0939),
)
"""First and last letter of Chinese, Cyrillic, Greek, Arabic, Korean and Devanagari."""
_TITLES = ("Dr", "Dr.", "Prof.", "Ms", "Mr", "Mx", "Rev.", "Sir")


def word(dice: random.Random, part: str, most: int = 3) -> str:
    """A pronounceable word of this part."""
    while True:
        syllable = dice.choice((_plain_syllable, _syllable))
        made = "".join(syllable(dice) for _ in range(dice.randint(1, most)))
        if len(made) > 2 and is_heldout(made) == (part == "heldout"):
            return made


def is_heldout(text: str) -> bool:
    """Whether a word belongs to the held-out part: one in eight."""
    return zlib.crc32(text.lower().encode()) % 8 == 0


def _plain_syllable(dice: random.Random) -> str:
    return (
        dice.choice("bcdfghjklmnprstvwyz")
        + dice.choice("aaaeeeiioou")
        + dice.choice(("", "", "", "n", "r", "s", "l"))
    )


def _syllable(dice: random.Random) -> str:
    vowel = dice.choice(_ACCENTS) if dice.random() < 0.07 else dice.choice(_VOWELS)
    end = dice.choice(_ACCENTED_ENDS) if dice.random() < 0.04 else dice.choice(_ENDS)
    return dice.choice(_STARTS) + vowel + end


def name(dice: random.Random, part: str) -> str:
    """A person's name: one to four words, with the particles, hyphens and apostrophes that names have."""
    if dice.random() < 0.1:
        return _foreign_name(dice, part)
    given = _capital(word(dice, part))
    shape = dice.random()
    if shape < 0.04:
        return given
    if shape < 0.14:
        given += f" {dice.choice('ABCDEFGHIJKLMNOPRSTUVWYZ')}."
    elif shape < 0.19:
        given = f"{dice.choice('ABCDEFGHIJKLMNOPRSTUVWYZ')}. {dice.choice(('', given + ' '))}".strip()
    elif shape < 0.27:
        given += dice.choice(("-", "-", " ")) + dice.choice((_capital, str))(word(dice, part))
    elif shape < 0.36:
        given += " " + _capital(word(dice, part))
    elif shape < 0.39:
        given = f"{dice.choice(_TITLES)} {given}"
    return f"{given} {_family(dice, part)}"


def _foreign_name(dice: random.Random, part: str) -> str:
    """A name in another alphabet, at times beside one in ours."""
    first, last = dice.choice(_ALPHABETS)
    while True:
        letters = "".join(chr(dice.randint(first, last)) for _ in range(dice.randint(1, 6)))
        if letters.isalpha() and is_heldout(letters) == (part == "heldout"):
            break
    return dice.choice((f"{letters} {{}}", f"{{}} {letters}", letters)).format(_capital(word(dice, part)))


def _family(dice: random.Random, part: str) -> str:
    family = _capital(word(dice, part, most=4))
    shape = dice.random()
    if shape < 0.1:
        family = dice.choice(_PREFIXES) + family
    elif shape < 0.2:
        particle = dice.choice(_PARTICLES) if dice.random() < 0.6 else word(dice, part, most=1)
        family = f"{dice.choice(('', 'van ', 'de '))}{particle.lower()} {family}"
    elif shape < 0.32:
        family += dice.choice(("-", "-", "-", " ", "–")) + _capital(word(dice, part))
    elif shape < 0.34:
        family = family.upper()
    return family + dice.choice((" Jr.", " III", " Sr.", ", PhD")) if dice.random() < 0.02 else family


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
