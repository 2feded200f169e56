"""New agents: a folder with seeds, and an entry in agents.yaml; from a template, or from seeds of others."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from shoal.agents.agent import BaseKind
from shoal.agents.manifest import MANIFEST, NAME, NAME_RULE, load_workspace
from shoal.datasets.qna import FILE
from shoal.datasets.qna_writing import written_taxonomy
from shoal.datasets.table_agents import guess
from shoal.datasets.tables import read_table
from shoal.datasets.taxonomy import Taxonomy, read_taxonomy
from shoal.errors import InvalidInput, Problem, ShoalError, suggest
from shoal.workspace.edits import scalar, with_entry
from shoal.workspace.starter import write_files
from shoal.workspace.store import write_atomic

__all__ = ["KINDS", "NewAgent", "from_table", "from_taxonomy", "from_template", "introduce"]

Form = Literal["label", "extract", "write", "grounded", "knowledge"]
KINDS: tuple[Form, ...] = get_args(Form)
TEMPLATES = Path(__file__).parents[1] / "_templates" / "agent"

_MAX_ABOUT = 140
_SCHEMA = re.compile(r"# yaml-language-server: \$schema=(\S*)agents\.json\s*$")

Types = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAgent:
    """An agent that is to be."""

    name: str
    about: str
    input: Types
    output: Types
    base: str
    seeds: str | None
    """The text of its qna.yaml; None where its rows come from elsewhere."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Other files of its folder."""
    notes: Sequence[Problem] = ()
    """What was changed in files of others."""
    hints: Sequence[str] = ()


_TYPES: dict[Form, tuple[BaseKind, Types, Types]] = {
    "label": ("encoder", {"message": "str"}, {"intent": "enum[return, delivery, payment, other]"}),
    "extract": (
        "encoder",
        {"message": "str"},
        {
            "people": "span[str] from message",
            "day": "span[str] from message",
            "name": "span[str] from message",
        },
    ),
    "write": ("decoder", {"name": "str", "goods": "str", "day": "str"}, {"text": "str"}),
    "grounded": ("decoder", {"context": "str", "question": "str"}, {"answer": "str"}),
    "knowledge": ("decoder", {"question": "str"}, {"answer": "str"}),
}


def from_template(root: Path, name: str, form: Form, base: str | None = None) -> NewAgent:
    """An agent whose seeds are an example that works, to be written over.

    Raises:
        InvalidInput: there is no such base or template.
    """
    if form not in KINDS:
        raise InvalidInput(f"'{form}' is not a kind of agent. {suggest(form, KINDS)}")
    kind, given, output = _TYPES[form]
    seeds = (TEMPLATES / f"{form}.yaml").read_text(encoding="utf-8")
    task = re.search(r"^task: (.+)$", seeds, re.MULTILINE)
    assert task is not None
    chosen, hints = _base(root, kind, base)
    return NewAgent(
        name=name, about=task[1], input=given, output=output, base=chosen, seeds=seeds, hints=hints
    )


