"""Shoal's runner beside its peers, all in one run: a table, and a plot in results.svg.

    .venv/bin/python bench/graph/bench.py              # about six minutes; --rounds 1 for a quick look

Each peer does each workload in a process of its own. All take turns, several rounds long, so that what else
the machine does meets all alike; the median of the rounds counts.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).parent
PEERS = ["asyncio", "shoal", "burr", "pydantic_graph", "langgraph"]
WORKLOADS = {
    "chain": "chain of 100",
    "route": "route, 100 choices",
    "loop": "loop, 1,000 rounds",
    "map": "map, 1,000 items",
    "conc": "1,000 runs of 10",
    "chain_sqlite": "durable chain of 100",
    "dconc_sqlite": "durable, 100 runs of 10",
}
NODES_A_RUN = 10
"""In the workloads of many runs."""
Figures = Mapping[tuple[str, str], float]
"""Microseconds a node, by peer and workload; what a peer cannot do is absent."""


def peers_python(given: str | None) -> str:
    """The Python that has the peers; made at the first use."""
    if given:
        return given
    folder = HERE.parents[1] / ".venv" / "peers"
    python = folder / "bin" / "python"
    if not python.exists():
        print("Installing the peers ...", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        install = [str(python), "-m", "pip", "--quiet", "install", "-r", str(HERE / "requirements.txt")]
        subprocess.run(install, check=True)
    return str(python)


def measure(python: str, peer: str, workload: str) -> float | None:
    """Microseconds a node, or None where the peer cannot do that."""
    command = [sys.executable if peer == "shoal" else python, str(HERE / "common.py"), peer, workload]
    env = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=HERE, env=env, timeout=300)
    if done.returncode != 0:
        return None
    return float(json.loads(done.stdout.splitlines()[-1])["us_a_node"])


def measure_all(python: str, rounds: int) -> dict[tuple[str, str], float]:
    """Every peer with every workload, in turns."""
    found: dict[tuple[str, str], list[float]] = {}
    for number in range(rounds):
        for workload in WORKLOADS:
            for peer in PEERS:
                if peer == "pydantic_graph" and workload.endswith("sqlite"):
                    continue  # it keeps nothing on disk
                print(f"round {number + 1} of {rounds}: {peer} {workload}   ", end="\r", file=sys.stderr)
                us = measure(python, peer, workload)
                if us is not None:
                    found.setdefault((peer, workload), []).append(us)
    print(" " * 60, end="\r", file=sys.stderr)
    return {place: statistics.median(each) for place, each in found.items()}


def is_rate(workload: str) -> bool:
    """Whether it is told as runs a second."""
    return workload in {"conc", "dconc_sqlite"}


def shown(workload: str, us_a_node: float) -> str:
    """Microseconds a node, or runs a second."""
    if is_rate(workload):
        return f"{1e6 / us_a_node / NODES_A_RUN:,.0f}/s"
    return f"{us_a_node:.1f}" if us_a_node < 100 else f"{us_a_node:,.0f}"


def table(figures: Figures) -> str:
    """A row a peer, and how many times faster Shoal is than the others."""
    lines = ["| | " + " | ".join(WORKLOADS.values()) + " |", "|---" * (len(WORKLOADS) + 1) + "|"]
    for peer in PEERS:
        cells = []
        for workload in WORKLOADS:
            us, ours = figures.get((peer, workload)), figures.get(("shoal", workload))
            ratio = f" ({us / ours:.1f}x)" if us and ours and peer not in {"shoal", "asyncio"} else ""
            cells.append(shown(workload, us) + ratio if us else "")
        lines.append(f"| {peer} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def plot(python: str, figures: Figures) -> None:
    """Bars on a logarithmic scale, a panel a workload."""
    rows = [[peer, WORKLOADS[workload], us] for (peer, workload), us in figures.items()]
    subprocess.run([python, str(HERE / "plot.py")], input=json.dumps(rows), text=True, check=True)


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--python", help="a Python that has the peers already")
    options = parser.parse_args()
    python = peers_python(options.python)
    figures = measure_all(python, options.rounds)
    print(f"{time.strftime('%d %B %Y')}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print(table(figures))
    plot(python, figures)


if __name__ == "__main__":
    main()
