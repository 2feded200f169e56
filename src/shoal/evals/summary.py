"""The figures of an evaluation: shares of right answers with intervals, by slice, calibration, time, tokens.

Errors are counted beside: what has no answer is neither right nor wrong.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import util
from typing import Any

CONFIDENCE = 0.95
_MOST_KINDS = 20
"""Kinds of errors that are told apart."""
_PERCENTILES = (50, 90, 95, 99)


# Not frozen, because there is one for every case, and freezing takes most of what it takes to make one.
@dataclass(slots=True, kw_only=True)
class Entry:
    """What figures need of the line of a case."""

    id: str
    repeat: int
    case: str
    """Of what was asked and what is right."""
    slices: tuple[str, ...]
    error: str | None
    scores: Mapping[str, float]
    failed: Mapping[str, str]
    """Scores that their scorer could not tell."""
    confidence: Mapping[str, float]
    ms: float | None
    tokens: int | None


@dataclass(slots=True)
class Table:
    """The lines of an evaluation without what was said: small enough for the memory."""

    entries: list[Entry] = field(default_factory=list)
    choices: dict[str, Counter[tuple[str, str]]] = field(default_factory=dict)
    """Of choices, how often which was made for which."""
    num_cached: int = 0

    def of_slice(self, name: str) -> list[Entry]:
        """Entries of one slice."""
        return [entry for entry in self.entries if name in entry.slices]


def read_table(lines: Iterable[Mapping[str, Any]]) -> Table:
    """What figures are made of."""
    table = Table()
    for line in lines:
        table.entries.append(_entry(line))
        table.num_cached += line["cached"]
        for name, (gold, made) in line.get("choices", {}).items():
            table.choices.setdefault(name, Counter())[_word(gold), _word(made)] += 1
    return table


def _entry(line: Mapping[str, Any]) -> Entry:
    return Entry(
        id=line["id"],
        repeat=line["repeat"],
        case=line["case"],
        slices=tuple(line["slices"]),
        error=line["error"],
        scores=line["scores"],
        failed=line.get("failed", {}),
        confidence=line.get("confidence", {}),
        ms=line["ms"],
        tokens=line["tokens"],
    )


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else str(value)


def summarize(table: Table, names: Sequence[str], slices: Sequence[str]) -> dict[str, Any]:
    """All figures, as plain data."""
    entries = table.entries
    ms = sorted(entry.ms for entry in entries if entry.ms is not None)
    tokens = [entry.tokens for entry in entries if entry.tokens is not None]
    return {
        "cases": len({entry.id for entry in entries}),
        "asked": len(entries),
        "cached": table.num_cached,
        "errors": sum(entry.error is not None for entry in entries),
        "error_kinds": _kinds(entry.error for entry in entries),
        "scores": {name: _figures(name, entries, table) for name in names},
        "slices": {name: _slice(names, table.of_slice(name)) for name in slices},
        "ms": _percentiles(ms),
        "tokens": {"mean": _mean(tokens), "sum": sum(tokens)} if tokens else None,
    }


def _slice(names: Sequence[str], entries: list[Entry]) -> dict[str, Any]:
    return {
        "cases": len({entry.id for entry in entries}),
        "errors": sum(entry.error is not None for entry in entries),
        "scores": {name: _share(scored(name, entries)) for name in names},
    }


def scored(name: str, entries: Iterable[Entry]) -> dict[str, list[float]]:
    """The scores of each case that has some, one a repeat."""
    found: dict[str, list[float]] = {}
    for entry in entries:
        if name in entry.scores:
            found.setdefault(entry.id, []).append(entry.scores[name])
    return found


def _figures(name: str, entries: list[Entry], table: Table) -> dict[str, Any]:
    by_case = scored(name, entries)
    figures = _share(by_case)
    figures["failed"] = _kinds(entry.failed.get(name) for entry in entries)
    figures["pass"] = _pass(by_case)
    figures["calibration"] = _calibration(name, entries)
    figures["choices"] = [
        [gold, made, count] for (gold, made), count in sorted(table.choices.get(name, {}).items())
    ]
    return figures


def _share(by_case: Mapping[str, list[float]]) -> dict[str, Any]:
    """Mean and interval over cases; repeats of a case count as one."""
    means = [_mean(scores) for scores in by_case.values()]
    figures: dict[str, Any] = {
        "cases": len(means),
        "mean": _mean(means) if means else None,
        "low": None,
        "high": None,
    }
    if means and has_statistics():
        from shoal.evals.statistics import share_interval

        low, high = share_interval(math.fsum(means), len(means), CONFIDENCE)
        figures |= {"low": round(low, 6), "high": round(high, 6)}
    return figures


def has_statistics() -> bool:
    """Whether intervals and tests can be had."""
    return util.find_spec("scipy") is not None


def _pass(by_case: Mapping[str, list[float]]) -> list[float] | None:
    """pass^1, pass^2 ...: the share of cases of which so many repeats are all right."""
    trials = min(map(len, by_case.values()), default=0)
    if trials < 2:
        return None
    from shoal.evals.statistics import pass_hat

    counts = [(sum(score == 1 for score in scores), len(scores)) for scores in by_case.values()]
    return [round(_mean([pass_hat(right, of, k) for right, of in counts]), 6) for k in range(1, trials + 1)]


def _calibration(name: str, entries: Iterable[Entry]) -> dict[str, Any] | None:
    pairs = [
        (entry.confidence[name], entry.scores[name])
        for entry in entries
        if name in entry.confidence and name in entry.scores
    ]
    if not pairs:
        return None
    from shoal.evals.agreement import calibration

    found = calibration(pairs)
    bins = [[round(sure, 4), round(right, 4), count] for sure, right, count in found.bins]
    return {"cases": len(pairs), "ece": round(found.ece, 6), "brier": round(found.brier, 6), "bins": bins}


def _percentiles(values: Sequence[float]) -> dict[str, float] | None:
    if not values:
        return None
    at = {f"p{each}": values[min(len(values) - 1, len(values) * each // 100)] for each in _PERCENTILES}
    return {"mean": _mean(values), **at, "max": values[-1]}


def _mean(values: Sequence[float]) -> float:
    return round(math.fsum(values) / len(values), 6)


def _kinds(reasons: Iterable[str | None]) -> list[list[Any]]:
    """Reasons with their counts, the most frequent first."""
    return [[reason, count] for reason, count in Counter(filter(None, reasons)).most_common(_MOST_KINDS)]
