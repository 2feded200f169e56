"""What is done with all rows together: labels made even, and parts to calibrate by and to measure on."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable

from shoal.agents.agent import Agent
from shoal.datasets.flow import BalancePart
from shoal.datasets.flow import SplitPart as Shares
from shoal.datasets.funnel import Reject
from shoal.datasets.lexicons import SplitPart
from shoal.datasets.made import PERSON, Made
from shoal.datasets.rows import Row, key_of
from shoal.datasets.seeds import label_field
from shoal.workspace.types import BOOL, Enum


def balance(made: Made, wish: BalancePart, agent: Agent) -> None:
    """Drop rows to train on of labels that have far more than the label in the middle."""
    label = wish.by or label_field(agent)
    rows = made.parts["train"]
    if label is None or not rows:
        return
    counts = sorted(Counter(str(row.output[label]) for row in rows).values())
    most = max(1, math.ceil(wish.at_most * counts[len(counts) // 2]))
    seen: Counter[str] = Counter()
    kept = []
    for row in rows:
        value = str(row.output[label])
        seen[value] += 1
        made.funnel.come("balance")
        if seen[value] <= most:
            kept.append(row)
        else:
            made.funnel.drop(
                Reject(
                    filter="balance",
                    reason="more of this label than of others",
                    detail=f"{label} = {value} has more than {most} rows",
                    input=row.input,
                    output=row.output,
                    source=row.source,
                )
            )
    made.parts["train"] = kept


def split(made: Made, shares: Shares, agent: Agent, *, is_varied: bool) -> None:
    """Take the dev and the held-out part from what was made, label by label, by hash.

    Args:
        made: whose rows are all to train on until now; held-out seeds apart.
        shares: how much of each label.
        agent: whose rows they are.
        is_varied: rows are variants of seeds, of which all of one stay together.
    """
    parts = made.parts
    by = label_field(agent)
    groups: dict[str, dict[str, list[Row]]] = {}
    for row in parts["train"]:
        if is_varied or row.teacher != PERSON:
            units = groups.setdefault(str(row.output[by]) if by else "", {})
            units.setdefault(row.source if is_varied else key_of(row.input), []).append(row)
    taken: set[str] = set()
    has_seeds = bool(parts["heldout"])
    for units in groups.values():
        order = sorted(units, key=lambda unit: hashlib.sha256(unit.encode()).digest())
        dev = _share(shares.dev, len(order), 3)
        heldout = 0 if is_varied and has_seeds else _share(shares.heldout, len(order), 4)
        chosen_of: dict[SplitPart, list[str]] = {"dev": order[:dev], "heldout": order[dev : dev + heldout]}
        for part, names in chosen_of.items():
            chosen = [row for name in names for row in units[name]]
            parts[part] += chosen
            taken |= {row.id for row in chosen}
    parts["train"] = [row for row in parts["train"] if row.id not in taken]


def _share(share: float, count: int, fewest: int) -> int:
    """So many of a count; at least one where there are enough."""
    return max(round(share * count), 1 if share and count >= fewest else 0)


def missing_labels(rows: Iterable[Row], agent: Agent) -> dict[str, list[str]]:
    """For each field that is a choice, the cases that no row has."""
    found: dict[str, set[str]] = {}
    for row in rows:
        for name, value in row.output.items():
            found.setdefault(name, set()).add(str(value))
    missing = {}
    for name, kind in agent.output.fields.items():
        cases = kind.cases if isinstance(kind, Enum) else ("True", "False") if kind == BOOL else ()
        if absent := [case for case in cases if case not in found.get(name, set())]:
            missing[name] = absent
    return missing
