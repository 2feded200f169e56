"""The plans of a workspace, by what runs are pinned to.

A file that is edited makes another plan, and the old one is kept for the runs that began with it.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from shoal.errors import InvalidFiles, ShoalError
from shoal.graphs.check import load_plan
from shoal.graphs.plan import Plan
from shoal.journal.journal import RunRow
from shoal.runs.pins import check_pin

_AGAIN_S = 2.0
"""How soon files are read again that were not those a run is pinned to."""


class Plans:
    """Of one workspace."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._by_pin: dict[tuple[str, str], Plan] = {}
        self._newest: dict[str, Plan | ShoalError] = {}
        self._read: dict[str, float] = {}
        self._reading = asyncio.Lock()

    def add(self, plan: Plan) -> None:
        """Know a plan."""
        self._by_pin[plan.file, plan.sha256] = plan
        self._newest[plan.file] = plan

    async def of(self, run: RunRow) -> Plan:
        """The plan that a run is pinned to. Raises ShoalError, which says what differs here."""
        plan = self._by_pin.get((run.file, run.plan_sha256))
        if plan is not None:
            return plan
        newest = await self._newest_of(run.file)
        if isinstance(newest, ShoalError):
            raise newest
        check_pin(run, newest, False, f"resume {run.id}")
        return newest

    async def _newest_of(self, file: str) -> Plan | ShoalError:
        """What the files say now: read once for all who ask within a while."""
        asked = time.monotonic()
        async with self._reading:
            if self._read.get(file, 0.0) < asked:
                await asyncio.sleep(max(0.0, self._read.get(file, 0.0) + _AGAIN_S - asked))
                self._read[file] = time.monotonic()
                self._load(file)
        return self._newest[file]

    def _load(self, file: str) -> None:
        try:
            self.add(load_plan(self._root, file))
        except InvalidFiles as error:
            first, *others = error.problems
            more = f" (and {len(others)} more: agentctl check)" if others else ""
            self._newest[file] = ShoalError(f"{first}{more}")
        except ShoalError as error:
            self._newest[file] = error
