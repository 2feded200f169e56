"""What runs did, one small row per finished attempt of a node: the seam between the runner and its storage.

A row is keyed by (run, node path, attempt) and written once. Only a row that is still open (an intent,
an uncertain effect, a waiting question) is replaced, once, by what became of it. So whoever comes
second, in this process or in another, is told so by `AlreadyRecorded` instead of overwriting.

JournalError           the journal cannot be read or written
├── JournalCorrupt     what is stored does not match its digest
├── RunLost            another process may have taken the run over; this one writes no more to it
RunNotFound            no run has this id
RunBusy                a living process is executing the run
RunCancelled           a person gave the run up, for good
RunOver                the run ended, so there is nothing to cancel
RunChanged             the run does not stand where it was found any more
AlreadyRecorded        this attempt has a result already
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

from shoal.errors import ShoalError

RowKind = Literal[
    "done",
    "fallback",
    "answered",
    "skipped",
    "rejected",
    "escalated",
    "failed",
    "intent",
    "unknown",
    "waiting",
]
"""
done       the work gave `output`
fallback   every attempt was rejected; `output` is the node's fallback
answered   a person gave `output`; `message` is still the question
skipped    `message` says why
rejected   an attempt failed or was not accepted, and another one or the fallback follows
escalated  an attempt gave `output`, or nothing, and another step answers in its place; `message` says why
failed     the node failed; `message` says why; a resume tries again
intent     a tool that acts once is about to be called
unknown    a tool that acts once may have acted; a person settles it
waiting    a person is asked `message`
"""

OPEN_KINDS: frozenset[RowKind] = frozenset({"intent", "unknown", "waiting"})
UNCERTAIN_KINDS: frozenset[RowKind] = frozenset({"intent", "unknown"})
"""Of tools that may have acted."""

RunStatus = Literal["queued", "running", "interrupted", "waiting", "failed", "unknown", "done", "cancelled"]
"""
queued       accepted, and nobody executed it yet
interrupted  it was running, and the process that ran it is gone
cancelled    a person gave it up: it is never resumed
"""

ENDED: frozenset[RunStatus] = frozenset({"done", "cancelled"})
"""Nothing more can come of these runs."""

CANCELLED = "cancelled by a person"
"""The error of a run that was cancelled, or what it begins with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One execution of a graph."""

    id: str
    graph: str
    file: str
    plan_sha256: str
    parts: Mapping[str, str]
    """What the plan was made of, name to hash: says in words what changed since."""
    inputs: Mapping[str, Any]
    status: RunStatus = "running"
    created: float = 0.0
    """Seconds since 1970."""
    output: Mapping[str, Any] | None = None
    error: str | None = None


class Found(NamedTuple):
    """What is told of a run where there may be very many."""

    id: str
    status: RunStatus
    created: float


# Not frozen, because freezing costs as much as all else that a small step does; nobody changes one.
@dataclass(slots=True, kw_only=True)
class NodeRow:
    """What became of one attempt of one node; `output` is plain JSON data."""

    run: str
    path: str
    attempt: int
    """Counts from 1."""
    kind: RowKind
    output: Any = None
    message: str | None = None
    confidence: float | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    started: float = 0.0
    """Seconds since 1970."""
    ms: float = 0.0


class JournalError(ShoalError):
    """The journal cannot be read or written."""

    exit_code = 1


class JournalCorrupt(JournalError):
    """What is stored is not what was written."""

    def __init__(self, journal: str, run_id: str, what: str) -> None:
        self.run_id = run_id
        super().__init__(
            f"{journal}: run {run_id} is damaged: {what} does not match its digest. It is not continued; "
            "restore the file from a backup, or start a new run"
        )


class RunNotFound(ShoalError):
    """No run has this id."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"there is no run '{run_id}'. Run `agentctl runs list` to see the runs")


class RunBusy(ShoalError):
    """A living process is executing the run."""

    def __init__(self, run_id: str, owner: str) -> None:
        pid = owner.rpartition("-")[0] or owner
        super().__init__(f"run {run_id} is being executed by process {pid}. Wait for it, or stop it first")


class RunCancelled(ShoalError):
    """A person gave the run up, for good."""

    def __init__(self, run_id: str) -> None:
        super().__init__(
            f"run {run_id} was cancelled and is not resumed. Begin another one with what it has: "
            f"`agentctl runs fork {run_id} --at NODE`"
        )


class RunOver(ShoalError):
    """The run ended, so there is nothing to cancel."""

    def __init__(self, run_id: str, status: RunStatus) -> None:
        self.status = status
        super().__init__(f"run {run_id} is {status} already")


class RunChanged(ShoalError):
    """The run does not stand where it was found any more."""

    def __init__(self, run_id: str, status: RunStatus) -> None:
        self.status = status
        super().__init__(f"run {run_id} is {status} meanwhile. Look at it: `agentctl runs show {run_id}`")


