"""The 72 cases: 12 places x 2 journals x killed, broken or cancelled there, each before and after.

Nothing recorded is done again, nothing is lost, and the run ends as it does without a crash.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import pytest

from tests.journal.server import PostgresServer
from tests.storms.fleet import WORLD, World
from tests.storms.nursery import Nursery
from tests.storms.scene import How, Scene, check, essence

PLACES = {
    "run insert": "run_insert",
    "step start": "node_start",
    "model call sent": "model_call",
    "model reply received": "model_reply",
    "result commit": "result_commit",
    "router decision": "router_decision",
    "tool intent": "tool_intent",
    "tool effect": "tool_effect",
    "tool result": "tool_result",
    "map item": "map_item",
    "join": "join",
    "run finish": "run_finish",
}
OTHERS = {"question": "question", "group of commits": "group_commit"}
TIMES = (1, 2, 4, 7, 11)
"""Later times are at other nodes: in the map, the loop, the graph, at the payment."""


@pytest.fixture(scope="module")
def whole(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the run gives without a crash."""
    folder = tmp_path_factory.mktemp("whole")
    scene = Scene("whole", str(folder / "journal.db"), World(folder / "log"), nursery)
    assert not scene.carry()
    return essence(scene)


@pytest.mark.parametrize("place", [*PLACES, *OTHERS])
@pytest.mark.parametrize("how", ["kill -9", "exception", "cancel"])
@pytest.mark.parametrize("journal", ["sqlite", "postgres"])
def test_a_run_that_is_stopped_ends_as_if_it_never_was(
    journal: str,
    how: How,
    place: str,
    nursery: Nursery,
    whole: Any,
    server: PostgresServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for side in ("before", "after"):
        for time in TIMES:
            folder = tmp_path / f"{side}-{time}"
            folder.mkdir()
            monkeypatch.setenv(WORLD, str(folder / "log"))
            where = server.url if journal == "postgres" else str(folder / "journal.db")
            scene = Scene(secrets.token_hex(4), where, World(folder / "log"), nursery)
            if not check(scene, how, f"{(PLACES | OTHERS)[place]}.{side}:{time}", whole):
                assert time > 1, "the place was not reached"
                break
