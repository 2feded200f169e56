"""Files that bring down other readers, each given to `agentctl check` in a process of its own."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from shoal.graphs.check import check_workspace
from tests.graphs.shop import GRAPH, changed, write_shop

G = "graphs/returns.yaml"
ALIASES = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGES = "a: &a {k: v}\n" + "".join(f"m{i}: &m{i} {{<<: [*a, *a]}}\n" for i in range(1000))
KINDS = (
    "{agent: sort, map: {repeat: {vote: {agent: sort}, samples: 3}, until: 'true', at_most: 2}, each: '[1]'}"
)


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that ended."""

    code: int
    stdout: str
    stderr: str
    cpu_s: float
    peak_mb: float


_MEASURE = """
import json, os, sys
if (pid := os.fork()) == 0:
    os.execv(sys.executable, [sys.executable, "-m", "shoal", "check"])
_, status, used = os.wait4(pid, 0)
code = os.waitstatus_to_exitcode(status)
with open("used", "w") as file:
    json.dump([code, used.ru_utime + used.ru_stime, used.ru_maxrss], file)
"""
"""Starts the command from a small process: the peak of one that is forked begins with that of its parent,
which here may have read models."""


def check(root: Path) -> Ended:
    """`agentctl check` in a folder."""
    out, err = root / "stdout", root / "stderr"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        command = [sys.executable, "-S", "-c", _MEASURE]
        subprocess.run(command, cwd=root, stdout=stdout, stderr=stderr, check=True)
    code, cpu_s, peak = json.loads((root / "used").read_text(encoding="utf-8"))
    unit = 2**20 if sys.platform == "darwin" else 1024
    return Ended(code, out.read_text(), err.read_text(), cpu_s, peak / unit)


def graph_with(line: str) -> str:
    """The shop's graph with a line among its keys."""
    return changed(GRAPH, "graph: returns\n", f"graph: returns\n{line}\n")


def node_with(text: str) -> str:
    """The shop's graph with other keys where the retries of a node are."""
    return changed(GRAPH, "    retry: 4\n", f"    {text}\n")


