"""What tests of several rooms share: one PostgreSQL server for all of them."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from tests.journal.server import PostgresServer

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # What is started in the background of a script ignores Ctrl-C, and so would the processes of our tests.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    made = PostgresServer()
    made.start()
    yield made
    made.remove()
