"""One training from recipe to record: examples, LoRA, figures, admission, store, adapters.yaml.

    agentctl finetune finetune/triage.yaml

The adapter becomes the next version of its agent; agents.yaml says which version is used.
"""

from __future__ import annotations

import importlib.metadata
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from shoal.agents.adapters import MANIFEST, Manifest, admit
from shoal.agents.agent import Agent
from shoal.agents.bases import base_sha256, locate
from shoal.agents.manifest import AdapterEntry, AdaptersFile, load_workspace
from shoal.errors import InvalidFiles, MissingExtra, ShoalError, suggest
from shoal.finetune.examples import Data, load_examples
from shoal.finetune.progress import Outcome, Progress
from shoal.finetune.recipe import Recipe, load_recipe
from shoal.workspace.schema import problems_of
from shoal.workspace.store import Store, write_atomic
from shoal.workspace.yaml import read_yaml

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


def train(recipe_file: Path, root: Path, progress: Callable[[Progress], None]) -> Trained:
    """Train an agent's adapter as its recipe says, admit it, store it and record it as the next version.

    Args:
        recipe_file: finetune/<agent>.yaml.
        root: the workspace.
        progress: called after every step.

    Raises:
        ShoalError: the recipe, the agent, an example or the result is not right.
    """
    recipe = load_recipe(recipe_file, root)
    agent = _agent(recipe, recipe_file, root)
    base_folder = locate(agent.base, root)
    data = load_examples(recipe.data, agent, root, recipe.training.seed)
    store = Store(root)
    store.folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=store.folder, prefix=".training-") as scratch:
        out = Path(scratch)
        outcome = _trainer(agent)(agent, recipe, data, base_folder, out, progress)
        manifest = _manifest(agent, recipe, data, outcome, base_folder)
        (out / MANIFEST).write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
        admit(out, base_folder)
        sha256 = store.add_adapter(out)
    version = _record(root / "agents" / agent.name / "adapters.yaml", sha256, manifest)
    return Trained(
        adapter=f"{agent.name}@{version}",
        sha256=sha256,
        folder=store.adapter(sha256),
        examples=data.funnel,
        outcome=outcome,
    )


def _agent(recipe: Recipe, recipe_file: Path, root: Path) -> Agent:
    agents = load_workspace(root, with_adapters=False).agents
    if recipe.agent not in agents:
        raise ShoalError(
            f"{recipe_file.name} trains agent '{recipe.agent}', which agents.yaml does not have. "
            f"{suggest(recipe.agent, agents)}"
        )
    return agents[recipe.agent]


def _trainer(
    agent: Agent,
) -> Callable[[Agent, Recipe, Data, Path, Path, Callable[[Progress], None]], Outcome]:
    try:
        if agent.base.kind == "encoder":
            from shoal.finetune.encoder import train_encoder

            return train_encoder
        from shoal.finetune.decoder import train_decoder
    except ImportError as err:
        raise MissingExtra("training", "train") from err
    return train_decoder


def _manifest(agent: Agent, recipe: Recipe, data: Data, outcome: Outcome, base_folder: Path) -> Manifest:
    return Manifest(
        agent=agent.name,
        base=agent.base.model,
        base_sha256=base_sha256(base_folder),
        recipe=recipe.model_dump(mode="json"),
        seed=recipe.training.seed,
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
