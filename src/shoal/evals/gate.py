"""Verdicts: GO, NO-GO, or NEEDS n MORE cases, with the reason.

Every question of the gate is asked twice: is it shown that it is well, is it shown that it is not? GO: all
are shown to be well; each errs with `alpha` at most, and so do all together. NO-GO: one is shown not to be
well; there one of many may err, so Holm's correction is made. Else more cases are needed, and it is said how
many would be enough if the truth is as far from the limit as it looks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from shoal.evals import agreement, statistics
from shoal.evals.gate_file import COMPARING, ProofEntry, Question
from shoal.evals.pairing import Paired, pair
from shoal.evals.statistics import MOST_CASES, Interval
from shoal.evals.summary import Entry, Table, scored

Answer = Literal["GO", "NO-GO", "NEEDS MORE"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the cases say to one question."""

    estimate: float
    interval: Interval
    """Each end is wrong with `alpha`."""
    is_well: float
    """How surprising the data would be if it were not well."""
    is_not: float
    """How surprising they would be if it were well."""
    num: int
    """Cases, or pairs of cases."""
    enough: Callable[[], int]
    """How many there should be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The answer to one question."""

    question: Question
    answer: Answer
    reason: str
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    num: int = 0
    more: int = 0
    """Cases that are needed beside those that are there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the gate says."""

    answer: Answer
    reason: str
    more: int
    findings: list[Finding]
    against: str | None

    @property
    def exit_code(self) -> int:
        """0 GO, 1 NO-GO, 3 NEEDS n MORE."""
        return {"GO": 0, "NO-GO": 1, "NEEDS MORE": 3}[self.answer]

    @property
    def words(self) -> str:
        """GO, NO-GO or NEEDS n MORE."""
        return f"NEEDS {self.more:,} MORE" if self.answer == "NEEDS MORE" else self.answer

    def to_json(self) -> dict[str, Any]:
        """The verdict as plain data."""
        findings = [{**finding.question._asdict(), **_without_question(finding)} for finding in self.findings]
        return {
            "verdict": self.words,
            "answer": self.answer,
            "reason": self.reason,
            "more": self.more,
            "against": self.against,
            "findings": findings,
        }


def judge(
    questions: Sequence[Question],
    proof: ProofEntry,
    table: Table,
    baseline: Table | None,
    against: str | None,
) -> Verdict:
    """What the gate says of an evaluation; `baseline` is there if a question compares with it."""
    alpha = proof.alpha / proof.looks
    evidence = [_evidence(question, proof, alpha, table, baseline) for question in questions]
    adjusted = statistics.holm([each.is_not for each in evidence if isinstance(each, Evidence)])
    findings = []
    for question, each in zip(questions, evidence, strict=True):
        if isinstance(each, str):
            findings.append(Finding(question=question, answer="NO-GO", reason=f"{_named(question)}: {each}"))
        else:
            findings.append(_finding(question, each, adjusted.pop(0), proof, alpha))
    if (fault := _too_many_errors(table, proof)) is not None:
        return Verdict(answer="NO-GO", reason=fault, more=0, findings=findings, against=against)
    return _verdict(findings, against)


def _verdict(findings: list[Finding], against: str | None) -> Verdict:
    refused = [finding for finding in findings if finding.answer == "NO-GO"]
    open_ones = [finding for finding in findings if finding.answer == "NEEDS MORE"]
    answer: Answer = "NO-GO" if refused else "NEEDS MORE" if open_ones else "GO"
    telling = refused or sorted(open_ones, key=lambda finding: -finding.more) or findings
    reason = "; ".join(finding.reason for finding in telling[:3])
    if len(telling) > 3:
        reason += f"; and {len(telling) - 3} more"
    more = max((finding.more for finding in open_ones), default=0) if answer == "NEEDS MORE" else 0
    return Verdict(answer=answer, reason=reason, more=more, findings=findings, against=against)


