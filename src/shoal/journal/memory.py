"""The journal of runs that need not outlive the process: evaluations, replays, tests."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from shoal.journal.journal import (
    ENDED,
    OPEN_KINDS,
    UNCERTAIN_KINDS,
    AlreadyRecorded,
    Found,
    NodeRow,
    RunBusy,
    RunExists,
    RunNotFound,
    RunOver,
    RunRow,
    RunStatus,
    cancelled_error,
    check_standing,
)


class MemoryJournal:
    """A Journal in memory."""

    def __init__(self) -> None:
        self._runs: dict[str, RunRow] = {}
        self._rows: dict[str, dict[tuple[str, int], NodeRow]] = {}
        self._owned: set[str] = set()

    async def create(self, run: RunRow, rows: Sequence[NodeRow] = ()) -> None:
        """Add a run with these rows, and own it unless it is queued."""
        if run.id in self._runs:
            raise RunExists(run.id)
        self._runs[run.id] = run
        self._rows[run.id] = {(row.path, row.attempt): row for row in rows}
        if run.status != "queued":
            self._owned.add(run.id)

    async def claim(self, run_id: str, only: Collection[RunStatus] | None = None) -> None:
        """Own a run that nobody executes, unless it stands elsewhere than `only`."""
        found = self._find(run_id)
        if run_id in self._owned:
            raise RunBusy(run_id, "this one")
        check_standing(run_id, found.status, only)
        self._owned.add(run_id)
        self._runs[run_id] = replace(found, status="running", error=None)

    async def release(self, run_id: str) -> None:
        """Give up an owned run without finishing it."""
        self._owned.discard(run_id)

    async def finish(
        self, run_id: str, status: RunStatus, output: Mapping[str, Any] | None, error: str | None
    ) -> None:
        """Record how an owned run ended or why it stopped, and give it up."""
        found = self._find(run_id)
        if found.status != "cancelled" or status in ENDED:
            self._runs[run_id] = replace(found, status=status, output=output, error=error)
        self._owned.discard(run_id)

    async def cancel(self, run_id: str) -> bool:
        """Give a run up for good, or leave that to who executes it."""
        found = self._find(run_id)
        is_ours = run_id in self._owned
        if not is_ours and found.status in ENDED:
            raise RunOver(run_id, found.status)
        uncertain = [row.path for row in self._rows[run_id].values() if row.kind in UNCERTAIN_KINDS]
        self._runs[run_id] = replace(found, status="cancelled", error=cancelled_error(uncertain))
        return not is_ours

    async def wanted(self) -> Sequence[str]:
        """Which of the runs under way here somebody wants cancelled."""
        return [run_id for run_id in self._owned if self._runs[run_id].status == "cancelled"]

    async def repin(self, run_id: str, plan_sha256: str, parts: Mapping[str, str]) -> None:
        """Pin a run to another plan."""
        self._runs[run_id] = replace(self._find(run_id), plan_sha256=plan_sha256, parts=parts)

    async def record(self, row: NodeRow) -> None:
        """Add a row, or close the open row of the same attempt."""
        rows, key = self._rows[row.run], (row.path, row.attempt)
        if key in rows and rows[key].kind not in OPEN_KINDS:
            raise AlreadyRecorded(row.run, row.path)
        rows[key] = row

    async def run(self, run_id: str) -> RunRow:
        """One run."""
        found = self._find(run_id)
        if run_id in self._owned:
            return replace(found, status="running")
        return replace(found, status="interrupted") if found.status == "running" else found

    async def rows(self, run_id: str) -> Sequence[NodeRow]:
        """All rows of a run, attempts of a node in order."""
        self._find(run_id)
        return sorted(self._rows[run_id].values(), key=lambda row: row.attempt)

    async def runs(
        self,
        limit: int = 50,
        *,
        status: RunStatus | None = None,
        graph: str | None = None,
        before: float | None = None,
    ) -> Sequence[RunRow]:
        """The newest runs of a status, of a graph, created before a time; newest first."""
        newest = sorted(self._runs.values(), key=lambda run: (run.created, run.id), reverse=True)
        found = [await self.run(run.id) for run in newest]
        return [
            run
            for run in found
            if status in (None, run.status)
            and graph in (None, run.graph)
            and (before is None or run.created < before)
        ][:limit]

    async def find(
        self, statuses: Collection[RunStatus], *, graph: str | None = None, before: float | None = None
    ) -> Sequence[Found]:
        """Which runs have one of these statuses, newest first."""
        runs = await self.runs(len(self._runs), graph=graph, before=before)
        return [Found(run.id, run.status, run.created) for run in runs if run.status in statuses]

    async def delete(
        self,
        run_ids: Sequence[str],
        *,
        only: Collection[RunStatus] | None = None,
        tell: Callable[[int], None] | None = None,
    ) -> int:
        """Remove runs that nobody executes."""
        free = [await self.run(run_id) for run_id in {*run_ids} & self._runs.keys() - self._owned]
        gone = [run.id for run in free if only is None or run.status in only]
        for run_id in gone:
            del self._runs[run_id], self._rows[run_id]
        return len(gone)

    async def compact(self) -> int:
        """Nothing to give back."""
        return 0

    async def close(self) -> None:
        """Nothing waits here."""

    def _find(self, run_id: str) -> RunRow:
        if run_id not in self._runs:
            raise RunNotFound(run_id)
        return self._runs[run_id]