BOMBS: dict[str, tuple[str, str | bytes, str, str]] = {
    # what: (file, content, place, words)
    "alias bomb": (G, ALIASES, f"{G}:1:4", "'&' starts an anchor"),
    "merge keys": (G, MERGES, f"{G}:1:4", "'&' starts an anchor"),
    "alias of itself": (G, graph_with("about: &a [*a]"), f"{G}:3:8", "'&' starts an anchor"),
    "python object": (
        G,
        graph_with("about: !!python/object/apply:os.system [exit]"),
        f"{G}:3:8",
        "'!' starts a tag",
    ),
    "flat list of 5 MB": (G, "nodes: [" + "a, " * 1_700_000 + "a]", f"{G}:1:1", "over 1 MB"),
    "flat list of 1 MB": (G, "nodes: [" + "a, " * 330_000 + "a]", f"{G}:1:", "more than 30,000 values"),
    "flat lines": (G, "nodes:\n" + "- a\n" * 240_000, f"{G}:30000:3", "more than 30,000 values"),
    "keys of 1 MB": (
        G,
        "".join(f"k{i}: 1\n" for i in range(80_000)),
        f"{G}:30000:",
        "more than 30,000 values",
    ),
    "unknown keys": (G, "".join(f"k{i}: 1\n" for i in range(9_000)), f"{G}:1:1", "is not a known key"),
    "keys written twice": (G, "a: 1\n" * 29_000, f"{G}:2:1", "'a' is written twice"),
    "unknown keys in nodes": (
        G,
        graph_with("").replace(
            "nodes:", "nodes:\n" + "".join(f"  n{i}: {{agnet: x}}\n" for i in range(14_000))
        ),
        f"{G}:",
        "more than 500 nodes",
    ),
    "many nodes without a kind": (
        G,
        changed(GRAPH, "nodes:", "nodes:\n" + "".join(f"  n{i}: {{}}\n" for i in range(29_000))),
        f"{G}:505:3",
        "more than 500 nodes",
    ),
    "flow depth": (G, "a: " + "[" * 100_000, f"{G}:1:67", "nested deeper than 64"),
    "closed flow depth": (G, "a: " + "[" * 100_000 + "]" * 100_000, f"{G}:1:67", "nested deeper than 64"),
    "mappings in mappings": (G, "{a: " * 100_000, f"{G}:1:", "nested deeper than 64"),
    "block depth": (G, "".join(f"{' ' * i}a:\n" for i in range(1300)), f"{G}:65:", "nested deeper than 64"),
    "dashes": (G, "a:\n" + "- " * 499_000, f"{G}:2:", "nested deeper than 64"),
    "braces": (G, "{" * 1_000_000, f"{G}:1:", "a key must be a plain word"),
    "brackets": (G, "a: " + "[" * 999_000, f"{G}:1:", "nested deeper than 64"),
    "questions": (G, "? " * 499_000, f"{G}:1:", "a key must be a plain word"),
    "quotes": (G, '"' * 999_000, f"{G}:1:", ""),
    "long key": (G, "x" * 900_000 + ": 1", f"{G}:1:", "must be a mapping"),
    "long explicit key": (G, "? " + "x" * 900_000 + "\n: 1", f"{G}:1:3", "at most 200 characters"),
    "long number": (G, node_with("retry: " + "9" * 900_000), f"{G}:27:12", "expected a whole number"),
    "long expression": (
        G,
        changed(GRAPH, "when: find.price != null", "when: " + "!" * 100_000 + "true"),
        f"{G}:24:",
        "starts a tag",
    ),
    "deep expression": (
        G,
        changed(GRAPH, "when: find.price != null", "when: " + "(" * 100_000 + "1" + ")" * 100_000),
        f"{G}:24:",
        "characters",
    ),
    "wide expression": (
        G,
        changed(GRAPH, "when: find.price != null", "when: " + "true && " * 20_000 + "true"),
        f"{G}:24:",
        "characters",
    ),
    "many pieces": (
        G,
        changed(GRAPH, "${facts.text}", "${facts.text}" * 20_000),
        f"{G}:11:",
        "more than 1000 pieces",
    ),
    "many values": (
        G,
        changed(GRAPH, "with: {facts:", "with: {other: [" + "x, " * 10_000 + "], facts:"),
        f"{G}:11:",
        "more than 10,000 values",
    ),
    "tools without a file": (
        "agents.yaml",
        "version: 1\ntools:\n"
        + "".join(f'  t{i}: {{python: "tools/{i}.py:f", effect: pure}}\n' for i in range(8000)),
        "agents.yaml:3:",
        "there is no file",
    ),
    "deep type": (
        G,
        changed(GRAPH, "message: str", f"message: '{'list[' * 9000}str{']' * 9000}'"),
        f"{G}:3:",
        "nested deeper than 64",
    ),
    "wide enum": (
        G,
        changed(GRAPH, "message: str", f"message: 'enum[{', '.join(f'c{i}' for i in range(90_000))}, a b]'"),
        f"{G}:3:",
        "cannot be a case",
    ),
    "directives": (G, "%TAG !a! b\n" * 80_000, f"{G}:1:1", "'%' starts a directive"),
    "directives behind": (
        G,
        "a: b\n...\n" + "".join(f"%TAG !a{i}! b\n" for i in range(50_000)),
        f"{G}:3:1",
        "'%' starts a directive",
    ),
    "documents": (G, "a: b\n" + "---\n" * 200_000, f"{G}:2:1", "a second document"),
    "zero bytes": (G, b"\x00" * 900_000, f"{G}:1:1", "U+0000"),
    "no UTF-8": (G, b"\xff" * 900_000, f"{G}:1:1", "not UTF-8"),
    "comments": (G, "#\n" * 499_000, f"{G}:", "must be a mapping"),
    "empty lines": (G, "\n" * 999_000, f"{G}:", "must be a mapping"),
    "tabs": (G, "a: b" + "\t" * 900_000, f"{G}:1:5", "a tab"),
    "written twice": (G, node_with("retry: 4\n    retry: 4"), f"{G}:28:5", "'retry' is written twice"),
    "no": (G, node_with("retry: no"), f"{G}:27:12", "'retry' is 'no', expected a whole number"),
    "octal": (G, node_with("retry: 010"), f"{G}:27:12", "'retry' is '010', expected a whole number"),
    "sexagesimal": (G, node_with("timeout_s: 12:30:00"), f"{G}:27:16", "is '12:30:00', expected a number"),
    "exponent": (G, node_with("timeout_s: 1e3"), f"{G}:27:16", "is '1e3', expected a number"),
    "infinity": (G, node_with("timeout_s: .inf"), f"{G}:27:16", "is '.inf', expected a number"),
    "manifest of aliases": ("agents.yaml", ALIASES, "agents.yaml:1:4", "'&' starts an anchor"),
    "manifest of nothing": ("agents.yaml", "", "agents.yaml:1:1", "must be a mapping"),
    "manifest of agents": (
        "agents.yaml",
        "version: 1\nagents:\n" + "".join(f"  a{i}: {{output: {{x: y}}}}\n" for i in range(9000)),
        "agents.yaml:3:",
        "names no base",
    ),
}


