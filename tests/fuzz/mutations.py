"""Good YAML files made bad: bytes, lines, YAML's own tricks, and the tree that is meant."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import Any

import yaml

from shoal.errors import InvalidFiles
from shoal.workspace.yaml import parse_yaml

Mutation = Callable[[Random, bytes], bytes]

_INDICATORS = [
    b":", b": ", b"- ", b"-", b"? ", b"[", b"]", b"{", b"}", b",", b"'", b'"', b"\\", b"|", b">", b"#",
    b" #", b"&x ", b"*x", b"!t ", b"!!str ", b"---\n", b"...\n", b"%YAML 1.2\n", b"%TAG ! x\n", b"@", b"`",
    b"<<: *x", b"~", b"\t", b"\r", b"\r\n", b"\n", b"  ", b"${", b"}", b"${}", b"${'", b".?", b"==", b"&&",
]  # fmt: skip

_ODD = [
    "\x00", "\x07", "\x1b[31m", "\x7f", "\x85", "\xa0", "\u200b", "\u2028", "\u202e", "\ufeff", "\ufffe", "é",
    "e\u0301", "ﬁ", "\U0001f35e", "\U0010ffff", "Ａ", "ı", "\\ud800", "\\u0000", "\\x1b", "\\n",
]  # fmt: skip

_WORDS = [
    "no", "yes", "on", "off", "null", "~", "true", "True", "010", "0x1f", "1_000", "12:30:00", "1e3",
    ".inf", "-.nan", "1e999", "9" * 400, "-1", "0", "2026-11-23", "=", "<<", "__class__", "__proto__",
    "confidence", "input", "escalate", "if", "in", "a.b", "a-b", "A", "", " ", "é", "x" * 300, "${x}",
    "${input}", "{{ x }}", "list[str]", "enum[]", "enum[a, a]", "str??", "span[str] from nowhere", "{}",
    "[]", "loan", "order",
]  # fmt: skip

_KEYS = [
    "agent", "tool", "human", "graph", "knowledge", "nodes", "switch", "map", "repeat", "vote", "with",
    "when", "accept", "retry", "timeout_s", "fallback", "escalate", "cache", "budget", "each", "as",
    "at_once", "until", "at_most", "start", "samples", "by", "on", "cases", "default", "answer", "output",
    "input", "version", "about", "top", "bases", "agents", "tools", "serving", "python", "effect", "mcp",
    "http", "adapter", "base",
]  # fmt: skip

_VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2, 17, 10_001, 2**62, 1.5, -0.0, [], {}, [[]], [None], {"a": None}, "", "x",
    "${input}", "${input.message}", "${1 / 0}", "${[1, 'a']}", "${null}", "true", "1 == 1", "input", "x.y.z",
    {"agent": "nurse"}, {"tool": "price"}, {"human": "?"}, {"nodes": {}}, {"map": {"repeat": {"vote": {}}}},
    {"when": "true"}, {"yes": "bool"}, ["a", "b"], "a" * 5000, "((((" * 50, "!" * 300 + "true",
]  # fmt: skip


def mutated(random: Random, source: bytes) -> bytes:
    """The file with one to three faults, mostly one."""
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        source = random.choice(MUTATIONS)(random, source)
    return source


def _place(random: Random, source: bytes) -> int:
    return random.randrange(len(source) + 1)


def _flip(random: Random, source: bytes) -> bytes:
    found = bytearray(source)
    for _ in range(random.choice((1, 1, 2, 8))):
        if found:
            found[random.randrange(len(found))] ^= 1 << random.randrange(8)
    return bytes(found)


def _delete(random: Random, source: bytes) -> bytes:
    start = _place(random, source)
    return source[:start] + source[start + random.choice((1, 1, 2, 5, 40)) :]


def _insert(random: Random, source: bytes) -> bytes:
    start = _place(random, source)
    return source[:start] + random.choice(_INDICATORS) + source[start:]


def _insert_odd(random: Random, source: bytes) -> bytes:
    start = _place(random, source)
    return source[:start] + random.choice(_ODD).encode() + source[start:]


def _insert_bytes(random: Random, source: bytes) -> bytes:
    start = _place(random, source)
    return source[:start] + random.randbytes(random.choice((1, 2, 4))) + source[start:]


def _copy(random: Random, source: bytes) -> bytes:
    start, to = _place(random, source), _place(random, source)
    return source[:to] + source[start : start + random.choice((5, 20, 100))] + source[to:]


def _truncate(random: Random, source: bytes) -> bytes:
    return source[: _place(random, source)]


def _line_ends(random: Random, source: bytes) -> bytes:
    end = random.choice((b"\r\n", b"\r", b"\n\n", b"\n\r", b"\xc2\x85", b" \n", b"\t\n", b"\x00\n"))
    return source.replace(b"\n", end, random.choice((-1, 1, 3)))


def _mark_of_order(random: Random, source: bytes) -> bytes:
    start = random.choice((0, 0, _place(random, source)))
    return source[:start] + random.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")) + source[start:]


def _encoding(random: Random, source: bytes) -> bytes:
    return source.decode("utf-8", "replace").encode(random.choice(("utf-16", "utf-32", "utf-8-sig", "utf-7")))


def _lines(random: Random, source: bytes) -> bytes:
    """Deletes, doubles, swaps, indents or joins lines."""
    lines = source.split(b"\n")
    one, other = random.randrange(len(lines)), random.randrange(len(lines))
    match random.randrange(6):
        case 0:
            del lines[one]
        case 1:
            lines.insert(other, lines[one])
        case 2:
            lines[one], lines[other] = lines[other], lines[one]
        case 3:
            lines[one] = b" " * random.choice((1, 2, 3, 4)) + lines[one]
        case 4:
            lines[one] = lines[one][random.choice((1, 2, 4)) :]
        case _:
            lines[one : one + 2] = [b"".join(lines[one : one + 2])]
    return b"\n".join(lines)


def _word(random: Random, source: bytes) -> bytes:
    """Replaces a word by another of the file or by an odd one, or misspells it."""
    found = list(re.finditer(rb"[A-Za-z_][A-Za-z0-9_]*", source))
    if not found:
        return source
    one, other = random.choice(found), random.choice(found)[0]
    new = random.choice((other, random.choice(_WORDS).encode(), random.choice(_KEYS).encode(), one[0] + b"s"))
    return source[: one.start()] + new + source[one.end() :]


def _trick(random: Random, source: bytes) -> bytes:
    """Anchors, aliases, tags and merge keys where a value stands."""
    found = list(re.finditer(rb"(?<=: )[^\n{\[]+", source))
    if not found:
        return source
    one = random.choice(found)
    value = one[0]
    new = random.choice((
        b"&a " + value, b"*a", b"!!python/object/apply:os.system [ls]", b"!!binary " + value,
        b"!<x> " + value, b"&a [*a, *a]", b"{<<: *a}", b"{<<: [{a: 1}, {b: 2}]}", b"!!set {a, b}",
        b"? " + value, b"|\n  " + value, b">+9\n" + value, b"!!omap []", b"&" + b"a" * 5000 + b" x",
        b"!" + b"a" * 5000 + b" x",
    ))  # fmt: skip
    return source[: one.start()] + new + source[one.end() :]


def _deep(random: Random, source: bytes) -> bytes:
    start = _place(random, source)
    times = random.choice((10, 63, 64, 65, 200, 3000))
    opening, closing = random.choice(
        ((b"[", b"]"), (b"{a: ", b"}"), (b"- ", b""), (b"? ", b""), (b"(", b")"), (b"${", b"}"), (b"!", b""))
    )
    return source[:start] + opening * times + b"x" + closing * times + source[start:]


def _huge(random: Random, source: bytes) -> bytes:
    start = _place(random, source)
    piece = random.choice(
        (b"x", b"9", b" ", b"\n", b"#", b"'", b"a: b\n", b"- a\n", b", ", b"x y ", b"\xc3\xa9")
    )
    return source[:start] + piece * random.choice((100, 1000, 5000)) + source[start:]


def _tree(random: Random, source: bytes) -> bytes:
    """Changes what the file means and writes it again."""
    try:
        data: Any = parse_yaml(source, "f").data
    except InvalidFiles:
        return _word(random, source)
    for _ in range(random.choice((1, 1, 2, 4))):
        _change(random, data)
    style = random.choice((None, True, False))
    text = yaml.dump(data, Dumper=_Dumper, default_flow_style=style, sort_keys=False, allow_unicode=True)
    return str(text).encode("utf-8", "surrogatepass")


class _Dumper(yaml.CSafeDumper):  # type: ignore[misc]
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _holders(data: Any) -> list[Any]:
    """Every mapping and list that is not empty."""
    found, stack = [], [data]
    while stack:
        one = stack.pop()
        if isinstance(one, dict | list):
            found += [one] if one else []
            stack += one.values() if isinstance(one, dict) else one
    return found


def _change(random: Random, data: Any) -> None:
    holders = _holders(data)
    if not holders:
        return
    one, other = random.choice(holders), random.choice(holders)
    key = random.choice(list(one)) if isinstance(one, dict) else random.randrange(len(one))
    there = random.choice(list(other)) if isinstance(other, dict) else random.randrange(len(other))
    match random.randrange(7):
        case 0:
            del one[key]
        case 1:
            one[key] = _fresh(random)
        case 2:
            one[key] = _fresh_copy(other[there])
        case 3:
            one[key], other[there] = _fresh_copy(other[there]), _fresh_copy(one[key])
        case 4 if isinstance(one, dict):
            one[random.choice((*_KEYS, *_WORDS))] = one.pop(key)
        case 5 if isinstance(one, dict):
            one[random.choice((*_KEYS, *_WORDS))] = _fresh(random)
        case _:
            one[key] = {random.choice(_KEYS): _fresh_copy(one[key])}


def _fresh(random: Random) -> Any:
    return _fresh_copy(random.choice((*_VALUES, *_WORDS)))


def _fresh_copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _fresh_copy(each) for key, each in value.items()}
    return [_fresh_copy(each) for each in value] if isinstance(value, list) else value


MUTATIONS: tuple[Mutation, ...] = (
    _flip, _delete, _insert, _insert, _insert_odd, _insert_bytes, _copy, _truncate, _line_ends,
    _mark_of_order, _encoding, _lines, _lines, _word, _word, _word, _trick, _deep, _huge, _tree, _tree,
    _tree, _tree,
)  # fmt: skip
