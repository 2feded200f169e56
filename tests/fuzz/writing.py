"""Random graphs as they would be written: mostly well typed, and here and there on purpose not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from shoal.graphs.plan import Tool
from shoal.workspace.types import (
    BOOL,
    FLOAT,
    INT,
    STR,
    Enum,
    ListOf,
    Nullable,
    Record,
    Type,
    parse_record,
    parse_type,
    plain,
)

_ITEM = parse_type({"n": "int", "x": "float?", "k": "enum[a, b, c]", "tags": "list[str]", "ok": "bool"})
TYPES: tuple[Type, ...] = (
    INT, FLOAT, STR, BOOL, Enum(("a", "b", "c")), Enum(("a", "b")),
    ListOf(INT), ListOf(STR), ListOf(_ITEM), _ITEM,
    Nullable(INT), Nullable(FLOAT), Nullable(STR), Nullable(BOOL), Nullable(Enum(("a", "b", "c"))),
    Nullable(_ITEM), Nullable(ListOf(_ITEM)),
)  # fmt: skip

AGENTS = {
    "sort": ("{text: str}", '{kind: "enum[a, b, c]", sure: bool}'),
    "find": ("{text: str, size: float?}", '{amount: "float?", word: "str?", n: int}'),
    "tell": ('{kind: "enum[a, b, c]", words: "list[str]"}', "{text: str, score: float}"),
}
_SUB = """\
version: 1
graph: sub
input: {n: int, word: "str?"}
nodes:
  low: {agent: sort, with: {text: "${input.?word.orValue('none')}"}, when: input.n < 0}
output: {kind: "${low.?kind}", n: "${input.n + 1}"}
"""
_DOWN = """\
version: 1
graph: down
input: {n: int}
nodes:
  next:
    {graph: down, with: {n: "${input.n - 1}"}, when: input.n > 0, at_most: 3, fallback: {n: -7, deep: true}}
