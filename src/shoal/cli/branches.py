"""What is known of the nodes of a run, as a tree: cheap to keep up to date, whatever stands inside what.

A node in `handle[3].reply` is three branches deep. Each branch counts the states of those directly inside it,
so that a map of a hundred thousand items tells how far it is without a look at each of them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from shoal.runs.results import NodeSummary

_PIECE = re.compile(r"\.?([^.\[#]+)|(\[\d+\])|(#\d+)")

RUNNING, BEGUN, PENDING = "running", "begun", "pending"
"""Its work is under way; something inside it is over, and it is not; nothing happened yet."""
_OPEN = (RUNNING, "waiting", "unknown", "failed", "retrying", "escalated")
"""States that are worth a line, the most telling first."""


class Branch:
    """One node, item, round, sample or case that was reached."""

    __slots__ = (
        "attempt",
        "children",
        "items",
        "name",
        "note",
        "num_items",
        "open",
        "others",
        "own",
        "parent",
        "started",
        "state",
        "summary",
        "tokens",
    )

    def __init__(self, name: str, parent: Branch | None) -> None:
        self.name = name
        """The last piece of its path: `reply`, `[3]`, `escalate`."""
        self.parent = parent
        self.state = PENDING
        self.summary: NodeSummary | None = None
        self.started: float | None = None
        self.note = ""
        """Why the last attempt was rejected."""
        self.own = 0
        """Tokens of its own attempts."""
        self.tokens = 0
        """Of itself and all inside it, earlier attempts included."""
        self.num_items: int | None = None
        """How many items a map has, once somebody asked."""
        self._begin(1)

    def _begin(self, attempt: int) -> None:
        self.attempt = attempt
        self.children: dict[str, Branch] = {}
        self.items: Counter[str] = Counter()
        """States of items, rounds and samples."""
        self.others: Counter[str] = Counter()
        """States of all else inside it."""
        self.open: dict[str, Branch] = {}
        """Items that run, wait or failed."""

    def child(self, name: str, attempt: int) -> Branch | None:
        """What is inside an attempt of this node, made where it is new; None if a later attempt is known."""
        if attempt < self.attempt:
            return None
        if attempt > self.attempt:
            self._begin(attempt)
        if name not in self.children:
            self.children[name] = Branch(name, self)
        return self.children[name]

    def derived(self) -> str:
        """Its own state, or what it follows from those inside it."""
        if self.summary is not None:
            return self.summary.status
        if self.started is not None and not self.children:
            return RUNNING
        inside = next((state for state in _OPEN if self.items[state] or self.others[state]), None)
        return inside or (BEGUN if self.children else PENDING)


class Branches:
    """All branches of a run."""

    def __init__(self) -> None:
        self.root = Branch("", None)

    def start(self, path: str, now: float) -> None:
        """An attempt at a node began."""
        for branch in self._at(path):
            branch.started, branch.summary = now, None
            _settle(branch, 0)

    def reject(self, path: str, note: str) -> None:
        """An attempt gave nothing that can be used."""
        for branch in self._at(path):
            branch.note = note

    def put(self, summary: NodeSummary) -> None:
        """Something became of a node."""
        spent = summary.prompt_tokens + summary.completion_tokens
        for branch in self._at(summary.path):
            more, branch.own, branch.summary = spent - branch.own, spent, summary
            _settle(branch, more)

    def _at(self, path: str) -> Iterator[Branch]:
        """The branch of a path, if its attempt still counts."""
        branch, attempt = self.root, 1
        for piece in _PIECE.finditer(path):
            name, index, mark = piece.groups()
            if mark:
                attempt = int(mark[1:])
                continue
            inner = branch.child(name or index, attempt)
            if inner is None:
                return
            branch, attempt = inner, 1
        yield branch


def _settle(branch: Branch, spent: int) -> None:
    """Carry a change to all that it is inside of."""
    each: Branch | None = branch
    while each is not None:
        each.tokens += spent
        state = each.derived()
        if each.parent is not None and state != each.state:
            _count(each.parent, each, state)
        each.state = state
        each = each.parent


def _count(parent: Branch, child: Branch, state: str) -> None:
    counts = parent.items if child.name.startswith("[") else parent.others
    if child.state != PENDING:
        counts[child.state] -= 1
    counts[state] += 1
    if state in _OPEN and counts is parent.items:
        parent.open[child.name] = child
    else:
        parent.open.pop(child.name, None)
