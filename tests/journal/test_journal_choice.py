"""`journal:` of agents.yaml chooses where runs are kept, and says what is wrong with other values."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from shoal.agents.manifest import read_workspace
from shoal.cli.session import opened_journal
from shoal.errors import InvalidFiles
from shoal.journal import RunRow, SqliteJournal
from shoal.journal.postgres import PostgresJournal

pytestmark = pytest.mark.anyio


def write(root: Path, journal: str | None) -> Path:
    line = "" if journal is None else f"journal: {journal}\n"
    (root / "agents.yaml").write_text(f"version: 1\n{line}", encoding="utf-8")
    return root


@pytest.mark.parametrize("journal", [None, "sqlite"])
async def test_runs_are_kept_in_the_workspace_unless_it_says_otherwise(
    tmp_path: Path, journal: str | None
) -> None:
    async with opened_journal(write(tmp_path, journal)) as opened:
        assert isinstance(opened, SqliteJournal)


async def test_a_url_chooses_postgresql(tmp_path: Path, url: str) -> None:
    root = write(tmp_path, url)
    assert read_workspace(root)[1] == []
    async with opened_journal(root) as opened:
        assert isinstance(opened, PostgresJournal)
        await opened.create(RunRow(id="r1", graph="g", file="f", plan_sha256="", parts={}, inputs={}))
        await opened.finish("r1", "done", {}, None)
    command = [sys.executable, "-m", "shoal", "runs", "list", "--json"]
    said = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    assert "r1" in json.dumps(json.loads(said.stdout))


@pytest.mark.parametrize(
    ("journal", "message"),
    [
        ("mysql://me:secret@host/db", "there is no such journal. Write sqlite, or postgresql://user@host/db"),
        ("PostgreSQL", "there is no such journal"),
        ("postgresql://me@host", "names no database"),
        ("postgresql://me:secret@host/db", "must not hold a password. Put it into PGPASSWORD or ~/.pgpass"),
        ("postgresql://host/db?password=secret", "must not hold a password"),
        ("'postgresql://[::1/db'", "the journal is not a url"),
    ],
)
async def test_another_url_is_refused_and_no_password_repeated(
    tmp_path: Path, journal: str, message: str
) -> None:
    root = write(tmp_path, journal)
    _, problems = read_workspace(root)
    with pytest.raises(InvalidFiles) as error:
        async with opened_journal(root):
            pass
    for said in (str(error.value), *map(str, problems)):
        assert said.startswith("agents.yaml:2:") and message in said and "secret" not in said
    assert len(problems) == 1


async def test_a_value_that_is_no_text_is_one_problem(tmp_path: Path) -> None:
    _, problems = read_workspace(write(tmp_path, "7"))
    assert [problem.message for problem in problems] == ["'journal' is 7, expected a text"]
