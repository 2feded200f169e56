"""Fuzzed calls of tools: an argument arrives exactly in its type, or the call is refused with a sentence.

Paths and URLs, those of cloud metadata and private networks among them, are texts: they arrive as they are.
Meanwhile no file is opened, no address is looked up and no process is started.
"""

from __future__ import annotations

import asyncio
import atexit
import dataclasses
import datetime
import enum
import inspect
import math
import sys
import typing
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, Literal, Union, get_args, get_origin

import numpy as np
from pydantic import BaseModel

from shoal.agents.manifest import load_workspace
from shoal.graphs.plan import Tool
from shoal.graphs.tools import load_tools
from shoal.runs.work import AttemptFailed, call_tool
from shoal.workspace.types import Enum, ListOf, Nullable, Record, Scalar, Type, ValueMismatch, plain, read

HOME = Path(__file__).parent / "seeds/desk"

ADDRESSES = (
    "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
    "http://metadata.google.internal/", "http://[fd00:ec2::254]/latest", "http://127.0.0.1:22",
    "http://localhost:5432", "http://[::1]/", "http://0.0.0.0/", "http://2130706433/",
    "http://0x7f000001/", "http://0177.0.0.1/", "http://127.1/", "http://10.0.0.1/",
    "http://192.168.0.1/admin", "http://172.16.0.1", "http://user@localhost@example.org/",
    "http://example.org#@localhost/", "http://localhost%00.example.org/",
    "http://\u24db\u24de\u24d2alhost/", "gopher://127.0.0.1:6379/_FLUSHALL", "dict://127.0.0.1:11211/",
    "ldap://127.0.0.1/", "ftp://127.0.0.1/", "file:///etc/passwd", "jar:http://127.0.0.1!/",
    "data:text/html,x", "javascript:alert(1)", "//127.0.0.1/x", "/etc/passwd", "../../../../etc/passwd",
    "..\\..\\windows\\win.ini", "/proc/self/environ", "\\\\host\\share", "tools/desk.py", "~/.ssh/id_rsa",
    "/dev/zero", "CON", "a\x00b", "%2e%2e%2f", "${HOME}", "$(id)", "`id`", "; rm -rf /", "| cat",
    "{{ 7 * 7 }}", "${input.secret}", "__import__('os').system('id')", "%s%n", "\x1b[2J",
)  # fmt: skip


class Colour(enum.IntEnum):
    """A number that says it is something else."""

    RED = 1


class Word(str):
    """A text that says it is something else."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = str.__hash__


class Liar:
    """Equal to everything, and of a representation that raises."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 1

    def __repr__(self) -> str:
        raise RuntimeError("no")

    def __int__(self) -> int:
        return 3

    __index__ = __int__

    def __float__(self) -> float:
        return 3.0

    def __bool__(self) -> bool:
        raise RuntimeError("no")


def _loop() -> list[Any]:
    loop: list[Any] = [1]
    loop.append({"again": loop})
    return loop


def _nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


JUNK: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**62, 2**63, -(2**63) - 1, 10**400, 10**5000, 0.0, -0.0, 1.5, 3.0, 1e300,
    math.nan, math.inf, -math.inf, "", "x", "1", "true", "\ud800", "a\udfffb", "\x00", "\u202e",
    "x" * 1_000_000, b"x", [], {}, [[]], [None], {"a": 1}, {1: 2}, {None: 1}, {"\ud800": 1}, {(): 1}, (),
    (1, 2), {1, 2}, frozenset(), np.int64(3), np.float32(1.5), np.float64(math.nan), np.bool_(True),
    np.str_("x"), np.array([1, 2]), Decimal("1.5"), Colour.RED, Word("x"), Liar(), object(),
    datetime.datetime(2026, 11, 24), Path("/etc"), range(3), iter([1]), len, int, complex(1, 2), _loop(),
    _nested(63), _nested(70), _nested(100_000), {"number": "1", "colour": "red"}, {"number": 1},
    {"name": "A", "cards": [], "limit": 1, "more": 2},
)  # fmt: skip

_WATCHED = ("open", "socket", "subprocess", "os.", "urllib", "ftplib", "http", "shutil", "webbrowser", "exec")
_opened: list[str] = []
_is_watching = False


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if _is_watching and event.startswith(_WATCHED):
        _opened.append(f"{event} {arguments!r:.100}")