def from_taxonomy(
    root: Path, name: str, path: Path, file: str, base: str | None = None, *, is_label: bool = False
) -> NewAgent:
    """An agent of a file of InstructLab.

    Args:
        root: the workspace.
        name: of the agent.
        path: the file.
        file: its name in problems.
        base: the model it is to be on.
        is_label: its answers are labels.

    Raises:
        InvalidFiles: what in the file cannot be repaired.
    """
    found = read_taxonomy(path, file)
    given = {"question": "str"}
    if found.kind == "grounded":
        has_all = all(each.context for each in found.seeds)
        given = {"context": "str" if has_all else "str?", **given}
    labels = list(dict.fromkeys(each.answer.strip() for each in found.seeds))
    output = {"answer": f"enum[{', '.join(labels)}]" if is_label else "str"}
    if is_label and (bad := [each for each in labels if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", each)]):
        raise InvalidInput(f"{file}: the answer '{bad[0][:60]}' cannot be a label. Labels are single words")
    chosen, hints = _base(root, "encoder" if is_label else "decoder", base)
    attribution = path.with_name("attribution.txt")
    return NewAgent(
        name=name,
        about=_about(found),
        input=given,
        output=output,
        base=chosen,
        seeds=written_taxonomy(found),
        files={"attribution.txt": attribution.read_bytes()} if attribution.is_file() else {},
        notes=found.notes,
        hints=[*hints, *_hints(found, name, labels, is_label=is_label)],
    )


def from_table(
    root: Path, name: str, path: Path, file: str, columns: Sequence[str] = (), base: str | None = None
) -> NewAgent:
    """An agent that learns from a table: its labels are the cases of an enum.

    Raises:
        InvalidFiles: the table cannot be read.
        InvalidInput: it cannot be told which column is what.
    """
    lines = read_table(path, file)
    found = guess(lines, columns)
    kinds = found.output.values()
    is_marked = all(kind.startswith(("enum[", "span[", "bool")) for kind in kinds)
    chosen, hints = _base(root, "encoder" if is_marked else "decoder", base)
    return NewAgent(
        name=name,
        about=f"Gives {', '.join(found.output)} of {', '.join(found.input)}, as in {path.name}.",
        input=found.input,
        output=found.output,
        base=chosen,
        seeds=None,
        hints=[*found.notes, *hints],
    )


def introduce(root: Path, agent: NewAgent) -> list[str]:
    """Write the agent's folder and its entry in agents.yaml; the paths that were written.

    Raises:
        ShoalError: the agent or its folder is there already, or agents.yaml cannot be added to.
    """
    if not NAME.match(agent.name):
        raise InvalidInput(f"'{agent.name}' cannot be a name. {NAME_RULE}")
    manifest = root / MANIFEST
    if agent.name in load_workspace(root, with_adapters=False).agents:
        raise ShoalError(f"there is an agent '{agent.name}' in {MANIFEST} already. Choose another name")
    edited = with_entry(manifest.read_bytes(), MANIFEST, "agents", agent.name, _entry(agent))
    header = _header(manifest.read_text(encoding="utf-8-sig"))
    folder = root / "agents" / agent.name
    files = {"README.md": _readme(agent).encode(), **agent.files}
    if agent.seeds is not None:
        files = {FILE: (header + agent.seeds).encode(), **files}
    write_files(folder, files)
    write_atomic(manifest, edited)
    load_workspace(root, with_adapters=False)
    return [f"agents/{agent.name}/{name}" for name in files]


def _base(root: Path, kind: BaseKind, wanted: str | None) -> tuple[str, list[str]]:
    """The base that is wanted, else the first one of a kind; and what to know of it."""
    data = load_workspace(root, with_adapters=False).document.data
    bases = data.get("bases") or {}
    if wanted is not None:
        if wanted not in bases:
            raise InvalidInput(f"there is no base '{wanted}' in {MANIFEST}. {suggest(wanted, bases)}")
        return wanted, []
    fitting = [name for name, base in bases.items() if base["kind"] == kind]
    if fitting:
        return fitting[0], []
    if not bases:
        example = "bases: {nano: {model: shoal/nano, kind: decoder}}"
        raise ShoalError(f"{MANIFEST} has no base yet. Add one, like `{example}`")
    if kind == "decoder":
        raise ShoalError(f"this agent writes text, and {MANIFEST} has no decoder. Add one to `bases`")
    hint = (
        "an encoder names labels and finds pieces better than a decoder. Add one to `bases` and put the "
        "agent on it: minilm: {model: sentence-transformers/all-MiniLM-L6-v2, kind: encoder}"
    )
    return next(iter(bases)), [hint]


def _about(found: Taxonomy) -> str:
    text = " ".join((found.task or found.outline or found.domain or "Answers questions").split())
    return text if len(text) <= _MAX_ABOUT else f"{text[: _MAX_ABOUT - 3].rsplit(' ', 1)[0]}..."


def _hints(found: Taxonomy, name: str, labels: list[str], *, is_label: bool) -> list[str]:
    hints = []
    if found.documents:
        places = "; ".join(found.documents)
        hints.append(
            f"the documents are not here: {places}. Put those you have into agents/{name}/knowledge/"
        )
    if found.licence is None and not any(each.licence for each in found.seeds):
        hints.append(f"the file names no licence. Write `license:` in agents/{name}/{FILE}")
    words = [each for each in labels if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", each)]
    if not is_label and len(words) == len(labels) < len(found.seeds) and len(labels) > 1:
        hints.append(f"all answers are one of {', '.join(labels)}. If they are labels, give --labels")
    if len(found.seeds) < 10:
        hints.append(f"{len(found.seeds)} seeds are few. About ten, each of its own kind, make better data")
    return hints


def _entry(agent: NewAgent) -> list[str]:
    """The lines of agents.yaml."""
    lines = [f"{agent.name}:", f"  about: {scalar(agent.about)}", f"  base: {agent.base}"]
    for key, types in (("input", agent.input), ("output", agent.output)):
        lines.append(f"  {key}:")
        lines += [f"    {name}: {kind}" for name, kind in types.items()]
    return lines


def _header(manifest: str) -> str:
    """The line by which editors find the schema, where agents.yaml has one."""
    match = _SCHEMA.match(manifest.split("\n", 1)[0])
    return f"# yaml-language-server: $schema=../../{match[1]}qna.json\n" if match else ""


def _readme(agent: NewAgent) -> str:
    given = ", ".join(f"{name}: {kind}" for name, kind in agent.input.items())
    made = ", ".join(f"{name}: {kind}" for name, kind in agent.output.items())
    return (
        f"# {agent.name}\n\n{agent.about}\n\nReads `{given}` and gives `{made}`, on {agent.base}.\n\n"
        "| file | what it is |\n|---|---|\n"
        f"| `{FILE}` | seeds, lexicons and templates, for `agentctl agent data {agent.name}` |\n"
        "| `knowledge/` | documents: markdown, text, HTML, PDF |\n"
        "| `prompt.md` | what a decoder is asked, where its fields as lines are not enough |\n"
    )
