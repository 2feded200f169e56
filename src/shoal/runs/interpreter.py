"""What comes next in a run: a pure reading of (plan, journal rows).

It knows nothing of models, disks, clocks or tasks. The runner applies every row it has recorded and asks
what is due; a resume gives it the rows of the journal and asks the same. It holds a tree: a node that holds
others has an activity, whose children are instances of nodes again. An instance that becomes ready takes in
what is recorded of it; only if that settles nothing, its work is due. So the order of rows means nothing.

A node is stuck when it failed, is uncertain or waits for a person, and a node that holds others when none of
its children can go on. If one of them failed and none is uncertain, that is a failed attempt of the node
around it, where that has a retry, an escalation or a fallback left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from shoal.expressions.expression import ExpressionFailed
from shoal.expressions.values import trimmed
from shoal.graphs.plan import AgentCall, Escalation, GraphCall, HumanQuestion, Plan, ToolCall
from shoal.journal.journal import NodeRow, RowKind
from shoal.runs.activities import Single, begin
from shoal.runs.budgets import Limit
from shoal.runs.frames import Activity, Frame, Instance, Result, StuckAs
from shoal.runs.judging import (
    can_go_on,
    fall_back,
    inputs_of,
    is_given_up,
    is_handled,
    of_escalation,
    pass_over,
    question_of,
    verdict,
)
from shoal.runs.purses import Purses
from shoal.runs.standing import depth, failed_in, first_row, is_cut, own_limit_over, uncertain, why_failed
from shoal.runs.steps import Close, Outcome, Start, Step
from shoal.workspace.types import ValueMismatch

_STUCK_AS: Mapping[RowKind, StuckAs] = {
    "failed": "failed",
    "intent": "unknown",
    "unknown": "unknown",
    "waiting": "waiting",
}
_GIVEN = (ToolCall, AgentCall, GraphCall)
"""Work that has inputs."""


class Progress:
    """How far one run has come, by the rows of its journal; those of one node come in order."""

    def __init__(
        self,
        plan: Plan,
        inputs: Mapping[str, Any],
        rows: Iterable[NodeRow] = (),
        *,
        is_probe: bool = False,
    ) -> None:
        """With `is_probe` nothing is to be run: maps open all their items, and budgets are never used up."""
        self.plan = plan
        self._recorded: dict[str, list[NodeRow]] = {}
        """What the journal tells of instances that are not ready yet."""
        self._live: dict[str, Instance] = {}
        """Instances that are ready and not settled."""
        self._opened: list[Instance] = []
        self._ready: list[Instance] = []
        self._reopens = False
        for row in rows:
            self._recorded.setdefault(row.path, []).append(row)
        every = [row for attempts in self._recorded.values() for row in attempts]
        self._purses = Purses(plan, every, is_probe=is_probe)
        self.reserve = self._purses.reserve
        """Set aside what a call will take at most; or what becomes of the node without it."""
        self._top = Frame(plan.block, {"input": inputs}, "", None, self._purses.of_run())
        self._go_on(self._top)

    def due(self, most: int | None = None) -> list[Step]:
        """What became possible since the last call, each step once.

        Maps in maps can open instances without end: after `most` of them the rest is left for the next call.
        """
        steps: list[Step] = []
        left = most
        while self._opened or self._ready:
            if self._opened:
                self._take_in()
            ready, self._ready = self._ready, []
            if left is not None and len(ready) > left:
                ready, self._ready = ready[:left], ready[left:]
            for instance in ready:
                step = self._judge(instance)
                if step is not None:
                    steps.append(step)
            if left is not None:
                left -= len(ready)
                if left == 0:
                    break
        return steps

    @property
    def is_due(self) -> bool:
        """Whether the last call of `due` left something."""
        return bool(self._ready or self._opened)

    def expire(self, now: float, most: int) -> None:
        """End the limits of time that are over by now around what `due` gives next."""
        for limit in {instance.inside.limit for instance in self._ready[:most]}:
            first = limit.next_to_end(now) if limit is not None else None
            if first is not None and first.ends is not None and first.ends <= now:
                first.is_over = True

    def apply(self, row: NodeRow) -> None:
        """Take in what was recorded. Rows of nodes that the plan no longer has are passed over."""
        instance = self._live.get(row.path)
        if instance is None:
            self._recorded.setdefault(row.path, []).append(row)
            return
        if instance.held or row.prompt_tokens or row.completion_tokens:
            self._purses.settle(instance, row)
        self._note(instance, row)
        self._become(instance, row)

    def retry(self, row: NodeRow, inside: Iterable[NodeRow] = ()) -> None:
        """Take in a failure that was tried again, as a later row tells; `inside` tells of what it holds."""
        instance = self._live[row.path]
        self._note(instance, row)
        instance.activity = None
        for each in inside:
            self._live.pop(each.path, None)
            self._recorded.setdefault(each.path, []).append(each)
        self._ready.append(instance)

    def reopen(self) -> None:
        """Give nodes another go whose failure nobody handles: its cause may be mended."""
        self._reopens = True
        self._take_in()
        for instance in [*failed_in(self._top)]:
            if not is_handled(instance):
                self._revive(instance)
                self._ready.append(instance)

    def find(self, path: str) -> Instance | None:
        """The instance at a path, if it is ready and not settled."""
        self._take_in()
        return self._live.get(path)

    def open(self, instance: Instance) -> None:
        """Begin with what a graph node holds: the cache does not have it."""
        instance.activity = begin(instance)
        self._go_on(instance.activity)

    def cut(self, instance: Instance, limit: Limit) -> None:
        """Give an instance up because a limit of time around it is over."""
        limit.is_over = True
        self._purses.release(instance)
        self._ready.append(instance)

    def outcome(self) -> Outcome:
        """How the run stands now that nothing is due and nothing is under way."""
        self._take_in()
        output, fault = self._output()
        top = self._top
        stuck_as = top.stuck_as() if top.stuck else None
        if stuck_as == "unknown":
            return Outcome("unknown", output, uncertain(first_row(top, "unknown")))
        if stuck_as == "failed":
            return Outcome("failed", output, why_failed(top))
        if top.stuck and top.inside.limit is not None and top.inside.limit.is_over:
            return Outcome("failed", output, top.inside.limit.reason)
        if fault is not None:
            return Outcome("failed", None, fault)
        if top.stuck:
            return Outcome("waiting", output, None)
        assert top.is_complete, "a node is neither settled, stuck nor due"
        return Outcome("done", output, None)

    # Taking in rows.

    def _take_in(self) -> None:
        """Let instances that became ready take in what is recorded of them."""
        while self._opened:
            opened, self._opened = self._opened, []
            for instance in opened:
                self._live[instance.path] = instance
                node = instance.node
                if node.budget is not None or isinstance(node.work, GraphCall):
                    self._purses.give(instance)
                if self._recorded and (rows := self._recorded.pop(instance.path, None)):
                    self._take_rows(instance, rows)
                else:
                    self._ready.append(instance)

    def _take_rows(self, instance: Instance, rows: list[NodeRow]) -> None:
        for row in rows:
            self._note(instance, row)
        if rows[-1].kind == "failed" and self._reopens and not is_handled(instance):
            self._ready.append(instance)
        else:
            self._become(instance, rows[-1])

    def _note(self, instance: Instance, row: NodeRow) -> None:
        """Keep count of attempts."""
        instance.attempt = row.attempt
        kind = row.kind
        if kind == "rejected":
            # What was escalated is not tried again.
            is_last = instance.escalated is not None
            instance.num_rejected = instance.node.retry + 1 if is_last else instance.num_rejected + 1
            instance.escalated = None
            instance.num_goes += 1
        elif kind == "escalated":
            instance.num_escalated += 1
            instance.escalated = row
        elif kind == "failed":
            instance.num_rejected = 0
            instance.escalated = None

    def _become(self, instance: Instance, row: NodeRow) -> None:
        """Let the last row take effect."""
        kind = row.kind
        if instance.row is not None:
            self._revive(instance)
        if kind == "done" or kind == "fallback" or kind == "answered":
            instance.output = row.output
            instance.confidence = row.confidence
            self._settle(instance)
        elif kind == "skipped":
            instance.is_skipped = True
            self._settle(instance)
        elif kind == "rejected" or kind == "escalated":
            instance.activity = None
            self._ready.append(instance)
        else:
            instance.activity = None
            instance.row = row
            self._stick(instance, _STUCK_AS[kind])

    # The tree.

    def _go_on(self, activity: Activity) -> None:
        """Open the children that can begin now; where there are none, the node around is next."""
        for child in activity.more():
            activity.num_active += 1
            self._opened.append(child)
        owner = activity.owner
        if activity.num_active or owner is None:
            return
        if activity.is_complete:
            self._ready.append(owner)
            return
        stuck_as = activity.stuck_as()
        ends = (stuck_as == "failed" and can_go_on(owner)) or own_limit_over(owner) is not None
        if ends and stuck_as != "unknown" and not is_cut(owner):
            self._ready.append(owner)
        else:
            self._stick(owner, stuck_as)

    def _settle(self, instance: Instance) -> None:
        del self._live[instance.path]
        instance.activity = None  # it is done with what it held, which knows it too
        activity = instance.parent
        activity.num_active -= 1
        activity.settle(instance)
        self._go_on(activity)

    def _stick(self, instance: Instance, stuck_as: StuckAs) -> None:
        activity = instance.parent
        activity.num_active -= 1
        activity.stuck[instance] = stuck_as
        self._go_on(activity)

    def _revive(self, instance: Instance) -> None:
        """Let a stuck instance go on, and with it those around it."""
        instance.row = None
        activity = instance.parent
        if activity.stuck.pop(instance, None) is None:
            return
        activity.num_active += 1
        owner = activity.owner
        if activity.num_active == 1 and owner is not None:
            self._revive(owner)

    # Judging.

    def _judge(self, instance: Instance) -> Step | None:
        """The next step at an instance; None if it opens others, or cannot go on."""
        if instance.activity is not None:
            return self._join(instance)
        inside = instance.inside
        if inside.limit is not None:
            if is_cut(instance):
                self._stick(instance, "cut")
                return None
            if (limit := own_limit_over(instance)) is not None:
                return fall_back(instance, limit.reason)
        if instance.attempt == 0 and (shortage := instance.parent.inside.purse.take_step()):
            return Close(instance, 1, "failed", shortage)
        node = instance.node
        if instance.escalated is not None and node.escalate is not None:
            self._escalate(instance, node.escalate, instance.escalated)
            return None
        if is_given_up(instance):
            return fall_back(instance, None if node.fallback else "no attempt is left")
        if passed_over := pass_over(instance):
            return passed_over
        try:
            return self._begin(instance)
        except (ExpressionFailed, ValueMismatch) as error:
            return fall_back(instance, str(error))

    def _begin(self, instance: Instance) -> Step | None:
        """Call somebody, ask somebody, or open what it holds. Raises ExpressionFailed, ValueMismatch."""
        node, work = instance.node, instance.node.work
        if isinstance(work, HumanQuestion):
            return question_of(instance, work)
        if isinstance(work, _GIVEN):
            instance.inputs = inputs = inputs_of(instance)
            if isinstance(work, GraphCall):
                if work.at_most is not None and depth(instance) > work.at_most:
                    return fall_back(instance, f"it stands {work.at_most} deep inside itself")
                if node.cache_s is not None:
                    return Start(instance, instance.attempt + 1, inputs)
            elif node.cache_s is not None:  # it costs nothing where the cache has it
                return Start(instance, instance.attempt + 1, inputs)
            else:
                return self.reserve(instance) or Start(instance, instance.attempt + 1, inputs)
        self.open(instance)
        return None

    def _escalate(self, instance: Instance, escalation: Escalation, row: NodeRow) -> None:
        """Open the step that is to do better."""
        scope = dict(instance.scope)
        again = f"#{instance.num_escalated}" if instance.num_escalated > 1 else ""
        path = f"{instance.path}{again}.escalate"
        instance.activity = Single(escalation.to, path, scope, instance, instance.inside)
        self._go_on(instance.activity)

    def _join(self, instance: Instance) -> Close | None:
        """What becomes of a node whose children are settled, or stuck."""
        activity = instance.activity
        assert activity is not None
        if activity.num_active:
            return None  # one of them goes on meanwhile
        result, reason = Result(), None
        if activity.is_complete:
            try:
                result = activity.result()
            except (ExpressionFailed, ValueMismatch) as error:
                reason = str(error)
        else:
            limit = own_limit_over(instance)
            reason = why_failed(activity) if limit is None else limit.reason
            if limit is not None and limit is not activity.inside.limit:
                return fall_back(instance, reason)  # its own budget
        if result.is_skipped and instance.escalated is None:
            return Close(instance, instance.attempt + 1, "skipped", "what it holds was skipped")
        if result.is_skipped:
            reason = "its escalation was skipped"
        output, confidence = result.output, result.confidence
        if reason is None and instance.escalated is not None:
            output, confidence, reason = of_escalation(instance.node, result)
        elif isinstance(instance.node.work, GraphCall) and instance.node.work.at_most is not None:
            output = trimmed(
                instance.node.output, output
            )  # it promises what its fallback has, and may give more
        kind, message = verdict(instance, output, confidence, reason)
        return Close(instance, instance.attempt + 1, kind, message, output, confidence)

    def _output(self) -> tuple[dict[str, Any] | None, str | None]:
        """The output, once all it reads is settled, and why it cannot be had."""
        if not (self._top.is_complete or self._top.has_what_it_shows()):
            return None, None
        try:
            return self._top.output(), None
        except (ExpressionFailed, ValueMismatch) as error:
            return None, str(error)
