"""The journal of runs that need not outlive the process: evaluations, replays, tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from shoal.journal.journal import (
    OPEN_KINDS,
    AlreadyRecorded,
    NodeRow,
    RunBusy,
    RunExists,
    RunNotFound,
    RunRow,
    RunStatus,
)


class MemoryJournal:
    """A Journal in memory."""

    def __init__(self) -> None:
        self._runs: dict[str, RunRow] = {}
        self._rows: dict[str, dict[tuple[str, int], NodeRow]] = {}
        self._owned: set[str] = set()

    async def create(self, run: RunRow) -> None:
        """Add a run and own it."""
        if run.id in self._runs:
            raise RunExists(run.id)
        self._runs[run.id] = run
        self._rows[run.id] = {}
        self._owned.add(run.id)

    async def claim(self, run_id: str) -> None:
        """Own a run that nobody executes."""
        found = self._find(run_id)
        if run_id in self._owned:
            raise RunBusy(run_id, "this one")
        self._owned.add(run_id)
        self._runs[run_id] = replace(found, status="running", error=None)

    async def release(self, run_id: str) -> None:
        """Give up an owned run without finishing it."""
        self._owned.discard(run_id)

    async def finish(
        self, run_id: str, status: RunStatus, output: Mapping[str, Any] | None, error: str | None
    ) -> None:
        """Record how an owned run ended or why it stopped, and give it up."""
        self._runs[run_id] = replace(self._find(run_id), status=status, output=output, error=error)
        self._owned.discard(run_id)

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
        if found.status == "running" and run_id not in self._owned:
            return replace(found, status="interrupted")
        return found

    async def rows(self, run_id: str) -> Sequence[NodeRow]:
        """All rows of a run, attempts of a node in order."""
        self._find(run_id)
        return sorted(self._rows[run_id].values(), key=lambda row: row.attempt)

    async def runs(self, limit: int = 50) -> Sequence[RunRow]:
        """The newest runs, newest first."""
        newest = sorted(self._runs.values(), key=lambda run: (run.created, run.id), reverse=True)
        return [await self.run(run.id) for run in newest[:limit]]

    async def close(self) -> None:
        """Nothing waits here."""

    def _find(self, run_id: str) -> RunRow:
        if run_id not in self._runs:
            raise RunNotFound(run_id)
        return self._runs[run_id]
