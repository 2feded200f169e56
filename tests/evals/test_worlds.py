"""Each case finds its own databases by the environment, whoever asks and wherever."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from shoal.errors import ShoalError
from shoal.evals.suite import WorldEntry
from shoal.evals.worlds import Worlds, own_variables

MAKER = """\
import sqlite3
from contextlib import closing


def make(file):
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("CREATE TABLE t (x INTEGER)")


def fail(file):
    raise ValueError("no disk")
"""


@pytest.fixture
def worlds(tmp_path: Path) -> Worlds:
    (tmp_path / "maker.py").write_text(MAKER, encoding="utf-8")
    entries = {"SOME_DB": WorldEntry.model_validate({"python": "maker.py:make"})}
    return Worlds(entries, tmp_path, tmp_path / "worlds")


def add(number: int) -> int:
    """What a tool does: it asks for the variable when it is called."""
    with closing(sqlite3.connect(os.environ["SOME_DB"])) as db, db:
        db.execute("INSERT INTO t VALUES (?)", [number])
        count: int = db.execute("SELECT count(*) FROM t").fetchone()[0]
        return count


def test_side_by_side_in_tasks_and_threads(worlds: Worlds) -> None:
    async def case(number: int) -> tuple[int, list[object]]:
        with worlds.world() as world:
            await asyncio.sleep(0)
            counts = [await asyncio.to_thread(add, number), add(number)]
            await asyncio.sleep(0)
        return max(counts), [change["row"] for change in world.changes]

    async def all_cases() -> list[tuple[int, list[object]]]:
        return await asyncio.gather(*(case(number) for number in range(20)))

    with own_variables():
        assert "SOME_DB" not in os.environ
        found = asyncio.run(all_cases())
    assert found == [(2, [{"x": number}] * 2) for number in range(20)]


def test_the_environment_is_what_it_was(worlds: Worlds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_DB", "the real one")
    process = os.environ
    with own_variables(), worlds.world() as world:
        assert os.environ["SOME_DB"] == os.getenv("SOME_DB") == str(world.files["SOME_DB"])
        assert "SOME_DB" in os.environ and dict(os.environ)["SOME_DB"] != "the real one"
        assert os.environ.copy()["SOME_DB"] == str(world.files["SOME_DB"])
        os.environ["OTHER"] = "1"
    assert os.environ is process
    assert (os.environ["SOME_DB"], os.environ.pop("OTHER")) == ("the real one", "1")


def test_what_nobody_wrote_to_did_not_change(worlds: Worlds) -> None:
    with own_variables(), worlds.world() as world:
        sqlite3.connect(os.environ["SOME_DB"]).close()
    assert world.changes == []
    assert not world.files["SOME_DB"].exists()


def test_writing_with_a_log_beside_the_file(worlds: Worlds) -> None:
    with own_variables(), worlds.world() as world:
        db = sqlite3.connect(os.environ["SOME_DB"])
        db.execute("PRAGMA journal_mode = WAL")
        with db:
            db.execute("INSERT INTO t VALUES (5)")
        wal = Path(f"{world.files['SOME_DB']}-wal")
        assert wal.exists()
    db.close()
    assert world.changes == [{"insert": "t", "row": {"x": 5}}]


def test_a_database_that_cannot_be_made(worlds: Worlds, tmp_path: Path) -> None:
    with pytest.raises(ShoalError, match=r"maker.py:fail made no database for D: ValueError: no disk"):
        Worlds({"D": WorldEntry.model_validate({"python": "maker.py:fail"})}, tmp_path, tmp_path / "others")
