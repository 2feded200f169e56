"""What tests of several rooms share: one PostgreSQL server for all of them."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from tests.journal.server import PostgresServer

# What is started in the background of a script ignores these, and so would the processes of our tests.
for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGQUIT, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    made = PostgresServer()
    made.start()
    yield made
    made.remove()
