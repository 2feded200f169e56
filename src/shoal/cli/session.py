"""What commands that run graphs have in common: journal, engine, runner, the result as JSON."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict
from hashlib import sha256
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from shoal.errors import InvalidInput, MissingExtra

if TYPE_CHECKING:
    from shoal.agents.engine import Engine
    from shoal.graphs.plan import Plan
    from shoal.journal.journal import Journal
    from shoal.runs.events import OnEvent
    from shoal.runs.results import NodeSummary, RunResult
    from shoal.runs.runner import Runner
    from shoal.telemetry.metrics import Metrics

ENGINE_HELP = "auto, embedded, or scripted[:FILE] (answers from a file, no models)."


@asynccontextmanager
async def opened_journal(root: Path) -> AsyncIterator[Journal]:
    """The journal of a workspace, the one that its agents.yaml names.

    Raises:
        InvalidFiles: agents.yaml names none that there is.
        MissingExtra: the driver of PostgreSQL is not installed.
        JournalError: it cannot be used.
    """
    from shoal.agents.journal_url import journal_in
    from shoal.agents.manifest import MANIFEST
    from shoal.workspace.yaml import read_yaml

    journal = await _open_journal(root, journal_in(read_yaml(root / MANIFEST, MANIFEST)))
    try:
        yield journal
    finally:
        await journal.close()


async def _open_journal(root: Path, url: str) -> Journal:
    if url == "sqlite":
        from shoal.journal.sqlite import SqliteJournal
        from shoal.workspace.store import Store

        return SqliteJournal(Store(root).journal)
    if util.find_spec("asyncpg") is None:
        raise MissingExtra("a journal in PostgreSQL", "postgres")
    from shoal.journal.postgres import PostgresJournal

    return await PostgresJournal.open(url)


@asynccontextmanager
async def opened_runner(
    root: Path, plan: Plan, engine: str, on_event: OnEvent | None = None, metrics: Metrics | None = None
) -> AsyncIterator[Runner]:
    """A runner with its engine, journal and cache, and the telemetry that is switched on."""
    async with made_runner(root, [plan], engine, on_event, metrics) as make, opened_journal(root) as journal:
        yield make(journal)


@asynccontextmanager
async def made_runner(
    root: Path, plans: Sequence[Plan], engine: str, on_event: OnEvent | None, metrics: Metrics | None
) -> AsyncIterator[Callable[[Journal], Runner]]:
    """What makes a runner on a journal, with engine and cache for these plans."""
    from shoal.runs.cache import SqliteCache
    from shoal.runs.runner import Runner
    from shoal.telemetry.export import exported_spans, joined
    from shoal.workspace.redaction import redact_logs
    from shoal.workspace.store import Store

    redact_logs()
    models = make_engine(engine, root, plans)
    cache = SqliteCache(Store(root).cache)
    try:
        with exported_spans() as spans:
            heard = joined(on_event, [spans, None if metrics is None else metrics.on_event])
            identity = engine_identity(engine)
            yield lambda journal: Runner(models, journal, on_event=heard, cache=cache, identity=identity)
    finally:
        cache.close()
        await models.close()


def engine_identity(engine: str) -> str:
    """What tells the answers of one engine from those of another; a script's are its own alone."""
    kind, _, script = engine.partition(":")
    if kind != "scripted":
        return "embedded"
    return f"scripted:{sha256(Path(script).read_bytes()).hexdigest()}" if script else "scripted"


@contextmanager
def own_stdout() -> Iterator[TextIO]:
    """Stdout for the command's own lines: what tools print, or programs that they start, goes to stderr."""
    if sys.stdout is None or sys.stderr is None:  # one is closed, so nothing can mix
        yield sys.stdout
        return
    sys.stdout.flush()
    with os.fdopen(os.dup(1), "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors) as ours:
        os.dup2(2, 1)
        try:
            yield ours
        finally:
            sys.stdout.flush()
            os.dup2(ours.fileno(), 1)


def check_engine(name: str) -> None:
    """Say what is wrong with the name of an engine, before anything is loaded for it.

    Raises:
        InvalidInput: there is no such engine.
        MissingExtra: the packages of the embedded engine are not installed.
    """
    kind = name.partition(":")[0]
    if kind not in {"auto", "embedded", "scripted"}:
        raise InvalidInput(f"'{name}' is not an engine. Use {ENGINE_HELP}")
    if kind != "scripted" and util.find_spec("torch") is None:
        raise MissingExtra("the embedded engine", "embedded")


def make_engine(name: str, root: Path, plans: Sequence[Plan]) -> Engine:
    """The engine by the name a user gives it; models load with the first question.

    Raises:
        InvalidInput: there is no such engine.
        InvalidFiles: its script cannot be read, or answers for agents that the workspace does not have.
        MissingExtra: the packages of the embedded engine are not installed.
    """
    from shoal.graphs.plan import AgentCall, walk_nodes

    check_engine(name)
    nodes = (node for plan in plans for node in walk_nodes(plan))
    agents = [node.work.agent for node in nodes if isinstance(node.work, AgentCall)]
    kind, _, script = name.partition(":")
    if kind == "scripted":
        return _scripted(script, root, {agent.name for agent in agents})
    from shoal.agents.embedded.engine import EmbeddedEngine

    return EmbeddedEngine(root, expected=[agent.base for agent in agents])


def _scripted(script: str, root: Path, agents: Collection[str]) -> Engine:
    """The engine without models; agents that its script forgot are told of before anything runs."""
    from shoal.agents.manifest import MANIFEST
    from shoal.agents.scripted import ScriptedEngine, read_script
    from shoal.workspace.yaml import read_yaml

    if not script:
        return ScriptedEngine()
    engine = read_script(Path(script), read_yaml(root / MANIFEST, MANIFEST).data.get("agents", {}))
    if lacking := sorted(set(agents) - engine.agents):
        told = f"{script} has no answers of {', '.join(lacking)}: the plainest ones of their types are given"
        print(told, file=sys.stderr)
    return engine


def as_record(result: RunResult) -> dict[str, Any]:
    """A run as one JSON object, the shape of every --json output of runs."""
    return {
        "run": result.run,
        "graph": result.graph,
        "status": result.status,
        "inputs": result.inputs,
        "output": result.output,
        "error": result.error,
        "forked_from": None
        if result.origin is None
        else {"run": result.origin.run, "at": result.origin.path},
        "tokens": result.prompt_tokens + result.completion_tokens,
        "nodes": {path: node_record(node) for path, node in result.nodes.items()},
    }


def node_record(node: NodeSummary) -> dict[str, Any]:
    """A node as a JSON object, without its path."""
    summary = asdict(node)
    del summary["path"]
    return summary | {"ms": round(node.ms, 2)}


def exit_code(results: list[RunResult]) -> int:
    """0 when every run is done or waits for a person or a worker, else 1."""
    return 0 if all(result.status in {"done", "waiting", "queued"} for result in results) else 1
