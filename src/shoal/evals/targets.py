"""What suites ask: an agent by itself, or a graph in a journal of its own.

A target never raises for what its models, tools and limits do: that is an outcome with an error.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

from shoal.agents.agent import Agent
from shoal.agents.engine import Engine, Request
from shoal.errors import ShoalError
from shoal.evals.cases import Case
from shoal.evals.engines import SampledEngine
from shoal.evals.outcomes import Outcome
from shoal.evals.plans import with_kept_answers
from shoal.evals.worlds import World, Worlds
from shoal.graphs.plan import Plan
from shoal.journal.journal import NodeRow, RunRow, RunStatus, encode
from shoal.journal.memory import MemoryJournal
from shoal.runs.budgets import FROM_CACHE
from shoal.runs.cache import Cache
from shoal.runs.pins import parts_of, parts_of_agent
from shoal.runs.results import RunResult
from shoal.runs.runner import Runner
from shoal.runs.work import sentence
from shoal.workspace.types import ValueMismatch, read


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """What chance has to do with it."""

    seed: int
    temperature: float | None
    """None: as in a run, greedily at first."""

    def number(self, case: Case, repeat: int) -> int:
        """A seed for one repeat of a case, the same in every evaluation."""
        digest = hashlib.sha256(f"{self.seed}:{repeat}:{case.asked}".encode()).digest()
        return int.from_bytes(digest[:4]) >> 1


class Target(Protocol):
    """Somebody who answers cases."""

    @property
    def identity(self) -> str:
        """The same only for targets that would answer the same."""
        ...

    async def ask(self, case: Case, repeat: int) -> Outcome:
        """Ask a case once more; many may be under way."""
        ...


class AgentTarget:
    """An agent, asked without a graph around it."""

    def __init__(self, agent: Agent, engine: Engine, engine_identity: str, sampling: Sampling) -> None:
        self._agent = agent
        self._engine = engine
        self._sampling = sampling
        self.identity = encode([parts_of_agent(agent), engine_identity])

    async def ask(self, case: Case, repeat: int) -> Outcome:
        """Ask a case once more."""
        request = Request(
            agent=self._agent,
            values=case.input,
            temperature=self._sampling.temperature or 0.0,
            seed=self._sampling.number(case, repeat),
        )
        began = time.perf_counter()
        try:
            answer = await self._engine.complete(request)
            output = read(self._agent.output, answer.output, "its output")
        except (ShoalError, ValueMismatch) as error:
            return Outcome(error=sentence(str(error)), status="failed")
        except Exception as error:
            return Outcome(error=sentence(f"{type(error).__name__}: {error}"), status="failed")
        return Outcome(
            output=output,
            confidence=answer.field_confidence,
            ms=(time.perf_counter() - began) * 1000,
            prompt_tokens=answer.usage.prompt_tokens,
            completion_tokens=answer.usage.completion_tokens,
        )


class GraphTarget:
    """A graph; what agents said is kept for later evaluations, node by node."""

    def __init__(
        self,
        plan: Plan,
        engine: Engine,
        engine_identity: str,
        sampling: Sampling,
        *,
        cache: Cache | None = None,
        worlds: Worlds | None = None,
    ) -> None:
        self._plan = with_kept_answers(plan)
        self._parts = parts_of(plan)
        self._engine = engine if sampling.temperature is None else SampledEngine(engine, sampling.temperature)
        self._engine_identity = engine_identity
        self._sampling = sampling
        self._cache = cache
        self._worlds = worlds
        self._journal = MemoryJournal()
        self._runners: dict[int, Runner] = {}
        self.identity = encode([plan.sha256, engine_identity, worlds.sha256 if worlds else None])

    async def ask(self, case: Case, repeat: int) -> Outcome:
        """Run a case once more, and answer what the case has answers for."""
        run = self._run(case, repeat)
        world: AbstractContextManager[World | None] = self._worlds.world() if self._worlds else nullcontext()
        began = time.perf_counter()
        try:
            with world as made:
                await self._journal.create(run)
                result = await self._go(run.id, case, self._runner(repeat))
            ms = (time.perf_counter() - began) * 1000
            return self._outcome(result, await self._journal.rows(run.id), made, ms)
        except ShoalError as error:
            return Outcome(error=sentence(str(error)), status="failed")
        finally:
            await self._journal.delete([run.id])

    def _run(self, case: Case, repeat: int) -> RunRow:
        """Under an id that is the same in every evaluation, for samples depend on it."""
        named = hashlib.sha256(f"{case.id} {case.sha256}".encode()).hexdigest()
        return RunRow(
            id=f"{named[:16]}-{self._sampling.number(case, repeat):08x}",
            graph=self._plan.name,
            file=self._plan.file,
            plan_sha256=self._plan.sha256,
            parts=self._parts,
            inputs=case.input,
            status="queued",
            created=time.time(),
        )

    async def _go(self, run_id: str, case: Case, runner: Runner) -> RunResult:
        result = await runner.resume(run_id, self._plan)
        given: set[tuple[str, int]] = set()
        while result.status == "waiting":
            asked = [
                node.path
                for node in result.nodes.values()
                if node.status == "waiting"
                and node.path in case.answers
                and (node.path, node.attempts) not in given
            ]
            if not asked:
                break
            for path in asked:
                given.add((path, result.nodes[path].attempts))
                await runner.answer(run_id, self._plan, path, case.answers[path])
            result = await runner.resume(run_id, self._plan)
        return result

    def _outcome(self, result: RunResult, rows: Sequence[NodeRow], world: World | None, ms: float) -> Outcome:
        is_whole = not any(row.message == FROM_CACHE for row in rows)
        return Outcome(
            output=result.output,
            error=_error(result),
            run=result.run,
            status=result.status,
            rows=rows,
            changes=None if world is None else world.changes,
            ms=ms if is_whole else None,
            prompt_tokens=result.prompt_tokens if is_whole else None,
            completion_tokens=result.completion_tokens if is_whole else None,
        )

    def _runner(self, repeat: int) -> Runner:
        """One for each repeat: the answers of one must not be taken for those of another."""
        if repeat not in self._runners:
            sampled = self._sampling.temperature is not None
            chance = f" seed {self._sampling.seed} at {self._sampling.temperature}" if sampled else ""
            again = f" repeat {repeat}" if repeat else ""
            identity = f"{self._engine_identity}{chance}{again}"
            self._runners[repeat] = Runner(self._engine, self._journal, cache=self._cache, identity=identity)
        return self._runners[repeat]


_ENDS: Mapping[RunStatus, str] = {"unknown": "a tool may have acted or not", "cancelled": "it was cancelled"}


def _error(result: RunResult) -> str | None:
    """Why a run has no answer; one that waits for a person may have one already."""
    if result.status == "waiting" and result.output is None:
        asked = next(node.path for node in result.nodes.values() if node.status == "waiting")
        return f"node '{asked}' waits for a person, and the case has no answer for it"
    if result.status in {"done", "waiting"}:
        return None
    return result.error or _ENDS.get(result.status, result.status)
