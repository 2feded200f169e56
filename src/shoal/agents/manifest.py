"""agents.yaml and the folders of agents: what a workspace says it has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from shoal.agents.agent import Adapter, Agent, Base, BaseKind
from shoal.agents.journal_url import SQLITE, fault_of
from shoal.errors import InvalidFiles, Problem, ShoalError, suggest
from shoal.workspace.schema import Given, Strict, entries, entry, problems_of, record_at
from shoal.workspace.store import Store, content_sha256
from shoal.workspace.types import STR, Enum, Nullable, Record, Scalar, Span
from shoal.workspace.yaml import MAX_PROBLEMS, Document, Where, read_yaml

MANIFEST = "agents.yaml"
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
NAME_RULE = "Names start with a lower case letter and go on with lower case letters, digits and _, 64 at most"

Effect = Literal["pure", "idempotent", "once"]


class BaseEntry(Strict):
    """A model with weights that agents share."""

    model: str = Field(description="`shoal/nano`, a folder, or a hub name.")
    kind: BaseKind = Field(description="A decoder writes text; an encoder labels text and marks spans in it.")
    license: Annotated[str | None, Given] = Field(
        None, description="The licence of the weights, for the record."
    )


class ServingEntry(Strict):
    """Where answers are computed."""

    base: Annotated[str | None, Given] = Field(None, description="The base of agents that name none.")
    engine: str = Field(
        "auto", description="auto, embedded, vllm, or the URL of an OpenAI-compatible server."
    )


class AgentEntry(Strict):
    """One skill: typed input and output on a base."""

    about: str = Field("", description="One sentence on what the agent does.")
    base: Annotated[str | None, Given] = Field(
        None, description="A name of `bases`; `serving.base` where it is left out."
    )
    input: dict[str, Any] = Field({"message": "str"}, description="Names and types of what it reads.")
    output: dict[str, Any] = Field(description="Names and types of what it answers.")
    adapter: Annotated[str | None, Given] = Field(
        None, description="`<agent>@<version>`, from agents/<agent>/adapters.yaml."
    )


class ToolEntry(Strict):
    """A function that nodes call."""

    effect: Effect = Field(
        description="pure: only reads. idempotent: may be called twice. once: must never be called twice."
    )
    python: Annotated[str | None, Given] = Field(None, description="`tools/file.py:function`, typed.")
    mcp: Any = Field(None, description="A tool of an MCP server; not available in this version yet.")
    http: Any = Field(None, description="An HTTP call; not available in this version yet.")


class ManifestFile(Strict):
    """agents.yaml: base models, agents and tools of a workspace."""

    version: Literal[1] = Field(description="The version of this file format.")
    bases: dict[str, BaseEntry] = Field({}, description="Base models by name.")
    serving: Annotated[ServingEntry | None, Given] = Field(None, description="Where answers are computed.")
    agents: dict[str, AgentEntry] = Field({}, description="Agents by name.")
    tools: dict[str, ToolEntry] = Field({}, description="Tools by name.")
    journal: Annotated[str, Given] = Field(
        SQLITE,
        description="Where runs are kept: sqlite (in .shoal/), or postgresql://user@host/db for runs that "
        "machines share. The password comes from PGPASSWORD or ~/.pgpass.",
    )


def _sha256(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise PydanticCustomError("sha256", "64 hexadecimal digits")
    return text


Sha256 = Annotated[str, AfterValidator(_sha256)]


class AdapterEntry(Strict):
    """One version of an agent's adapter."""

    sha256: Sha256 = Field(description="Of the content of the adapter folder.")
    base_sha256: Sha256 = Field(description="Of the weights it was trained on.")
    figures: dict[str, Any] = Field({}, description="What was measured on held-out data.")


class AdaptersFile(Strict):
    """agents/<name>/adapters.yaml: the versions of an agent's adapter."""

    version: Literal[1] = Field(description="The version of this file format.")
    adapters: dict[str, AdapterEntry] = Field(description="Adapters by version.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A folder with agents.yaml and what it declares."""

    root: Path
    agents: Mapping[str, Agent]
    tools: Mapping[str, ToolEntry]
    serving: ServingEntry
    journal: str = SQLITE
    """`sqlite`, or the url of a PostgreSQL database without its password."""
    document: Document = field(repr=False)
    """agents.yaml itself, for problems found later."""
    broken: frozenset[str] = frozenset()
    """Agents and tools that are declared with faults, which were reported."""

    @property
    def store(self) -> Store:
        """The folder .shoal/ of this workspace."""
        return Store(self.root)

    @property
    def graph_files(self) -> tuple[Path, ...]:
        """The files of graphs/, sorted by name."""
        return tuple(sorted((self.root / "graphs").glob("*.yaml")))


def find_root(start: Path) -> Path:
    """The nearest folder with agents.yaml, from `start` upwards.

    Raises:
        ShoalError: there is none.
    """
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / MANIFEST).is_file():
            return folder
    raise ShoalError(
        f"no {MANIFEST} in {start} or in a folder above it. Run agentctl inside a workspace; "
        "agentctl init makes one"
    )