def _finding(
    question: Question, evidence: Evidence, is_not: float, proof: ProofEntry, alpha: float
) -> Finding:
    answer: Answer = "GO" if evidence.is_well <= alpha else "NO-GO" if is_not <= alpha else "NEEDS MORE"
    more = 0
    if answer == "NEEDS MORE":
        more = max(1, min(evidence.enough(), MOST_CASES) - evidence.num)
    return Finding(
        question=question,
        answer=answer,
        reason=_reason(question, evidence, answer, more),
        estimate=evidence.estimate,
        low=evidence.interval.low,
        high=evidence.interval.high,
        num=evidence.num,
        more=more,
    )


def _evidence(
    question: Question, proof: ProofEntry, alpha: float, table: Table, baseline: Table | None
) -> Evidence | str:
    """What the cases say, or why they say nothing."""
    entries = table.entries if question.slice is None else table.of_slice(question.slice)
    failed = [entry.failed[question.score] for entry in entries if question.score in entry.failed]
    if len(failed) > proof.errors * len(entries):
        return f"{len(failed):,} of {len(entries):,} cases could not be scored: {failed[0]}"
    if question.kind in COMPARING:
        assert baseline is not None, "what compares has a baseline"
        paired = pair(question.score, baseline.entries, entries)
        return (
            _compared(question, proof, alpha, paired) if paired.num else "the baseline has none of the cases"
        )
    by_case = scored(question.score, entries)
    if not by_case:
        return "no case says what is right"
    if question.kind == "ece":
        return _calibrated(question, proof, alpha, entries)
    if question.kind == "brier":
        losses = [(sure - score) ** 2 for sure, score in _sure(question.score, entries)]
        return _shared([1 - loss for loss in losses], 1 - question.limit, proof, alpha, is_loss=True)
    return _shared(_values(question, by_case), question.limit, proof, alpha)


def _values(question: Question, by_case: Mapping[str, list[float]]) -> list[float]:
    """One value a case: the mean of its repeats, or the chance that so many of them are all right."""
    if question.passes is None:
        return [math.fsum(scores) / len(scores) for scores in by_case.values()]
    k = question.passes
    trials = [(sum(score == 1 for score in scores), len(scores)) for scores in by_case.values()]
    return [statistics.pass_hat(right, of, k) for right, of in trials if of >= k]


def _shared(
    values: Sequence[float], limit: float, proof: ProofEntry, alpha: float, *, is_loss: bool = False
) -> Evidence:
    """A mean of values from 0 to 1 that is to be at least so large."""
    total, num = math.fsum(values), len(values)
    tails = statistics.share_tails(total, num, limit)
    low, high = statistics.share_interval(total, num, 1 - 2 * alpha)
    share = total / num

    def enough() -> int:
        return _enough(
            num,
            share - limit,
            proof,
            lambda gap: statistics.cases_for_share(
                min(1.0, max(0.0, limit + gap)), limit, alpha, proof.power
            ),
        )

    if is_loss:
        share, low, high = 1 - share, 1 - high, 1 - low
    return Evidence(
        estimate=share,
        interval=Interval(low, high),
        is_well=tails.above,
        is_not=tails.below,
        num=num,
        enough=enough,
    )


def _compared(question: Question, proof: ProofEntry, alpha: float, paired: Paired) -> Evidence:
    """A gain over the baseline: not too far below 0, or above a limit."""
    is_better = question.kind == "better_by"
    good = question.limit if is_better else -question.limit
    bad = max(question.limit, proof.worth) if is_better else 0.0
    gain = paired.gain
    limit = good if gain > good else bad

    def enough() -> int:
        return _enough(paired.num, gain - limit, proof, lambda gap: _cases(paired, gap, limit, alpha, proof))

    return Evidence(
        estimate=gain,
        interval=paired.interval(1 - 2 * alpha),
        is_well=paired.tails(good).above,
        is_not=paired.tails(bad).below,
        num=paired.num,
        enough=enough,
    )


