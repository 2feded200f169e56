"""What a flow made, where it stands while it makes it, and why it ended early."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from shoal.datasets.funnel import Filter, Funnel, Reject
from shoal.datasets.lexicons import SplitPart
from shoal.datasets.rows import Row

PERSON = "a person"
"""The teacher of seeds."""
IMPORT = "import"
"""The teacher of rows that were there already."""
REAL = frozenset({PERSON, IMPORT})
"""Teachers whose rows are as the world writes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a flow stands."""

    part: str
    kept: int
    wanted: int
    asked: int
    """Rows that the teacher was asked for."""
    dropped: Mapping[Filter, int]
    seconds: float

    @property
    def seconds_left(self) -> float:
        """At the pace so far."""
        return self.seconds / self.kept * (self.wanted - self.kept) if self.kept else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """Why a flow ended before it had what was wanted."""

    filter: Filter
    reason: str
    dropped: int
    """Rows that this dropped of the last ones."""
    asked: int
    """Rows asked for, of the last ones."""
    kept: int
    example: Reject | None


@dataclass(slots=True, kw_only=True)
class Made:
    """What a flow made."""

    parts: dict[SplitPart, list[Row]]
    funnel: Funnel
    stopped: Stopped | None = None
    asked: int = 0
    warnings: list[str] = field(default_factory=list)

    @property
    def num_rows(self) -> int:
        """Rows of all parts."""
        return sum(map(len, self.parts.values()))
