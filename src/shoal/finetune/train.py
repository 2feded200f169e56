"""Trainings from recipes to records: rows, LoRAs, figures, admission, store, adapters.yaml.

    agentctl finetune finetune/triage.yaml finetune/slots.yaml

Recipes on one base are trained in one pass. An adapter becomes the next version of its agent; agents.yaml
says which version is used. Under torchrun every process calls `train`, and the first one speaks for all.
"""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory

from torch import Tensor

from shoal.agents.adapters import MANIFEST, Manifest, admit
from shoal.agents.bases import base_sha256
from shoal.agents.manifest import AdapterEntry, AdaptersFile
from shoal.errors import InvalidFiles, ShoalError
from shoal.finetune.course import Course, new_course
from shoal.finetune.examples import Data
from shoal.finetune.export import learnt, set_temperatures, write_adapter
from shoal.finetune.loop import Loop
from shoal.finetune.measure import measure
from shoal.finetune.prepare import Task, finish, forget, held, prepare, read_rows, tasks_of, together
from shoal.finetune.processes import Elsewhere, World, joined, layers
from shoal.finetune.progress import Done, Failed, Notice, Outcome, Report, Started
from shoal.finetune.stopping import Stopping, listening
from shoal.finetune.trainee import Trainee, choose_attention, kind_of, make_trainee
from shoal.workspace.schema import problems_of
from shoal.workspace.store import Store, write_atomic
from shoal.workspace.yaml import read_yaml

__all__ = ["Trained", "train"]

