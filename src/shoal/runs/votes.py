"""Who wins a vote among several samples of one step."""

from __future__ import annotations

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
        values = [sample[0].get(field) for field in vote.on]
        groups.setdefault(encode(values), []).append(sample)
    largest = max(groups.values(), key=lambda group: (len(group), sum(map(_sureness, group))))
    output, _ = max(largest, key=_sureness)
    return output, len(largest) / len(samples)


def _sureness(sample: Sample) -> float:
    return sample[1]
