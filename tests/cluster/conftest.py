"""One PostgreSQL server; for every test an empty database, a workspace, and workers that are processes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.cluster.herd import Herd
from tests.journal.server import PostgresServer


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    made = PostgresServer()
    made.start()
    yield made
    made.remove()


@pytest.fixture
async def herd(server: PostgresServer, tmp_path: Path) -> AsyncIterator[Herd]:
    """A workspace on an empty journal; its workers are killed in the end."""
    connection = await asyncpg.connect(server.url)
    await connection.execute("DROP SCHEMA IF EXISTS shoal CASCADE")
    exists = await connection.fetchval("SELECT to_regclass('shoal_queue.workflow_status') IS NOT NULL")
    if exists:  # making its tables takes a while, and what is in them is all that a test can spoil
        names = ("status", "input", "output")
        tables = ", ".join(f"shoal_queue.workflow_{name}" for name in names)
        await connection.execute(f"TRUNCATE {tables}, shoal_queue.queues CASCADE")
    await connection.close()
    made = Herd(tmp_path, server.url)
    await made.open()
    yield made
    await made.close()
