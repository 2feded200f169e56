from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from shoal.agents.manifest import load_workspace
from shoal.graphs.plan import Tool
from shoal.graphs.tools import load_tools

SOURCE = '''\
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NotRequired, Optional, TypedDict

from pydantic import BaseModel


class Card(TypedDict):
    number: str
    colour: NotRequired[Literal["gold", "grey"]]


@dataclass
class Account:
    name: str
    cards: list[Card]
    limit: float | None = None


class Letter(BaseModel):
    to: str
    pages: int = 1


def everything(
    a: str, b: int, c: float, d: bool, e: list[int], f: str | None, g: Optional[float], h: Any,
    i: Annotated[str, "x"] = "",
) -> None:
    """Takes one of each."""


def post(letter: Letter, accounts: list[Account], note: Account | None = None) -> Letter:
    assert isinstance(letter, Letter) and isinstance(accounts[0], Account) and note is None
    return Letter(to=accounts[0].name, pages=letter.pages + 1)


def pair() -> tuple:
    return (1, 2)


async def slow(key: str, idempotency_key: str) -> Account:
    return Account(name=key + idempotency_key, cards=[{"number": "1"}])
'''

AGENTS = """\
version: 1
tools:
  everything: {python: "tools/post.py:everything", effect: pure}
  post: {python: "tools/post.py:post", effect: idempotent}
  slow: {python: "tools/post.py:slow", effect: once}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "post.py").write_text(SOURCE, "utf-8")
    (tmp_path / "agents.yaml").write_text(AGENTS, "utf-8")
    return tmp_path


@pytest.fixture
def tools(root: Path) -> dict[str, Tool]:
    found, problems = load_tools(load_workspace(root))
    assert problems == []
    return found


def test_annotations_become_types(tools: dict[str, Tool]) -> None:
    assert {name: str(kind) for name, kind in tools["everything"].input.fields.items()} == {
        "a": "str",
        "b": "int",
        "c": "float",
        "d": "bool",
        "e": "list[int]",
        "f": "str?",
        "g": "float?",
        "h": "any",
        "i": "str",
    }
    assert tools["everything"].required == set("abcdefgh")
    assert str(tools["everything"].output) == "any?"
    card = "{number: str, colour: enum[gold, grey]?}"
    account = f"{{name: str, cards: list[{card}], limit: float?}}"
    assert str(tools["slow"].output) == account
    assert str(tools["post"].output) == "{to: str, pages: int}"


def test_records_are_built_from_json_and_become_json_again(tools: dict[str, Tool]) -> None:
    account: dict[str, Any] = {"name": "Ann", "cards": [{"number": "1"}], "limit": None}
    found = tools["post"].function(letter={"to": "x", "pages": 2}, accounts=[account])
    assert found == {"to": "Ann", "pages": 3}


def test_an_async_tool_stays_async_and_takes_its_key(tools: dict[str, Tool]) -> None:
    slow = tools["slow"]
    assert slow.takes_key
    assert slow.required == {"key"}
    assert asyncio.run(slow.function(key="a", idempotency_key="b")) == {
        "name": "ab",
        "cards": [{"number": "1"}],
        "limit": None,
    }


def test_the_file_of_a_tool_hides_no_module(root: Path) -> None:
    (root / "tools" / "json.py").write_text("def f() -> int:\n    return 1\n", "utf-8")
    manifest = AGENTS + '  f: {python: "tools/json.py:f", effect: pure}\n'
    (root / "agents.yaml").write_text(manifest, "utf-8")
    json = sys.modules["json"]
    tools, problems = load_tools(load_workspace(root))
    assert problems == []
    assert tools["f"].function() == 1
    assert sys.modules["json"] is json
    assert str(root / "tools") not in sys.path


def test_files_of_one_folder_may_import_each_other(root: Path) -> None:
    (root / "tools" / "rates.py").write_text("RATE = 2\n", "utf-8")
    (root / "tools" / "json.py").write_text(
        "from .rates import RATE\n\n\ndef f() -> int:\n    return RATE\n", "utf-8"
    )
    manifest = AGENTS + '  f: {python: "tools/json.py:f", effect: pure}\n'
    (root / "agents.yaml").write_text(manifest, "utf-8")
    before, _ = load_tools(load_workspace(root))
    assert before["f"].function() == 2
    (root / "tools" / "rates.py").write_text("RATE = 33\n", "utf-8")
    after, problems = load_tools(load_workspace(root))
    assert problems == []
    assert after["f"].function() == 33
    assert after["f"].sha256 != before["f"].sha256
    assert after["post"].sha256 == before["post"].sha256


def test_a_bare_tuple_has_no_type(root: Path) -> None:
    (root / "agents.yaml").write_text(
        'version: 1\ntools: {pair: {python: "tools/post.py:pair", effect: pure}}\n', "utf-8"
    )
    _, problems = load_tools(load_workspace(root))
    assert [str(problem) for problem in problems] == [
        "agents.yaml:2:24 tool 'pair': what pair returns is tuple, which has no type here. "
        "Use str, int, float, bool, "
        "Literal, list[...], T | None, a TypedDict, a dataclass or a pydantic model"
    ]


@pytest.mark.parametrize(
    ("hint", "reason"),
    [("list['Tree']", "holds itself"), ("'Nowhere'", "name 'Nowhere' is not defined")],
)
def test_records_that_cannot_be_followed(root: Path, hint: str, reason: str) -> None:
    source = f"from typing import TypedDict\n\n\nclass Tree(TypedDict):\n    inner: {hint}\n\n\n"
    (root / "tools" / "tree.py").write_text(f"{source}def grow() -> Tree:\n    return {{}}\n", "utf-8")
    (root / "agents.yaml").write_text(
        'version: 1\ntools: {grow: {python: "tools/tree.py:grow", effect: pure}}\n', "utf-8"
    )
    (problem,) = load_tools(load_workspace(root))[1]
    assert reason in str(problem)


LATE = """\
from __future__ import annotations

from dataclasses import dataclass
from typing import NotRequired, Required, TypedDict

from pydantic import BaseModel, Field


@dataclass
class Door:
    number: int


class House(TypedDict):
    door: Door
    colour: NotRequired[str]
    owner: NotRequired[str | None]


class Street(TypedDict, total=False):
    name: Required[str]
    houses: list[House]


class Van(BaseModel):
    seats: int = Field(gt=0)


def drive(street: Street, van: Van) -> list[str]:
    (house,) = street["houses"]
    return [street["name"], type(house["door"]).__name__, *house]
"""


def test_annotations_that_are_kept_as_texts_say_the_same(root: Path) -> None:
    (root / "tools" / "post.py").write_text(LATE, "utf-8")
    (root / "agents.yaml").write_text(
        'version: 1\ntools: {drive: {python: "tools/post.py:drive", effect: pure}}\n', "utf-8"
    )
    tools, problems = load_tools(load_workspace(root))
    assert problems == []
    drive = tools["drive"]
    assert str(drive.input.fields["street"]) == (
        "{name: str, houses: list[{door: {number: int}, colour: str?, owner: str?}]?}"
    )
    house = {"door": {"number": 3}, "colour": None, "owner": None}
    street = {"name": "Elm Row", "houses": [house]}
    assert drive.function(street=street, van={"seats": 2}) == ["Elm Row", "Door", "door", "owner"]
    with pytest.raises(ValueError, match=r"^Van\.seats cannot be 0: "):
        drive.function(street=street, van={"seats": 0})
