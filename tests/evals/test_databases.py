"""What changed in a database, and what queries find in one."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from shoal.evals.databases import QueryFailed, changes_between, compare_changes, compare_rows, rows_of


@pytest.fixture
def before(tmp_path: Path) -> Path:
    file = tmp_path / "before #1.db"  # a name that is no plain URL
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("CREATE TABLE people (id INTEGER, city TEXT, name TEXT, age REAL, PRIMARY KEY (id, city))")
        db.execute("CREATE TABLE notes (text TEXT)")
        db.execute('CREATE TABLE "odd ""name" (x BLOB)')
        db.executemany("INSERT INTO people VALUES (?, ?, ?, ?)", [(1, "A", "Ada", 36), (2, "A", "Bo", None)])
        db.execute("INSERT INTO notes VALUES ('hi')")
    return file


def changed(before: Path, *statements: str) -> Path:
    after = before.with_name("after.db")
    shutil.copy(before, after)
    with closing(sqlite3.connect(after)) as db, db:
        for statement in statements:
            db.execute(statement)
    return after


def test_changes_of_rows(before: Path) -> None:
    after = changed(
        before,
        "UPDATE people SET age = 37 WHERE id = 1",
        "DELETE FROM people WHERE id = 2",
        "INSERT INTO people VALUES (3, 'B', 'Cy', 4)",
        "UPDATE notes SET text = 'ho'",
        """INSERT INTO "odd ""name" VALUES (x'00ff')""",
        "CREATE TABLE later (x INTEGER)",
        "INSERT INTO later VALUES (1)",
    )
    assert changes_between(before, after) == [
        {"insert": "later", "row": {"x": 1}},
        {"insert": "notes", "row": {"text": "ho"}},
        {"delete": "notes", "row": {"text": "hi"}},
        {"insert": 'odd "name', "row": {"x": "00ff"}},
        {"update": "people", "key": {"id": 1, "city": "A"}, "before": {"age": 36.0}, "after": {"age": 37.0}},
        {"insert": "people", "row": {"id": 3, "city": "B", "name": "Cy", "age": 4.0}},
        {"delete": "people", "row": {"id": 2, "city": "A", "name": "Bo", "age": None}},
    ]
    assert changes_between(before, changed(before)) == []


def test_a_column_that_is_new(before: Path) -> None:
    after = changed(before, "ALTER TABLE notes ADD COLUMN at TEXT DEFAULT 'now'")
    assert changes_between(before, after) == [
        {"insert": "notes", "row": {"text": "hi", "at": "now"}},
        {"delete": "notes", "row": {"text": "hi"}},
    ]


UPDATE = {"update": "a", "key": {"id": 1}, "before": {"x": 1}, "after": {"x": 2, "at": "noon"}}
INSERT = {"insert": "b", "row": {"id": 7, "x": 1.0}}


@pytest.mark.parametrize(
    ("gold", "ignore", "note"),
    [
        ([{"update": "a", "key": {"id": 1}, "after": {"x": 2}}, {"insert": "b", "row": {"x": 1}}], [], ""),
        ([{"update": "a"}, {"insert": "b"}], [], ""),
        ([{"insert": "b"}], ["a"], ""),
        ([{"insert": "b"}], ["a.x", "a.at"], ""),
        ([{"update": "a"}], [], "not expected: insert b id=7, x=1.0"),
        (
            [{"update": "a", "after": {"x": 3}}],
            ["b"],
            "not done: update a x=3; not expected: update a id=1, x=2, at=noon",
        ),
        ([{"update": "a"}, {"update": "a"}], ["b"], "not done: update a"),
        (
            [{"delete": "b", "row": {"id": 7}}],
            ["a", "b.x"],
            "not done: delete b id=7; not expected: insert b id=7",
        ),
    ],
)
def test_changes_held_against_what_is_expected(
    gold: Sequence[dict[str, Any]], ignore: list[str], note: str
) -> None:
    score = compare_changes([UPDATE, INSERT], gold, ignore)
    assert (score.value, score.note.strip()) == (float(not note), note)


def test_queries_find_rows_and_only_read(before: Path) -> None:
    assert rows_of(before, "SELECT name FROM people ORDER BY id", 5) == [("Ada",), ("Bo",)]
    for query, reason in {
        "DELETE FROM people": "not authorized",
        "SELEC 1": 'near "SELEC": syntax error',
        "SELECT nam FROM people": "no such column: nam",
        "ATTACH 'x' AS y": "not authorized",
        "PRAGMA journal_mode = WAL": "not authorized",
        "SELECT 1; SELECT 2": "You can only execute one statement at a time.",
        "SELECT load_extension('x')": "not authorized",
    }.items():
        with pytest.raises(QueryFailed, match=reason.replace(".", r"\.")):
            rows_of(before, query, 5)


def test_a_query_ends_in_time(before: Path) -> None:
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
    began = time.monotonic()
    with pytest.raises(QueryFailed, match=r"it took longer than 0\.1 s"):
        rows_of(before, endless, 0.1)
    assert time.monotonic() - began < 5


def test_rows_are_compared_with_or_without_their_order() -> None:
    one, other = [(1, "a"), (2, None)], [(2, None), (1.0, "a")]
    assert compare_rows(one, other, is_ordered=False).value == 1
    assert compare_rows(one, other, is_ordered=True).value == 0
    assert compare_rows([(0.1 + 0.2,)], [(0.3,)], is_ordered=True).value == 1
    assert compare_rows([], other, is_ordered=False).note == "0 rows, expected 2 rows: (2, None)"
