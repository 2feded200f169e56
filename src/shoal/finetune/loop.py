"""The loop: one for one process and for many, for one agent and for several.

A step takes the next batch of every agent that is not done, deals the rows to the processes, adds up their
gradients, and clips and moves each agent's weights by themselves. Agents share no trained weight, so each
learns what it would have learnt alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule

from shoal.errors import ShoalError
from shoal.finetune import checkpoints
from shoal.finetune.batches import Share, cut, deal
from shoal.finetune.course import Course
from shoal.finetune.processes import World, whole
from shoal.finetune.progress import Evaluated, Progress, Report
from shoal.finetune.rows import Pack, Source, pack
from shoal.finetune.segments import laid_out
from shoal.finetune.stopping import Stopped, Stopping
from shoal.finetune.trainee import Trainee

__all__ = ["Loop"]


class Loop:
    """A training under way.

    Args:
        trainee: what is trained, sharded already.
        courses: of its agents, in their order.
        world: the processes that take part.
        folder: where checkpoints are.
        report: told of every step.
    """

    def __init__(
        self, trainee: Trainee, courses: Sequence[Course], world: World, folder: Path, report: Report
    ) -> None:
        self.trainee = trainee
        self.courses = courses
        self.world = world
        self._folder = folder
        self._report = report
        options = courses[0].options
        self.pack_tokens = options.pack_tokens if trainee.is_packed else 1
        self._save_seconds = options.save_seconds
        self.optimizer = torch.optim.AdamW(
            [group for course in courses for group in _groups(trainee, course)], fused=True
        )

    def resume(self) -> int:
        """Go on from the newest checkpoint, if there is one; return the step."""
        found = self.world.from_first(lambda: checkpoints.latest(self._folder))
        if found is not None:
            checkpoints.load(found, self.world, self.trainee, self.optimizer, self.courses)
        return max(course.step for course in self.courses)

    def run(self, stopping: Stopping) -> None:
        """Train to the end, saving on the way.

        Raises:
            Stopped: somebody asked for it; everything is saved.
            ShoalError: nothing is learnt, or the loss is no number.
        """
        steps = max(course.steps for course in self.courses)
        started = saved = time.monotonic()
        tokens = num_here = 0
        while going := [course for course in self.courses if not course.is_over]:
            is_time = time.monotonic() - saved >= self._save_seconds
            losses, num_tokens, wants = self._step(
                going, [is_time and self.world.is_first, stopping.is_wanted]
            )
            tokens, num_here = tokens + num_tokens, num_here + 1
            seconds = time.monotonic() - started
            self._report(
                Progress(
                    phase="train",
                    step=going[0].step,
                    steps=steps,
                    loss=sum(losses.values()) / len(losses),
                    losses=losses,
                    seconds=seconds,
                    steps_here=num_here,
                    tokens_per_s=tokens / seconds,
                )
            )
            for course in going:
                if course.is_due:
                    self._judge(course)
            wants_save, wants_stop = wants
            if wants_save or wants_stop:
                checkpoints.save(self._folder, self.world, self.trainee, self.optimizer, self.courses)
                saved = time.monotonic()
            if wants_stop:
                raise Stopped(f"stopped after step {going[0].step} of {steps}; all that was learnt is saved")

    def gradients(self, rows: Sequence[Sequence[int]]) -> Tensor:
        """Compute gradients of the given rows of each agent; return each agent's loss on this process."""
        sources = [course.source for course in self.courses]
        losses = torch.zeros(len(self.courses), device=self.world.device)
        self.trainee.train()
        packs = list(self._packs(rows, sources))
        for at, made in enumerate(packs):
            if isinstance(self.trainee, FSDPModule):
                self.trainee.set_requires_gradient_sync(at == len(packs) - 1)
            with laid_out(made.layout):
                found = self.trainee(made)
                # FSDP gives the mean over the processes, each of which has its part of the sum.
                (found.sum() * self.world.size).backward()
            losses += found.detach()
        return losses

    def dev_loss(self, course: Course) -> float:
        """The loss of an agent on its dev rows."""
        self.trainee.eval()
        sources = [Source(rows=each.dev, seed=0) for each in self.courses]
        lengths = [len(row.tokens) for row in course.dev]
        total = torch.zeros(1, device=self.world.device)
        weight = sum(row.weight for row in course.dev)
        for batch in cut(range(len(course.dev)), lengths, self.pack_tokens * self.world.size):
            mine = [batch if each is course else [] for each in self.courses]
            for made in self._packs(mine, sources, weight):
                with torch.no_grad(), laid_out(made.layout):
                    total += self.trainee(made)[course.agent]
        return float(self.world.sum(total))

    def _step(
        self, going: Sequence[Course], wants: Sequence[bool]
    ) -> tuple[dict[str, float], int, list[bool]]:
        """One step of those who are going on: their losses, their tokens, and what any process wants."""
        rows = [course.order.take() if course in going else [] for course in self.courses]
        losses = self.gradients(rows)
        told = torch.cat([losses, torch.tensor(wants, device=losses.device).float()])
        found = self.world.sum(told).tolist()
        for course in going:
            self._refuse_nonsense(course, found[course.agent])
            self._clip(course)
        self.optimizer.step()
        self.optimizer.zero_grad()
        num_tokens = 0
        for course in going:
            course.step += 1
            num_tokens += sum(len(course.train[row].tokens) for row in rows[course.agent])
        by_name = {course.name: found[course.agent] for course in going}
        return by_name, num_tokens, [each > 0 for each in found[len(self.courses) :]]

    def _packs(
        self, rows: Sequence[Sequence[int]], sources: Sequence[Source], weight: float | None = None
    ) -> Iterator[Pack]:
        """This process's passes over the rows of each agent, whose losses are parts of a mean."""
        lengths = [[len(row.tokens) for row in source.rows] for source in sources]
        totals = [
            weight or sum(source.rows[row].weight for row in mine)
            for mine, source in zip(rows, sources, strict=True)
        ]
        slots: Sequence[Sequence[Share]] = deal(rows, lengths, self.world.size, self.pack_tokens)[
            self.world.rank
        ]
        for slot in slots:
            yield pack(slot, sources, totals, self.trainee.kind.mask_id).to(self.world.device)

    def _clip(self, course: Course) -> None:
        """Shorten an agent's gradient and set its learning rate."""
        weights = [weight for _, weight in self.trainee.agent_parameters(course.agent)]
        norm = float(whole(nn.utils.clip_grad_norm_(weights, course.options.clip)))
        if course.step == 0 and norm == 0:
            raise ShoalError(
                f"agent '{course.name}': the first step has no gradient, so nothing would be learnt. "
                "Name other layers in lora: {targets: [...]}"
            )
        for group in self.optimizer.param_groups:
            if group["agent"] == course.agent:
                group["lr"] = group["full_lr"] * course.rate

    def _refuse_nonsense(self, course: Course, loss: float) -> None:
        if loss != loss or loss in (float("inf"), float("-inf")):
            raise ShoalError(
                f"agent '{course.name}': the loss of step {course.step + 1} is {loss}. "
                "Try a lower learning_rate"
            )

    def _judge(self, course: Course) -> None:
        loss = self.dev_loss(course)
        course.judge(loss, dict(self.trainee.agent_parameters(course.agent)))
        is_best = course.best_step == course.step
        self._report(Evaluated(agent=course.name, step=course.step, loss=loss, is_best=is_best))


def _groups(trainee: Trainee, course: Course) -> Iterator[dict[str, Any]]:
    """The weights of an agent by learning rate."""
    options = course.options
    named = list(trainee.agent_parameters(course.agent))
    for is_head, rate in ((False, options.learning_rate), (True, options.head_learning_rate)):
        weights = [weight for name, weight in named if name.startswith("heads.") is is_head]
        if weights:
            yield {
                "params": weights,
                "lr": rate,
                "full_lr": rate,
                "agent": course.agent,
                "weight_decay": options.weight_decay,
            }
