"""agentctl worker: execute queued runs until told to stop."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from shoal.cli.session import ENGINE_HELP

if TYPE_CHECKING:
    from shoal.cluster.worker import Line, Worker

_QUEUE_HELP = "The queue to take runs from, `default` if none is named; may be repeated."
_DRAIN_HELP = "Seconds that runs have to end after SIGTERM."
_AT_ONCE_HELP = "Runs of a queue in each of its workers; kept with the queue. 64 for a new one."
_IN_ALL_HELP = "Runs of a queue in all its workers together; kept with the queue. 0 for as many as they can."
_LEASE_HELP = "Seconds of silence after which others take over what this worker had."
_END_S = 5.0
"""How long giving up at once may take."""
_INTERRUPTED = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a worker is told on the command line."""

    queues: list[str]
    runs_at_once: int | None
    runs_in_all: int | None
    engine: str
    drain_s: float
    lease_s: float
    metrics_port: int | None
    ready: Path | None
    as_json: bool


def worker(
    queue: Annotated[
        list[str] | None, typer.Option("--queue", help="May be repeated. [default: default]")
    ] = None,
    runs_at_once: Annotated[int | None, typer.Option("--runs-at-once", min=1, help=_AT_ONCE_HELP)] = None,
    runs_in_all: Annotated[int | None, typer.Option("--runs-in-all", min=0, help=_IN_ALL_HELP)] = None,
    engine: Annotated[str, typer.Option("--engine", help=ENGINE_HELP)] = "auto",
    drain_s: Annotated[
        float, typer.Option(min=0, help="Seconds that runs have to end after SIGTERM.")
    ] = 30.0,
    lease_s: Annotated[float, typer.Option(min=1, help=_LEASE_HELP)] = 15.0,
    metrics_port: Annotated[int | None, typer.Option(help="Serve Prometheus metrics on this port.")] = None,
    ready: Annotated[Path | None, typer.Option(help="A file that is there while runs are taken.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print lines of JSON.")] = False,
) -> None:
    """Execute queued runs. SIGTERM: take no more, and end when those under way did; a second one: at once."""
    from shoal.cli.queue import check_name

    names = list(dict.fromkeys(queue or ["default"]))
    for name in names:
        check_name(name)
    options = Options(
        queues=names,
        runs_at_once=runs_at_once,
        runs_in_all=runs_in_all,
        engine=engine,
        drain_s=drain_s,
        lease_s=lease_s,
        metrics_port=metrics_port,
        ready=ready,
        as_json=as_json,
    )
    code = 0 if asyncio.run(_work(options)) else _INTERRUPTED
    if threading.active_count() > 1:  # a thread that waits for a server that is away would hold up the exit
        sys.stdout.flush()
        os._exit(code)
    raise typer.Exit(code)


async def _work(options: Options) -> bool:
    """Execute runs; returns whether all came to an end in order."""
    from shoal.agents.manifest import find_root
    from shoal.cli.session import own_stdout

    root = find_root(Path())
    drain, stop = _told(options.drain_s)
    with own_stdout() as out:
        try:
            async with _opened(root, options, _Lines(out, options)) as worker:
                return await worker.serve(options.queues, drain, stop, options.drain_s)
        finally:
            if options.ready is not None:
                options.ready.unlink(missing_ok=True)


def _told(drain_s: float) -> tuple[asyncio.Event, asyncio.Event]:
    """What signals say: to drain, and to stop at once. Both have an end, also if the database is away."""
    from shoal.cluster.worker import STILL_S

    drain, stop = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def told(event: asyncio.Event, within_s: float) -> None:
        event.set()
        loop.call_later(within_s, os._exit, _INTERRUPTED)

    def terminate() -> None:
        told(stop, _END_S) if drain.is_set() else told(drain, drain_s + STILL_S + _END_S)

    loop.add_signal_handler(signal.SIGTERM, terminate)
    loop.add_signal_handler(signal.SIGINT, told, stop, _END_S)
    return drain, stop


@asynccontextmanager
async def _opened(root: Path, options: Options, lines: _Lines) -> AsyncIterator[Worker]:
    from shoal.cli.queue import opened_queues, shared_url
    from shoal.cli.session import made_runner
    from shoal.cluster.plans import Plans
    from shoal.cluster.sweep import Sweep
    from shoal.cluster.worker import PATIENCE_S, Worker
    from shoal.graphs.check import check_workspace
    from shoal.journal.postgres import PostgresJournal
    from shoal.telemetry.export import make_metrics

    url = shared_url(root)
    checked = check_workspace(root)
    plans = Plans(root)
    for plan in checked.plans.values():
        plans.add(plan)
    for problem in checked.errors:
        lines.warn(str(problem))
    metrics = None
    if options.metrics_port is not None:
        metrics = make_metrics()
        metrics.serve(options.metrics_port)
    journal = await PostgresJournal.open(url, lease_s=options.lease_s, patience_s=PATIENCE_S)
    try:
        async with (
            opened_queues(root) as queues,
            made_runner(root, list(checked.plans.values()), options.engine, None, metrics) as make,
        ):
            for name in options.queues:
                limits = await queues.limit(name, options.runs_at_once, options.runs_in_all)
                lines.limits(name, limits.in_worker, limits.in_all)
            sweep = Sweep(url, queues, journal, options.lease_s)
            try:
                yield Worker(make(journal), journal, queues, plans, sweep, lines.tell)
            finally:
                await sweep.close()
    finally:
        await journal.close()


class _Lines:
    """What the worker tells, on standard output."""

    def __init__(self, out: TextIO, options: Options) -> None:
        self._out = out
        self._ready = options.ready
        self._as_json = options.as_json

    def tell(self, line: Line) -> None:
        """Something happened."""
        if self._ready is not None and line.kind == "ready":
            self._ready.touch()
        if self._ready is not None and line.kind == "draining":
            self._ready.unlink(missing_ok=True)
        self._print(_record(line) if self._as_json else _text(line))

    def limits(self, queue: str, in_worker: int, in_all: int | None) -> None:
        """What holds for a queue."""
        if self._as_json:
            self._print(
                json.dumps({"event": "queue", "queue": queue, "in_worker": in_worker, "in_all": in_all})
            )
            return
        together = "" if in_all is None else f", {in_all} in all workers"
        self._print(f"queue {queue}: {in_worker} runs at once{together}")

    def warn(self, message: str) -> None:
        """Something is wrong that does not stop the worker."""
        print(message, file=sys.stderr, flush=True)

    def _print(self, text: str) -> None:
        with suppress(BrokenPipeError):  # nobody reads any more; runs are no worse for it
            print(text, file=self._out, flush=True)


def _record(line: Line) -> str:
    record: dict[str, Any] = {"time": round(time.time(), 3), "event": line.kind, "run": line.run}
    if (result := line.result) is None:
        record["text"] = line.text
    else:
        record |= {"graph": result.graph, "status": result.status, "output": result.output}
        record |= {"error": result.error, "seconds": round(line.seconds, 4)}
    return json.dumps(record, ensure_ascii=False)


def _text(line: Line) -> str:
    from shoal.cli.tree import brief

    when = time.strftime("%H:%M:%S")
    if line.result is not None:
        told = line.result.error or brief(line.result.output, limit=160)
        return f"{when}  {line.run}  {line.result.status:<8}  {line.seconds:.2f} s  {told}"
    return f"{when}  {f'{line.run}  ' if line.run else ''}{line.kind.replace('_', ' ')}: {line.text}"
