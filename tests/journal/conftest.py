"""Async tests here run on asyncio, through anyio's plugin."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from shoal.journal import Journal, MemoryJournal, SqliteJournal
from shoal.journal.postgres import PostgresJournal
from tests.journal.server import PostgresServer


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def url(server: PostgresServer) -> str:
    """The url of a database without a journal."""
    connection = await asyncpg.connect(server.url)
    await connection.execute("DROP SCHEMA IF EXISTS shoal CASCADE")
    await connection.close()
    return server.url


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def journal(request: pytest.FixtureRequest, tmp_path: Path, url: str) -> AsyncIterator[Journal]:
    """Each journal there is, empty."""
    made: Journal
    match request.param:
        case "memory":
            made = MemoryJournal()
        case "sqlite":
            made = SqliteJournal(tmp_path / "j" / "journal.db")
        case _:
            made = await PostgresJournal.open(url)
    yield made
    await made.close()