class FuzzedCalls:
    """Calls of the tools of a workspace, with arguments that mostly fit."""

    def __init__(self) -> None:
        workspace = load_workspace(HOME)
        self.tools, problems = load_tools(workspace)
        assert not problems
        self.module = sys.modules[self.tools["echo"].function.__module__]
        self.loop = asyncio.new_event_loop()
        atexit.register(self.loop.close)
        sys.addaudithook(_watch)

    def case(self, seed: int) -> tuple[Tool, dict[str, Any], list[Any]]:
        """The tool, its arguments, and what it is made to answer."""
        random = Random(seed)
        tool = random.choice(list(self.tools.values()))
        given = {name: _value(random, kind) for name, kind in tool.input.fields.items()}
        for name in set(given) - tool.required:
            if random.random() < 0.5:
                del given[name]
        if random.random() < 0.05:
            given[random.choice(("more", "idempotency_key", "self", "__class__"))] = random.choice(JUNK)
        if given and random.random() < 0.05:
            del given[random.choice(list(given))]
        return tool, given, [random.choice(JUNK)] if random.random() < 0.5 else []

    def fault(self, seed: int) -> str | None:
        """What is wrong with how a call was dealt with."""
        global _is_watching
        tool, given, answers = self.case(seed)
        self.module.RECEIVED.clear()
        self.module.ANSWERS[:] = answers if tool.name == "echo" else []
        _opened.clear()
        _is_watching = True
        try:
            made = self.call(tool, given)
        finally:
            _is_watching = False
        if _opened:
            return f"touched the world: {_opened[0]}"
        return made

    def call(self, tool: Tool, given: Mapping[str, Any]) -> str | None:
        """What is wrong with how one call is dealt with."""
        wanted = {name: kind for name, kind in tool.input.fields.items() if name in {*given, *tool.required}}
        try:
            arguments = read(Record(wanted), given, "input")
        except ValueMismatch as error:
            return _fault_of_sentence(str(error))
        try:
            made = self.loop.run_until_complete(call_tool(tool, arguments, key="run:node"))
        except AttemptFailed as error:
            return _fault_of_sentence(str(error))
        (received,) = self.module.RECEIVED
        hints = typing.get_type_hints(inspect.unwrap(tool.function), include_extras=True)
        for name, value in received.items():
            if not _fits(hints[name], value):
                return f"argument {name} arrived as {type(value).__name__}"
            if name in given and not _is_same(given[name], value):
                return f"argument {name} arrived changed"
        return None if read(tool.output, made.output) == made.output else "its output is not of its type"

    def show(self, seed: int) -> str:
        """The call."""
        tool, given, answers = self.case(seed)
        shown = {name: f"{type(value).__name__} {_brief(value)}" for name, value in given.items()}
        return f"{tool.name}({shown}) answers {[_brief(each) for each in answers]}"


def _brief(value: Any) -> str:
    try:
        return repr(value)[:200]
    except (RuntimeError, ValueError):
        return "something without a representation"


def _fault_of_sentence(text: str) -> str | None:
    if len(text) > 1000 or "\n" in text or "object at 0x" in text or not text.strip():
        return f"is refused with {text[:300]!r}"
    return None


def _value(random: Random, kind: Type) -> Any:
    """A value of a type, with a small chance of junk at every place."""
    if random.random() < 0.03:
        return random.choice(JUNK)
    match plain(kind):
        case Scalar("str"):
            return random.choice((*ADDRESSES, "Ann", "é\U0001f35e", " ", "x" * random.randrange(2000)))
        case Scalar("int"):
            return random.choice(
                (0, 1, -7, 2**31, 2**63 - 1, -(2**63), 4.0, random.randrange(-(10**6), 10**6))
            )
        case Scalar("float"):
            return random.choice((0.0, 1, -2.5, 1e-300, 1.7e308, 2**53 + 1, random.uniform(-1e9, 1e9)))
        case Scalar("bool"):
            return random.random() < 0.5
        case Scalar():
            return random.choice((1, "x", None, [1, {"a": [True, None, 1.5]}], {"k": "v"}, _nested(60)))
        case Enum(cases):
            return random.choice(cases)
        case Nullable(of):
            return None if random.random() < 0.3 else _value(random, of)
        case ListOf(item):
            return [_value(random, item) for _ in range(random.choice((0, 1, 2, 5)))]
        case Record(fields):
            return {name: _value(random, each) for name, each in fields.items()}


def _fits(hint: Any, value: Any) -> bool:
    """Whether a value is exactly what an annotation says."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (typing.Annotated, typing.NotRequired, typing.Required):
        return _fits(args[0], value)
    if hint is Any:
        return isinstance(value, str | bool | int | float | list | dict | tuple | None)
    if origin is Literal:
        return type(value) is str and value in args
    if origin is list:
        return type(value) is list and all(_fits(args[0], each) for each in value)
    if origin is Union or origin is type(int | str):
        return any(_fits(each, value) for each in args)
    if hint is float:
        return type(value) is float and math.isfinite(value)
    return _fits_record(hint, value) if isinstance(hint, type) else value is None


def _fits_record(hint: type, value: Any) -> bool:
    if typing.is_typeddict(hint):
        hints = typing.get_type_hints(hint, include_extras=True)
        needed = {name for name, each in hints.items() if get_origin(each) is not typing.NotRequired}
        keys = type(value) is dict and needed <= value.keys() <= hints.keys()
        return keys and all(_fits(hints[name], each) for name, each in value.items())
    if type(value) is not hint:
        return False
    if dataclasses.is_dataclass(hint) or issubclass(hint, BaseModel):
        hints = typing.get_type_hints(hint)
        return all(_fits(each, getattr(value, name)) for name, each in hints.items() if name in vars(value))
    return True


def _is_same(given: Any, arrived: Any) -> bool:
    """Whether what arrived says what was given; null may be left out."""
    if dataclasses.is_dataclass(arrived) or isinstance(arrived, BaseModel):
        arrived = {name: getattr(arrived, name) for name in vars(arrived)}
    if isinstance(given, Mapping) and isinstance(arrived, dict):
        names = given.keys() | arrived.keys()
        return all(_is_same(given.get(name), arrived.get(name)) for name in names)
    if isinstance(given, list | tuple) and isinstance(arrived, list | tuple):
        return len(given) == len(arrived) and all(map(_is_same, given, arrived))
    if isinstance(given, str):
        return str.__eq__(given, arrived) is True
    if isinstance(given, int | float) and isinstance(arrived, float):
        return float(given) == arrived
    return (
        type(given) is type(arrived)
        and bool(given == arrived)
        or isinstance(given, int | float)
        and given == arrived
    )


def make() -> FuzzedCalls:
    """The cases of this kind."""
    return FuzzedCalls()
