"""What people write who mean right and do not know every rule: it is accepted, and gives what they expect."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shoal.agents.scripted import ScriptedEngine
from shoal.graphs.check import load_plan
from shoal.journal import MemoryJournal
from shoal.runs.runner import Runner

pytestmark = pytest.mark.anyio

AGENTS = """\
version: 1
bases: {writer: {model: shop/writer, kind: decoder}}
serving: {base: writer}
tools:
  inc: {python: "tools/sums.py:inc", effect: pure}
  half: {python: "tools/sums.py:half", effect: pure}
  same: {python: "tools/sums.py:same", effect: pure}
"""
TOOLS = """\
from typing import Any


def inc(n: int) -> int:
    return n + 1


def half(x: float) -> float:
    assert type(x) is float
    return x / 2


def same(x: Any = None) -> Any:
    return x
"""
GRAPH = """\
version: 1
graph: g
input: {n: int, x: float, flag: bool, names: "list[str]", data: any}
nodes:
  NODES
output: {out: OUTPUT}
"""
INPUTS = {"n": 3, "x": 2.5, "flag": True, "names": ["a", "b"], "data": [1, "x"]}


async def output_of(root: Path, nodes: str, output: str, **inputs: Any) -> Any:
    """What a graph of these nodes gives."""
    text = GRAPH.replace("NODES", nodes.replace("\n", "\n  ")).replace("OUTPUT", json.dumps(output))
    for name, content in {"agents.yaml": AGENTS, "tools/sums.py": TOOLS, "graphs/g.yaml": text}.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(content, encoding="utf-8")
    plan = load_plan(root, "g")
    result = await Runner(ScriptedEngine(), MemoryJournal()).start(plan, INPUTS | inputs)
    return result.output["out"] if result.output else result.error


@pytest.mark.parametrize(
    ("nodes", "output", "expected"),
    [
        # lists in place
        ('a: {map: {tool: half, with: {x: "${item}"}}, each: [1, 2.5]}', "${a}", [0.5, 1.25]),
        ('a: {map: {tool: same, with: {x: "${item}"}}, each: [a, null]}', "${a}", ["a", None]),
        (
            'a: {map: {tool: half, with: {x: "${item}"}}, each: ["${input.n}", "${input.x}", 4]}',
            "${a}",
            [1.5, 1.25, 2.0],
        ),
        (
            'a: {map: {tool: same, with: {x: "${item.n} ${item.?m.orValue(0)}"}}, '
            "each: [{n: 1}, {n: 2.5, m: 3}]}",
            "${a}",
            ["1 0", "2.5 3"],
        ),
        # whole numbers where floats are expected
        ("a: {tool: half, with: {x: 3}, when: input.x > 2}", "${a}", 1.5),
        ('a: {tool: half, with: {x: "${input.n}"}, accept: a == 1.5}', "${a * 2}", 3.0),
        ("a: {tool: half, with: {x: 3}, fallback: 1}", "${a in [1, 1.5]}", True),
        (
            "a: {switch: input.flag, cases: {true: {tool: inc, with: {n: 1}}, "
            "false: {tool: half, with: {x: 1}}}}",
            "${a / 4}",
            0.5,
        ),
        # a repeat that begins with a whole number
        (
            "a:\n"
            '  repeat: {nodes: {h: {tool: half, with: {x: "${a.sum}"}}}, output: {sum: "${h + 1}"}}\n'
            "  start: {sum: 0}\n"
            "  until: a.sum > 1\n"
            "  at_most: 5",
            "${a.sum}",
            1.5,
        ),
        # a body that needs a node runs only if that has run
        (
            "a: {tool: half, with: {x: 3}, when: input.flag}\n"
            'b: {map: {tool: half, with: {x: "${a}"}}, each: input.names}\n'
            'c: {map: {tool: half, with: {x: "${item}"}}, each: b}',
            "${c}",
            [0.375, 0.375],
        ),
        # data of the type any
        ('a: {map: {tool: same, with: {x: "${item}"}}, each: input.data}', "${a}", [1, "x"]),
        (
            "a: {switch: input.data, cases: {x: {tool: inc, with: {n: 1}}}, "
            "default: {tool: inc, with: {n: 2}}}",
            "${a}",
            3,
        ),
        (
            'a: {switch: "input.data[0]", cases: {1: {tool: inc, with: {n: 1}}}, '
            "default: {tool: inc, with: {n: 2}}}",
            "${a}",
            2,
        ),
        # long chains
        (
            f"a: {{tool: inc, with: {{n: 1}}, when: {' || '.join(f'input.n == {i}' for i in range(600))}}}",
            "${a}",
            2,
        ),
    ],
)
async def test_what_is_meant_right_is_accepted(
    tmp_path: Path, nodes: str, output: str, expected: Any
) -> None:
    found = await output_of(tmp_path, nodes, output)
    assert (found, type(found)) == (expected, type(expected))


async def test_data_that_is_no_list_after_all_fails_with_a_sentence(tmp_path: Path) -> None:
    nodes = 'a: {map: {tool: same, with: {x: "${item}"}}, each: input.data}'
    assert await output_of(tmp_path, nodes, "${a}", data=3) == (
        "node 'a' failed: `each` gave 3, expected a list"
    )
