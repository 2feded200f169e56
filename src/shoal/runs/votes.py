"""Who wins a vote among several samples of one step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from shoal.graphs.plan import Vote
from shoal.journal.journal import encode

Sample = tuple[Mapping[str, Any], float]
"""What a sample gave, and how sure it was."""


def winner(vote: Vote, samples: Sequence[Sample]) -> Sample:
    """The sample that wins and the confidence of the vote: its share, or the winner's own."""
    if vote.by == "confidence":
        return max(samples, key=_sureness)  # the first of several
    groups: dict[str, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(_vote_of(vote, sample[0]), []).append(sample)
    largest = max(groups.values(), key=lambda group: (len(group), sum(map(_sureness, group))))
    output, _ = max(largest, key=_sureness)
    return output, len(largest) / len(samples)


def num_counted(vote: Vote, outputs: Sequence[Mapping[str, Any] | None]) -> int | None:
    """How many samples, from the first one on, decide an early vote; None if those that are there do not.

    One that was skipped is None, and decides that the vote is. So which samples decide follows from what they
    gave and not from when: whoever counts again, counts the same.
    """
    votes: Counter[str] = Counter()
    for number, output in enumerate(outputs, 1):
        if output is None:
            return number
        votes[_vote_of(vote, output)] += 1
        (_, first), *others = votes.most_common(2)
        if first - sum(count for _, count in others) > vote.samples - number:
            return number
    return vote.samples if len(outputs) == vote.samples else None


def _vote_of(vote: Vote, output: Mapping[str, Any]) -> str:
    return encode([output.get(field) for field in vote.on])


def _sureness(sample: Sample) -> float:
    return sample[1]
