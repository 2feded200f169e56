"""A real PostgreSQL server for tests: in a folder of its own, on a unix socket, with fsync on."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

PLACES = "/usr/lib/postgresql/*/bin"


class PostgresServer:
    """Started by `start`, as the user `postgres` where we are root: PostgreSQL refuses root."""

    def __init__(self) -> None:
        self._bin = _find_bin()
        # Not under pytest's folder, which no other user may enter, and short: it holds the socket.
        self.folder = Path(tempfile.mkdtemp(prefix="shoal-pg-", dir=_memory()))
        self._as_user: list[str] = []
        if os.getuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self._as_user = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        self._run("initdb", "--username=shoal", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync")

    @property
    def url(self) -> str:
        """The url of the database."""
        return f"postgresql://shoal@/postgres?host={self.folder}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = f"-c listen_addresses='' -c unix_socket_directories={self.folder} -c fsync=on"
        self._run("pg_ctl", "--wait", f"--log={self.folder}/log", f"--options={options}", "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it; `immediate` is what a crash of the machine is."""
        self._run("pg_ctl", "--wait", f"--mode={mode}", "stop")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the server and all that serve its connections."""
        (main,) = [int((self.folder / "data/postmaster.pid").read_text("utf-8").split()[0])]
        children = Path(f"/proc/{main}/task/{main}/children").read_text("utf-8").split()
        for pid in [main, *map(int, children)]:
            os.kill(pid, number)

    def remove(self) -> None:
        """Stop it for good."""
        self.stop()
        shutil.rmtree(self.folder)

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as_user, str(self._bin / program), f"--pgdata={self.folder}/data", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.folder)
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"


def _memory() -> Path | None:
    """A folder in memory with room: recovery from a crash syncs a thousand files, seconds on a busy disk."""
    memory = Path("/dev/shm")
    has_room = memory.is_dir() and shutil.disk_usage(memory).free > 1 << 30
    return memory if has_room and os.access(memory, os.W_OK) else None


def _find_bin() -> Path:
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    places = [place for place in Path("/").glob(PLACES[1:]) if (place / "initdb").exists()]
    assert places, "the tests of the journal need PostgreSQL. Run `make postgresql`, or install it"
    return max(places, key=lambda place: float(place.parent.name))
