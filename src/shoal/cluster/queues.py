"""The queues of runs, as DBOS keeps them: which run waits where, and which worker took it.

Its tables are in a schema of their own, beside the journal's. A workflow there stands for a run: it has the
run's id and nothing else of it. Its end says that a worker is through with the run; the journal says how.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import sqlalchemy
from dbos import DBOS, DBOSClient, DBOSConfig, EnqueueOptions, Serializer, error
from sqlalchemy.exc import SQLAlchemyError

from shoal.journal.journal import JournalError
from shoal.journal.postgres_link import place_of

T = TypeVar("T")
SCHEMA = "shoal_queue"
DEFAULT_QUEUE = "default"
GRAPH_FORMAT = "1"
"""Of the runs that this version can carry on; a worker takes no runs of another."""
RUNS_AT_ONCE = 64
"""Of a queue in each worker, where nobody says another number."""
_NAME = "shoal"
WORKFLOW = "run"
_POLL_S = 0.25
"""How often a worker looks for runs; each look costs about 2 ms."""
_PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.0)
_CONNECTIONS = 5
_CONNECT = {
    "application_name": "shoal-queue",
    "connect_timeout": 5,
    "options": "-c statement_timeout=20000",
    # A server that went away without a word is noticed.
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15000,
}


class _Json(Serializer):
    """Instead of pickle, which runs what it reads."""

    def serialize(self, data: Any) -> str:
        return json.dumps(data)

    def deserialize(self, serialized_data: str) -> Any:
        return json.loads(serialized_data)

    def name(self) -> str:
        return "shoal_json"


@dataclass(frozen=True, slots=True)
class Limits:
    """How many runs of a queue are executed at once."""

    in_worker: int
    in_all: int | None
    """By all workers together; None for as many as they can."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A run that a worker took."""

    run: str
    queue: str
    num_adoptions: int
    """How often it was taken from a dead worker without having got further since."""
    num_rows: int
    """How much was recorded of it when it was adopted last."""


