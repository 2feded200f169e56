"""Replay: a journal is read once more through the interpreter, and nobody is called.

What agents, tools and people gave and what the clock said is taken from the journal; all else is worked out
again by the plan as it is now: who is called or skipped, what is asked, accepted, voted, joined, what stands
in, how it ends. After a difference it goes on with what is recorded, so each one is told where it arises.

What is due and not recorded is a difference where a run came to an end; elsewhere it is what comes next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count

from shoal.graphs.plan import Budget, GraphCall, Plan
from shoal.journal.journal import NodeRow, RunRow
from shoal.runs.budgets import FROM_CACHE, spent_by_path
from shoal.runs.forks import GIVEN
from shoal.runs.frames import Instance
from shoal.runs.interpreter import Progress
from shoal.runs.paths import enclosing, node_at
from shoal.runs.pins import changes_between, origin_of
from shoal.runs.recount import Recount, own_limits
from shoal.runs.steps import Start, Step
from shoal.runs.told import CALLED, Difference, Told, What, told_by
from shoal.workspace.redaction import redact, secrets_in

_CAME_TO_AN_END = frozenset({"done", "failed", "waiting", "unknown"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What came of a replay."""

    run: str
    num_rows: int
    differences: Sequence[Difference]
    next: Sequence[str]
    """Nodes that are due and not recorded, of a run that has not come to an end."""
    changes: Sequence[str]
    """What changed in the files since the run began; what models and tools do now is not looked at."""


def replay(plan: Plan, run: RunRow, rows: Sequence[NodeRow]) -> Replayed:
    """Read a run again."""
    walk = _Walk(plan, run, rows)
    walk.go()
    walk.finish()
    return Replayed(
        run=run.id,
        num_rows=len(rows),
        differences=[*walk.differences.values()],
        next=[] if walk.is_over else [step.instance.path for step in walk.left],
        changes=changes_between(run.parts, plan) if run.plan_sha256 != plan.sha256 else [],
    )