output: {n: "${next.?n.orValue(input.n)}", deep: "${next.?deep.orValue(false)}"}
"""
SUB_GRAPHS = {"sub": _SUB, "down": _DOWN}
_SUBS = {
    "sub": (parse_record({"n": "int", "word": "str?"}), parse_record({"kind": "enum[a, b, c]?", "n": "int"})),
    "down": (parse_record({"n": "int"}), parse_record({"n": "int", "deep": "bool"})),
}


_VALUES: dict[str, tuple[Any, ...]] = {
    "int": (0, 1, -3, 7),
    "float": (0.0, 1.0, -2.5, 1e9),
    "str": ("", "a", "b", "${input.n}", "Zoë {{ x }}"),
    "bool": (True, False),
}


def random_value(dice: Random, kind: Type) -> Any:
    """Any value of a type, the awkward ones often."""
    match plain(kind):
        case Enum(cases):
            return dice.choice(cases)
        case ListOf(item):
            return [random_value(dice, item) for _ in range(dice.choice([0, 0, 1, 2, 3]))]
        case Nullable(of):
            return None if dice.random() < 0.5 else random_value(dice, of)
        case Record(fields):
            return {name: random_value(dice, each) for name, each in fields.items()}
        case other:
            return dice.choice(_VALUES[str(other)])


# -- writing graphs -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Known:
    """A name in scope."""

    name: str
    type: Type
    may_be_skipped: bool = False


@dataclass
class Writer:
    """Writes one random graph."""

    dice: Random
    tools: Mapping[str, Tool]
    agents: Mapping[str, tuple[Record, Record]]
    slip: float
    """How often something of another type is written on purpose."""
    num_names: int = 0
    known: list[Known] = field(default_factory=list)

    def graph(self) -> dict[str, Any]:
        """The data of a graph file."""
        written = {f"i{i}": _written(self.dice.choice(TYPES)) for i in range(self.dice.randint(1, 4))}
        self.known = [Known("input", parse_record(written))]
        nodes, known = self.block(self.dice.randint(2, 7), 0)
        self.known = known
        output = {f"o{i}": self.value(self.dice.choice(TYPES), can_omit=True) for i in range(3)}
        return {
            "version": 1,
            "graph": "random",
            "input": written,
            "nodes": nodes,
            "output": output,
        }

    def block(self, size: int, depth: int) -> tuple[dict[str, Any], list[Known]]:
        """Nodes that read what is known and each other."""
        around, nodes = list(self.known), {}
        for _ in range(size):
            self.num_names += 1
            name = f"n{self.num_names}"
            step, kind = self.step(name, depth)
            is_conditional = self.dice.random() < 0.3
            if is_conditional:
                step["when"] = self.expression(BOOL)
            nodes[name] = step
            self.known.append(Known(name, kind, is_conditional))
        known, self.known = self.known, around
        return nodes, known

    def step(self, name: str, depth: int) -> tuple[dict[str, Any], Type]:
        """A step of a random kind and what it gives."""
        kinds = ["agent", "agent", "tool", "tool", "tool", "human", "graph"]
        if depth < 3:
            kinds += ["nodes", "switch", "map", "map", "repeat", "vote"]
        kind = self.dice.choice(kinds)
        step, gives = getattr(self, f"_{kind}")(name, depth)
        if kind != "human" and self.dice.random() < 0.25:
            self._policies(name, step, gives)
        return step, gives

    def _agent(self, name: str, depth: int) -> tuple[dict[str, Any], Type]:
        agent = self.dice.choice([*self.agents])
        given, gives = self.agents[agent]
        return {"agent": agent, "with": self.inputs(given)}, Record({**gives.fields, "confidence": FLOAT})

    def _tool(self, name: str, depth: int) -> tuple[dict[str, Any], Type]:
        tool = self.dice.choice([*self.tools.values()])
        return {"tool": tool.name, "with": self.inputs(tool.input)}, tool.output

    def _human(self, name: str, depth: int) -> tuple[dict[str, Any], Type]:
        text = f"Fine? {self.value(STR)}"
        if self.dice.random() < 0.5:
            return {"human": text}, Record({"yes": BOOL})
        return {"human": text, "answer": {"k": "enum[a, b]", "n": "int?"}}, parse_record(
            {"k": "enum[a, b]", "n": "int?"}
        )

    def _graph(self, name: str, depth: int) -> tuple[dict[str, Any], Type]:
        graph = self.dice.choice([*_SUBS])
        given, gives = _SUBS[graph]
        return {"graph": graph, "with": self.inputs(given)}, gives

    def _nodes(self, name: str, depth: int) -> tuple[dict[str, Any], Type]:
        around = self.known
        nodes, self.known = self.block(self.dice.randint(1, 3), depth + 1)
        fields = {f"f{i}": self.dice.choice(TYPES) for i in range(2)}
        output = {each: self.value(kind) for each, kind in fields.items()}
        self.known = around
        return {"nodes": nodes, "output": output}, Record(
            {each: _nullable(kind) for each, kind in fields.items()}
        )

    def _switch(self, name: str, depth: int) -> tuple[dict[str, Any], Type]:
        subjects: tuple[Type, ...] = (Enum(("a", "b", "c")), BOOL, INT, STR)
        kind = self.dice.choice(subjects)
        words = {"enum[a, b, c]": ["a", "b", "c"], "bool": ["true", "false"], "int": ["0", "1", "-3"]}.get(
            str(kind), ["a", "b"]
        )
        step, gives = self.step(name, depth + 1)
        cases = {word: step if self.dice.random() < 0.5 else self._like(name, step, depth) for word in words}
        switch: dict[str, Any] = {"switch": self.expression(kind), "cases": cases}
        if kind in (INT, STR) or self.dice.random() < 0.2:
            switch["default"] = self._like(name, step, depth)
        return switch, gives

    def _like(self, name: str, step: dict[str, Any], depth: int) -> dict[str, Any]:
        if "tool" in step:
            return {**step, "with": self.inputs(self.tools[step["tool"]].input)}
        return step if self.dice.random() < 0.7 else self.step(name, depth + 1)[0]

    def _map(self, name: str, depth: int) -> tuple[dict[str, Any], Type]:
        item = self.dice.choice([INT, STR, _ITEM])
        self.num_names += 1
        word = f"item{self.num_names}"
        each: Any = self.expression(ListOf(item))
        if self.dice.random() < 0.2:
            each = [_literal(self.dice, item) for _ in range(2)]
        around, self.known = self.known, [*self.known, Known(word, item)]
        body, gives = self.step(name, depth + 1)
        self.known = around
        return {"map": body, "each": each, "as": word, "at_once": self.dice.choice([1, 2, 16])}, ListOf(gives)

    def _repeat(self, name: str, depth: int) -> tuple[dict[str, Any], Type]:
        body, gives = self.step(name, depth + 1)
        step: dict[str, Any] = {"repeat": body, "at_most": self.dice.choice([1, 2, 4])}
        around, self.known = self.known, [*self.known, Known(name, gives)]
        step["until"] = self.expression(BOOL)
        if "tool" in body and self.dice.random() < 0.7:
            tool = self.tools[body["tool"]]
            if self.dice.random() < 0.6:
                step["start"] = _literal(self.dice, tool.output)
            else:
                self.known = [*around, Known(name, tool.output, may_be_skipped=True)]
            body["with"] = self.inputs(tool.input)
        self.known = around
        return step, gives

    def _vote(self, name: str, depth: int) -> tuple[dict[str, Any], Type]:
        body, gives = self._agent(name, depth)
        return {"vote": body, "samples": 3, "by": self.dice.choice(["majority", "confidence"])}, gives

    def _policies(self, name: str, step: dict[str, Any], gives: Type) -> None:
        around, self.known = self.known, [*self.known, Known(name, gives)]
        for _ in range(self.dice.randint(1, 2)):
            match self.dice.randrange(4):
                case 0:
                    step["accept"] = self.expression(BOOL)
                    if not self._acts_once(step):
                        step["retry"] = self.dice.choice([0, 1, 2])
                case 1:
                    self.known = around
                    if isinstance(gives, Record):
                        fields = {n: k for n, k in gives.fields.items() if n != "confidence"}
                        step["fallback"] = {each: self.value(kind) for each, kind in fields.items()}
                case 2:
                    self.known = [*around, Known(name, gives)]
                    to: Any = step.get("agent") or dict(step)
                    step["escalate"] = {"when": self.expression(BOOL), "to": to}
                case 3:
                    step["budget"] = {"calls": 500}
        self.known = around

    def _acts_once(self, step: dict[str, Any]) -> bool:
        once = [tool.name for tool in self.tools.values() if tool.effect == "once"]
        return any(f"'tool': '{name}'" in str(step) for name in once)

    # -- expressions --------------------------------------------------------------------------------------

    def inputs(self, fields: Record) -> dict[str, Any]:
        """Values for the inputs of a worker."""
        return {
            name: self.value(kind)
            for name, kind in fields.fields.items()
            if not isinstance(kind, Nullable) or self.dice.random() < 0.7
        }

    def value(self, kind: Type, can_omit: bool = False) -> Any:
        """A value as written in `with`: a literal, or `${...}`."""
        if self.dice.random() < 0.15:
            return _literal(self.dice, kind)
        if kind == STR and self.dice.random() < 0.4:
            return f"x ${{{self.expression(self.dice.choice([STR, INT, FLOAT]))}}} y"
        if isinstance(kind, Record) and self.dice.random() < 0.3:
            return {name: self.value(each) for name, each in kind.fields.items()}
        text = self.expression(kind)
        # A word alone is no word of an enum: it is written as it is.
        return text.strip("'") if text in ("'a'", "'b'", "'c'") else f"${{{text}}}"

    def expression(self, kind: Type, depth: int = 0) -> str:
        """A CEL text that gives a type, mostly."""
        if self.dice.random() < self.slip:
            kind = self.dice.choice(TYPES)
        if kind == FLOAT and self.dice.random() < 0.2:
            kind = INT
        if depth < 3 and self.dice.random() < 0.5:
            made = self._operation(kind, depth + 1)
            if made:
                return made
        return self.path(kind) or _cel(self.dice, kind)

    def path(self, kind: Type) -> str | None:
        """Something in scope of about this type."""
        found = [path for known in self.known for path in self._paths(known, kind)]
        return self.dice.choice(found) if found else None

    def _paths(self, known: Known, kind: Type) -> list[str]:
        fields = known.type.fields if isinstance(known.type, Record) else {}
        found = [known.name] if known.type == kind and known.name != "input" else []
        for name, each in fields.items():
            there = f"{known.name}.{name}"
            if known.may_be_skipped and self.dice.random() < 0.7:
                there = f"{known.name}.?{name}"
                if each == kind:
                    found.append(f"{there}.orValue({_cel(self.dice, kind)})")
                elif Nullable(each) == kind:
                    found.append(there)
            elif each == kind or (kind == STR and isinstance(each, Enum)):
                found.append(there)
            if each == Nullable(kind):
                found.append(f"{known.name}.?{name}.orValue({_cel(self.dice, kind)})")
            if isinstance(each, Record):
                found += self._paths(Known(there, each), kind) if "?" not in there else []
        return found

    def _operation(self, kind: Type, depth: int) -> str | None:
        """An operator or function that gives a type, over expressions of the types it takes."""
        if self.dice.random() < 0.25:
            pattern = "{bool} ? {same} : {same}"
        else:
            patterns = [*_PATTERNS.get(str(kind), ()), *self._over_list(kind)]
            if not patterns:
                return None
            pattern = self.dice.choice(patterns)

        def filled(match: re.Match[str]) -> str:
            word = match[1]
            return self.expression(kind if word == "same" else _OPERANDS[word], depth)

        text = re.sub(r"{(\w+)}", filled, pattern)
        return f"({text})"

    def _over_list(self, kind: Type) -> list[str]:
        """Macros over a list in scope that give a type."""
        item = self.dice.choice([INT, STR, _ITEM])
        over = self.path(ListOf(item))
        if over is None:
            return []
        test = self.dice.choice(_ITEM_TESTS)
        if item != _ITEM:
            test = "it > 0" if item == INT else "it != ''"
        if kind == BOOL:
            return [f"{over}.exists(it, {test})", f"{over}.all(it, {test})"]
        if kind == INT:
            return [f"size({over})", f"{over}.filter(it, {test}).size()"]
        if kind == ListOf(item):
            return [f"{over}.filter(it, {test})", f"{over} + {over}"]
        return [f"{over}.map(it, {each})" for each in _ITEM_FIELDS.get(str(kind), ()) if item == _ITEM]


_OPERANDS: dict[str, Type] = {
    "int": INT, "float": FLOAT, "str": STR, "bool": BOOL, "enum": Enum(("a", "b", "c")), "ints": ListOf(INT),
    "maybe": Nullable(INT),
}  # fmt: skip
_PATTERNS = {
    "int": ["{int} + {int}", "size({str})", "{int} * 2"],
    "float": ["{float} + {float}", "double({int})", "-({float})"],
    "str": ["{str} + {str}", "string({int})", "{str}.lowerAscii()"],
    "bool": [
        "{int} < {int}", "{float} >= {float}", "!({bool})", "{bool} && {bool}", "{bool} || {bool}",
        "{str} == {str}", "{enum} == 'a'", "{maybe} != null", "{int} in {ints}", "{enum} in ['a', 'b']",
        "{str}.contains('a')",
    ],
}  # fmt: skip
_ITEM_TESTS = [
    "it.n > 0",
    "it.k == 'a'",
    "it.?x.orValue(0.0) < 3.0",
    "it.ok",
    "it.x != null",
    "size(it.tags) > 0",
]
_ITEM_FIELDS = {
    "list[int]": ["it.n", "size(it.tags)"],
    "list[str]": ["it.k", "string(it.n) + it.k"],
}


def _nullable(kind: Type) -> Type:
    return kind if isinstance(kind, Nullable) else Nullable(kind)


def _written(kind: Type) -> Any:
    """A type as it stands in YAML."""
    match kind:
        case Record(fields):
            return {name: _written(each) for name, each in fields.items()}
        case ListOf(item):
            return [_written(item)]
        case Nullable(of) if not isinstance(of, Record | ListOf):
            return str(kind)
        case Nullable(of):
            return _written(of)  # has no way to be written as one that may be null
    return str(kind)


def _literal(dice: Random, kind: Type) -> Any:
    """A value as it may be written in YAML."""

    def plain_text(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: plain_text(each) for name, each in value.items()}
        if isinstance(value, list):
            return [plain_text(each) for each in value]
        return "word" if value in _VALUES["str"][3:] else value

    return plain_text(random_value(dice, kind))


def _cel(dice: Random, kind: Type) -> str:
    match kind:
        case Enum(cases):
            return f"'{dice.choice(cases)}'"
        case ListOf(item):
            return f"[{_cel(dice, item)}]" if not isinstance(item, Record) and dice.random() < 0.5 else "[]"
        case Nullable():
            return "null"
        case Record(fields):
            return "{" + ", ".join(f"'{name}': {_cel(dice, each)}" for name, each in fields.items()) + "}"
    return {"int": "3", "float": "2.5", "str": "'word'", "bool": "true"}[str(kind)]
