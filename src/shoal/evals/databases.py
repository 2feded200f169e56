"""SQLite databases of cases: what changed in one, and what a query finds in one. Both only read."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from shoal.evals.comparing import RIGHT, Score, brief, is_same
from shoal.evals.outcomes import Change

_MAX_ROWS = 100_000
"""Of a query; more would not be looked at by anybody."""
_STEPS = 10_000
"""Of SQLite's machine, after which the clock is looked at."""


class QueryFailed(Exception):
    """A query gave nothing; the message says why."""


def changes_between(before: Path, after: Path) -> list[Change]:
    """What is other in a copy of a database, sorted by table."""
    with closing(sqlite3.connect(f"{after.as_uri()}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        db.execute("ATTACH ? AS old", (f"{before.as_uri()}?mode=ro",))
        tables = sorted({*_tables(db, "main"), *_tables(db, "old")})
        return [change for table in tables for change in _changes_in(db, table)]


def _tables(db: sqlite3.Connection, schema: str) -> list[str]:
    query = f"SELECT name FROM {schema}.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    return [row[0] for row in db.execute(query)]


def _changes_in(db: sqlite3.Connection, table: str) -> Iterator[Change]:
    new, gone = _only_in(db, table, "main", "old"), _only_in(db, table, "old", "main")
    if not (new or gone):
        return
    info = db.execute(f"PRAGMA table_info({_quoted(table)})").fetchall()
    key = [row["name"] for row in info if row["pk"]]
    before = {tuple(row[name] for name in key): row for row in gone} if key else {}
    for row in new:
        old = before.pop(tuple(row[name] for name in key), None) if key else None
        if old is None:
            yield {"insert": table, "row": row}
            continue
        changed = [name for name in row if not is_same(row[name], old.get(name))]
        yield {
            "update": table,
            "key": {name: row[name] for name in key},
            "before": {name: old.get(name) for name in changed},
            "after": {name: row[name] for name in changed},
        }
    for row in before.values() if key else gone:
        yield {"delete": table, "row": row}


def _only_in(db: sqlite3.Connection, table: str, one: str, other: str) -> list[dict[str, Any]]:
    columns = [row["name"] for row in db.execute(f"PRAGMA {one}.table_info({_quoted(table)})")]
    if not columns:  # there is no such table
        return []
    shown = ", ".join(map(_quoted, columns))
    query = f"SELECT {shown}, count(*) FROM {{}}.{_quoted(table)} GROUP BY {shown}"
    there = [row["name"] for row in db.execute(f"PRAGMA {other}.table_info({_quoted(table)})")]
    if there != columns:  # then every row is another one
        return _rows(db.execute(query.format(one)), columns, {})
    alike = {tuple(row)[:-1]: row[-1] for row in db.execute(_except(query, other, one))}
    return _rows(db.execute(_except(query, one, other)), columns, alike)


def _except(query: str, one: str, other: str) -> str:
    return f"{query.format(one)} EXCEPT {query.format(other)}"


def _rows(
    found: Iterable[sqlite3.Row], columns: Sequence[str], fewer: Mapping[Any, int]
) -> list[dict[str, Any]]:
    """Rows as often as they are there more often than elsewhere."""
    rows: list[dict[str, Any]] = []
    for row in found:
        *values, count = row
        made = {name: _plain(value) for name, value in zip(columns, values, strict=True)}
        rows += [made] * (count - fewer.get(tuple(values), 0))
    return rows


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def compare_changes(found: Sequence[Change], gold: Sequence[Change], ignore: Sequence[str]) -> Score:
    """Whether exactly the expected changes were made; columns that are not named do not count."""
    left = [_without(change, ignore) for change in found if _table(change) not in ignore]
    left = [change for change in left if change.get("after", True)]
    missing = []
    for wanted in gold:
        at = next((at for at, change in enumerate(left) if _is_expected(change, wanted)), None)
        if at is None:
            missing.append(wanted)
        else:
            del left[at]
    if not (left or missing):
        return RIGHT
    told = [f"not done: {_told(change)}" for change in missing] + [
        f"not expected: {_told(each)}" for each in left
    ]
    return Score(0.0, "; ".join(told[:4]) + (f"; and {len(told) - 4} more" if len(told) > 4 else ""))


def _table(change: Change) -> str:
    return str(next(change[kind] for kind in ("insert", "update", "delete") if kind in change))


def _without(change: Change, ignore: Sequence[str]) -> dict[str, Any]:
    table = _table(change)
    return {
        part: {name: each for name, each in value.items() if f"{table}.{name}" not in ignore}
        if isinstance(value, Mapping)
        else value
        for part, value in change.items()
    }


def _is_expected(change: Change, wanted: Change) -> bool:
    for part, value in wanted.items():
        if not isinstance(value, Mapping):
            if change.get(part) != value:
                return False
        elif any(not is_same(change.get(part, {}).get(name, _ABSENT), each) for name, each in value.items()):
            return False
    return True


_ABSENT = object()


def _told(change: Change) -> str:
    kind = next(kind for kind in ("insert", "update", "delete") if kind in change)
    values = change.get("row") or {**change.get("key", {}), **change.get("after", {})}
    return brief(
        f"{kind} {change[kind]} " + ", ".join(f"{name}={value}" for name, value in values.items()), 160
    )


def rows_of(database: Path, query: str, seconds: float) -> list[tuple[Any, ...]]:
    """What a query finds; it cannot write, and ends in time. Raises QueryFailed."""
    ends = time.monotonic() + seconds
    try:
        with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as db:
            db.set_authorizer(_only_reading)
            db.set_progress_handler(lambda: time.monotonic() > ends, _STEPS)
            rows = db.execute(query).fetchmany(_MAX_ROWS + 1)
    except (sqlite3.Error, sqlite3.Warning) as error:
        late = time.monotonic() > ends
        raise QueryFailed(f"it took longer than {seconds:g} s" if late else str(error)) from error
    if len(rows) > _MAX_ROWS:
        raise QueryFailed(f"it finds more than {_MAX_ROWS:,} rows")
    return rows


_READS = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
)


def _only_reading(action: int, *of: str | None) -> int:
    if action == sqlite3.SQLITE_FUNCTION and of[1] in {"load_extension", "writefile", "edit"}:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK if action in _READS else sqlite3.SQLITE_DENY


def compare_rows(found: list[tuple[Any, ...]], gold: list[tuple[Any, ...]], is_ordered: bool) -> Score:
    """Whether two queries find the same; names of columns do not count."""
    one, other = (rows if is_ordered else sorted(rows, key=repr) for rows in (found, gold))
    if len(one) == len(other) and all(
        is_same(_rounded(a), _rounded(b)) for a, b in zip(one, other, strict=True)
    ):
        return RIGHT
    return Score(0.0, f"{_shown(found)}, expected {_shown(gold)}")


def _rounded(row: tuple[Any, ...]) -> list[Any]:
    return [float(f"{each:.9g}") if isinstance(each, float) else each for each in row]


def _shown(rows: list[tuple[Any, ...]]) -> str:
    noun = "row" if len(rows) == 1 else "rows"
    return f"{len(rows):,} {noun}" + (f": {brief(rows[0], 80)}" if rows else "")
