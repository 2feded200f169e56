"""docs/language.md is true: its files check, its commands print what it shows, its refusals are real."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Literal, TypedDict  # noqa: F401 - the page's annotations name them

import pytest

from shoal.graphs.check import check_workspace
from shoal.graphs.hints import type_of
from shoal.graphs.model import KINDS, NodeEntry
from shoal.workspace.types import parse_type
from shoal.workspace.yaml import parse_yaml
from tests import language_page as page_of

PAGE = page_of.PAGE.read_text(encoding="utf-8")
REFRESH = "docs/language.md is stale. Refresh it, and read the diff: make docs"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace that the page shows."""
    return page_of.write_workspace(tmp_path_factory.mktemp("bakery"), PAGE)


def test_the_workspace_has_no_problems(workspace: Path) -> None:
    assert [str(problem) for problem in check_workspace(workspace).problems] == []


@pytest.mark.parametrize("block", page_of.consoles(PAGE), ids=lambda block: page_of.commands_in(block)[0])
def test_commands_give_what_stands_there(workspace: Path, block: str) -> None:
    assert page_of.played(workspace, block) == block, REFRESH


@pytest.mark.parametrize("fault", page_of.faults(PAGE), ids=lambda fault: fault.message[:60])
def test_the_checker_says_what_stands_there(workspace: Path, fault: page_of.Fault) -> None:
    assert page_of.said(workspace, fault) == fault.message, REFRESH


@pytest.mark.parametrize("name", [*page_of.generated(PAGE)])
def test_parts_made_from_the_code_are_fresh(name: str) -> None:
    assert page_of.generated(PAGE)[name] == page_of.made(name), REFRESH


def test_expressions_give_what_stands_behind_them(workspace: Path) -> None:
    shown = re.findall(r"^  (\w+): .* # → (.+)$", PAGE, flags=re.MULTILINE)
    (command,) = re.findall(r"`(agentctl run expressions .+)`", PAGE)
    _, given = page_of.played(workspace, f"$ {command}\n").splitlines()
    assert json.loads(given) == {name: json.loads(value) for name, value in shown}


def test_types_and_annotations_mean_the_same() -> None:
    table = PAGE.partition("| type | values | in a tool |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `([^`]+)` \| .+ \| `([^`]+)` \|$", table, flags=re.MULTILINE)
    assert len(rows) >= 9
    for written, annotation in rows:
        data = parse_yaml(f"a:\n  b: {written}\n".encode(), "page").data["a"]["b"]
        assert parse_type(data) == type_of(eval(annotation.replace("\\|", "|"))), written


def test_every_kind_and_key_is_shown_at_work() -> None:
    shown = "".join(text for name, text in page_of.files_in(PAGE).items() if name.startswith("graphs/"))
    keys = {field.alias or name for name, field in NodeEntry.model_fields.items()} - {"knowledge", "top"}
    assert set(KINDS) - {"knowledge"} <= keys
    assert {key for key in keys if not re.search(rf"\b{key}:", shown)} == set()


def test_every_link_leads_somewhere() -> None:
    headings = re.findall(r"^#+ (.+)$", PAGE, flags=re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    for file, anchor in re.findall(r"\]\((?!http)([^)#]*)#?([^)]*)\)", PAGE):
        assert (page_of.PAGE.parent / file).exists(), file
        assert not (anchor and not file) or anchor in anchors, anchor