def _cases(paired: Paired, gap: float, limit: float, alpha: float, proof: ProofEntry) -> int:
    """How many cases show a gain this far from a limit, where pairs differ as often as they do here."""
    pairs = paired.pairs
    if pairs is None:
        return statistics.cases_for_mean(paired.deviation, gap, alpha, proof.power)
    gain = limit + gap
    differing = max((pairs.wins + pairs.losses + 1) / (pairs.num + 1), abs(gain))
    wins, losses = (differing + gain) / 2, (differing - gain) / 2
    return statistics.cases_for_pairs(wins, losses, limit, alpha, proof.power)


def _enough(num: int, gap: float, proof: ProofEntry, cases: Callable[[float], int]) -> int:
    """Cases for the distance that is seen, but not for one so small that it does not matter.

    Where there are as many already and they do not show it, the distance is smaller than that.
    """
    planned = math.copysign(max(abs(gap), proof.worth), gap)
    found = cases(planned)
    return found if found > num else cases(gap)


def _calibrated(
    question: Question, proof: ProofEntry, alpha: float, entries: Sequence[Entry]
) -> Evidence | str:
    pairs = _sure(question.score, entries)
    if not pairs:
        return "no answer comes with a confidence"
    found = agreement.calibration_evidence(pairs, question.limit, 1 - 2 * alpha)
    gap = found.ece - question.limit

    def enough() -> int:
        return _enough(
            len(pairs),
            gap,
            proof,
            lambda each: statistics.cases_for_mean(found.deviation, each, alpha, proof.power),
        )

    return Evidence(
        estimate=found.ece,
        interval=found.interval,
        is_well=found.tails.below,
        is_not=found.tails.above,
        num=len(pairs),
        enough=enough,
    )


def _sure(score: str, entries: Sequence[Entry]) -> list[tuple[float, float]]:
    return [
        (entry.confidence[score], entry.scores[score])
        for entry in entries
        if score in entry.confidence and score in entry.scores
    ]


def _too_many_errors(table: Table, proof: ProofEntry) -> str | None:
    errors = [entry.error for entry in table.entries if entry.error is not None]
    if len(errors) <= proof.errors * len(table.entries):
        return None
    allowed = f"at most {proof.errors:.1%}" if proof.errors else "none"
    return (
        f"{len(errors):,} of {len(table.entries):,} cases have no answer, allowed is {allowed}: {errors[0]}"
    )


# Words.


def _named(question: Question) -> str:
    passes = f" (pass^{question.passes})" if question.passes else ""
    return f"{question.score}{passes}" + (f" on slice {question.slice}" if question.slice else "")


def _reason(question: Question, evidence: Evidence, answer: Answer, more: int) -> str:
    """The answer in a sentence: what is seen, what is sure, what is asked."""
    low, high = evidence.interval
    named, num = _named(question), f"{evidence.num:,} cases"
    if question.kind in COMPARING:
        seen = f"{named} gains {_points(evidence.estimate)} over the baseline on {num}"
        sure = f"{100 * low:+.1f} to {_points(high)}"
        asked = (
            f"more than {_points(question.limit).removeprefix('+')} is asked"
            if question.kind == "better_by"
            else f"{_points(question.limit).removeprefix('+')} less are allowed"
        )
    elif question.kind == "at_least":
        seen = f"{named} is {evidence.estimate:.1%} right of {num}"
        sure = f"{low:.1%} to {high:.1%}"
        asked = f"{question.limit:.1%} is asked"
    else:
        seen = f"{named} has {_WORDS[question.kind]} {evidence.estimate:.3f} on {num}"
        sure = f"{low:.3f} to {high:.3f}"
        asked = f"at most {question.limit:.3f} is asked"
    tail = f"; {_amount(more)} would tell" if answer == "NEEDS MORE" else ""
    return f"{seen} ({sure}), {asked}{tail}"


_WORDS = {"ece": "an ECE of", "brier": "a Brier score of"}


def _amount(more: int) -> str:
    return "more cases than anybody has" if more >= MOST_CASES // 2 else f"{more:,} more cases"


def _points(share: float) -> str:
    return f"{100 * share:+.1f} points"


def _without_question(finding: Finding) -> dict[str, Any]:
    data = {name: value for name, value in asdict(finding).items() if name != "question"}
    return {name: round(value, 6) if isinstance(value, float) else value for name, value in data.items()}
