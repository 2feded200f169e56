"""How long `agentctl check` takes on a large workspace: 200 graphs of 50 nodes, nearly all kinds.

python bench/check/bench.py              make it, check it three times, tell the best
python bench/check/bench.py --keep DIR   make it there and leave it
python bench/check/bench.py --profile    where the time goes, in this process
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import subprocess
import sys
import tempfile
import time
from pathlib import Path

AGENTS = """\
version: 1
bases: {nano: {model: bench/nano, kind: decoder}}
serving: {base: nano}
agents:
"""
AGENT = """\
  sort_{n}:
    about: Sorts what comes in.
    input: {{text: str, size: float?}}
    output: {{topic: "enum[parcel, letter, other]", reason: str, amount: float?}}
  write_{n}:
    input: {{name: str, facts: "list[str]"}}
    output: {{text: str}}
"""
TOOLS = """\
tools:
  look_up: {python: "tools/office.py:look_up", effect: pure}
  parts: {python: "tools/office.py:parts", effect: pure}
  send: {python: "tools/office.py:send", effect: once}
"""
SOURCE = '''\
"""Tools of the office."""

from typing import Literal, TypedDict


class Record(TypedDict):
    name: str
    balance: float
    state: Literal["open", "closed"]
    note: str | None


def look_up(key: str) -> Record:
    return {"name": key, "balance": 1.0, "state": "open", "note": None}


def parts(text: str, most: int = 3) -> list[Record]:
    return [look_up(text)] * most


def send(name: str, text: str, idempotency_key: str) -> bool:
    return True
'''
HEAD = """\
version: 1
graph: office_{g}
about: Office number {g}.
input: {{message: str, customer: str, limit: float}}
budget: {{calls: {calls}, seconds: 60}}
nodes:
"""
GROUP = """\
  sort_{n}:
    agent: sort_{a}
    with: {{text: "Case {g}-{n}: ${{input.message}}", size: "${{input.limit}}"}}
    accept: sort_{n}.reason.size() > {n} && sort_{n}.confidence >= 0.{a}
    retry: 2
    fallback: {{topic: other, reason: "nobody knows {g}"}}
  record_{n}: {{tool: look_up, with: {{key: "${{input.customer}}-{g}"}}}}
  parts_{n}:
    tool: parts
    with: {{text: "${{sort_{n}.reason}} of ${{record_{n}.name}}", most: {n}}}
    when: sort_{n}.topic != 'other' && record_{n}.balance > {g}.0
  texts_{n}:
    map:
      agent: write_{a}
      with:
        name: ${{item.name}}
        facts: ["${{sort_{n}.reason}}", "${{item.state == 'open' ? 'open' : 'shut {g}'}}"]
    each: parts_{n}
    at_once: 8
  answer_{n}:
    switch: sort_{n}.topic
    cases:
      parcel: {{agent: write_{a}, with: {{name: "${{record_{n}.name}}", facts: [parcel]}}}}
      letter: {{agent: write_{a}, with: {{name: "${{record_{n}.name}}", facts: ["letter {g}"]}}}}
    default: {{agent: write_{a}, with: {{name: nobody, facts: []}}}}
"""
LAST = """\
  boss_{n}:
    human: "Send ${{answer_{n}.text}} to ${{record_{n}.name}}, ${{record_{n}.balance}} parts?"
    when: record_{n}.balance < input.limit || sort_{n}.?amount.orValue(0.0) > {g}.5
  sent_{n}:
    tool: send
    with: {{name: "${{record_{n}.name}}", text: "${{answer_{n}.text}}"}}
    when: record_{n}.state == 'open' && boss_{n}.?yes.orValue(true)
"""


def write_workspace(root: Path, num_graphs: int = 200, num_nodes: int = 50) -> None:
    """A workspace with that many graphs of that many nodes each."""
    agents = "".join(AGENT.format(n=n) for n in range(10))
    (root / "graphs").mkdir(parents=True)
    (root / "tools").mkdir()
    (root / "agents.yaml").write_text(AGENTS + agents + TOOLS, "utf-8")
    (root / "tools/office.py").write_text(SOURCE, "utf-8")
    for g in range(num_graphs):
        (root / f"graphs/office_{g}.yaml").write_text(graph(g, num_nodes), "utf-8")


def graph(g: int, num_nodes: int) -> str:
    """One graph file: groups of five nodes, the first four with two more."""
    text, count, n = HEAD.format(g=g, calls=num_nodes * 100), 0, 0
    names: list[str] = []
    while count < num_nodes:
        group = GROUP.format(g=g, n=n, a=(g + n) % 10) + (LAST.format(g=g, n=n) if n < 5 else "")
        count += 7 if n < 5 else 5
        names.append(f'answer_{n}: "${{answer_{n}.text}}", sent_{n}: "${{texts_{n}}}"')
        text, n = text + group, n + 1
    return f"{text}output: {{{', '.join(names)}}}\n"


def check(root: Path) -> tuple[float, float, float]:
    """Seconds, seconds of the processor and peak MB of one `agentctl check`."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "shoal", "check"], cwd=root)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit("the workspace has faults")
    return time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> None:
    """Make the workspace and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--keep", type=Path, help="make the workspace in this new folder and end")
    parser.add_argument("--profile", action="store_true", help="tell where the time goes")
    given = parser.parse_args()
    if given.keep:
        write_workspace(given.keep)
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "large"
        write_workspace(root)
        if given.profile:
            _profile(root)
        else:
            seconds, cpu, peak = min(check(root) for _ in range(3))
            print(f"{seconds:.2f} s, {cpu:.2f} s of the processor, {peak:.0f} MB")


def _profile(root: Path) -> None:
    from shoal.graphs.check import check_workspace

    profile = cProfile.Profile()
    profile.runcall(check_workspace, root)
    pstats.Stats(profile).sort_stats("cumulative").print_stats(60)
    pstats.Stats(profile).sort_stats("tottime").print_stats(40)


if __name__ == "__main__":
    main()
