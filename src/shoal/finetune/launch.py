"""Several processes on this machine: torchrun starts them, each is `agentctl finetune` itself.

The first of them speaks for all: what it prints, line by line, are the events of the training. What torch
says besides is kept in a file and told only when nobody else says why it ended.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO

from shoal.errors import ShoalError
from shoal.finetune.progress import Done, Failed, Report, Started, event_of
from shoal.finetune.stopping import Stopped, handled

__all__ = ["is_launched", "launch"]

_LAST_LINES = 4
_GRACE_S = 30.0


def is_launched() -> bool:
    """Whether torchrun started this process."""
    return "RANK" in os.environ and "WORLD_SIZE" in os.environ


def launch(
    files: Sequence[Path], processes: int, report: Report, log: Path, *, is_fresh: bool = False
) -> list[Done]:
    """Train in several processes.

    Args:
        files: recipes.
        processes: how many.
        report: told of everything that the first of them reports.
        log: where what they say besides is kept.
        is_fresh: start anew.

    Raises:
        Stopped: somebody asked to stop; everything is saved.
        ShoalError: it failed.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as said, _started(_command(files, processes, is_fresh), processes, said) as child:
        assert child.stdout is not None
        done, failed = _follow(child, report)
        code = child.wait()
    if failed is not None:
        raise (Stopped if failed.exit_code == Stopped.exit_code else ShoalError)(failed.message)
    if code:
        raise ShoalError(
            f"the processes ended with exit code {code}; the same command goes on from what was saved. "
            f"All of what they said is in {log}, the end of it: {_end(log)}"
        )
    return done


def _end(log: Path) -> str:
    lines = map(str.strip, log.read_text(encoding="utf-8", errors="replace").splitlines())
    return " ".join([line for line in lines if line.strip("=-")][-_LAST_LINES:])


def _command(files: Sequence[Path], processes: int, is_fresh: bool) -> list[str]:
    torchrun = ["torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    recipes = [str(file) for file in files]
    return [
        sys.executable,
        "-m",
        *torchrun,
        "-m",
        "shoal",
        "finetune",
        *recipes,
        "--json",
        *["--fresh"][:is_fresh],
    ]


@contextmanager
def _started(command: Sequence[str], processes: int, said: IO[bytes]) -> Iterator[subprocess.Popen[str]]:
    """Torchrun and its processes, in a session of their own: a Ctrl-C in the terminal is for us alone."""
    threads = max(1, (os.cpu_count() or 1) // processes)
    environment = {"OMP_NUM_THREADS": str(threads), "TORCH_CPP_LOG_LEVEL": "ERROR"} | os.environ
    child = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=said,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    )
    try:
        yield child
    finally:
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)


class _PassingOn:
    """A wish to stop goes to who speaks for the processes, as soon as that is known; two end it all at once.

    By a handler, because an exception can come anywhere, also where it is lost.
    """

    def __init__(self) -> None:
        self._speaker = 0
        self._is_wanted = False

    def know(self, speaker: int) -> None:
        """Say who speaks."""
        self._speaker = speaker
        if self._is_wanted:
            os.kill(speaker, signal.SIGINT)

    def ask(self, number: int, frame: FrameType | None) -> None:
        """Take a signal."""
        if self._is_wanted:
            raise KeyboardInterrupt
        self._is_wanted = True
        if self._speaker:
            os.kill(self._speaker, signal.SIGINT)


def _follow(child: subprocess.Popen[str], report: Report) -> tuple[list[Done], Failed | None]:
    """Report events until there are no more; a Ctrl-C is passed on."""
    done: list[Done] = []
    failed: Failed | None = None
    passing_on = _PassingOn()
    assert child.stdout is not None
    with handled(passing_on.ask):
        for line in child.stdout:
            event = event_of(line)
            if isinstance(event, Failed):
                failed = failed or event
            elif event is not None:
                if isinstance(event, Started):
                    passing_on.know(event.pid)
                done += [event] if isinstance(event, Done) else []
                report(event)
    return done, failed
