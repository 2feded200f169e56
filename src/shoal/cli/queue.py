"""Runs that are left to workers: `agentctl run --queue`, and what is common to it and `agentctl worker`."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from shoal.errors import InvalidInput, MissingExtra, ShoalError

if TYPE_CHECKING:
    from shoal.cluster.queues import Queues
    from shoal.graphs.plan import Plan
    from shoal.runs.results import RunResult

_QUEUE_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@asynccontextmanager
async def opened_queues(root: Path) -> AsyncIterator[Queues]:
    """The queues of a workspace, which are where its journal is.

    Raises:
        ShoalError: the journal is a file, which machines do not share.
        MissingExtra: DBOS is not installed.
        JournalError: they cannot be used.
    """
    url = shared_url(root)
    from shoal.cluster.queues import Queues

    queues = await Queues.open(url)
    try:
        yield queues
    finally:
        await queues.close()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run that came out of a queue goes on."""

    run: str
    queue: str
    queues: Queues

    async def put_back(self) -> None:
        """Let a worker go on with it."""
        await self.queues.put_back(self.run, self.queue)
        typer.echo(f"A worker of queue '{self.queue}' goes on with run {self.run}.", err=True)


@asynccontextmanager
async def queue_of(root: Path, run: str) -> AsyncIterator[Place | None]:
    """The place of a run in a queue; None if it came out of none."""
    url = _url(root)
    if url is None or util.find_spec("dbos") is None:
        yield None
        return
    from shoal.cluster.queues import Queues

    queues = Queues(url)
    try:
        queue = await queues.queue_of(run) if await queues.are_there() else None
        yield None if queue is None else Place(run, queue, queues)
    finally:
        await queues.close()


def shared_url(root: Path) -> str:
    """The url of a journal that machines share. Raises ShoalError, MissingExtra."""
    url = _url(root)
    if url is None:
        raise ShoalError(
            f"{root / 'agents.yaml'}: queues need a journal that machines share, and this workspace keeps "
            "its own in a file. Write `journal: postgresql://user@host/db`"
        )
    if util.find_spec("dbos") is None or util.find_spec("asyncpg") is None:
        raise MissingExtra("a queue of runs", "cluster")
    return url


def _url(root: Path) -> str | None:
    """Of a journal that machines share, if it is one."""
    from shoal.agents.journal_url import SQLITE, journal_in
    from shoal.agents.manifest import MANIFEST
    from shoal.workspace.yaml import read_yaml

    url = journal_in(read_yaml(root / MANIFEST, MANIFEST))
    return None if url == SQLITE else url


def check_name(queue: str) -> None:
    """Refuse what cannot name a queue. Raises InvalidInput."""
    if not _QUEUE_NAME.fullmatch(queue):
        raise InvalidInput(f"'{queue[:80]}' cannot name a queue. Use lowercase letters, digits, . _ and -")


async def queue_runs(
    root: Path, plan: Plan, many_inputs: list[dict[str, Any]], queue: str, *, waits: bool, as_json: bool
) -> list[RunResult]:
    """Queue a run for each of many inputs and print their ids; or wait for their ends and print those."""
    from shoal.cli.session import opened_journal
    from shoal.cluster.submit import submit

    async with opened_journal(root) as journal, opened_queues(root) as queues:
        ids = []
        async with aclosing(submit(journal, queues, plan, many_inputs, queue)) as submitted:
            async for run in submitted:
                ids.append(run.id)
                if not waits:
                    line = {"run": run.id, "graph": run.graph, "status": "queued", "queue": queue}
                    typer.echo(json.dumps(line) if as_json else run.id)
        return [] if not waits else [each async for each in _ends(journal, ids, as_json)]


async def _ends(journal: Any, ids: list[str], as_json: bool) -> AsyncIterator[RunResult]:
    from shoal.cli.run import print_line
    from shoal.cluster.submit import wait_for

    for run_id in ids:
        result = await wait_for(journal, run_id)
        print_line(result, as_json, None)
        yield result