def load_workspace(root: Path, *, with_adapters: bool = True) -> Workspace:
    """Read agents.yaml and the folders of its agents.

    Args:
        root: The folder with agents.yaml.
        with_adapters: False to leave adapters alone: training makes those that are missing.

    Raises:
        InvalidFiles: with all their problems.
    """
    workspace, problems = read_workspace(root, with_adapters=with_adapters)
    if problems:
        raise InvalidFiles(problems)
    return workspace


def read_workspace(root: Path, *, with_adapters: bool = True) -> tuple[Workspace, list[Problem]]:
    """What can be read of a workspace, and what is wrong with the rest.

    Raises:
        InvalidFiles: agents.yaml is missing or is not YAML.
    """
    document = read_yaml(root / MANIFEST, MANIFEST)
    reader = _ManifestReader(root, document, with_adapters)
    return reader.read(), reader.problems


class _ManifestReader:
    """Reads entry by entry and collects problems on the way."""

    def __init__(self, root: Path, document: Document, with_adapters: bool) -> None:
        self.root = root
        self.with_adapters = with_adapters
        self.document = document
        self.problems = problems_of(document, ManifestFile)
        self.bases = self._bases()
        self.serving = self._serving()

    def read(self) -> Workspace:
        agents = {
            name: self._agent(name, entry) if entry and NAME.match(name) and self._may_add else None
            for name, entry in entries(self.document, "agents", AgentEntry).items()
        }
        tools = entries(self.document, "tools", ToolEntry)
        for section, names in (("agents", agents), ("tools", tools)):
            for name in names:
                self._check_name(section, name)
        return Workspace(
            root=self.root,
            agents={name: agent for name, agent in agents.items() if agent},
            tools={name: tool for name, tool in tools.items() if tool},
            serving=self.serving,
            journal=self._journal(),
            document=self.document,
            broken=frozenset(name for name, entry in (agents | tools).items() if entry is None),
        )

    @property
    def _may_add(self) -> bool:
        """Whether there are few enough problems to look for more."""
        return len(self.problems) < MAX_PROBLEMS

    def _add(self, where: Where, message: str, *, at_key: bool = False) -> None:
        if self._may_add:
            self.problems.append(self.document.problem(where, message, at_key=at_key))

    def _check_name(self, section: str, name: str) -> None:
        if not NAME.match(name):
            self._add((section, name), f"'{name}' cannot be a name. {NAME_RULE}", at_key=True)

    def _bases(self) -> dict[str, Base | None]:
        found = entries(self.document, "bases", BaseEntry)
        return {
            name: Base(name=name, model=entry.model, kind=entry.kind) if entry else None
            for name, entry in found.items()
        }

    def _serving(self) -> ServingEntry:
        found = entry(self.document, "serving", ServingEntry)
        self.has_faulty_serving = found is None and "serving" in self.document.data
        serving = found or ServingEntry.model_validate({})
        if serving.base is not None and serving.base not in self.bases:
            self._add(
                ("serving", "base"), f"'{serving.base}' is not a base. {suggest(serving.base, self.bases)}"
            )
        engine = serving.engine
        if engine not in ("auto", "embedded", "vllm") and not re.match(r"https?://[^\s/]+", engine):
            self._add(
                ("serving", "engine"),
                f"'{engine}' is not an engine. Known: auto, embedded, vllm, or a URL (http://... or https://...).",
            )
        elif engine not in ("auto", "embedded"):
            # Running it elsewhere than the file says would be worse than not running it.
            message = f"engine '{engine}' is not available in this version yet. Use auto or embedded"
            self._add(("serving", "engine"), message)
        return serving

    def _journal(self) -> str:
        journal = self.document.data.get("journal", SQLITE)
        fault = fault_of(journal) if isinstance(journal, str) else None
        if fault is not None:
            self._add(("journal",), fault)
        return str(journal)

    def _agent(self, name: str, entry: AgentEntry) -> Agent | None:
        base = self._base_of(name, entry)
        given = self._record(("agents", name, "input"), entry.input)
        output = self._record(("agents", name, "output"), entry.output)
        if not (base and given and output):
            return None
        self._check_output(name, base, given, output)
        # Graphs that use the agent are checked even if one of its files is missing.
        has_adapter = entry.adapter is not None and self.with_adapters
        return Agent(
            name=name,
            about=entry.about,
            base=base,
            input=given,
            output=output,
            adapter=self._adapter(name, str(entry.adapter)) if has_adapter else None,
            prompt=self._prompt(name) if base.kind == "decoder" else None,
            knowledge=self._knowledge(name),
        )

    def _base_of(self, name: str, entry: AgentEntry) -> Base | None:
        wanted = entry.base or self.serving.base
        if wanted is None and self.has_faulty_serving:
            return None
        if wanted is None:
            message = (
                f"agent '{name}' names no base. Add `base:` here, or `serving: {{base: ...}}` for all agents"
            )
            self._add(("agents", name), message, at_key=True)
            return None
        if wanted not in self.bases:
            if entry.base:
                message = f"agent '{name}' is on base '{wanted}', which is not defined."
                self._add(("agents", name, "base"), f"{message} {suggest(wanted, self.bases)}")
            return None
        return self.bases[wanted]

    def _record(self, where: Where, source: Mapping[str, Any]) -> Record | None:
        record, problems = record_at(self.document, where, source)
        self.problems.extend(problems)
        return record

    def _check_output(self, agent: str, base: Base, given: Record, output: Record) -> None:
        for name, kind in output.fields.items():
            where: Where = ("agents", agent, "output", name)
            if name == "confidence":
                self._add(
                    where,
                    "'confidence' is given by the engine to every agent. Choose another name",
                    at_key=True,
                )
            if isinstance(kind, Span):
                self._check_span(where, kind, given)
            elif base.kind == "encoder" and not (isinstance(kind, Enum) or kind == Scalar("bool")):
                self._add(
                    where,
                    f"'{name}' is {kind}, but agent '{agent}' is on the encoder '{base.name}', which gives "
                    f"enum, bool and span fields. Choose one of them, or put the agent on a decoder",
                )

    def _check_span(self, where: Where, span: Span, given: Record) -> None:
        texts = [name for name, kind in given.fields.items() if kind in (STR, Nullable(STR))]
        if span.source is None and len(texts) != 1:
            self._add(
                where,
                f"say which input {span} is found in, like `{span} from message`. Texts: {', '.join(texts)}",
            )
        elif span.source is not None and span.source not in texts:
            self._add(
                where, f"'{span.source}' is not a text input of the agent. {suggest(span.source, texts)}"
            )

    def _adapter(self, agent: str, adapter: str) -> Adapter | None:
        where: Where = ("agents", agent, "adapter")
        owner, _, version = adapter.partition("@")
        if not (NAME.match(owner) and version):
            self._add(where, f"'{adapter}' is not an adapter. Write <agent>@<version>, like {agent}@1")
            return None
        file = f"agents/{owner}/adapters.yaml"
        if not (self.root / file).exists():
            self._add(where, f"adapter '{adapter}' is not recorded: there is no {file}. {_retrain(owner)}")
            return None
        entry = self._adapter_entry(where, adapter, file, version)
        return self._stored(where, adapter, entry) if entry else None

    def _adapter_entry(self, where: Where, adapter: str, file: str, version: str) -> AdapterEntry | None:
        try:
            document = read_yaml(self.root / file, file)
        except InvalidFiles as err:
            self.problems.extend(err.problems)
            return None
        faults = problems_of(document, AdaptersFile)
        self.problems.extend(faults)
        versions = entries(document, "adapters", AdapterEntry)
        if not faults and version not in versions:
            self._add(where, f"adapter '{adapter}' is not recorded in {file}. {suggest(version, versions)}")
        return versions.get(version)

    def _stored(self, where: Where, adapter: str, entry: AdapterEntry) -> Adapter | None:
        folder = Store(self.root).adapter(entry.sha256)
        shown = folder.relative_to(self.root).as_posix()
        owner = adapter.partition("@")[0]
        if not folder.is_dir():
            self._add(
                where, f"the files of adapter '{adapter}' are missing: no folder {shown}. {_retrain(owner)}"
            )
            return None
        if (found := content_sha256(folder)) != entry.sha256:
            message = (
                f"the files of adapter '{adapter}' were changed: {shown} has the content hash {found[:12]}..."
            )
            self._add(where, f"{message} Restore them from version control. {_retrain(owner)}")
            return None
        return Adapter(name=adapter, sha256=entry.sha256, folder=folder)

    def _prompt(self, agent: str) -> str | None:
        file = f"agents/{agent}/prompt.md"
        return self._text(("agents", agent), file) if (self.root / file).is_file() else None

    def _knowledge(self, agent: str) -> str:
        folder = self.root / "agents" / agent / "knowledge"
        files = sorted(
            file for file in folder.glob("**/*") if file.suffix in (".md", ".txt") and file.is_file()
        )
        texts = (self._text(("agents", agent), file.relative_to(self.root).as_posix()) for file in files)
        return "\n".join(text.strip() + "\n" for text in texts if text)

    def _text(self, where: Where, file: str) -> str | None:
        try:
            return (self.root / file).read_text("utf-8")
        except UnicodeDecodeError:
            self.problems.append(Problem(file, 1, 1, "the file is not UTF-8 text. Save it as UTF-8"))
        except OSError as err:
            self._add(where, f"{file} cannot be read: {err.strerror}", at_key=True)
        return None


def _retrain(agent: str) -> str:
    return f"Train it: agentctl finetune finetune/{agent}.yaml"
