"""What a journal tells of a node, beside what would come out now: the differences of a replay, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from shoal.journal.journal import NodeRow
from shoal.runs.differing import differing, in_short

What = Literal["changed", "not recorded", "not reached", "not in the graph", "over budget", "another end"]


@dataclass(frozen=True, slots=True)
class Told:
    """What a row says, or what a step would have it say."""

    kind: str
    """That of a row, or `called`, or `unanswered`: what was answered would not do. Of an end the status."""
    output: Any = None
    message: str | None = None
    confidence: float | None = None


CALLED = Told("called")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that would come out otherwise now."""

    what: What
    path: str = ""
    """Empty for the end of the run."""
    attempt: int = 1
    recorded: Told | None = None
    now: Told | None = None

    def __str__(self) -> str:
        again = f", attempt {self.attempt}," if self.attempt > 1 else ""
        node = f"node '{self.path}'{again}"
        if self.what == "over budget":
            return self._budget()
        if self.what == "another end":
            return f"the run ended as {_end(self.recorded)}; now it would end as {_end(self.now)}"
        was = "" if self.recorded is None else _in_words(_WAS, self.recorded)
        would = "" if self.now is None else _in_words(_WOULD, self.now)
        match self.what:
            case "not recorded":
                return f"{node} would {would} now, and nothing is recorded of that"
            case "not reached":
                return f"{node} {was}, and would not be reached now"
            case "not in the graph":
                return f"{node} {was}, and the graph has no such node now"
        return f"{node} {was}; now it would {would}{self._place()}"

    def _budget(self) -> str:
        assert self.recorded is not None and self.now is not None, "both are told"
        spent, budget = self.recorded.output, self.now.output
        who = f"node '{self.path}'" if self.path else "the run"
        told = [f"{spent[what]:,} {what}, and its budget is {budget[what]:,} now" for what in budget]
        return f"{who} spent {'; '.join(told)}"

    def _place(self) -> str:
        """Where two outputs of the same kind differ, if they are too long to show it."""
        first, second = self.recorded, self.now
        if first is None or second is None or first.kind != second.kind:
            return ""
        if first.output == second.output:
            sure = (first.confidence, second.confidence)
            return "" if sure[0] == sure[1] else f", with confidence {sure[1]} instead of {sure[0]}"
        places = [*differing(first.output, second.output)]
        if not places[0].name:
            return ""
        more = f" and {len(places) - 1:,} more" if len(places) > 1 else ""
        return f"; other is '{places[0].name}'{more}"


_WAS: Mapping[str, str] = {
    "done": "gave {output}",
    "fallback": "fell back to {output}",
    "answered": "was answered {output}",
    "skipped": "was skipped: {message}",
    "rejected": "was rejected: {message}",
    "escalated": "was escalated: {message}",
    "failed": "failed: {message}",
    "intent": "may have acted",
    "unknown": "may have acted: {message}",
    "waiting": "asked '{message}'",
}
_WOULD: Mapping[str, str] = {
    "called": "be called",
    "done": "give {output}",
    "fallback": "fall back to {output}",
    "skipped": "be skipped: {message}",
    "rejected": "be rejected: {message}",
    "escalated": "be escalated: {message}",
    "failed": "fail: {message}",
    "unknown": "be uncertain: {message}",
    "waiting": "ask '{message}'",
    "unanswered": "not take that for an answer: {message}",
}


def told_by(row: NodeRow) -> Told:
    """What a row says."""
    return Told(row.kind, row.output, row.message, row.confidence)


def _end(told: Told | None) -> str:
    assert told is not None, "there are two ends"
    gave = "" if told.output is None else f" with {in_short(told.output)}"
    return f"{told.kind}{gave}{f': {told.message}' if told.message else ''}"


def _in_words(words: Mapping[str, str], told: Told) -> str:
    return words[told.kind].format(output=in_short(told.output), message=told.message)
