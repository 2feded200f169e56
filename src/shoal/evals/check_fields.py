"""Checks what suites say of fields: those of a target's output, and those of the nodes of a graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from shoal.errors import InvalidInput, suggest
from shoal.evals.forms import OF_RUN, Form, NumberScorer, RegexScorer, SqlScorer, in_full
from shoal.evals.gate_file import EACH, Criterion
from shoal.evals.suite import SuiteFile
from shoal.graphs.plan import AgentCall, HumanQuestion, Node, Plan
from shoal.runs.answers import read_answer
from shoal.runs.paths import node_at
from shoal.workspace.types import (
    BOOL,
    FLOAT,
    INT,
    STR,
    Enum,
    Nullable,
    Record,
    Type,
    ValueMismatch,
    plain,
    read,
)
from shoal.workspace.yaml import Where

_CHANGES = {"insert": "row", "delete": "row", "update": "after"}
"""Kinds of changes of the state, and what stands beside them."""


_VALUE: Where = ("",)
"""Stands for the value under a key itself."""


class Fault(NamedTuple):
    """What is wrong with a path, or with a field at its end."""

    message: str
    is_path: bool


def scorer_faults(
    name: str, scorer: Any, output: Record | None, owner: str, suite: SuiteFile
) -> Iterator[tuple[Where, str]]:
    """What keeps a scorer from reading its field, with the keys that lead to it."""
    full = in_full(scorer)
    if isinstance(full, OF_RUN):
        if full.of is not None:
            yield ("of",), "this scorer looks at the whole run. Remove `of`"
        if suite.target.graph is None and not hasattr(full, "latency") and not hasattr(full, "tokens"):
            yield (), f"'{name}' looks at the nodes of a graph, and {owner} is none"
        return
    of = full.of if isinstance(full, Form) else None
    if hasattr(full, "python") and of is None:
        return  # it may look at anything
    if output is None:
        return
    kind = output.fields.get(of or name)
    if kind is None:
        where: Where = ("of",) if of else ()
        yield where, f"{owner} gives no '{of or name}'. {suggest(of or name, output.fields)}"
    elif message := unfit(of or name, kind, scorer):
        yield _VALUE, message


def gate_faults(suite: SuiteFile, scores: Sequence[str]) -> Iterator[tuple[Where, str]]:
    """What the gate asks for and cannot have, with the keys that lead to it."""
    for name, criteria in suite.gate.items():
        if name not in scores:
            yield (name,), f"the gate names '{name}', which has no scorer. {suggest(name, scores)}"
        for number, each in enumerate(criteria if isinstance(criteria, list) else [criteria]):
            if not isinstance(each, Criterion):
                continue
            where: Where = (name, number) if isinstance(criteria, list) else (name,)
            if each.slice == EACH and not suite.slices:
                yield (*where, "slice"), "the suite has no `slices`. Name them, or remove this key"
            elif each.slice not in (None, EACH, *suite.slices):
                hint = suggest(str(each.slice), suite.slices)
                yield (*where, "slice"), f"'{each.slice}' is not one of `slices`. {hint}"
            if each.passes is not None and each.passes > suite.repeats:
                yield (
                    (*where, "pass"),
                    f"{each.passes} repeats are asked for, and `repeats` is {suite.repeats}",
                )


def unfit(name: str, kind: Type, scorer: object) -> str | None:
    """Why a scorer cannot compare values of a type."""
    bare = plain(kind)
    bare = bare.of if isinstance(bare, Nullable) else bare
    if isinstance(scorer, NumberScorer) and bare not in (INT, FLOAT):
        return f"'{name}' is {kind}, which `number` cannot compare. Use exact"
    if scorer == "choice" and not (isinstance(bare, Enum) or bare == BOOL):
        return f"'{name}' is {kind}, and `choice` needs an enum or a bool. Use exact"
    if scorer == "normalised" and bare != STR:
        return f"'{name}' is {kind}, and `normalised` needs a text. Use exact"
    if isinstance(scorer, RegexScorer | SqlScorer) and bare != STR and not isinstance(bare, Enum):
        word = "regex" if isinstance(scorer, RegexScorer) else "sql"
        return f"'{name}' is {kind}, and `{word}` needs a text. Use exact"
    return None


class GraphFields:
    """The nodes of a graph, asked for by path, each looked up once."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._outputs: dict[str, Type | None] = {}

    def fault(self, path: str, name: str) -> Fault | None:
        """Why a path with a field leads nowhere, or None."""
        kind = self._output(path)
        if kind is None:
            return Fault(self._no_node(path), True)
        if not isinstance(kind, Record):
            return Fault(f"node '{path}' gives {kind}, which has no fields to score", True)
        if name not in kind.fields:
            return Fault(f"node '{path}' gives no '{name}'. {suggest(name, kind.fields)}", False)
        return None

    def type_of(self, path: str, name: str) -> Type | None:
        """The type of a field of a node."""
        kind = self._output(path)
        return kind.fields.get(name) if isinstance(kind, Record) else None

    def case_faults(self, case: Mapping[str, Any]) -> Iterator[tuple[Where, str]]:
        """What a case says of nodes and is wrong, with the keys that lead to it."""
        for path, fields in (case.get("nodes") or {}).items():
            for name, value in fields.items():
                where: Where = ("nodes", path, name)
                if fault := self.fault(path, name):
                    yield where, fault.message
                    continue
                kind = self.type_of(path, name)
                assert kind is not None, "the field is there"
                try:
                    read(kind, value, f"'{path}.{name}'")
                except ValueMismatch as err:
                    yield where, str(err)
        for path, given in (case.get("answers") or {}).items():
            if message := self._answer_fault(path, given):
                yield ("answers", path), message
        for path in case.get("steps") or ():
            if self._output(path) is None:
                yield ("steps",), self._no_node(path)
        for change in case.get("state") or ():
            if message := change_fault(change):
                yield ("state",), message

    def _answer_fault(self, path: str, given: object) -> str | None:
        node = node_at(self.plan, path)
        if node is None:
            return self._no_node(path)
        if not isinstance(node.work, HumanQuestion):
            return f"node '{path}' asks nobody"
        try:
            read_answer(path, node, given)
        except InvalidInput as err:
            return str(err)
        return None

    def _output(self, path: str) -> Type | None:
        if path not in self._outputs:
            node = node_at(self.plan, path)
            self._outputs[path] = _output_of(node) if node else None
        return self._outputs[path]

    def _no_node(self, path: str) -> str:
        return f"graph '{self.plan.name}' has no node '{path}'. {suggest(path, self.plan.block.nodes)}"


def _output_of(node: Node) -> Type:
    return node.work.agent.output if isinstance(node.work, AgentCall) else node.output


def change_fault(change: Mapping[str, Any]) -> str | None:
    """What is wrong with a change that a case expects."""
    example = (
        "Write {insert: TABLE, row: {...}}, {delete: TABLE, row: {...}} or {update: TABLE, after: {...}}"
    )
    kinds = [kind for kind in _CHANGES if kind in change]
    if len(kinds) != 1:
        return f"a change of the state has one of insert, delete, update. {example}"
    allowed = {kinds[0], _CHANGES[kinds[0]], *(("key",) if kinds[0] == "update" else ())}
    for key in change:
        if key not in allowed:
            return f"'{key}' is not a key of `{kinds[0]}`. {example}"
    for key in allowed - {kinds[0]}:
        with suppress(KeyError):
            if not isinstance(change[key], dict):
                return f"`{key}` maps columns to values. {example}"
    return None
