"""Rows of other agents, so that a model which learns one more skill keeps those it has."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from shoal.agents.agent import Agent
from shoal.datasets.flow import MixPart
from shoal.datasets.rows import Row
from shoal.datasets.store import DataSets


def replay(
    mix: MixPart, agent: Agent, agents: Mapping[str, Agent], sets: DataSets, num_rows: int
) -> list[Row]:
    """Rows of the newest data sets of others, as many of each, chosen by their hash."""
    names = (
        mix.agents
        if mix.agents != "all"
        else sorted(name for name, each in agents.items() if each.base == agent.base and sets.all(name))
    )
    others = [name for name in names if name != agent.name]
    wanted = round(num_rows * mix.share)
    found: list[Row] = []
    for number, name in enumerate(others):
        rows = [replace(row, agent=name) for row in sets.get(name).rows("train")]
        rows.sort(key=lambda row: hashlib.sha256(row.id.encode()).digest())
        found += rows[: (wanted - len(found)) // (len(others) - number)]
    return found
