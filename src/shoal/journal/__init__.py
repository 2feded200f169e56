"""What runs did, step by step, so that nothing recorded is lost or done twice."""

from shoal.journal.failpoints import FAILPOINTS, failpoint
from shoal.journal.journal import (
    AlreadyRecorded,
    Found,
    Journal,
    JournalCorrupt,
    JournalError,
    NodeRow,
    RunBusy,
    RunCancelled,
    RunChanged,
    RunExists,
    RunLost,
    RunNotFound,
    RunOver,
    RunRow,
    RunStatus,
)
from shoal.journal.memory import MemoryJournal
from shoal.journal.sqlite import SqliteJournal

__all__ = [
    "FAILPOINTS",
    "AlreadyRecorded",
    "Found",
    "Journal",
    "JournalCorrupt",
    "JournalError",
    "MemoryJournal",
    "NodeRow",
    "RunBusy",
    "RunCancelled",
    "RunChanged",
    "RunExists",
    "RunLost",
    "RunNotFound",
    "RunOver",
    "RunRow",
    "RunStatus",
    "SqliteJournal",
    "failpoint",
]