@pytest.mark.parametrize("what", BOMBS)
def test_a_bomb_is_refused_in_a_second(tmp_path: Path, what: str) -> None:
    file, content, place, words = BOMBS[what]
    write_shop(tmp_path)
    (tmp_path / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    ended = check(tmp_path)
    lines = ended.stderr.splitlines()
    assert ended.code == 2, ended.stderr[:2000]
    assert ended.stdout == ""
    assert any(line.startswith(place) and words in line for line in lines), ended.stderr[:2000]
    assert all(len(line) < 1500 and line[0].islower() for line in lines)
    assert "Traceback" not in ended.stderr
    assert ended.cpu_s < 1.0
    assert ended.peak_mb < 256


def calling(name: str, others: list[str], at_most: int = 0) -> str:
    """A graph that calls others."""
    bound = f", at_most: {at_most}, fallback: {{days: 0}}" if at_most else ""
    calls = "".join(f"  c{i}: {{graph: {other}{bound}}}\n" for i, other in enumerate(others))
    last = f"c{len(others) - 1}.days" if others else "own"
    nodes = f"nodes:\n  own: {{tool: days_open}}\n{calls}"
    return f"version: 1\ngraph: {name}\n{nodes}output: {{days: '${{{last}}}'}}\n"


MANY: dict[str, tuple[dict[str, str], str]] = {
    "a chain": ({f"a{i}": calling(f"a{i}", [f"a{i + 1}"] * (i < 60)) for i in range(61)}, "deep"),
    "a long chain": (
        {f"a{i}": calling(f"a{i}", [f"a{i + 1}"] * (i < 200)) for i in range(201)},
        "too deeply",
    ),
    "each calls all below": (
        {f"a{i}": calling(f"a{i}", [f"a{j}" for j in range(i + 1, 30)]) for i in range(30)},
        "deep",
    ),
    "each calls all": (
        {f"a{i}": calling(f"a{i}", [f"a{j}" for j in range(15) if i != j]) for i in range(15)},
        "without a bound: a0 -> a1 -> a0",
    ),
    "one that calls itself by many nodes": ({"a0": calling("a0", ["a0"] * 9, 16)}, "more ways than"),
    "two that call themselves and each other": (
        {"a0": calling("a0", ["a0", "a1"], 16), "a1": calling("a1", ["a0", "a1"], 16)},
        "more ways than",
    ),
}


@pytest.mark.parametrize("what", MANY)
def test_graphs_that_call_each_other_are_looked_through_in_a_second(tmp_path: Path, what: str) -> None:
    graphs, words = MANY[what]
    write_shop(tmp_path, {f"graphs/{name}.yaml": text for name, text in graphs.items()})
    check_workspace(write_shop(tmp_path / "warm"))
    gc.freeze()  # looking through what other tests have loaded is no part of it
    start = time.process_time()
    problems = check_workspace(tmp_path).problems
    assert time.process_time() - start < 1.0
    assert any(problem.file == "graphs/a0.yaml" and words in problem.message for problem in problems)


@pytest.mark.parametrize("name", ["graph: lend", "graph: 'lend'", 'graph: "lend" # to readers'])
def test_a_graph_is_called_by_the_name_it_gives_itself(tmp_path: Path, name: str) -> None:
    graphs = {
        "loan": calling("loan", []).replace("graph: loan", name),
        "desk": calling("desk", ["lend"]),
        "till": calling("till", ["loan"]),
    }
    write_shop(tmp_path, {f"graphs/{each}.yaml": text for each, text in graphs.items()})
    (problem,) = check_workspace(tmp_path).errors
    assert (problem.file, problem.line) == ("graphs/till.yaml", 5)
    assert "'loan'" in problem.message


def test_a_name_that_only_a_parser_finds_leaves_the_graph_by_its_file(tmp_path: Path) -> None:
    text = "{version: 1, graph: lend, nodes: {own: {tool: days_open}, c: {graph: loan}}, output: {a: 1}}"
    write_shop(tmp_path, {"graphs/loan.yaml": text})
    assert any("leads back to itself" in problem.message for problem in check_workspace(tmp_path).errors)
