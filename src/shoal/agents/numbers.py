"""Numbers as people write them: the reading of `span[number]`.

    $12,500   12.5k   twelve thousand   two and a half grand   1 200,50
    USD 3,000.00   €4.000   1.2 million   750 bucks

Digits go through price-parser, number words through text2num; putting both together with scales ("12
thousand five hundred", "half a million") is done here. What cannot be read as ONE number is None: ranges
("2-3k"), percentages, vague words ("a few hundred"), anything with words that belong to no number.

Separators: with both `.` and `,` the last one is the decimal sign; a lone one is a thousands sign when
exactly three digits follow ("1,500", "€4.000"), else the decimal sign ("12,50"). Before a scale it is
always the decimal sign ("1,250 k" is unusual and read as 1.25 thousand, "1.125 million" as people mean it).
Spaces and apostrophes only separate thousands. "A couple of hundred" is 200.
"""

from __future__ import annotations

import re
import unicodedata

_SCALES = {
    **dict.fromkeys(("hundred", "hundreds"), 100.0),
    **dict.fromkeys(("k", "thousand", "thousands", "grand", "grands", "tsd"), 1e3),
    **dict.fromkeys(("lakh", "lakhs", "lac"), 1e5),
    **dict.fromkeys(("m", "mm", "mn", "mil", "mio", "mill", "million", "millions"), 1e6),
    **dict.fromkeys(("crore", "crores"), 1e7),
    **dict.fromkeys(("b", "bn", "billion", "billions"), 1e9),
}
_CURRENCY = re.compile(
    r"us\$|c\$|a\$|[$£€¥₹]|\b(?:usd|eur|gbp|chf|cad|aud|nzd|inr|jpy|sek|nok|dkk|pln|rs\.?|us|dollars?|bucks?|quid"
    r"|pounds?(?: sterling)?|sterling|euros?|rupees?|yen|francs?)(?![a-z])"
)
# Codes glued to digits: "3000usd", "eur500".
_GLUED_CURRENCY = re.compile(
    r"(?<=[\dk])(?:usd|eur|gbp|chf|cad|aud)\b|\b(?:usd|eur|gbp|chf|cad|aud|rs)(?=\d)"
)
_FILLER = (
    r"(?:about|around|roughly|approximately|approx\.?|circa|exactly|precisely|only|just|maybe|perhaps|say"
    r"|up to|at least|at most|no more than|a total of|in total|total|another|an extra|an additional|extra"
    r"|additional|more|or so|by|to|please|limit|of|~)"
)
_FILLERS = re.compile(rf"\A\s*(?:{_FILLER}(?![a-z])\s*)+|(?:\s*(?<![a-z]){_FILLER})+\s*\Z")
_CENTS = re.compile(
    r"(.+?)\s*(?:dollars?|pounds?|euros?|quid|bucks?)\s+(?:and\s+)?(.+?)\s*(?:cents?|pence|p)\Z"
)
_DIGITS = re.compile(r"\d[\d.,'’ _]*")
_TOKEN = re.compile(r"(\d[\d.,'’_]*(?: \d{3}(?!\d)[\d.,]*)*)|([a-z]+(?:-[a-z]+)*)|(\S)")
_SMALL_WORDS = frozenset(
    {
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
    }
    | {"thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"}
    | {"twenty", "thirty", "forty", "fourty", "fifty", "sixty", "seventy", "eighty", "ninety"}
)


def read_number(text: str) -> float | None:
    """The number a piece of text stands for, or None when it is not one number."""
    plain = unicodedata.normalize("NFKC", text).lower().strip(" \t\n.,;:!?()[]\"'")
    if match := _CENTS.match(plain):
        whole, cents = read_number(match[1]), read_number(match[2])
        return whole + cents / 100 if whole is not None and cents is not None and cents < 100 else None
    plain = _CURRENCY.sub(" ", _GLUED_CURRENCY.sub(" ", plain))
    plain = re.sub(r"(?<=\d)(?:/|\.)-+", " ", _FILLERS.sub(" ", plain.strip()))
    sign = -1.0 if re.match(r"\s*(?:minus\b|-)", plain) else 1.0
    plain = re.sub(r"\A\s*(?:minus\b|-)", " ", plain).strip(" .,;:-")
    if re.search(r"\d[a-z]+\d", plain) or plain in ("k", "m", "b"):
        return None
    value = _compose(_tokens(plain))
    return None if value is None else round(sign * value, 6)


