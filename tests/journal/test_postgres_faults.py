"""A server that goes away and comes back: nothing is lost or done twice, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import asyncpg
import pytest

from shoal.errors import ShoalError
from shoal.journal import JournalError, NodeRow, RunRow
from shoal.journal.postgres import PostgresJournal
from tests.journal.server import PostgresServer

pytestmark = pytest.mark.anyio
NUM_FAULTS = 20
Calls = dict[tuple[str, str], int]


def run_row(run_id: str) -> RunRow:
    return RunRow(id=run_id, graph="g", file="f", plan_sha256="", parts={"a": "b"}, inputs={})


def node_row(run_id: str, path: str, kind: str = "done", output: object = None) -> NodeRow:
    return NodeRow(run=run_id, path=path, attempt=1, kind=kind, output=output, started=time.time())  # type: ignore[arg-type]


async def execute_runs(journal: PostgresJournal, worker: int, is_over: asyncio.Event, done: Calls) -> None:
    """Run after run, each with steps of every kind; counts what the journal said it has."""
    number = 0
    while not is_over.is_set():
        run_id, number = f"{worker}-{number}", number + 1
        await journal.create(run_row(run_id))
        for path in ("plain", "big", "once"):
            if path == "once":
                await journal.record(node_row(run_id, path, "intent"))
            await journal.record(node_row(run_id, path, output=path * (3000 if path == "big" else 1)))
            done[run_id, path] = done.get((run_id, path), 0) + 1
        await journal.finish(run_id, "waiting", None, None)
        await journal.claim(run_id)
        await journal.repin(run_id, "1" * 64, {"number": str(number)})
        await journal.finish(run_id, "done", {"number": number}, None)


async def check(url: str, done: Calls) -> None:
    """What the journal said it has, it has, once; a reader of another connection sees it."""
    journal = await PostgresJournal.open(url)
    run_ids, kinds = {run_id for run_id, _ in done}, dict.fromkeys(("plain", "big", "once"), "done")
    for run_id in run_ids:
        rows = {row.path: row for row in await journal.rows(run_id)}
        assert {path: row.kind for path, row in rows.items()} == kinds
        run = await journal.run(run_id)
        assert (run.status, run.output) == ("done", {"number": int(run.parts["number"])})
    assert set(done.values()) == {1}
    assert {run.id for run in await journal.runs(1_000_000)} == run_ids
    await journal.close()


async def under_load(url: str, fault: Callable[[], Awaitable[None]]) -> int:
    """Cause faults while runs go on; the number of runs."""
    journal = await PostgresJournal.open(url)
    is_over, done = asyncio.Event(), Calls()
    async with asyncio.TaskGroup() as tasks:
        for worker in range(20):
            tasks.create_task(execute_runs(journal, worker, is_over, done))
        for number in range(NUM_FAULTS):
            num_done = len(done)
            await fault()
            async with asyncio.timeout(20):
                while len(done) < num_done + 30:  # all are at work again
                    await asyncio.sleep(0.003 * (number % 5))
        is_over.set()
    await journal.close()
    await check(url, done)
    return len(done) // 3


async def test_immediate_stops_lose_nothing_and_double_nothing(server: PostgresServer, url: str) -> None:
    async def crash() -> None:
        await asyncio.to_thread(server.stop, "immediate")
        await asyncio.to_thread(server.start)

    assert await under_load(url, crash) > NUM_FAULTS


async def test_terminated_connections_lose_nothing_and_double_nothing(url: str) -> None:
    async def terminate() -> None:
        connection = await asyncpg.connect(url)
        others = "FROM pg_stat_activity WHERE application_name = 'shoal'"
        while not await connection.fetchval(f"SELECT count(pg_terminate_backend(pid)) {others}"):
            await asyncio.sleep(0)  # they are just coming back from the last time
        await connection.close()

    assert await under_load(url, terminate) > NUM_FAULTS


@asynccontextmanager
async def cutting_proxy(server: PostgresServer) -> AsyncIterator[tuple[str, list[int]]]:
    """A way to the server that loses answers: its url, and how many it passes on before it cuts."""
    budget, streams = [1_000_000], list[asyncio.StreamWriter]()

    async def answer(upstream: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        while (data := await upstream.read(1 << 16)) and budget[0] > 0:
            budget[0] -= 1
            client.write(data)
        client.close()

    async def serve(client_in: asyncio.StreamReader, client_out: asyncio.StreamWriter) -> None:
        socket = f"{server.folder}/.s.PGSQL.5432"
        upstream_in, upstream_out = await asyncio.open_unix_connection(socket)
        streams.extend((client_out, upstream_out))
        back = asyncio.create_task(answer(upstream_in, client_out))
        while data := await client_in.read(1 << 16):
            upstream_out.write(data)
        await back

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    try:
        yield f"postgresql://shoal@127.0.0.1:{port}/postgres?sslmode=disable", budget
    finally:
        for stream in streams:
            stream.close()
        listener.close()
        await asyncio.sleep(0.05)


async def test_what_the_first_try_wrote_is_not_refused_to_the_second(
    server: PostgresServer, url: str
) -> None:
    """The server commits, and its answer is lost: of every kind of write."""
    async with cutting_proxy(server) as (proxied, budget):
        journal = await PostgresJournal.open(proxied)
        steps: list[Callable[[], Awaitable[None]]] = [
            lambda: journal.create(run_row("r1")),
            lambda: journal.create(replace(run_row("r2"), status="queued")),
            lambda: journal.record(node_row("r1", "a", output="z" * 9000)),
            lambda: journal.record(node_row("r1", "b", "intent")),
            lambda: journal.record(node_row("r1", "b")),
            lambda: journal.repin("r1", "2" * 64, {"c": "d"}),
            lambda: journal.finish("r1", "waiting", {"text": "so far"}, None),
            lambda: journal.claim("r1"),
            lambda: journal.release("r1"),
            lambda: journal.claim("r1"),
            lambda: journal.record(node_row("r1", "c")),
            lambda: journal.finish("r1", "done", {"text": "all"}, None),
        ]
        for step in steps:
            task = asyncio.ensure_future(step())
            budget[0] = 0
            await asyncio.sleep(0.03)
            budget[0] = 1_000_000
            async with asyncio.timeout(5):
                await task
        assert {row.path: row.kind for row in await journal.rows("r1")} == dict.fromkeys("abc", "done")
        run = await journal.run("r1")
        assert (run.status, run.output, run.parts) == ("done", {"text": "all"}, {"c": "d"})
        await journal.close()


async def until_done(call: Callable[[], Awaitable[None]]) -> None:
    """Ask again until it is not refused any more."""
    async with asyncio.timeout(10):
        while True:
            with suppress(ShoalError):
                return await call()
            await asyncio.sleep(0.02)


async def test_a_server_that_stays_away_is_an_error_and_the_run_is_free_when_it_is_back(
    server: PostgresServer, url: str
) -> None:
    journal = await PostgresJournal.open(url, patience_s=1.0, lease_s=0.4)
    await journal.create(run_row("r1"))
    server.stop()
    try:
        message = "cannot be reached: .* The run stops here and can be resumed: `agentctl runs resume r1`"
        with pytest.raises(JournalError, match=message):
            await journal.record(node_row("r1", "a"))
        begin = time.monotonic()
        with pytest.raises(JournalError, match="cannot be reached"):
            await journal.release("r1")
        assert time.monotonic() - begin < 0.7, "patience is for the outage, not for each who meets it"
    finally:
        server.start()
    assert (await journal.run("r1")).status == "interrupted"
    other = await PostgresJournal.open(url)
    await until_done(lambda: other.claim("r1"))
    await other.record(node_row("r1", "a"))
    await other.close()
    await journal.close()


async def test_a_server_that_does_not_answer_is_an_error_too(server: PostgresServer, url: str) -> None:
    journal = await PostgresJournal.open(url, patience_s=0.2, statement_timeout_s=1.0)
    await journal.create(run_row("r1"))
    server.signal(signal.SIGSTOP)
    try:
        async with asyncio.timeout(10):
            with pytest.raises(JournalError, match="cannot be reached: it did not answer in time"):
                await journal.record(node_row("r1", "a"))
    finally:
        server.signal(signal.SIGCONT)
    await until_done(lambda: journal.record(node_row("r1", "b")))
    assert "b" in {row.path for row in await journal.rows("r1")}
    await journal.close()
