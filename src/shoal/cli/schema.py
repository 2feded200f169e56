"""agentctl schema: JSON Schemas of all files, for editors and other tools."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from shoal.errors import InvalidInput


class FileKind(StrEnum):
    """The files that have a schema."""

    agents = "agents"
    graph = "graph"
    recipe = "recipe"
    suite = "suite"
    adapters = "adapters"
    script = "script"
    qna = "qna"
    flow = "flow"


def schema(
    kind: Annotated[FileKind | None, typer.Argument(help="The kind of file.", show_default=False)] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file.")] = None,
    folder: Annotated[
        Path | None, typer.Option("--all", metavar="DIR", help="Write the schemas of all kinds here.")
    ] = None,
) -> None:
    """Print the JSON Schema of a kind of file.

    Editors pick it up from a first line like `# yaml-language-server: $schema=graph.json`.
    """
    if (kind is None) == (folder is None):
        raise InvalidInput(f"name one kind of {', '.join(FileKind)}, or a folder for all: --all DIR")
    if folder is not None and output is not None:
        raise InvalidInput("--output and --all cannot be given together")
    from shoal.workspace.store import write_atomic

    for each in FileKind if kind is None else (kind,):
        file = folder / f"{each}.json" if folder is not None else output
        text = schema_text(each)
        if file is None:
            typer.echo(text, nl=False)
            continue
        write_atomic(file, text.encode())
        typer.echo(f"{file} describes {_TITLES[each]}.")


_TITLES = {
    FileKind.agents: "agents.yaml",
    FileKind.graph: "graphs/<name>.yaml",
    FileKind.recipe: "finetune/<agent>.yaml",
    FileKind.suite: "evals/<name>.yaml",
    FileKind.adapters: "agents/<name>/adapters.yaml",
    FileKind.script: "scripts of --engine scripted:FILE",
    FileKind.qna: "agents/<name>/qna.yaml",
    FileKind.flow: "finetune/flows/<name>.yaml",
}


def schema_text(kind: FileKind) -> str:
    """The schema of one kind of file as it is written."""
    return json.dumps(made(kind), indent=2, ensure_ascii=False) + "\n"


def made(kind: FileKind) -> dict[str, Any]:
    """The schema of one kind of file."""
    from shoal.workspace.json_schema import schema_of

    return schema_of(_model(kind), _TITLES[kind], _hints(kind))


def _model(kind: FileKind) -> Any:
    from shoal.agents.manifest import AdaptersFile, ManifestFile
    from shoal.agents.scripted import ScriptFile
    from shoal.datasets.flow import FlowFile
    from shoal.datasets.qna import QnaFile
    from shoal.evals.suite import SuiteFile
    from shoal.finetune.recipe import Recipe
    from shoal.graphs.model import GraphFile

    return {
        FileKind.agents: ManifestFile,
        FileKind.graph: GraphFile,
        FileKind.recipe: Recipe,
        FileKind.suite: SuiteFile,
        FileKind.adapters: AdaptersFile,
        FileKind.script: ScriptFile,
        FileKind.qna: QnaFile,
        FileKind.flow: FlowFile,
    }[kind]


def _hints(kind: FileKind) -> Any:
    from shoal.graphs.model import KEYS_OF_KINDS, KINDS, NEEDED_BY_KINDS
    from shoal.workspace.json_schema import Hints

    steps = ("StepEntry", "NodeEntry")
    if kind is FileKind.graph:
        return Hints(
            types=frozenset({("GraphFile", "input"), *((step, "answer") for step in steps)}),
            named=frozenset({("GraphFile", "nodes"), *((step, "nodes") for step in steps)}),
            one_of=dict.fromkeys(steps, KINDS),
            only_with=dict.fromkeys(steps, KEYS_OF_KINDS),
            needs=dict.fromkeys(steps, NEEDED_BY_KINDS),
        )
    if kind is FileKind.agents:
        return Hints(
            types=frozenset({("AgentEntry", "input"), ("AgentEntry", "output")}),
            named=frozenset({("ManifestFile", "agents"), ("ManifestFile", "tools")}),
        )
    if kind is FileKind.qna:
        return Hints(named=frozenset({("QnaFile", "lexicons")}))
    if kind is FileKind.recipe:
        return Hints(
            one_of={"DataPart": ("python", "dataset"), "TrainingPart": ("epochs", "steps")},
            needs={"DataPart": {"python": ("train", "heldout")}},
        )
    return Hints(
        one_of={"TargetEntry": ("agent", "graph", "model")} if kind is FileKind.suite else {},
    )
