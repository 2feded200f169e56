"""How often the gate errs, on simulated cases of which the truth is known.

    python -m tests.evals.simulations [NUMBER]      # 10,000 by default, as docs/evals.md tells of them

Every simulation makes an evaluation, and where something is compared another one on the same cases, and asks
the gate itself.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator

from shoal.evals.gate import judge
from shoal.evals.gate_file import ProofEntry, Question
from shoal.evals.summary import Entry, Table

NUMBER = 10_000


class Simulation(NamedTuple):
    """A world, what is asked in it, and how often which answers may come."""

    name: str
    questions: list[Question]
    draw: Callable[[Generator, int], tuple[dict[str, Any], dict[str, Any]]]
    """Old and new scores of so many cases, by name."""
    limits: dict[str, tuple[float, float]]
    """Answers and between which shares they are to come."""
    num: int = 400
    looks_again: bool = False
    """Where more cases are needed, they are made, and the gate is asked once more."""


def table_of(scores: dict[str, Any]) -> Table:
    """An evaluation with these scores."""
    columns = {name: [float(each) for each in values] for name, values in scores.items()}
    count = len(next(iter(columns.values())))
    return Table([
        Entry(
            id=str(at), repeat=0, case="", slices=(), error=None,
            scores={name: values[at] for name, values in columns.items()},
            failed={}, confidence={}, ms=None, tokens=None,
        )
        for at in range(count)
    ])  # fmt: skip


def outcomes(simulation: Simulation, number: int, seed: int = 20261124) -> Counter[str]:
    """How often the gate gives which answer."""
    drawn = np.random.default_rng(seed)
    found: Counter[str] = Counter()
    proof = ProofEntry.model_validate({})
    for _ in range(number):
        old, new = simulation.draw(drawn, simulation.num)
        verdict = judge(simulation.questions, proof, table_of(new), table_of(old), "old")
        if verdict.answer == "NEEDS MORE" and simulation.looks_again:
            more_old, more_new = simulation.draw(drawn, min(verdict.more, 20_000))
            old = {name: [*values, *more_old[name]] for name, values in old.items()}
            new = {name: [*values, *more_new[name]] for name, values in new.items()}
            verdict = judge(simulation.questions, proof, table_of(new), table_of(old), "old")
        found[verdict.answer] += 1
    return found


def pairs(wins: float, losses: float, *names: str) -> Callable[[Generator, int], Any]:
    """Two targets, of which the new one alone is right with `wins`, the old one with `losses`."""

    def draw(drawn: Generator, num: int) -> Any:
        old, new = {}, {}
        for name in names or ("right",):
            both = (1 - wins - losses) * 0.8
            kinds = drawn.choice(4, num, p=[both, wins, losses, 1 - wins - losses - both])
            old[name], new[name] = (kinds == 0) | (kinds == 2), (kinds == 0) | (kinds == 1)
        return old, new

    return draw


def shares(share: float) -> Callable[[Generator, int], Any]:
    """A target that is right with this share."""
    return lambda drawn, num: ({"right": np.zeros(num)}, {"right": drawn.random(num) < share})


def graded(gain: float) -> Callable[[Generator, int], Any]:
    """Scores between 0 and 1 in steps of a quarter, of which the new ones are better by a gain on average."""

    def draw(drawn: Generator, num: int) -> Any:
        old = drawn.integers(0, 5, num) / 4
        moved = drawn.choice([-0.25, 0.0, 0.25], num, p=[0.2 - 2 * gain, 0.6, 0.2 + 2 * gain])
        room = np.where((old + moved < 0) | (old + moved > 1), 0, moved)
        return {"right": old}, {"right": old + room}

    return draw


def ask(kind: Any, limit: float, *names: str) -> list[Question]:
    return [Question(name, kind, limit, None, None) for name in names or ("right",)]


NODES = ("triage", "slots", "decide", "reply", "find", "book")
AT_MOST = (0.0, 0.05)
SIMULATIONS = [
    Simulation("no difference, better is asked", ask("better_by", 0.0), pairs(0.1, 0.1), {"GO": AT_MOST}),
    Simulation(
        "no difference, not worse by 5 points is asked",
        ask("not_worse_by", 0.05),
        pairs(0.1, 0.1),
        {"NO-GO": AT_MOST},
    ),
    Simulation(
        "worse by just the 5 points that are allowed",
        ask("not_worse_by", 0.05),
        pairs(0.075, 0.125),
        {"GO": AT_MOST},
    ),
    Simulation(
        "better by just what is worth it (2 points)",
        ask("better_by", 0.0),
        pairs(0.11, 0.09),
        {"NO-GO": AT_MOST},
    ),
    Simulation(
        "no difference at 6 nodes, none may be worse",
        ask("not_worse_by", 0.05, *NODES),
        pairs(0.1, 0.1, *NODES),
        {"NO-GO": AT_MOST},
    ),
    Simulation(
        "90 % right, 90 % is asked", ask("at_least", 0.9), shares(0.9), {"GO": AT_MOST, "NO-GO": AT_MOST}
    ),
    Simulation(
        "no difference in grades, better is asked", ask("better_by", 0.0), graded(0.0), {"GO": AT_MOST}
    ),
    Simulation(
        "no difference in grades, not worse is asked",
        ask("not_worse_by", 0.05),
        graded(0.0),
        {"NO-GO": AT_MOST},
    ),
    Simulation(
        "a gain of 5 points, few cases differ", ask("better_by", 0.0), pairs(0.075, 0.025), {"GO": (0.8, 1.0)}
    ),
    Simulation(
        "a gain of 5 points, many differ, looked at once more",
        ask("better_by", 0.0),
        pairs(0.15, 0.10),
        {"GO": (0.8, 1.0)},
        looks_again=True,
    ),
    Simulation(
        "a gain of 5 points, very many differ, looked at once more",
        ask("better_by", 0.0),
        pairs(0.225, 0.175),
        {"GO": (0.8, 1.0)},
        looks_again=True,
    ),
]


def main(number: int) -> None:
    """Print how often which answer came."""
    print(f"{'of 400 cases each, ' + format(number, ','):<60} {'GO':>7} {'NO-GO':>7} {'NEEDS MORE':>11}")
    for simulation in SIMULATIONS:
        found = outcomes(simulation, number)
        told = [f"{found[answer] / number:.2%}" for answer in ("GO", "NO-GO", "NEEDS MORE")]
        print(f"{simulation.name:<60} {told[0]:>7} {told[1]:>7} {told[2]:>11}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else NUMBER)
