"""How many rows came to each filter, how many it let pass, and why the others were dropped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Filter = Literal["teacher", "validate", "dedupe", "decontaminate", "judge", "balance"]
FILTERS: tuple[Filter, ...] = ("teacher", "validate", "dedupe", "decontaminate", "judge", "balance")

_MAX_KEPT = 2_000
"""Rejects of one filter and reason that are kept to be looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """What was dropped, where and why."""

    filter: Filter
    reason: str
    """The same for all rejects of a kind."""
    detail: str = ""
    input: Any = None
    output: Any = None
    source: str = ""

    def as_json(self) -> dict[str, Any]:
        """The reject as a line of a file."""
        return {
            "filter": self.filter,
            "reason": self.reason,
            "detail": self.detail,
            "input": self.input,
            "output": self.output,
            "source": self.source,
        }


@dataclass(slots=True)
class Funnel:
    """Counts, and the rejects themselves."""

    came: Counter[Filter] = field(default_factory=Counter)
    dropped: dict[Filter, Counter[str]] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)

    def come(self, at: Filter, count: int = 1) -> None:
        """Rows came to a filter."""
        self.came[at] += count

    def drop(self, reject: Reject, count: int = 1) -> None:
        """A filter dropped a row, or `count` that a teacher failed to give."""
        reasons = self.dropped.setdefault(reject.filter, Counter())
        reasons[reject.reason] += count
        if reasons[reject.reason] <= _MAX_KEPT:
            self.rejects.append(reject)

    def kept(self, at: Filter) -> int:
        """How many rows a filter let pass."""
        return self.came[at] - self.num_dropped(at)

    def num_dropped(self, at: Filter) -> int:
        """How many rows a filter dropped."""
        return sum(self.dropped.get(at, {}).values())

    def worst(
        self, since: Mapping[Filter, Mapping[str, int]] | None = None
    ) -> tuple[Filter, str, int] | None:
        """Filter and reason that dropped most rows, and how many, after `since` was noted."""
        found = [
            (count - ((since or {}).get(at) or {}).get(reason, 0), at, reason)
            for at, reasons in self.dropped.items()
            for reason, count in reasons.items()
        ]
        count, at, reason = max(found, default=(0, FILTERS[0], ""), key=lambda each: each[0])
        return (at, reason, count) if count else None

    def noted(self) -> dict[Filter, dict[str, int]]:
        """The counts of what was dropped until now."""
        return {at: dict(reasons) for at, reasons in self.dropped.items()}

    def as_json(self) -> list[dict[str, Any]]:
        """Filter by filter, in their order; those that nothing came to are left out."""
        return [
            {
                "filter": each,
                "came": self.came[each],
                "kept": self.kept(each),
                "dropped": dict(self.dropped.get(each, Counter()).most_common()),
            }
            for each in FILTERS
            if self.came[each]
        ]
