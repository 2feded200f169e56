"""Who may spend what in one run: a purse, or a limit of time, for the run and for each node with a budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shoal.graphs.plan import AgentCall, Budget, GraphCall, Plan
from shoal.journal.journal import NodeRow
from shoal.runs.budgets import MAX_STEPS, Limit, OpenPurse, Purse, spent_by_path
from shoal.runs.frames import Inside, Instance
from shoal.runs.judging import fall_back
from shoal.runs.steps import Close

_NO_BUDGET = Budget(steps=MAX_STEPS)


class Purses:
    """Gives purses out, sets aside what calls may take, and corrects it by what they took."""

    def __init__(self, plan: Plan, rows: Sequence[NodeRow], *, is_probe: bool) -> None:
        self._plan = plan
        self._is_probe = is_probe
        self._purse = OpenPurse if is_probe else Purse
        self._spent, self._most_tokens = spent_by_path(plan, rows) if rows else ({}, {})

    def of_run(self) -> Inside:
        """What all nodes of the run spend from."""
        budget = self._plan.block.budget or _NO_BUDGET
        if budget.steps is None:
            budget = replace(budget, steps=MAX_STEPS)
        inside = self._with_budget(None, f"graph '{self._plan.name}'", budget, "")
        return replace(inside, is_probe=True) if self._is_probe else inside

    def give(self, instance: Instance) -> None:
        """Let an instance and all inside it spend from purses of their own."""
        node, path = instance.node, instance.path
        if node.budget is not None:
            instance.inside = self._with_budget(instance.inside, f"node '{path}'", node.budget, path)
        if isinstance(node.work, GraphCall) and (budget := self._plan.graphs[node.work.graph].budget):
            whose = f"graph '{node.work.graph}'"
            instance.inside = self._with_budget(instance.inside, whose, budget, path)

    def reserve(self, instance: Instance) -> Close | None:
        """Set aside what a call will take at most; or what becomes of the node without it."""
        work, purse = instance.node.work, instance.inside.purse
        if not purse.counts_calls:
            return None
        tokens = self._most_tokens.get(work.agent.name, 0) if isinstance(work, AgentCall) else 0
        if shortage := purse.take_call(tokens):
            return fall_back(instance, shortage)
        instance.held = tokens
        return None

    def settle(self, instance: Instance, row: NodeRow) -> None:
        """Correct what was set aside for a call by what it took."""
        tokens = row.prompt_tokens + row.completion_tokens
        work = instance.node.work
        instance.inside.purse.settle(tokens - instance.held)
        instance.held = 0
        if isinstance(work, AgentCall):
            self._most_tokens[work.agent.name] = max(tokens, self._most_tokens.get(work.agent.name, 0))

    def release(self, instance: Instance) -> None:
        """Put back what was set aside for a call that is given up."""
        instance.inside.purse.settle(-instance.held)
        instance.held = 0

    def _with_budget(self, around: Inside | None, whose: str, budget: Budget, path: str) -> Inside:
        spent = self._spent.get(path)
        purse = self._purse(whose, budget, around.purse if around else None, spent and replace(spent))
        limit = around.limit if around else None
        if budget.seconds is not None:
            reason = f"the budget of {whose} is used up: {budget.seconds:g} s"
            limit = Limit(budget.seconds, reason, limit)
        if around is None:
            return Inside(purse, self._plan.graphs, limit)
        return replace(around, purse=purse, limit=limit)
