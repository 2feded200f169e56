"""The functions of CEL and what they take and give."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from shoal.expressions.kinds import DURATION, NEVER, TIMESTAMP, Kind, Option, is_text
from shoal.workspace.types import ANY, BOOL, FLOAT, INT, STR, ListOf, Nullable, Record


@dataclass(frozen=True, slots=True)
class Overload:
    """One way to call a function; the target of a method is its first parameter."""

    takes: tuple[Kind, ...]
    gives: Kind


_LIST, _TEXTS, _FIELDS = ListOf(ANY), ListOf(STR), Record({})
_KINDS: Mapping[str, Kind] = {
    "str": STR, "int": INT, "float": FLOAT, "bool": BOOL, "list": _LIST, "texts": _TEXTS,
    "record": _FIELDS, "time": TIMESTAMP, "span": DURATION,
}  # fmt: skip

_METHODS = """
contains: str str > bool
startsWith: str str > bool
endsWith: str str > bool
matches: str str > bool
size: str > int | list > int | record > int
charAt: str int > str
indexOf: str str > int | str str int > int
lastIndexOf: str str > int | str str int > int
lowerAscii: str > str
upperAscii: str > str
replace: str str str > str | str str str int > str
split: str str > texts | str str int > texts
substring: str int > str | str int int > str
trim: str > str
reverse: str > str
join: texts > str | texts str > str
getFullYear: time > int | time str > int
getMonth: time > int | time str > int
getDate: time > int | time str > int
getDayOfMonth: time > int | time str > int
getDayOfWeek: time > int | time str > int
getDayOfYear: time > int | time str > int
getHours: time > int | time str > int | span > int
getMinutes: time > int | time str > int | span > int
getSeconds: time > int | time str > int | span > int
getMilliseconds: time > int | time str > int | span > int
"""

_FUNCTIONS = """
size: str > int | list > int | record > int
matches: str str > bool
int: int > int | float > int | str > int | bool > int | time > int
double: float > float | int > float | str > float
string: str > str | int > str | float > str | bool > str | time > str | span > str
bool: bool > bool | str > bool
timestamp: str > time | int > time | time > time
duration: str > span | span > span
math.ceil: float > float
math.floor: float > float
math.round: float > float
math.trunc: float > float
math.sqrt: float > float | int > float
math.abs: float > float | int > int
math.sign: float > float | int > int
math.isNaN: float > bool
math.isInf: float > bool
math.isFinite: float > bool
math.bitAnd: int int > int
math.bitOr: int int > int
math.bitXor: int int > int
math.bitNot: int > int
math.bitShiftLeft: int int > int
math.bitShiftRight: int int > int
strings.quote: str > str
"""


def _read(table: str) -> dict[str, tuple[Overload, ...]]:
    found: dict[str, tuple[Overload, ...]] = {}
    for line in table.strip().splitlines():
        name, _, ways = line.partition(": ")
        pairs = (way.split(" > ") for way in ways.split(" | "))
        found[name] = tuple(
            Overload(tuple(_KINDS[word] for word in takes.split()), _KINDS[gives]) for takes, gives in pairs
        )
    return found


METHODS, FUNCTIONS = _read(_METHODS), _read(_FUNCTIONS)

MACROS = frozenset(["all", "exists", "exists_one", "map", "filter"])
"""Methods of lists that take a variable and an expression of it."""

OPTION_MACROS = frozenset(["optMap", "optFlatMap"])
"""The same of what `?` reads."""

_OTHERS = frozenset(["has", "orValue", "or", "hasValue", "format", "math.greatest", "math.least"])
NAMES = frozenset([
    *METHODS, *FUNCTIONS, *MACROS, *OPTION_MACROS, *_OTHERS, *(name.partition(".")[2] for name in FUNCTIONS),
]) - {""}  # fmt: skip
"""Every function, for suggestions."""


def fits(taken: Kind, given: Kind) -> bool:
    """Whether a function takes an argument."""
    if given in (ANY, NEVER) or taken == given:
        return True
    if taken == STR:
        return is_text(given)
    if isinstance(taken, ListOf) and isinstance(given, ListOf):
        return taken == _LIST or fits(taken.item, given.item)
    return taken == _FIELDS and isinstance(given, Record)


def result(overloads: Iterable[Overload], given: Sequence[Kind]) -> Kind | None:
    """What a call gives, or None where no overload takes the arguments."""
    found = {
        each.gives
        for each in overloads
        if len(each.takes) == len(given) and all(map(fits, each.takes, given))
    }
    return found.pop() if len(found) == 1 else (ANY if found else None)


_VERB = re.compile(r"%(?:\.\d+)?([a-zA-Z%])?")


def format_fault(text: str, given: Sequence[Kind]) -> str | None:
    """What is wrong with `text.format([...])`, or None."""
    verbs = [match[1] for match in _VERB.finditer(text) if match[1] != "%"]
    if len(verbs) != len(given):
        return f"the text has {len(verbs)} places like %s, and {len(given)} values are given"
    for verb, kind in zip(verbs, given, strict=True):
        if verb not in _VERBS:
            return f"'%{verb or ''}' is not known. Known: %s, %d, %f, %e, %x, %o, %b"
        if not any(fits(each, kind) for each in _VERBS[verb]):
            return f"%{verb} cannot take {kind}. Write %s"
        if verb == "s" and isinstance(kind, Nullable | Option):
            return f"%s cannot take {kind}. End it with .orValue(...)"
    return None


_INTS: tuple[Kind, ...] = (INT,)
_VERBS: Mapping[str, tuple[Kind, ...]] = {
    "s": (STR, INT, FLOAT, BOOL), "d": _INTS, "f": (FLOAT, INT), "e": (FLOAT, INT),
    "x": _INTS, "o": _INTS, "b": _INTS,
}  # fmt: skip
