"""Processes that are there in milliseconds: a small server imports all they need, and forks.

Each is a process of its own, with its own files and locks, and can be killed like any other.

    with Nursery("tests.storms.worker", str(root)) as nursery:
        child = nursery.start(["sqlite:...", ...], failpoint="join.after:2")
        child.kill()
        code = child.wait()     # negative: the signal

The module has `prepare(arguments)`, called once in the server, and `main(arguments) -> int`, called in each
process.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ended:
    """A process that ended."""

    code: int
    stdout: str
    stderr: str


class Child:
    """One process; the server makes the next when this one has ended."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self.pid = pid
        self._nursery = nursery
        self._code: int | None = None

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal, unless it has ended."""
        if self._code is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._code is not None or self._nursery.has_answer()

    def wait(self) -> Ended:
        """What became of it."""
        if self._code is None:
            self._code = int(self._nursery.answer()["code"])
        folder = Path(self._nursery.folder.name)
        texts = [(folder / name).read_text("utf-8", "replace") for name in ("stdout", "stderr")]
        return Ended(self._code, *texts)


class Nursery:
    """The server, one child at a time."""

    def __init__(self, module: str, *arguments: str) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="shoal-nursery-")
        command = [sys.executable, "-m", "tests.storms.nursery", module, *arguments]
        self._server = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        self._heard = b""
        self.answer()  # it has read all it needs

    def __enter__(self) -> Nursery:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the server."""
        self._server.communicate()
        self.folder.cleanup()

    def start(
        self,
        arguments: Sequence[str],
        *,
        failpoint: str = "",
        environment: dict[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Child:
        """Begin a process."""
        folder = cwd or Path(self.folder.name)
        order = {
            "arguments": [*arguments],
            "failpoint": failpoint,
            "environment": environment or {},
            "cwd": str(folder),
            "output": self.folder.name,
        }
        for name in ("stdout", "stderr"):
            (Path(self.folder.name) / name).write_bytes(b"")
        assert self._server.stdin is not None
        self._server.stdin.write(json.dumps(order).encode() + b"\n")
        return Child(self, int(self.answer()["pid"]))

    def run(self, arguments: Sequence[str], **given: Any) -> Ended:
        """Begin a process and wait for its end."""
        return self.start(arguments, **given).wait()

    def has_answer(self) -> bool:
        """Whether the server has said something that nobody heard."""
        assert self._server.stdout is not None
        return b"\n" in self._heard or bool(select.select([self._server.stdout], [], [], 0)[0])

    def answer(self) -> dict[str, Any]:
        """The next thing that the server says."""
        assert self._server.stdout is not None
        while b"\n" not in self._heard:
            more = self._server.stdout.read(1 << 16)
            assert more, "the server of processes ended"
            self._heard += more
        line, _, self._heard = self._heard.partition(b"\n")
        said: dict[str, Any] = json.loads(line)
        return said


def _become(module: Any, order: dict[str, Any]) -> None:
    """What a child does from its first moment to its last."""
    from shoal.journal import failpoints

    code = 70
    try:
        os.chdir(order["cwd"])
        os.environ |= order["environment"]
        for number, name in ((1, "stdout"), (2, "stderr")):
            file = os.open(Path(order["output"]) / name, os.O_WRONLY)
            os.dup2(file, number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        failpoints.arm(order["failpoint"])
        code = module.main(order["arguments"])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        code = 130
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


def _serve(name: str, arguments: Sequence[str]) -> None:
    module = importlib.import_module(name)
    module.prepare(arguments)
    says = os.fdopen(os.dup(1), "w")
    print("{}", file=says, flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        if (pid := os.fork()) == 0:
            says.close()
            _become(module, order)
        print(json.dumps({"pid": pid}), file=says, flush=True)
        _, status = os.waitpid(pid, 0)
        print(json.dumps({"code": os.waitstatus_to_exitcode(status)}), file=says, flush=True)


if __name__ == "__main__":
    _serve(sys.argv[1], sys.argv[2:])