class RunLost(JournalError):
    """The run is not in this process's hands, or no more: nothing is written, whoever owns it now goes on."""

    def __init__(self, run_id: str) -> None:
        super().__init__(
            f"run {run_id} is not in the hands of this process: another one may go on with it, as when this "
            "one was stopped for a while. Nothing recorded is lost; look at it with "
            f"`agentctl runs show {run_id}`"
        )


class RunExists(Exception):
    """The id is taken; the runner takes another."""


class AlreadyRecorded(ShoalError):
    """This attempt has a result already."""

    def __init__(self, run_id: str, path: str) -> None:
        super().__init__(f"node '{path}' of run {run_id} has been recorded already")


class Journal(Protocol):
    """Storage of runs. When a method that writes returns, what it wrote survives a kill -9.

    A journal that machines share can give a run to another process when its owner is silent for too long
    (stopped, cut off). What the former owner then writes is refused with RunLost, in the same transaction, so
    there is one result a step. To `release` a lost run does nothing.
    """

    async def create(self, run: RunRow, rows: Sequence[NodeRow] = ()) -> None:
        """Add a run with these rows, all or nothing, and own it unless it is `queued`. Raises RunExists."""
        ...

    async def claim(self, run_id: str, only: Collection[RunStatus] | None = None) -> None:
        """Own a run that nobody executes, unless it stands elsewhere than `only`; it is `running` then.

        Raises RunBusy, RunCancelled, RunChanged.
        """
        ...

    async def release(self, run_id: str) -> None:
        """Give up an owned run without finishing it."""
        ...

    async def finish(
        self, run_id: str, status: RunStatus, output: Mapping[str, Any] | None, error: str | None
    ) -> None:
        """Record how an owned run ended or why it stopped, and give it up.

        Where somebody wants it cancelled it is, unless it is done.
        """
        ...

    async def cancel(self, run_id: str) -> bool:
        """Give a run up for good: True if that is done, False if it is left to the process that executes it.

        That process finds it in `wanted`; should it die, the run is cancelled. Raises RunOver.
        """
        ...

    async def wanted(self) -> Sequence[str]:
        """Which of the runs that this open journal owns somebody wants cancelled; cheap."""
        ...

    async def repin(self, run_id: str, plan_sha256: str, parts: Mapping[str, str]) -> None:
        """Pin a run to another plan."""
        ...

    async def record(self, row: NodeRow) -> None:
        """Add a row, or close the open row of the same attempt. Raises AlreadyRecorded."""
        ...

    async def run(self, run_id: str) -> RunRow:
        """One run. Raises RunNotFound."""
        ...

    async def rows(self, run_id: str) -> Sequence[NodeRow]:
        """All rows of a run, attempts of a node in order."""
        ...

    async def runs(
        self,
        limit: int = 50,
        *,
        status: RunStatus | None = None,
        graph: str | None = None,
        before: float | None = None,
    ) -> Sequence[RunRow]:
        """The newest runs of a status, of a graph, created before a time; newest first."""
        ...

    async def find(
        self, statuses: Collection[RunStatus], *, graph: str | None = None, before: float | None = None
    ) -> Sequence[Found]:
        """Which runs have one of these statuses, newest first; nothing else of them is read."""
        ...

    async def delete(
        self,
        run_ids: Sequence[str],
        *,
        only: Collection[RunStatus] | None = None,
        tell: Callable[[int], None] | None = None,
    ) -> int:
        """Remove runs that nobody executes, and values that no run refers to any more; returns how many runs.

        In slices, so that no writer waits long; `tell` is called after each with how many are gone. `only`
        says which statuses they may still have. What a kill leaves behind the next call removes.
        """
        ...

    async def compact(self) -> int:
        """Give space that nothing uses back to the disk, as far as that holds nobody up; returns bytes."""
        ...

    async def close(self) -> None:
        """Write what waits and let go of files and threads."""
        ...


def _make_encoder() -> Callable[[object], str]:
    encoder = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:  # another Python
        return encoder.encode
    # `encode` makes this anew for each value, which takes five times as long as to use it.
    parts = make(
        None, encoder.default, json.encoder.encode_basestring_ascii, None, ":", ",", False, False, False
    )
    return lambda value: "".join(parts(value, 0))


_encode = _make_encoder()


def encode(value: object) -> str:
    """Plain JSON data as the one text that digests are taken of."""
    return _encode(value)


def check_standing(run_id: str, status: RunStatus, only: Collection[RunStatus] | None) -> None:
    """Refuse to claim a run by what is stored of it. Raises RunCancelled, RunChanged."""
    standing = "interrupted" if status == "running" else status
    if only is not None and standing not in only:
        raise RunChanged(run_id, standing)
    if standing == "cancelled":
        raise RunCancelled(run_id)


def cancelled_error(uncertain: Sequence[str]) -> str:
    """The error of a cancelled run, which names the nodes that may have acted."""
    if not uncertain:
        return CANCELLED
    shown = ", ".join(f"'{path}'" for path in sorted(uncertain)[:5])
    more = f" and {len(uncertain) - 5} more" if len(uncertain) > 5 else ""
    noun = "node" if len(uncertain) == 1 else "nodes"
    return f"{CANCELLED}; {noun} {shown}{more} may have acted or not"
