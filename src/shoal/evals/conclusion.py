"""The end of an evaluation: figures, what is other than in another one, and the verdict of the gate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from shoal.errors import InvalidInput, MissingExtra
from shoal.evals.comparison import BASELINE, Side, baseline_file, compare, open_side
from shoal.evals.gate import judge
from shoal.evals.gate_file import COMPARING, questions
from shoal.evals.loading import Suite
from shoal.evals.results import Result
from shoal.evals.summary import has_statistics, read_table, summarize


def other_side(root: Path, suite: Suite, against: str | None, *, has_gate: bool) -> Side | None:
    """What the evaluation is to be held against; found before anything is asked.

    Raises:
        InvalidInput: the gate asks for nothing, or compares and has nothing to compare with.
        MissingExtra: there are no statistics.
        ResultNotFound: there is no evaluation of this name.
    """
    entry = suite.entry
    if has_gate and not entry.gate:
        raise InvalidInput(f"{suite.shown} has no gate. Write one, like `gate: {{{suite.scores[0]}: 0.9}}`")
    if (has_gate or against is not None) and not has_statistics():
        raise MissingExtra("to compare evaluations", "eval")
    if against is not None:
        return _of_suite(open_side(root, against, suite.name), suite)
    compares = [each for each in questions(entry.gate, entry.slices) if each.kind in COMPARING]
    if not has_gate or not compares:
        return None
    if baseline_file(root, suite.name).is_file():
        return open_side(root, BASELINE, suite.name)
    raise InvalidInput(
        f"the gate of {suite.shown} compares '{compares[0].score}' with an earlier evaluation. Name one: "
        f"--against RUN; or keep one in the repository: agentctl eval baseline RUN"
    )


def _of_suite(side: Side, suite: Suite) -> Side:
    if side.suite not in (None, suite.name):
        raise InvalidInput(f"evaluation {side.name} is of suite '{side.suite}', not of '{suite.name}'")
    return side


def conclude(suite: Suite, result: Result, against: Side | None, *, has_gate: bool) -> dict[str, Any]:
    """All that is to be said of an evaluation, as plain data."""
    table = read_table(result.lines())
    entry = suite.entry
    summary = summarize(table, suite.scores, entry.slices)
    if against is not None:
        side = Side(name=result.id, suite=suite.name, table=table, file=result.cases)
        summary["against"] = compare(against, side)
    if has_gate:
        asked = [*questions(entry.gate, entry.slices)]
        other = None if against is None else against.table
        verdict = judge(asked, entry.proof, table, other, against.name if against else None)
        summary["gate"] = {**verdict.to_json(), "exit_code": verdict.exit_code}
    return summary
