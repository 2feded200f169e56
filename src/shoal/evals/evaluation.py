"""Asks every case of a suite, many at once, scores what comes back, and records it.

    await evaluate(suite, target, recorder, means)

What an earlier evaluation asked of the same target comes from the cache, whole. What has a line in the folder
of this one is passed over, so that one that was killed goes on.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from shoal.evals.cases import Case
from shoal.evals.loading import Suite
from shoal.evals.outcomes import Outcome, from_json, to_json
from shoal.evals.results import Recorder
from shoal.evals.scorers import Asked, Scorer, score_all
from shoal.evals.targets import Target
from shoal.journal.journal import encode
from shoal.runs.cache import Cache, Kept

_FORMAT = "evaluation 1"
"""Begins what keys of the cache are made of; another one when outcomes change their shape."""
_FOR_EVER = float("inf")

Line = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What an evaluation is made with."""

    scorers: tuple[Scorer, ...]
    cache: Cache | None = None
    """Of outcomes; None: everything is asked."""
    at_once: int = 64
    on_line: Callable[[Line], None] | None = None
    """Is told of every case when it is recorded."""


async def evaluate(
    suite: Suite, target: Target, recorder: Recorder, means: Means, cases: Sequence[Case]
) -> None:
    """Ask these cases as often as the suite says, and record them. Raises ShoalError, OSError."""
    evaluation = _Evaluation(suite, target, recorder, means)
    todo = evaluation.todo(cases)
    try:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(means.at_once):
                tasks.create_task(evaluation.work(todo))
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
    recorder.sort({case.id: at for at, case in enumerate(cases)})


class _Evaluation:
    """One evaluation under way."""

    def __init__(self, suite: Suite, target: Target, recorder: Recorder, means: Means) -> None:
        self.suite = suite
        self.target = target
        self.recorder = recorder
        self.means = means

    def todo(self, cases: Sequence[Case]) -> Iterator[tuple[Case, int]]:
        """Cases and repeats without a line; every case once before any comes again."""
        for repeat in range(self.suite.entry.repeats):
            for case in cases:
                if (case.id, repeat) not in self.recorder.done:
                    yield case, repeat

    async def work(self, todo: Iterator[tuple[Case, int]]) -> None:
        """Take one after another, as others do beside."""
        for case, repeat in todo:
            outcome = await self._outcome(case, repeat)
            line = await self._line(case, repeat, outcome)
            self.recorder.append(line, outcome.rows)
            if self.means.on_line is not None:
                self.means.on_line(line)
            await asyncio.sleep(0)  # where nothing was waited for

    async def _outcome(self, case: Case, repeat: int) -> Outcome:
        key, cache = self._key(case, repeat), self.means.cache
        kept = cache.get(key, _FOR_EVER) if cache is not None else None
        if kept is not None:
            return from_json(kept.output)
        limit_s = self.suite.entry.timeout_s
        try:
            async with asyncio.timeout(limit_s):
                outcome = await self.target.ask(case, repeat)
        except TimeoutError:
            return Outcome(error=f"the case took longer than {limit_s:g} s", status="failed")
        if cache is not None and outcome.error is None:
            cache.put(key, Kept(to_json(outcome), None))
        return outcome

    def _key(self, case: Case, repeat: int) -> str:
        entry = self.suite.entry
        what = [_FORMAT, self.target.identity, case.asked, entry.seed, entry.temperature, repeat]
        return hashlib.sha256(encode(what).encode()).hexdigest()

    async def _line(self, case: Case, repeat: int, outcome: Outcome) -> Line:
        """What is recorded of a case; docs/evals.md tells of every key."""
        line: Line = {
            "id": case.id,
            "repeat": repeat,
            "case": case.sha256[:16],
            "slices": list(case.slices),
            "input": case.input,
            "gold": case.gold,
            "output": outcome.output,
            "error": outcome.error,
            "scores": {},
            "run": outcome.run,
            "ms": None if outcome.ms is None else round(outcome.ms, 2),
            "tokens": outcome.tokens,
            "cached": outcome.is_cached,
        }
        if outcome.error is not None:
            return line
        scores, failed = await score_all(self.means.scorers, Asked(case, outcome))
        line["scores"] = {name: score.value for name, score in scores.items()}
        notes = {name: score.note for name, score in scores.items() if score.note}
        sure = self._confidence(outcome, scores.keys())
        choices = self._choices(case, outcome, scores.keys())
        extras = {"notes": notes, "failed": failed, "confidence": sure, "choices": choices}
        return line | {name: each for name, each in extras.items() if each}

    def _confidence(self, outcome: Outcome, scored: Any) -> dict[str, float]:
        """How sure the target was of what is scored, by score."""
        found: dict[str, float] = {}
        for scorer in self.means.scorers:
            if scorer.name not in scored or scorer.field is None:
                continue
            if scorer.node is None:
                sure = outcome.confidence.get(scorer.field)
            else:
                sure = outcome.nodes[scorer.node].confidence if scorer.node in outcome.nodes else None
            if sure is not None:
                found[scorer.name] = round(sure, 6)
        return found

    def _choices(self, case: Case, outcome: Outcome, scored: Any) -> dict[str, list[Any]]:
        """Of choices the gold one and the one that was made."""
        found: dict[str, list[Any]] = {}
        for scorer in self.means.scorers:
            if not scorer.is_choice or scorer.name not in scored or scorer.field is None:
                continue
            if scorer.node is None:
                gold, output = case.gold, outcome.output
            else:
                gold = case.nodes.get(scorer.node, {})
                output = outcome.nodes[scorer.node].output if scorer.node in outcome.nodes else None
            made = output.get(scorer.field) if isinstance(output, dict) else None
            found[scorer.name] = [gold[scorer.field], made]
        return found
