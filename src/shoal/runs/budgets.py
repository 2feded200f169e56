"""What a run may spend: purses inside purses, each of which must have room, and limits of time.

Everything is reserved before it is spent. What was spent before a resume is counted from the journal's rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from shoal.graphs.plan import AgentCall, Budget, Plan, ToolCall
from shoal.journal.journal import NodeRow
from shoal.runs.paths import enclosing, node_at

MAX_STEPS = 1_000_000
"""Of a run whose graph names no other number: loops inside loops must end."""

FROM_CACHE = "from the cache"
"""The message of a row whose output was not made in this run."""

_NO_CALL = frozenset({"skipped", "fallback", "answered", "waiting"})


@dataclass(slots=True)
class Spent:
    """Calls, tokens and steps so far."""

    calls: int = 0
    tokens: int = 0
    steps: int = 0


class Purse:
    """One budget; what is taken from it is taken from all around it too."""

    __slots__ = ("around", "counts_calls", "is_out_of_steps", "is_used_up", "limit", "spent", "whose")

    def __init__(self, whose: str, limit: Budget, around: Purse | None, spent: Spent | None = None) -> None:
        self.whose = whose
        self.limit = limit
        self.around = around
        self.spent = spent or Spent()
        self.counts_calls: bool = (
            limit.calls is not None
            or limit.tokens is not None
            or (around is not None and around.counts_calls)
        )
        self.is_used_up = False
        self.is_out_of_steps = False

    def take_step(self) -> str | None:
        """Count one more step; or say why there is no room, and count nothing."""
        purse: Purse | None = self
        while purse is not None:
            limit = purse.limit.steps
            if limit is not None and purse.spent.steps >= limit:
                purse.is_used_up = purse.is_out_of_steps = True
                return purse._shortage(purse.spent.steps, limit, "steps")
            purse = purse.around
        purse = self
        while purse is not None:
            purse.spent.steps += 1
            purse = purse.around
        return None

    def take_call(self, tokens: int) -> str | None:
        """Count one more call and set tokens aside for it; or say why there is no room, and count nothing."""
        if not self.counts_calls:
            return None
        for purse in self.all():
            limit, spent = purse.limit, purse.spent
            if limit.calls is not None and spent.calls >= limit.calls:
                purse.is_used_up = True
                return purse._shortage(spent.calls, limit.calls, "calls")
            if limit.tokens is not None and (
                spent.tokens >= limit.tokens or spent.tokens + tokens > limit.tokens
            ):
                purse.is_used_up = True
                return purse._shortage(spent.tokens, limit.tokens, "tokens")
        for purse in self.all():
            purse.spent.calls += 1
            purse.spent.tokens += tokens
        return None

    def settle(self, tokens: int) -> None:
        """Correct the tokens that were set aside by what more, or less, it took."""
        for purse in self.all():
            purse.spent.tokens += tokens

    def refused(self, message: str) -> bool:
        """Whether a message says that this budget is used up."""
        limit = self.limit
        ends = ((limit.steps, "steps"), (limit.calls, "calls"), (limit.tokens, "tokens"))
        return message.startswith(f"the budget of {self.whose} is used up: ") and any(
            message.endswith(f" of {most} {what}") for most, what in ends if most is not None
        )

    def all(self) -> Iterator[Purse]:
        """This purse and those around it."""
        purse: Purse | None = self
        while purse is not None:
            yield purse
            purse = purse.around

    def _shortage(self, spent: int, limit: int, what: str) -> str:
        return f"the budget of {self.whose} is used up: {spent} of {limit} {what}"


class OpenPurse(Purse):
    """One of a run that is only read again: it never refuses, whatever is left."""

    __slots__ = ()

    def take_step(self) -> str | None:
        """Count nothing."""
        return None

    def take_call(self, tokens: int) -> str | None:
        """Count nothing."""
        return None


class Limit:
    """A limit of time on all that happens inside a node; the runner, who has a clock, says when it begins.

    One without end in time is ended by what it is around, as soon as nobody waits for it any more.
    """

    __slots__ = ("around", "ends", "heard_by", "is_over", "reason", "seconds")

    def __init__(self, seconds: float, reason: str, around: Limit | None) -> None:
        self.seconds = seconds
        self.reason = reason
        self.around = around
        self.ends: float | None = None
        """On the runner's clock; None until something begins inside."""
        self.is_over = False
        self.heard_by: dict[Callable[[], None], None] = {}
        """Who is told, in this order, when something else than time ends it."""

    def end(self) -> None:
        """It is over now, whatever the time."""
        self.is_over = True
        for tell in [*self.heard_by]:
            tell()

    @contextmanager
    def telling(self, tell: Callable[[], None]) -> Iterator[None]:
        """Tell somebody when it is ended, or one around it."""
        heard = [each for each in self.all() if each.seconds == math.inf]
        for each in heard:
            each.heard_by[tell] = None
        try:
            yield
        finally:
            for each in heard:
                del each.heard_by[tell]

    def next_to_end(self, now: float) -> Limit:
        """The limit that ends first, of this one and those around it; all of them have begun then."""
        first = self
        for each in self.all():
            if each.ends is None:
                each.ends = now + each.seconds
            if first.ends is None or each.ends < first.ends:
                first = each
        return first

    def one_that_is_over(self) -> Limit | None:
        """Of this one and those around it."""
        return next((each for each in self.all() if each.is_over), None)

    def all(self) -> Iterator[Limit]:
        """This limit and those around it."""
        each: Limit | None = self
        while each is not None:
            yield each
            each = each.around


def spent_by_path(plan: Plan, rows: Iterable[NodeRow]) -> tuple[dict[str, Spent], dict[str, int]]:
    """What rows tell: spent at and inside each path (`""` is the run), and the most tokens of each agent.

    A node's own step counts around it, not in it. Attempts of a node come in order.
    """
    found: dict[str, Spent] = {"": Spent()}
    most: dict[str, int] = {}
    last: dict[str, NodeRow] = {}
    for row in rows:
        node = node_at(plan, row.path)
        work = node.work if node else None
        calls, tokens = 0, row.prompt_tokens + row.completion_tokens
        if isinstance(work, AgentCall | ToolCall) and row.kind not in _NO_CALL:
            # A failure without a duration is one of the node's own expressions.
            is_call = row.message != FROM_CACHE and (row.ms > 0 or row.kind in {"intent", "unknown"})
            # What closes an escalated node is the work of another.
            calls = int(is_call and not (row.path in last and last[row.path].kind == "escalated"))
        if isinstance(work, AgentCall) and tokens:
            most[work.agent.name] = max(tokens, most.get(work.agent.name, 0))
        steps = int(row.path not in last)
        last[row.path] = row
        for path in enclosing(row.path):
            spent = found.setdefault(path, Spent())
            spent.calls += calls
            spent.tokens += tokens
            spent.steps += steps if path != row.path else 0
    return found, most
