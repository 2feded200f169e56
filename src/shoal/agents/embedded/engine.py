"""The engine in this process: one worker thread that owns the models and batches what waits.

Requests of all tasks land in one queue. The worker takes all that wait, groups them by base and adapter,
and computes one group at a time, the oldest first. Torch is imported and the expected bases are loaded in
the worker as soon as the engine is made, while tools and expressions already run; nothing heavy is imported
in the caller's thread.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Protocol

from shoal.agents.agent import Base
from shoal.agents.engine import Answer, Request
from shoal.errors import MissingExtra, ShoalError

__all__ = ["EmbeddedEngine"]

_MAX_GROUP = 64
"""The most requests computed before the queue is looked at again."""


class _Model(Protocol):
    def answer(self, requests: Sequence[Request]) -> list[Answer]: ...


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    request: Request
    answer: Future[Answer] = field(default_factory=Future)

    @property
    def group(self) -> tuple[Base, str, str]:
        """What can be computed together: one base with one adapter; heads of encoders belong to an agent."""
        agent = self.request.agent
        return agent.base, agent.adapter.sha256 if agent.adapter else "", agent.name

    def silenced(self) -> _Job:
        """The same, without anybody who reads along."""
        return _Job(replace(self.request, on_text=None), self.answer)


class EmbeddedEngine:
    """Computes answers with transformers in this process.

    Args:
        root: the workspace, which folders of bases are relative to.
        expected: bases that will be asked; they are loaded at once, in the background. Others are loaded
        when they are asked.
    """

    def __init__(self, root: Path, expected: Iterable[Base] = ()) -> None:
        self._root = root
        self._expected = tuple(dict.fromkeys(expected))
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._models: dict[Base, _Model] = {}
        self._is_closed = False
        self._worker = threading.Thread(target=self._work, name="shoal-embedded-engine", daemon=True)
        self._worker.start()

    async def complete(self, request: Request) -> Answer:
        """Answer one request; many tasks may wait at once.

        Raises:
            ShoalError: the request cannot be answered; others of its batch are not touched by that.
        """
        if self._is_closed:
            raise ShoalError("the engine is closed, so it answers no more requests")
        job = _Job(request)
        self._queue.put(job)
        return await asyncio.wrap_future(job.answer)

    async def close(self) -> None:
        """Let the worker finish what it computes, refuse what waits, and forget the models."""
        self._is_closed = True
        self._queue.put(None)
        await asyncio.to_thread(self._worker.join)
        self._models.clear()

    def _work(self) -> None:
        # Whoever asks is told what is wrong with a base, or that a package is missing.
        with suppress(Exception):
            _set_up_libraries()
        for base in self._expected:
            with suppress(Exception):
                if not self._is_closed:
                    self._model(base)
        waiting: list[_Job] = []
        while not self._is_closed:
            waiting += self._take(block=not waiting)
            if waiting:
                key = waiting[0].group
                group = [job for job in waiting if job.group == key][:_MAX_GROUP]
                waiting = [job for job in waiting if job not in group]
                self._answer([job for job in group if job.answer.set_running_or_notify_cancel()])
        for job in (*waiting, *self._take(block=False)):
            if job.answer.set_running_or_notify_cancel():
                job.answer.set_exception(ShoalError("the engine was closed before this request was answered"))

    def _take(self, *, block: bool) -> list[_Job]:
        """All jobs that wait; blocks until there is one, or until the engine closes."""
        jobs: list[_Job] = []
        try:
            while (job := self._queue.get(block=block and not jobs)) is not None:
                jobs.append(job)
        except Empty:
            pass
        return jobs

    def _answer(self, jobs: Sequence[_Job]) -> None:
        if not jobs:
            return
        try:
            model = self._model(jobs[0].request.agent.base)
            answers = model.answer([job.request for job in jobs])
        except BaseException as error:
            if len(jobs) == 1:
                jobs[0].answer.set_exception(error)
            else:
                # One request spoils its batch only, not the others in it. Texts that may have been shown
                # in part are not shown again.
                for job in jobs:
                    self._answer([job if isinstance(error, ShoalError) else job.silenced()])
        else:
            for job, answer in zip(jobs, answers, strict=True):
                job.answer.set_result(answer)

    def _model(self, base: Base) -> _Model:
        if base not in self._models:
            try:
                self._models[base] = self._load(base)
            except ImportError as error:
                raise MissingExtra(f"base '{base.name}' in this process", "embedded") from error
        return self._models[base]

    def _load(self, base: Base) -> _Model:
        _set_up_libraries()
        if base.kind == "decoder":
            from shoal.agents.embedded.decoder import DecoderModel

            return DecoderModel(base, self._root)
        from shoal.agents.embedded.encoder import EncoderModel

        return EncoderModel(base, self._root)


def _set_up_libraries() -> None:
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    if "OMP_NUM_THREADS" not in os.environ:
        # Small models gain little from more threads, and threads that wait for busy cores cost seconds.
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))