def _tokens(text: str) -> list[str]:
    """Digit groups, words and other signs; hyphens join words only inside numbers ("forty-two")."""
    found: list[str] = []
    for digits, word, other in _TOKEN.findall(text):
        if word and not (set(word.split("-")) <= _SMALL_WORDS):
            found += word.split("-")
        elif other == "-" and found and found[-1][0].isdigit():
            found.append("range")
        else:
            found.append(digits.replace(" ", "") or word or other)
    return found


def _compose(tokens: list[str]) -> float | None:
    """Add up a sequence of numbers and scales, the largest scale first: 12 thousand five hundred."""
    tokens = _without_idioms(tokens)
    total = 0.0
    current: float | None = None
    last_scale = float("inf")
    for at, token in enumerate(tokens):
        scale = _SCALES.get(token)
        if token == "and" and 0 < at < len(tokens) - 1:
            continue
        if scale == 100.0:
            current = (1.0 if current is None else current) * 100
        elif scale is not None:
            if scale >= last_scale or (current is None and at > 0):
                return None
            total += (1.0 if current is None else current) * scale
            current, last_scale = None, scale
        else:
            has_scale = at + 1 < len(tokens) and tokens[at + 1] in _SCALES
            number = _read_plain(token, has_scale=has_scale)
            if number is None or not _may_follow(number, current, last_scale):
                return None
            current = number + (current or 0.0)
    return total + (current or 0.0) if tokens else None


def _may_follow(number: float, current: float | None, last_scale: float) -> bool:
    """Whether `number` completes `current`: "two hundred" + "fifty", "forty" + "two"."""
    if current is None:
        return number < last_scale
    room = 100 if current % 100 == 0 else 10 if current % 10 == 0 and current % 100 >= 20 else 1
    return current > 0 and number < room


def _without_idioms(tokens: list[str]) -> list[str]:
    """Spell out "a", "a couple of", "half a", "and a half" and "point" as digits."""
    text = " ".join(tokens)
    scales = "|".join(sorted(_SCALES, key=len, reverse=True))
    text = re.sub(r"\b(?:a )?couple(?: of)?\b", "2", text)
    text = re.sub(r"\b(?:a )?dozen(?: of)?\b", "12", text)
    text = re.sub(r"\bthree quarters? (?:of )?an? (?=[a-z])", "0.75 ", text)
    text = re.sub(r"\b(?:a )?quarter (?:of )?an? (?=[a-z])|\ba quarter (?=million\b)", "0.25 ", text)
    text = re.sub(r"\bhalf an? (?=[a-z])|\ba half (?=million\b|grand\b)", "0.5 ", text)
    text = re.sub(rf"\ban?(?= (?:{scales})\b)", "1", text)
    text = re.sub(rf"\b(\S+) ({scales}) and a half\b", r"\1 and a half \2", text)
    text = re.sub(r"\b(\S+) and a half\b", lambda m: _plus_half(m[1]), text)
    point = rf"\b(\S+) point (\S+(?: \S+)*?)(?= (?:{scales})\b|\Z)"
    text = re.sub(point, lambda m: _with_point(m[1], m[2]), text)
    return text.split()


def _plus_half(word: str) -> str:
    number = _read_plain(word, has_scale=True)
    return f"{word} and a half" if number is None else f"{number + 0.5:g}"


def _with_point(whole: str, decimals: str) -> str:
    digits = [_read_plain(word, has_scale=True) for word in (whole, *decimals.split())]
    if any(digit is None or digit != int(digit) for digit in digits):
        return f"{whole} point {decimals}"
    return f"{digits[0]:g}." + "".join(f"{digit:g}" for digit in digits[1:])


def _read_plain(token: str, *, has_scale: bool) -> float | None:
    if token[0].isdigit():
        return _read_digits(token, has_scale=has_scale)
    if not set(token.split("-")) <= _SMALL_WORDS:
        return None
    from text_to_num import text2num

    try:
        return float(text2num(token.replace("fourty", "forty"), "en"))
    except ValueError:  # words of numbers that make none together: "seven-fifty"
        return None


def _read_digits(token: str, *, has_scale: bool) -> float | None:
    from price_parser.parser import parse_number

    token = re.sub(r"['’_]", "", token).rstrip(".,")
    if len(re.findall(r"[.,]", token)) == 1 and (has_scale or token.startswith("0")):
        return float(token.replace(",", ".").replace(" ", ""))
    number = parse_number(token)
    return None if number is None or not _DIGITS.fullmatch(token) else float(number)
