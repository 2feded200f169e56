"""The card of a data set: what is in it, where it comes from, and what was dropped on the way."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shoal.agents.agent import Agent
from shoal.datasets.decontamination import Measured
from shoal.datasets.flow import Flow
from shoal.datasets.made import Made, Stopped
from shoal.datasets.parts import missing_labels
from shoal.datasets.rows import Row
from shoal.workspace.types import BOOL, Enum

_MAX_LABELS = 300
_RARE = 0.25
_FEW = 30
"""Rows of a part on which nothing can be measured well."""
_LINE = re.compile(r":\d+(?::\d+)?\Z")


def card_of(
    made: Made,
    agent: Agent,
    flow: Flow,
    *,
    teacher: Mapping[str, Any],
    judge: Mapping[str, Any] | None = None,
    files: Iterable[Path] = (),
    root: Path,
    measured: Sequence[Measured] = (),
) -> dict[str, Any]:
    """All that is known of what a flow made, but its name and hashes."""
    rows = [row for part in made.parts.values() for row in part]
    return {
        "version": 1,
        "made": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "about": agent.about,
        "input": str(agent.input),
        "output": str(agent.output),
        "flow": {"name": flow.file.name, "file": flow.place, "sha256": flow.sha256},
        "seed": flow.file.generate.seed,
        "teacher": dict(teacher),
        "judge": None if judge is None else dict(judge),
        "counts": {part: len(each) for part, each in made.parts.items()},
        "labels": _labels(rows, agent),
        "licences": dict(Counter(row.licence for row in rows).most_common()),
        "sources": dict(Counter(_LINE.sub("", row.source) for row in rows).most_common(_MAX_LABELS)),
        "teachers": dict(Counter(row.teacher for row in rows).most_common()),
        "files": {file.relative_to(root).as_posix(): _sha256(file) for file in files},
        "measured": {each.name: len(each.cases) for each in measured},
        "funnel": made.funnel.as_json(),
        "stopped": told(made.stopped) if made.stopped else None,
        "warnings": list(made.warnings),
    }


def _labels(rows: Iterable[Row], agent: Agent) -> dict[str, dict[str, int]]:
    """How often each case of each choice occurs."""
    found: dict[str, Counter[str]] = {
        name: Counter()
        for name, kind in agent.output.fields.items()
        if isinstance(kind, Enum) or kind == BOOL
    }
    for row in rows:
        for name, counts in found.items():
            counts[str(row.output[name])] += 1
    return {name: dict(counts.most_common(_MAX_LABELS)) for name, counts in found.items()}


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


_REMEDIES = {
    "teacher": "The teacher does not give what it is asked for: look at its replies, or name another one",
    "validate": "Mend the seeds, templates or types, or name another teacher",
    "dedupe": "There is not more to be made of these: write more templates and pieces, or name a teacher "
    "with a model; a higher temperature, or a higher `dedupe: {near: ...}`, lets more pass",
    "decontaminate": "Seeds or templates are taken from the evals: write others",
    "judge": "Look at what the judge says: the task may be unclear, or `judge: {least: ...}` too high",
    "balance": "Write templates or seeds of the labels that have few",
}


def told(stopped: Stopped) -> str:
    """Why a flow ended early, at which filter, and what to do; one sentence each."""
    example = ""
    if stopped.example is not None and stopped.example.detail:
        example = f" (for example: {stopped.example.detail})"
    return (
        f"{stopped.kept} of the last {stopped.asked} rows survived: {stopped.filter} dropped "
        f"{stopped.dropped}, {stopped.reason}{example}. {_REMEDIES[stopped.filter]}"
    )


def warnings_of(made: Made, agent: Agent, flow: Flow, lacks: str | None) -> list[str]:
    """What a person should know before training on this."""
    found = [lacks] if lacks else []
    wanted, shares = flow.file.generate.rows, flow.file.split
    if made.stopped is not None and made.num_rows < wanted:
        found.append(f"{wanted:,} rows were wanted and {made.num_rows:,} made. {told(made.stopped)}")
    for rows, share, use in (
        (made.parts["dev"], shares.dev, "calibrate by"),
        (made.parts["heldout"], shares.heldout, "measure on"),
    ):
        if len(rows) < min(_FEW, wanted * share):
            more = "More pieces in lexicons, and templates or seeds of each label, give more"
            found.append(f"{len(rows)} rows to {use} are few. {more}")
    for name, cases in missing_labels(made.parts["train"], agent).items():
        shown = ", ".join(cases[:10]) + (f" and {len(cases) - 10} more" if len(cases) > 10 else "")
        found.append(f"no row to train on has {name} = {shown}. Write seeds or templates of it")
    found += _rare(made, agent)
    if any(row.licence == "unknown" for part in made.parts.values() for row in part):
        found.append("the licence of some rows is unknown. Write `license:` in qna.yaml")
    return found


def _rare(made: Made, agent: Agent) -> list[str]:
    """Labels that are so much rarer than the one in the middle that they will hardly be learnt."""
    found = []
    for name, labels in _labels(made.parts["train"], agent).items():
        counts = sorted(labels.values())
        middle = counts[len(counts) // 2] if counts else 0
        if rare := [f"{label} ({count})" for label, count in labels.items() if count < _RARE * middle]:
            shown = ", ".join(rare[:10]) + (f" and {len(rare) - 10} more" if len(rare) > 10 else "")
            found.append(
                f"few rows have {name} = {shown}, and the label in the middle has {middle}. Write more "
                "templates or seeds of them"
            )
    return found
