"""Checkpoints: everything that a training needs to go on as if it had never been stopped.

    <folder>/step-00000120/    weights that are trained, moments of the optimizer, best weights (DCP: each
                               process writes its pieces, any number of processes reads them)
    <folder>/step-00000120/state.json   step, position in the data, dev losses; written last

A checkpoint is written under another name and renamed, so what carries the name is whole. Randomness needs
no saving: it follows from seed, epoch and row (see `chance`).
"""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.distributed.checkpoint import state_dict_loader, state_dict_saver

from shoal.finetune.course import Course
from shoal.finetune.processes import World
from shoal.finetune.trainee import Trainee
from shoal.workspace.store import write_atomic

__all__ = ["latest", "load", "save"]

_STATE = "state.json"
_KEPT = 2
_MOMENTS = ("exp_avg", "exp_avg_sq")


def save(
    folder: Path, world: World, trainee: Trainee, optimizer: torch.optim.Optimizer, courses: Sequence[Course]
) -> Path:
    """Save where the training stands; all processes take part."""
    step = max(course.step for course in courses)
    target = folder / f"step-{step:08}"
    scratch = folder / f".{target.name}"
    if world.is_first:
        shutil.rmtree(scratch, ignore_errors=True)
    world.wait()
    tensors = _tensors(trainee, optimizer, courses)
    with _alone(world) as is_alone:
        state_dict_saver.save(tensors, checkpoint_id=scratch, no_dist=is_alone)
    if world.is_first:
        state = {"courses": [course.state() for course in courses]}
        write_atomic(scratch / _STATE, json.dumps(state).encode())
        shutil.rmtree(target, ignore_errors=True)
        scratch.rename(target)
        for old in _all(folder)[:-_KEPT]:
            shutil.rmtree(old, ignore_errors=True)
    world.wait()
    return target


def latest(folder: Path) -> Path | None:
    """The newest whole checkpoint."""
    return next(reversed(_all(folder)), None)


def load(
    checkpoint: Path,
    world: World,
    trainee: Trainee,
    optimizer: torch.optim.Optimizer,
    courses: Sequence[Course],
) -> None:
    """Go on from a checkpoint; all processes take part, and there may be more or fewer than wrote it."""
    state = json.loads((checkpoint / _STATE).read_text(encoding="utf-8"))
    for course, each in zip(courses, state["courses"], strict=True):
        course.restore(each)
        if course.stops_early and course.best_step:
            course.best = {
                name: torch.empty_like(weight) for name, weight in trainee.agent_parameters(course.agent)
            }
    for group in optimizer.param_groups:
        for weight in group["params"]:
            optimizer.state[weight] = {
                "step": torch.zeros((), device=weight.device),
                **{moment: torch.zeros_like(weight) for moment in _MOMENTS},
            }
    tensors = _tensors(trainee, optimizer, courses)
    with _alone(world) as is_alone:
        state_dict_loader.load(tensors, checkpoint_id=checkpoint, no_dist=is_alone)


@contextmanager
def _alone(world: World) -> Iterator[bool]:
    """Whether this process is the only one; torch warns of that each time."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.distributed is disabled")
        yield world.size == 1


def _all(folder: Path) -> list[Path]:
    return sorted(each.parent for each in folder.glob(f"step-*/{_STATE}"))


def _tensors(
    trainee: Trainee, optimizer: torch.optim.Optimizer, courses: Sequence[Course]
) -> dict[str, Tensor]:
    """Every tensor by name; loading writes into them."""
    found: dict[str, Tensor] = {}
    for course in courses:
        for name, weight in trainee.agent_parameters(course.agent):
            found[f"weight/{name}"] = weight.detach()
            state: Mapping[str, Any] = optimizer.state[weight]
            found |= {f"{key}/{name}": state[key] for key in ("step", *_MOMENTS)}
        found |= {f"best/{name}": weight for name, weight in course.best.items()}
    return found
