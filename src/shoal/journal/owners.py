"""Who executes a run: a name per open journal, alive as long as its process holds a file lock.

The lock is the kernel's, so kill -9 releases it, and a name is never used twice, so a lock that is free
once is free for ever. The pid in the name is only for people to read.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path


class Owners:
    """The lock files of the processes that use one journal, and our own among them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.me = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._lock: int | None = None

    def hold(self) -> str:
        """Our name, alive from now on."""
        if self._lock is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self._file(self.me), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        return self.me

    def is_alive(self, owner: str) -> bool:
        """Whether the process behind a name still runs; forgets the file of one that does not."""
        if owner == self.me:
            return self._lock is not None
        try:
            lock = os.open(self._file(owner), os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        else:
            self._file(owner).unlink(missing_ok=True)
            return False
        finally:
            os.close(lock)

    def living(self) -> Iterator[str]:
        """The names of all that are alive."""
        names = [file.stem for file in self.folder.glob("*.lock")]
        return (name for name in names if self.is_alive(name))

    def close(self) -> None:
        """Stop being alive."""
        if self._lock is not None:
            self._file(self.me).unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    def _file(self, owner: str) -> Path:
        return self.folder / f"{owner}.lock"
