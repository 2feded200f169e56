"""One workspace, and one server of processes, for all tests here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.storms import worker
from tests.storms.fleet import write_fleet
from tests.storms.nursery import Nursery


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    root = write_fleet(tmp_path_factory.mktemp("fleet"))
    worker.prepare([str(root)])
    with Nursery("tests.storms.worker", str(root)) as made:
        yield made
