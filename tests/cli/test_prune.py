"""agentctl runs prune: which runs go, what is said of it, and what it refuses."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from pathlib import Path

import pytest

from shoal.journal import NodeRow, RunRow, RunStatus, SqliteJournal
from shoal.runs.cache import Kept, SqliteCache
from shoal.workspace.store import Store
from tests.cli.conftest import Desk

DAY = 86_400.0
OLD: dict[str, RunStatus] = {"a": "done", "b": "failed", "c": "waiting", "d": "unknown", "e": "done"}


@pytest.fixture
def runs(desk: Desk) -> Desk:
    """A workspace with old runs, one day between each, and one that is new."""
    asyncio.run(_fill(Store(desk.root).journal))
    return desk


async def _fill(file: Path) -> None:
    journal = SqliteJournal(file)
    for number, (name, status) in enumerate(OLD.items()):
        created = time.time() - (100 - number) * DAY
        await journal.create(
            RunRow(id=name, graph="desk", file="f", plan_sha256="", parts={}, inputs={}, created=created),
            [NodeRow(run=name, path="n", attempt=1, kind="done", output=[name] * 20_000)],
        )
        await journal.finish(name, status, None, None)
    new = RunRow(id="new", graph="shop", file="f", plan_sha256="", parts={}, inputs={}, created=time.time())
    await journal.create(new)
    await journal.finish("new", "done", None, None)
    await journal.close()


def left(desk: Desk) -> list[str]:
    listed = desk.call("runs", "list", "--json", "--limit", "100").stdout
    return sorted(json.loads(line)["run"] for line in listed.splitlines())


def test_old_runs_that_are_over_go_and_their_space_comes_back(runs: Desk) -> None:
    would = runs.call("runs", "prune", "--older-than", "30d", "--dry-run")
    assert (would.returncode, would.stdout) == (0, "3 runs would be removed: 2 done, 1 failed.\n")
    assert len(left(runs)) == 6
    size = Store(runs.root).journal.stat().st_size
    done = runs.call("runs", "prune", "--older-than", "30d")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("3 runs are removed: 2 done, 1 failed. 0.")
    assert done.stdout.endswith(" MB are given back to the disk.\n")
    assert Store(runs.root).journal.stat().st_size < size - 200_000
    assert left(runs) == ["c", "d", "new"]
    assert runs.call("runs", "prune", "--older-than", "30d").stdout == "No run is removed.\n"


@pytest.mark.parametrize(
    ("arguments", "stay"),
    [
        (["--older-than", "98d"], ["c", "d", "e", "new"]),
        (["--older-than", "8w", "--status", "waiting", "--status", "unknown"], ["a", "b", "e", "new"]),
        (["--older-than", "0m", "--graph", "shop"], ["a", "b", "c", "d", "e"]),
        (["--keep", "1"], ["c", "d", "new"]),
        (["--keep", "2", "--older-than", "1h"], ["b", "c", "d", "e", "new"]),
        (["--keep", "1", "--graph", "desk", "--status", "done"], ["b", "c", "d", "e", "new"]),
    ],
)
def test_which_runs_go(runs: Desk, arguments: list[str], stay: list[str]) -> None:
    record = json.loads(runs.call("runs", "prune", *arguments, "--json").stdout)
    assert left(runs) == stay
    assert (record["runs"], record["dry_run"]) == (6 - len(stay), False)
    assert sum(record["statuses"].values()) == record["runs"]


def test_cached_answers_as_old_go_too(runs: Desk) -> None:
    cache = SqliteCache(Store(runs.root).cache)
    for number in range(1200):
        cache.put(f"key {number}", Kept(number, None))
    cache.close()
    db = sqlite3.connect(Store(runs.root).cache)
    db.execute("UPDATE answers SET made = made - 5000000 WHERE key <> 'key 7'")
    db.commit()
    done = runs.call("runs", "prune", "--older-than", "30d", "--graph", "shop")
    assert done.stdout == "No run is removed.\n", "answers are not told apart by graphs"
    done = runs.call("runs", "prune", "--older-than", "30d")
    assert done.stdout.splitlines()[1] == "1,199 cached answers as old are forgotten."
    assert db.execute("SELECT key FROM answers").fetchall() == [("key 7",)]
    db.close()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ([], "say which runs may go: --older-than 30d, or --keep 1000 for all but the newest"),
        (
            ["--older-than", "30"],
            "'30' is no age. Write a number and m, h, d or w: 45m, 12h, 30d, 8w",
        ),
        (
            ["--older-than", "1d", "--status", "running"],
            "a run that is under way is not removed. Cancel it first: agentctl runs cancel",
        ),
        (["--older-than", "1d", "--status", "don"], "'don' is no status of a run. Did you mean 'done'?"),
    ],
)
def test_what_is_refused(runs: Desk, arguments: list[str], error: str) -> None:
    done = runs.call("runs", "prune", *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{error}\n")
    assert len(left(runs)) == 6