_LIBRARIES = ("shoal", "torch", "transformers", "peft")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A finished training."""

    adapter: str
    """`<agent>@<version>`, to be named in agents.yaml."""
    sha256: str
    folder: Path
    examples: Mapping[str, int]
    outcome: Outcome


def train(files: Sequence[Path], root: Path, report: Report, *, is_fresh: bool = False) -> list[Trained]:
    """Train the adapters of agents as their recipes say, admit, store and record each as the next version.

    A training that was stopped goes on where it was.

    Args:
        files: recipes, for example finetune/<agent>.yaml.
        root: the workspace.
        report: told of everything that happens.
        is_fresh: start anew, whatever was stopped before.

    Raises:
        Stopped: somebody asked to stop; everything is saved.
        ShoalError: a recipe, an agent, an example or a result is not right.
    """
    from transformers.utils import logging

    # They draw bars for what takes milliseconds, and tell of weights that a base has and we do not need.
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    with joined() as world, listening() as stopping:
        speak = report if world.is_first else lambda _: None
        speak(Started(pid=os.getpid(), processes=world.size))
        try:
            groups = together(world.from_first(lambda: tasks_of(files, root)))
            return [
                each
                for group in groups
                for each in _train_group(group, root, world, speak, stopping, is_fresh)
            ]
        except (ShoalError, Elsewhere) as error:
            if world.size > 1 and isinstance(error, ShoalError):
                speak(Failed(message=str(error), exit_code=error.exit_code))
            world.part()
            raise


def _train_group(
    tasks: Sequence[Task], root: Path, world: World, report: Report, stopping: Stopping, is_fresh: bool
) -> list[Trained]:
    """Train agents in one pass; the first process has what was made of them."""
    kind = kind_of(tasks[0].agent, tasks[0].base_folder)
    examples: list[Data] = []
    with ExitStack() as stack:

        def begin() -> Path:
            folder, made = prepare(tasks, kind, root)
            examples.extend(made)
            stack.enter_context(held(folder))
            if is_fresh:
                forget(folder)
            return folder

        folder = world.from_first(begin)
        rows = read_rows(folder, kind)
        agents, recipes = [task.agent for task in tasks], [task.recipe for task in tasks]
        trainee = make_trainee(kind, agents, recipes, [each.train for each in rows])
        courses = [
            new_course(at, task.agent.name, task.recipe.training, each.train, each.dev)
            for at, (task, each) in enumerate(zip(tasks, rows, strict=True))
        ]
        weights = _learn(trainee, courses, world, folder, report, stopping)
        if not world.is_first:
            return []
        made = [
            _store(task, data, trainee, course.agent, kept, root, report)
            for task, data, course, kept in zip(tasks, examples, courses, weights, strict=True)
        ]
        finish(folder)
    return made


def _learn(
    trainee: Trainee,
    courses: Sequence[Course],
    world: World,
    folder: Path,
    report: Report,
    stopping: Stopping,
) -> list[dict[str, Tensor]]:
    """Train to the end; return what each agent has learnt."""
    world.shard(trainee, layers(trainee.model), trainee.heads, is_bf16=trainee.is_bf16)
    if not choose_attention(trainee, courses[0].train, world.device):
        text = "the base carries something from row to row, so rows are not packed but computed one by one"
        report(Notice(text=text))
    loop = Loop(trainee, courses, world, folder, report)
    if step := loop.resume():
        report(Notice(text=f"goes on after step {step}"))
    loop.run(stopping)
    return [learnt(trainee, course, world) for course in courses]


def _store(
    task: Task,
    data: Data,
    trainee: Trainee,
    number: int,
    kept: Mapping[str, Tensor],
    root: Path,
    report: Report,
) -> Trained:
    """Write an adapter, measure it, admit it and record it."""
    store = Store(root)
    with TemporaryDirectory(dir=store.training, prefix=".made-") as scratch:
        out = Path(scratch)
        write_adapter(trainee, number, task.agent, kept, out)
        outcome = measure(task.agent, task.base_folder, out, data, report)
        set_temperatures(out, outcome.calibration)
        manifest = _manifest(task, data, outcome)
        (out / MANIFEST).write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
        admit(out, task.base_folder)
        sha256 = store.add_adapter(out)
    version = _record(root / "agents" / task.agent.name / "adapters.yaml", sha256, manifest)
    adapter = f"{task.agent.name}@{version}"
    report(Done(adapter=adapter, sha256=sha256, figures=outcome.figures))
    return Trained(
        adapter=adapter,
        sha256=sha256,
        folder=store.adapter(sha256),
        examples=data.funnel,
        outcome=outcome,
    )


def _manifest(task: Task, data: Data, outcome: Outcome) -> Manifest:
    recipe = task.recipe.model_dump(mode="json")
    if data.dataset:
        # `latest` will be another one.
        recipe["data"]["dataset"] = data.dataset
    return Manifest(
        agent=task.agent.name,
        base=task.agent.base.model,
        base_sha256=base_sha256(task.base_folder),
        recipe=recipe,
        seed=task.recipe.training.seed,
        examples=dict(data.funnel),
        figures=dict(outcome.figures),
        calibration=dict(outcome.calibration),
        made_with={name: importlib.metadata.version(name) for name in _LIBRARIES},
    )


def _record(file: Path, sha256: str, manifest: Manifest) -> str:
    """Add the adapter to adapters.yaml and return its version; the same content keeps the version it has."""
    name = f"agents/{manifest.agent}/adapters.yaml"
    known: dict[str, AdapterEntry] = {}
    if file.exists():
        document = read_yaml(file, name)
        if problems := problems_of(document, AdaptersFile):
            raise InvalidFiles(problems)
        known = dict(AdaptersFile.model_validate(document.data).adapters)
    same = [version for version, entry in known.items() if entry.sha256 == sha256]
    version = same[0] if same else str(max([0, *(int(each) for each in known if each.isdigit())]) + 1)
    known[version] = AdapterEntry(sha256=sha256, base_sha256=manifest.base_sha256, figures=manifest.figures)
    write_atomic(file, _written(known, _comment(file)).encode())
    return version


def _comment(file: Path) -> list[str]:
    """The comment at the head of a file, which may name its schema for editors."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return list(takewhile(lambda line: line.startswith("#"), lines))


def _written(adapters: Mapping[str, AdapterEntry], comment: list[str]) -> str:
    lines = [*comment, "version: 1", "adapters:"]
    for version, entry in adapters.items():
        lines += [
            f"  {version}:",
            f"    sha256: {entry.sha256}",
            f"    base_sha256: {entry.base_sha256}",
            "    figures:",
        ]
        lines += [f"      {name}: {value}" for name, value in entry.figures.items()]
    return "\n".join(lines) + "\n"
