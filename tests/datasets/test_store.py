"""Data sets in the store: named by their content, listed, removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from shoal.datasets.rows import row_of
from shoal.datasets.store import CARD, DataSets
from shoal.errors import ShoalError
from shoal.workspace.store import Store

from .test_duplicates import row


def add(sets: DataSets, *messages: str, made: str = "2026-01-01") -> str:
    """A data set with these messages."""
    parts = {"train": [row(each) for each in messages], "dev": [], "heldout": []}
    return sets.add("bakery", parts, [{"filter": "dedupe", "reason": "x"}], {"made": made}).sha


@pytest.fixture
def sets(tmp_path: Path) -> DataSets:
    return DataSets(Store(tmp_path))


def test_rows_come_back_as_they_were(sets: DataSets) -> None:
    sha = add(sets, "one", "two \N{BULLET} three\u2028four")
    found = sets.get("bakery")
    assert found.sha == sha
    assert list(found.rows("train")) == [row("one"), row("two \N{BULLET} three\u2028four")]
    assert list(found.rows("replay")) == []
    assert [each["filter"] for each in found.rejects()] == ["dedupe"]
    assert row_of(row("one").as_json()) == row("one")
    assert set(found.card["sha256"]) == {"train.jsonl", "dev.jsonl", "heldout.jsonl"}


def test_the_same_rows_are_the_same_data_set(sets: DataSets) -> None:
    first = add(sets, "one", made="2026-01-01")
    other = add(sets, "two", made="2026-01-02")
    assert first != other
    assert add(sets, "one", made="2026-01-03") == first
    assert [each.sha for each in sets.all("bakery")] == [first, other]
    assert sets.get("bakery", other[:6]).sha == other


def test_names_that_are_none(sets: DataSets) -> None:
    with pytest.raises(
        ShoalError, match="agent 'bakery' has no data set. Make one: agentctl agent data bakery"
    ):
        sets.get("bakery")
    add(sets, "one")
    with pytest.raises(ShoalError, match="'ffff' is no data set of agent 'bakery'. The newest: "):
        sets.get("bakery", "ffff")


def test_without_its_card_it_is_no_data_set(sets: DataSets) -> None:
    sha = add(sets, "one")
    (sets.get("bakery").folder / CARD).unlink()
    assert sets.all("bakery") == []
    assert add(sets, "one") == sha  # and it is mended by making it again
    assert [each.sha for each in sets.all("bakery")] == [sha]


def test_old_ones_are_removed(sets: DataSets) -> None:
    shas = [add(sets, str(day), made=f"2026-01-0{day}") for day in (1, 2, 3)]
    assert sets.prune("bakery", 1) == [shas[1], shas[0]]
    assert [each.sha for each in sets.all("bakery")] == [shas[2]]


def test_an_attempt_is_kept_until_there_is_a_data_set(sets: DataSets) -> None:
    sets.keep_attempt("bakery", [{"filter": "judge", "reason": "y"}], {"made": "x"})
    attempt = sets.attempt("bakery")
    assert attempt is not None
    assert [each["reason"] for each in attempt.rejects()] == ["y"]
    assert sets.all("bakery") == []
    add(sets, "one")
    assert sets.attempt("bakery") is None
