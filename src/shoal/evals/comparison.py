"""Two evaluations side by side: what got better, what got worse, and whether that may be chance."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoal.errors import InvalidInput
from shoal.evals.pairing import Paired, pair
from shoal.evals.results import Result, find_result
from shoal.evals.statistics import holm
from shoal.evals.summary import CONFIDENCE, Entry, Table, read_table
from shoal.workspace.store import write_atomic

BASELINE = "baseline"
_LEFT_OUT = frozenset({"input", "gold", "notes", "failed", "choices", "run"})
"""Of lines in a baseline: what the suite has, or nobody asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of two evaluations."""

    name: str
    """As a person calls it."""
    suite: str | None
    """None where a file does not tell."""
    table: Table
    file: Path
    """Of its lines."""

    def lines(self) -> Iterator[dict[str, Any]]:
        """Its lines, one after another."""
        return _lines(self.file)


def baseline_file(root: Path, suite: str) -> Path:
    """Where the baseline of a suite is kept, in the repository."""
    return root / "evals" / "baselines" / f"{suite}.jsonl"


def open_side(root: Path, name: str, suite: str | None = None) -> Side:
    """An evaluation by its id, `last`, its suite, the path of a file of lines, or `baseline` of this suite.

    Raises:
        ResultNotFound: there is none of this name.
        InvalidInput: the file is not there, or is none of lines.
    """
    if name == BASELINE and suite is not None:
        return _of_file(baseline_file(root, suite), BASELINE, suite)
    if name.endswith(".jsonl"):
        return _of_file(Path(name), name, None)
    return side_of(find_result(root, name))


def side_of(result: Result) -> Side:
    """An evaluation as one of two."""
    table = read_table(result.lines())
    return Side(name=result.id, suite=result.about()["suite"], table=table, file=result.cases)


def keep_baseline(root: Path, name: str) -> Path:
    """Make an evaluation the baseline of its suite: its scores and answers in a file to be committed."""
    result = find_result(root, name)
    result.summary()  # refuses what is not finished
    file = baseline_file(root, result.about()["suite"])
    lines = ({key: each for key, each in line.items() if key not in _LEFT_OUT} for line in result.lines())
    text = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
    write_atomic(file, text.encode())
    return file


def compare(old: Side, new: Side) -> dict[str, Any]:
    """What is other in the new one, as plain data."""
    names = _names([*old.table.entries, *new.table.entries])
    paired = {name: pair(name, old.table.entries, new.table.entries) for name in names}
    paired = {name: each for name, each in paired.items() if each.num}
    tests = {name: min(1.0, 2 * min(each.tails(0.0))) for name, each in paired.items()}
    adjusted = dict(zip(tests, holm([*tests.values()]), strict=True))
    slices = dict.fromkeys(each for entry in new.table.entries for each in entry.slices)
    return {
        "old": old.name,
        "new": new.name,
        "errors": [_errors(old.table), _errors(new.table)],
        "only_old": len(_cases(old.table) - _cases(new.table)),
        "only_new": len(_cases(new.table) - _cases(old.table)),
        "scores": {
            name: {**_figures(each), "p": round(tests[name], 6), "p_holm": round(adjusted[name], 6)}
            for name, each in paired.items()
        },
        "slices": {
            each: _of_slice(paired, old.table.of_slice(each), new.table.of_slice(each)) for each in slices
        },
    }


def _figures(paired: Paired) -> dict[str, Any]:
    low, high = paired.interval(CONFIDENCE)
    better, worse = paired.flipped()
    return {
        "cases": paired.num,
        "old": round(sum(paired.old) / paired.num, 6),
        "new": round(sum(paired.new) / paired.num, 6),
        "gain": round(paired.gain, 6),
        "low": round(low, 6),
        "high": round(high, 6),
        "test": "mcnemar" if paired.pairs is not None else "bootstrap",
        "better": better,
        "worse": worse,
    }


def _of_slice(
    names: Iterable[str], old: Sequence[Entry], new: Sequence[Entry]
) -> dict[str, dict[str, float | int]]:
    found = {name: pair(name, old, new) for name in names}
    return {
        name: {"cases": each.num, "gain": round(each.gain, 6)} for name, each in found.items() if each.num
    }


def _names(entries: Iterable[Entry]) -> list[str]:
    return [*dict.fromkeys(name for entry in entries for name in entry.scores)]


def _errors(table: Table) -> int:
    return sum(entry.error is not None for entry in table.entries)


def _cases(table: Table) -> set[tuple[str, str]]:
    return {(entry.id, entry.case) for entry in table.entries}


def _of_file(file: Path, name: str, suite: str | None) -> Side:
    try:
        table = read_table(_lines(file))
    except OSError as error:
        remedy = " Make one: agentctl eval baseline RUN" if name == BASELINE else ""
        raise InvalidInput(f"{file} cannot be read: {error.strerror}.{remedy}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"{file} holds no lines of an evaluation: {error}") from error
    return Side(name=name, suite=suite, table=table, file=file)


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8") as stream:
        for line in stream:
            if line.endswith("\n"):
                made: Mapping[str, Any] = json.loads(line)
                yield dict(made)