class Queues:
    """What is asked of DBOS from outside; a worker's own DBOS uses the same connections."""

    def __init__(self, url: str) -> None:
        self.place = place_of(url)
        self.engine = sqlalchemy.create_engine(
            _as_sqlalchemy(url),
            pool_size=_CONNECTIONS,
            max_overflow=0,
            pool_pre_ping=True,
            connect_args=_CONNECT,
        )
        # Not the loop's own threads: those a worker's DBOS replaces, and closes before we are done.
        self._threads = ThreadPoolExecutor(max_workers=3, thread_name_prefix="shoal-queues")
        self._client = DBOSClient(
            system_database_engine=self.engine,
            dbos_system_schema=SCHEMA,
            serializer=_Json(),
            application_name=_NAME,
            retry_connection_errors=False,
            lazy=True,
        )

    @classmethod
    async def open(cls, url: str) -> Queues:
        """Connect, and make the tables if there are none. Raises JournalError."""
        queues = cls(url)
        try:
            await queues.in_thread(queues._make_tables)
        except BaseException:
            await queues.close()
            raise
        return queues

    async def are_there(self) -> bool:
        """Whether anybody ever made queues here. Raises JournalError."""
        return await self.in_thread(self._are_there)

    async def put(self, run_id: str, queue: str) -> None:
        """Let a run wait in a queue; nothing if it is in one already."""
        options: EnqueueOptions = {
            "workflow_name": WORKFLOW,
            "queue_name": queue,
            "workflow_id": run_id,
            "app_version": GRAPH_FORMAT,
        }
        await self.in_thread(self._client.enqueue, options, run_id)

    async def put_back(self, run_id: str, queue: str = DEFAULT_QUEUE) -> str:
        """Let a run wait once more, where it waited before if that is known; the name of its queue.

        A worker that is not quite through with it is waited for, a moment; else its next sweep sees to it.
        """
        for pause_s in _PAUSES_S:
            place = await self.in_thread(self._put_back, run_id, queue)
            if place is not None:
                return place
            await asyncio.sleep(pause_s)
        return await self.queue_of(run_id) or queue

    async def queue_of(self, run_id: str) -> str | None:
        """The queue that a run waits in, waited in, or will go on in; None if it was never in one."""
        return await self.in_thread(self._queue_of, run_id)

    async def taken_by(self, worker: str) -> Sequence[Taken]:
        """The runs that a worker took and is not through with."""
        return await self.in_thread(self._taken_by, worker)

    async def hand_over(self, run_ids: Iterable[str]) -> None:
        """Let others take runs that a worker took and does not execute any more."""
        await self.in_thread(self._hand_over, list(run_ids))

    async def note_adoption(self, taken: Taken) -> None:
        """Remember with a run that it was adopted."""
        attributes = {"adoptions": taken.num_adoptions, "rows": taken.num_rows}
        await self.in_thread(self._client.update_workflow_attributes, taken.run, attributes)

    async def forget(self, run_ids: Sequence[str]) -> None:
        """Remove runs that are over, or that nobody shall take."""
        await self.in_thread(self._client.delete_workflows, list(run_ids))

    async def limit(self, queue: str, in_worker: int | None, in_all: int | None) -> Limits:
        """Set what is not None of a queue's limits, for all its workers from now on; those that hold now.

        None together is said by 0.
        """
        return await self.in_thread(self._limit, queue, in_worker, in_all)

    async def num_strange(self) -> int:
        """How many runs wait for workers of another graph format."""
        return await self.in_thread(self._num_strange)

    async def close(self) -> None:
        """Hang up."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self._hang_up)
        self._threads.shutdown(wait=False)

    def config(self, worker: str) -> DBOSConfig:
        """How a worker's own DBOS is set up: no telemetry, no notices, nothing that listens."""
        return {
            "name": _NAME,
            "system_database_engine": self.engine,
            "dbos_system_schema": SCHEMA,
            "application_version": GRAPH_FORMAT,
            "executor_id": worker,
            "serializer": _Json(),
            "use_listen_notify": False,
            "log_level": "CRITICAL",
            "enable_otlp": False,
            "max_executor_threads": 4,
            "scheduler_polling_interval_sec": 3600.0,
        }

    async def in_thread(self, call: Callable[..., T], *arguments: Any) -> T:
        """Call what waits for the database, in a thread. Raises JournalError."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, call, *arguments)
        except SQLAlchemyError as fault:
            raise self.explained(fault) from fault

    def explained(self, fault: SQLAlchemyError) -> JournalError:
        """The error a user sees for one of the database."""
        said = str(getattr(fault, "orig", fault)).strip().partition("\n")[0].rstrip(".")
        return JournalError(
            f"the queues at {self.place} cannot be used: {said}. Check that the server runs, and "
            "`journal:` in agents.yaml"
        )

    def _are_there(self) -> bool:
        query = sqlalchemy.text(f"SELECT to_regclass('{SCHEMA}.workflow_output') IS NOT NULL")
        with self.engine.connect() as connection:
            return bool(connection.execute(query).scalar())

    def _num_strange(self) -> int:
        query = sqlalchemy.text(
            f"SELECT count(*) FROM {SCHEMA}.workflow_status "
            "WHERE status IN ('ENQUEUED', 'PENDING') AND application_version <> :known"
        )
        with self.engine.connect() as connection:
            return int(connection.execute(query, {"known": GRAPH_FORMAT}).scalar() or 0)

    def _make_tables(self) -> None:
        if not self._are_there():
            DBOS(config=self.config("nobody"))
            DBOS.listen_queues([])
            DBOS.launch()
            DBOS.destroy()

    def _put_back(self, run_id: str, queue: str) -> str | None:
        queue = self._queue_of(run_id) or queue
        try:
            self._client.rewind_workflow(run_id, queue_name=queue, application_version=GRAPH_FORMAT)
        except error.DBOSNonExistentWorkflowError:
            options: EnqueueOptions = {"workflow_name": WORKFLOW, "queue_name": queue, "workflow_id": run_id}
            self._client.enqueue({**options, "app_version": GRAPH_FORMAT}, run_id)
        except error.DBOSException:  # it waits or is executed
            found = self._client.list_workflows(workflow_ids=[run_id], load_input=False, load_output=False)
            return queue if found and found[0].status != "PENDING" else None
        return queue

    def _queue_of(self, run_id: str) -> str | None:
        found = self._client.list_workflows(workflow_ids=[run_id], load_input=False, load_output=False)
        return (found[0].queue_name or DEFAULT_QUEUE) if found else None

    def _taken_by(self, worker: str) -> list[Taken]:
        found = self._client.list_workflows(
            status="PENDING", executor_id=worker, load_input=False, load_output=False
        )
        return [
            Taken(
                each.workflow_id,
                each.queue_name or DEFAULT_QUEUE,
                (each.attributes or {}).get("adoptions", 0),
                (each.attributes or {}).get("rows", 0),
            )
            for each in found
        ]

    def _hand_over(self, run_ids: list[str]) -> None:
        by_queue: dict[str, list[str]] = {}
        if run_ids:
            found = self._client.list_workflows(
                workflow_ids=run_ids, status="PENDING", load_input=False, load_output=False
            )
            for each in found:
                by_queue.setdefault(each.queue_name or DEFAULT_QUEUE, []).append(each.workflow_id)
        for queue, ids in by_queue.items():
            self._client.resume_workflows(ids, queue_name=queue)

    def _limit(self, name: str, in_worker: int | None, in_all: int | None) -> Limits:
        found = self._client.retrieve_queue(name)
        known = Limits(RUNS_AT_ONCE, None)
        if found is not None:
            known = Limits(found.worker_concurrency or RUNS_AT_ONCE, found.global_concurrency)
        in_all = known.in_all if in_all is None else in_all or None
        in_worker = known.in_worker if in_worker is None else in_worker
        limits = Limits(in_worker if in_all is None else min(in_worker, in_all), in_all)
        if found is None or limits != known:
            self._client.register_queue(
                name,
                worker_concurrency=limits.in_worker,
                global_concurrency=limits.in_all,
                polling_interval_sec=_POLL_S,
            )
        return limits

    def _hang_up(self) -> None:
        self._client.destroy()
        self.engine.dispose()


def _as_sqlalchemy(url: str) -> sqlalchemy.URL:
    """The url of a journal for psycopg; where it names several hosts, SQLAlchemy wants them as parameters."""
    parts = urlsplit(url)
    user, _, hosts = parts.netloc.rpartition("@")
    if "," in hosts:
        query = urlencode([*(("host", host) for host in hosts.split(",")), *parse_qsl(parts.query)])
        url = urlunsplit((parts.scheme, f"{user}@", parts.path, query, ""))
    return sqlalchemy.make_url(url).set(drivername="postgresql+psycopg")
