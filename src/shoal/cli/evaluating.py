"""One evaluation from the command line: target, engine, cache and journal, with its progress on stderr."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shoal.agents.engine import Engine
    from shoal.evals.cases import Case
    from shoal.evals.comparison import Side
    from shoal.evals.evaluation import Line
    from shoal.evals.loading import Suite
    from shoal.evals.results import Recorder, Result
    from shoal.evals.targets import Target
    from shoal.evals.worlds import Worlds
    from shoal.runs.cache import Cache


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How a suite is to be run."""

    engine: str
    limit: int | None
    """Only so many of the first cases."""
    is_fresh: bool
    """Nothing is taken from the cache, nor from an evaluation that was broken off."""
    is_quiet: bool
    against: Side | None
    """What it is to be held against."""
    has_gate: bool


async def run_suite(root: Path, suite: Suite, wish: Wish) -> Result:
    """Ask every case, record it, and conclude."""
    from shoal.evals.conclusion import conclude
    from shoal.evals.evaluation import Means, evaluate
    from shoal.evals.scorers import make_scorers
    from shoal.evals.worlds import own_variables

    cases = suite.cases[: wish.limit]
    scorers = make_scorers(suite.entry, suite.folder)
    async with AsyncExitStack() as opened:
        cache = opened.enter_context(_opened_cache(root, wish))
        engine = _late_engine(root, suite, wish)
        opened.push_async_callback(engine.close)
        target = _target(suite, engine, wish, cache, opened.enter_context(_worlds(suite)))
        recorder = _recorder(root, suite, cases, target, wish)
        opened.callback(recorder.close)
        opened.enter_context(own_variables())
        on_line = opened.enter_context(_progress(suite, len(cases), recorder, wish))
        means = Means(scorers=scorers, cache=cache, at_once=suite.entry.at_once, on_line=on_line)
        began = time.monotonic()
        await evaluate(suite, target, recorder, means, cases)
        summary = conclude(suite, recorder.result, wish.against, has_gate=wish.has_gate)
        recorder.finish({**summary, "seconds": round(time.monotonic() - began, 2)})
        return recorder.result


@contextmanager
def _opened_cache(root: Path, wish: Wish) -> Iterator[Cache]:
    from shoal.evals.caches import FreshCache, GroupedCache
    from shoal.runs.cache import SqliteCache
    from shoal.workspace.store import Store

    file = SqliteCache(Store(root).cache)
    cache = GroupedCache(file)
    try:
        yield FreshCache(cache) if wish.is_fresh else cache
    finally:
        cache.flush()
        file.close()


def _late_engine(root: Path, suite: Suite, wish: Wish) -> Engine:
    from shoal.cli.session import check_engine, make_engine
    from shoal.evals.engines import LateEngine
    from shoal.graphs.plan import Plan

    check_engine(wish.engine)
    plans = [suite.target] if isinstance(suite.target, Plan) else []
    if wish.engine.partition(":")[0] == "scripted":  # what is wrong with the script is told of at once
        return make_engine(wish.engine, root, plans)
    return LateEngine(lambda: make_engine(wish.engine, root, plans))


@contextmanager
def _worlds(suite: Suite) -> Iterator[Worlds | None]:
    """Databases for cases, in a temporary folder."""
    from tempfile import TemporaryDirectory

    from shoal.evals.worlds import Worlds

    if not isinstance(suite.entry.world, dict):
        yield None
        return
    with TemporaryDirectory(prefix="shoal-world-", ignore_cleanup_errors=True) as folder:
        yield Worlds(suite.entry.world, suite.folder, Path(folder))


def _target(suite: Suite, engine: Engine, wish: Wish, cache: Cache, worlds: Worlds | None) -> Target:
    from shoal.agents.agent import Agent
    from shoal.cli.session import engine_identity
    from shoal.errors import InvalidInput
    from shoal.evals.targets import AgentTarget, GraphTarget, Sampling
    from shoal.graphs.plan import Plan

    identity = engine_identity(wish.engine)
    sampling = Sampling(seed=suite.entry.seed, temperature=suite.entry.temperature)
    match suite.target:
        case Agent() as agent:
            return AgentTarget(agent, engine, identity, sampling)
        case Plan() as plan:
            return GraphTarget(plan, engine, identity, sampling, cache=cache, worlds=worlds)
    raise InvalidInput(f"suite '{suite.name}' asks a model elsewhere, which this version cannot do yet")


def _recorder(root: Path, suite: Suite, cases: Sequence[Case], target: Target, wish: Wish) -> Recorder:
    from shoal.cli.session import engine_identity
    from shoal.evals.results import record
    from shoal.journal.journal import encode

    entry = suite.entry
    asked = [[case.id, case.sha256] for case in cases]
    spec = encode([suite.sha256, asked, target.identity])
    kind = entry.target.model_fields_set.copy().pop()
    about: dict[str, Any] = {
        "suite": suite.name,
        "file": suite.shown,
        "about": entry.about,
        "target": {kind: getattr(entry.target, kind)},
        "engine": engine_identity(wish.engine),
        "created": time.time(),
        "spec": hashlib.sha256(spec.encode()).hexdigest(),
        "num_cases": len(cases),
        "num_left_out": len(suite.cases) - len(cases),
        "repeats": entry.repeats,
        "seed": entry.seed,
        "scores": suite.scores,
        "slices": entry.slices,
    }
    return record(root, about, is_fresh=wish.is_fresh)


@contextmanager
def _progress(
    suite: Suite, num_cases: int, recorder: Recorder, wish: Wish
) -> Iterator[Callable[[Line], None] | None]:
    """A bar with an estimate, and how many errors there were."""
    if wish.is_quiet:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, highlight=False)
    total, num_errors = num_cases * suite.entry.repeats, 0
    if recorder.done:
        console.print(
            f"Going on with evaluation {recorder.result.id}: {len(recorder.done):,} of {total:,} are there."
        )
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[errors]}"),
    )
    with ExitStack() as shown:
        progress = shown.enter_context(Progress(*columns, console=console))
        task = progress.add_task(suite.name, total=total, completed=len(recorder.done), errors="")

        def on_line(line: Line) -> None:
            nonlocal num_errors
            if line["error"] is not None:
                num_errors += 1
                progress.update(task, errors=f"{num_errors:,} errors")
            progress.advance(task)

        yield on_line
