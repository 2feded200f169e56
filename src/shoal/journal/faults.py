"""What SQLite and the disk complain about, said in one sentence with what to do."""

from __future__ import annotations

from pathlib import Path

from shoal.journal.journal import JournalError

_SENTENCES = (
    ("is full", "the disk is full. Make room"),
    ("readonly", "the file or its folder is read-only. Make both writable"),
    ("read-only", "the file or its folder is read-only. Make both writable"),
    ("permission denied", "the file or its folder may not be written. Make both writable"),
    ("file exists", "a file is where its folder should be. Move it away"),
    ("locked", "another program keeps the file locked. Wait for it or stop it"),
    ("not a database", "the file is not a journal. Move it away and a new one is made"),
    ("malformed", "the file is damaged. Restore it from a backup, or move it away and a new one is made"),
    ("decode", "the file is damaged. Restore it from a backup, or move it away and a new one is made"),
    ("unable to open", "the file cannot be opened. Check that its folder exists and may be written"),
    ("disk i/o", "the disk reports an I/O error. Check the disk"),
)


def explain(file: Path, error: Exception, run_id: str | None = None) -> JournalError:
    """The error a user sees for one of SQLite or the operating system."""
    text = str(error).lower()
    remedy = next((sentence for sign, sentence in _SENTENCES if sign in text), str(error))
    if run_id is None:
        return JournalError(f"the journal {file} cannot be used: {remedy}")
    return JournalError(
        f"the journal {file} cannot be used for run {run_id}: {remedy}, then `agentctl runs resume {run_id}`"
    )
