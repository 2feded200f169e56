"""Processes that are killed again and again: nothing is lost, nothing recorded is done twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journal.server import PostgresServer
from tests.storms.fleet import World
from tests.storms.nursery import Nursery
from tests.storms.storm import Storm, effects_of, empty, fleet_of, outputs_of

SEED = 20261124


@pytest.mark.parametrize(
    ("journal", "num_runs", "num_wide", "num_kills"), [("sqlite", 200, 5, 100), ("postgres", 60, 1, 20)]
)
def test_a_storm_of_kills(
    journal: str,
    num_runs: int,
    num_wide: int,
    num_kills: int,
    nursery: Nursery,
    server: PostgresServer,
    tmp_path: Path,
) -> None:
    outputs = outputs_of(nursery, tmp_path)
    place = empty(server.url) if journal == "postgres" else str(tmp_path / "journal.db")
    storm = Storm(place, World(tmp_path / "log"), nursery, fleet_of(num_runs, num_wide), SEED)
    storm.rage(num_kills)
    storm.check(outputs)
    assert storm.num_kills == num_kills


@pytest.mark.parametrize(
    ("journal", "num_effects", "num_kills"), [("sqlite", 4000, 100), ("postgres", 1000, 20)]
)
def test_effects_under_kills(
    journal: str, num_effects: int, num_kills: int, nursery: Nursery, server: PostgresServer, tmp_path: Path
) -> None:
    """Half of the effects are idempotent, half act once; the world counts them by key."""
    place = empty(server.url) if journal == "postgres" else str(tmp_path / "journal.db")
    world, wanted = World(tmp_path / "log"), effects_of(num_effects)
    storm = Storm(place, world, nursery, wanted, SEED)
    storm.rage(num_kills)
    storm.check({"effects": {"sent": [*range(25)], "paid": [10 * n for n in range(25)]}})
    assert storm.num_kills == num_kills
    sent, paid = world.counts("send"), world.counts("pay")
    # Who receives by key has as many as there are steps, however often they were sent.
    assert len(sent) == len(paid) == num_effects // 2
    assert sent.total() > len(sent), "no kill hit one that was on its way"
    assert {*paid.values()} == {1}
    assert storm.uncertain, "no kill hit one that acts once"
