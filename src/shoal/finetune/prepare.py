"""Before the training: recipes, agents and examples, made into rows, in a folder of their own.

    .shoal/training/<key>/rows.jsonl      what is learnt, row by row
    .shoal/training/<key>/step-*/         checkpoints

The key follows from recipes, bases and rows: who asks for the same training again goes on where it
stopped, and a changed recipe, generator or base starts anew.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from shoal.agents.agent import Agent
from shoal.agents.bases import base_sha256, locate
from shoal.agents.manifest import load_workspace
from shoal.errors import ShoalError, suggest
from shoal.finetune.examples import Data, Example, load_examples
from shoal.finetune.recipe import Recipe, load_recipe
from shoal.finetune.rows import Row
from shoal.finetune.trainee import Kind
from shoal.workspace.store import Store

__all__ = [
    "Prepared",
    "Task",
    "finish",
    "forget",
    "held",
    "prepare",
    "read_rows",
    "tasks_of",
    "together",
]

_ROWS = "rows.jsonl"
_HEAD = '{"recipe":'


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One recipe with its agent."""

    file: Path
    recipe: Recipe
    agent: Agent
    base_folder: Path
    others: Mapping[str, Agent]
    """The agents of the workspace on the same base, whose examples may be mixed in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """The rows of one task."""

    train: Sequence[Row]
    dev: Sequence[Row]


def tasks_of(files: Iterable[Path], root: Path) -> list[Task]:
    """Read recipes and find their agents.

    Raises:
        ShoalError: a recipe is wrong, or two are for the same agent.
    """
    agents = load_workspace(root, with_adapters=False).agents
    found: dict[str, Task] = {}
    for file in files:
        recipe = load_recipe(file, root)
        if recipe.agent not in agents:
            raise ShoalError(
                f"{file.name} trains agent '{recipe.agent}', which agents.yaml does not have. "
                f"{suggest(recipe.agent, agents)}"
            )
        if recipe.agent in found:
            raise ShoalError(
                f"{file.name} and {found[recipe.agent].file.name} both train '{recipe.agent}'. "
                "Give one of them at a time"
            )
        agent = agents[recipe.agent]
        folder = locate(agent.base, root)
        others = {name: each for name, each in agents.items() if each.base == agent.base}
        task = Task(file=file, recipe=recipe, agent=agent, base_folder=folder, others=others)
        found[recipe.agent] = task
    return list(found.values())


def together(tasks: Sequence[Task]) -> list[list[Task]]:
    """Tasks that go in one pass: of one base, computed by the same means."""
    groups: dict[tuple[object, ...], list[Task]] = {}
    for task in tasks:
        training = task.recipe.training
        means = (training.pack_tokens, training.precision, training.checkpoint_activations)
        groups.setdefault((task.base_folder, task.agent.base.kind, *means), []).append(task)
    return list(groups.values())


def prepare(tasks: Sequence[Task], kind: Kind, root: Path) -> tuple[Path, list[Data]]:
    """Make the rows of tasks and write them into their folder; return it and the examples.

    Raises:
        ShoalError: an example cannot be learnt from.
    """
    made = [load_examples(each.recipe.data, each.agent, root, each.recipe.training.seed) for each in tasks]
    lines: list[str] = []
    for task, data in zip(tasks, made, strict=True):
        train = [*kind.rows(task.agent, data.train, "training"), *_replay(task, data, kind)]
        dev = kind.rows(task.agent, data.dev, "dev")
        head = {"recipe": task.recipe.model_dump(mode="json"), "base": base_sha256(task.base_folder)}
        lines.append(json.dumps(head | {"train": len(train), "dev": len(dev)}))
        lines += [json.dumps(asdict(row), separators=(",", ":")) for row in (*train, *dev)]
    text = "\n".join(lines).encode()
    folder = Store(root).training / hashlib.sha256(text).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    scratch = folder / f".{_ROWS}"
    scratch.write_bytes(text)
    scratch.rename(folder / _ROWS)
    return folder, made


def _replay(task: Task, data: Data, kind: Kind) -> Iterator[Row]:
    """The rows of other agents. On an encoder they would need those agents' heads, and are left out."""
    by_agent: dict[str, list[Example]] = {}
    for name, example in data.replay if task.agent.base.kind == "decoder" else ():
        by_agent.setdefault(name, []).append(example)
    for name, examples in by_agent.items():
        if name not in task.others:
            raise ShoalError(
                f"data set {data.dataset} replays rows of agent '{name}', which is not on the base "
                f"'{task.agent.base.name}'. Make it again: agentctl agent data {task.agent.name}"
            )
        yield from kind.rows(task.others[name], examples, "replay")


def read_rows(folder: Path, kind: Kind) -> list[Prepared]:
    """The rows of each task that is trained in a folder."""
    with (folder / _ROWS).open(encoding="utf-8") as stream:
        return list(_read_tasks(stream, kind))


def _read_tasks(lines: Iterator[str], kind: Kind) -> Iterator[Prepared]:
    for line in lines:
        head = json.loads(line)
        parts = {
            part: [kind.row(json.loads(next(lines))) for _ in range(head[part])] for part in ("train", "dev")
        }
        yield Prepared(**parts)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep others from the same training as long as this process is at it.

    Raises:
        ShoalError: another process is.
    """
    lock = _lock(folder)
    if lock is None:
        raise ShoalError(f"another process is at this very training, in {folder}. Wait for it")
    try:
        yield
    finally:
        os.close(lock)


def _lock(folder: Path) -> int | None:
    lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def forget(folder: Path) -> None:
    """Remove the checkpoints of a training."""
    for each in folder.glob("*step-*"):
        shutil.rmtree(each)


def finish(folder: Path) -> None:
    """Remove a training whose adapters are stored, and those of the same agents that were stopped before."""
    agents = _agents(folder)
    shutil.rmtree(folder, ignore_errors=True)
    for other in folder.parent.glob("[0-9a-f]*"):
        if (other / _ROWS).is_file() and _agents(other) <= agents and (lock := _lock(other)) is not None:
            shutil.rmtree(other, ignore_errors=True)
            os.close(lock)


def _agents(folder: Path) -> set[str]:
    with (folder / _ROWS).open(encoding="utf-8") as stream:
        return {json.loads(line)["recipe"]["agent"] for line in stream if line.startswith(_HEAD)}