class _Walk:
    """One way through a run, from its first step on."""

    def __init__(self, plan: Plan, run: RunRow, rows: Sequence[NodeRow]) -> None:
        self.plan, self.run, self.rows = plan, run, rows
        self.is_over = run.status in _CAME_TO_AN_END
        self.differences: dict[tuple[What, str, int], Difference] = {}
        self.left: list[Step] = []
        """Steps that nothing is recorded of."""
        self._given = {row.path for row in rows if row.message == GIVEN}
        self._by_path: dict[str, list[NodeRow]] = {}
        for row in rows:
            self._by_path.setdefault(row.path, []).append(row)
        self._seen: set[tuple[str, int]] = set()
        self._due: list[tuple[float, int, Step, NodeRow]] = []
        self._order = count()
        self._recount = Recount(run.inputs, rows)
        # What was given is not judged.
        given = [row for path in self._given for row in self._by_path[path]]
        self._progress = Progress(plan, run.inputs, given, is_probe=True)

    def go(self) -> None:
        """Take all steps of which something is recorded, in the order in which they were over."""
        while True:
            self._look()
            while self._due:
                _, _, step, row = heappop(self._due)
                if self._is_current(step):
                    self._take(step, row)
                self._look()
            self.left = [step for step in self.left if self._is_current(step)]
            if not (self._cut_off() or self._pass_over() or self._end_in_time()):
                return

    # Step by step.

    def _look(self) -> None:
        """Match what is due with what is recorded of it."""
        for step in self._progress.due():
            instance, row = step.instance, self._next_row(step.instance)
            is_kept = row is not None and row.message == FROM_CACHE
            if isinstance(step, Start) and isinstance(instance.node.work, GraphCall) and not is_kept:
                self._progress.open(instance)
            elif row is None:
                self.left.append(step)
            else:
                heappush(self._due, (row.started + row.ms / 1000, next(self._order), step, row))

    def _next_row(self, instance: Instance) -> NodeRow | None:
        rows = self._by_path.get(instance.path, ())
        return next((row for row in rows if row.attempt > instance.attempt), None)

    def _is_current(self, step: Step) -> bool:
        return self._progress.find(step.instance.path) is step.instance

    def _take(self, step: Step, row: NodeRow) -> None:
        """Compare a step with its row, and go on with the row."""
        is_retried, holds = self._is_retried(row), step.instance.activity is not None
        now = None if is_retried and holds else self._recount.now(step, row)
        if now is not None and holds and row.kind == "failed" and not self.is_over:
            now, is_retried = None, True  # since it was resumed, what it holds has come further
        if now is not None:
            self._tell("changed", row.path, row.attempt, told_by(row), now)
        self._recount.note_shortage(step.instance, row)
        self._go_on(step.instance, row, is_retried)

    def _is_retried(self, row: NodeRow) -> bool:
        return row.kind == "failed" and row is not self._by_path[row.path][-1]

    def _go_on(self, instance: Instance, row: NodeRow, is_retried: bool) -> None:
        self._seen.add((row.path, row.attempt))
        if not is_retried:
            self._progress.apply(row)
            return
        for limit in own_limits(instance):
            limit.is_over = False
        inside: list[NodeRow] = []
        if instance.activity is not None:
            starts = (f"{instance.prefix}.", f"{instance.prefix}[")
            inside = [each for each in self.rows if each.path.startswith(starts)]
            self._seen.update((each.path, each.attempt) for each in inside)
        self._progress.retry(row, inside)

    # What nothing is recorded of.

    def _cut_off(self) -> bool:
        """Give up what is around is over without: the samples that a vote was decided without."""
        left: list[Step] = []
        for step in self.left:
            limit = step.instance.inside.limit if isinstance(step, Start) else None
            over = limit.one_that_is_over() if limit is not None else None
            if over is None:
                left.append(step)
            else:
                self._progress.cut(step.instance, over)
        is_cut, self.left = len(left) < len(self.left), left
        return is_cut

    def _pass_over(self) -> bool:
        """Where nodes went on although steps inside them are not recorded, go on as they did."""
        inside: dict[Instance | None, list[Step]] = {}
        for step in self.left:
            owners = _owners(step.instance)
            owner = next((each for each in owners if self._next_row(each) is not None), None)
            inside.setdefault(owner, []).append(step)
        # What is further in may go on first.
        around = {each for owner in inside if owner is not None for each in _owners(owner)}
        ready = {owner: None for owner in inside if owner is not None and owner not in around}
        self.left = [step for owner, steps in inside.items() if owner not in ready for step in steps]
        for owner in ready:
            self._leave(owner, inside[owner])
        return bool(ready)

    def _leave(self, owner: Instance, inside: Sequence[Step]) -> None:
        row = self._next_row(owner)
        assert row is not None, "it went on"
        limit = next((each for each in own_limits(owner) if each.reason == row.message), None)
        if limit is not None and all(isinstance(step, Start) for step in inside):
            for step in inside:
                self._progress.cut(step.instance, limit)
            return
        for step in inside:
            self._miss(step)
        self._go_on(owner, row, self._is_retried(row))

    def _end_in_time(self) -> bool:
        """Where a run may have ended because time was over, let that end what nothing is recorded of."""
        left: list[Step] = []
        for step in self.left:
            limit = step.instance.inside.limit if isinstance(step, Start) else None
            if limit is None or self.run.status not in {"failed", "unknown"}:
                left.append(step)
                continue
            over = next((each for each in limit.all() if each.reason == self.run.error), limit)
            self._progress.cut(step.instance, over)
        is_cut, self.left = len(left) < len(self.left), left
        return is_cut

    def _miss(self, step: Step) -> None:
        if self._recount.lacks_budget(step.instance):
            return
        now = CALLED if isinstance(step, Start) else self._recount.told(step)
        self._tell("not recorded", step.instance.path, step.attempt, None, now)

    # The end.

    def finish(self) -> None:
        """Tell of what was not reached, and of the end."""
        unseen = {path: row for path, row in self._unseen()}
        for path, row in unseen.items():
            around = [*enclosing(path)][1:]
            if not any(each in unseen or each in self._given for each in around):
                is_known = node_at(self.plan, path) is not None
                if not (is_known and self._is_ahead):
                    what: What = "not reached" if is_known else "not in the graph"
                    self._tell(what, path, row.attempt, told_by(row), None)
        self._compare_budgets()
        if self.is_over:
            for step in self.left:
                self._miss(step)
            if not self.left:
                self._compare_end()

    @property
    def _is_ahead(self) -> bool:
        """Whether it may have rows that it does not need yet: of a fork, from the run it comes from."""
        return origin_of(self.run) is not None and self.run.status != "done"

    def _unseen(self) -> Iterator[tuple[str, NodeRow]]:
        for path, rows in self._by_path.items():
            row = next((row for row in rows if (path, row.attempt) not in self._seen), None)
            if row is not None and path not in self._given:
                yield path, row

    def _compare_budgets(self) -> None:
        """Tell of budgets that would not have sufficed; tokens may go over by what calls under way took."""
        found, _ = spent_by_path(self.plan, [row for row in self.rows if not _is_no_step(row)])
        for path, spent in found.items():
            was = {"calls": spent.calls, "steps": spent.steps}
            for budget in self._budgets(path):
                most = {"calls": budget.calls, "steps": budget.steps}
                over = {
                    what: limit for what, limit in most.items() if limit is not None and was[what] > limit
                }
                if over:
                    self._tell("over budget", path, 1, Told("spent", was), Told("budget", over))

    def _budgets(self, path: str) -> Iterator[Budget]:
        node = node_at(self.plan, path)
        called = node.work.graph if node is not None and isinstance(node.work, GraphCall) else None
        block = self.plan.graphs.get(called or "") if path else self.plan.block
        yield from (each.budget for each in (node, block) if each is not None and each.budget is not None)

    def _compare_end(self) -> None:
        outcome, run = self._progress.outcome(), self.run
        error = outcome.error and redact(outcome.error, secrets_in(run.inputs))
        if (outcome.status, outcome.output, error) != (run.status, run.output, run.error):
            recorded, now = (
                Told(run.status, run.output, run.error),
                Told(outcome.status, outcome.output, error),
            )
            self._tell("another end", "", 1, recorded, now)

    def _tell(self, what: What, path: str, attempt: int, recorded: Told | None, now: Told | None) -> None:
        found = Difference(what=what, path=path, attempt=attempt, recorded=recorded, now=now)
        self.differences.setdefault((what, path, attempt), found)


def _is_no_step(row: NodeRow) -> bool:
    """Whether no step was left for this one."""
    message = row.message or ""
    return row.kind == "failed" and "is used up: " in message and message.endswith(" steps")


def _owners(instance: Instance) -> Iterator[Instance]:
    """The nodes that an instance stands in, the innermost first."""
    owner = instance.parent.owner
    while owner is not None:
        yield owner
        owner = owner.parent.owner
