"""Runs many seeded cases in several processes and tells which of them went wrong.

A kind of case is a module with `make() -> Cases`. The same seed makes the same case on every machine, so a
seed is all that is needed to see a case again: `python -m tests.fuzz KIND --seed SEED`.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Protocol

MAX_CPU_S = 1.0
MAX_MB = 256
HANGS_AFTER_S = 60.0


class Cases(Protocol):
    """All cases of one kind."""

    def fault(self, seed: int) -> str | None:
        """What is wrong with how a case was dealt with; None if nothing is."""
        ...

    def show(self, seed: int) -> str:
        """The case, for a person to look at."""
        ...


@dataclass(slots=True)
class Outcome:
    """What a run of many cases found."""

    kind: str
    num_cases: int = 0
    faults: dict[int, str] = field(default_factory=dict)
    """By seed."""
    seconds: float = 0.0
    slowest: tuple[float, int] = (0.0, -1)
    """Seconds of the processor, and the seed."""
    peak_mb: int = 0

    def __str__(self) -> str:
        slowest = f"slowest {self.slowest[0] * 1000:.0f} ms (seed {self.slowest[1]})"
        return (
            f"{self.kind}: {self.num_cases:,} cases in {self.seconds:.0f} s, {len(self.faults)} faults, "
            f"{slowest}, peak {self.peak_mb} MB"
        )


def cases_of(kind: str) -> Cases:
    """The cases of the module tests.fuzz.<kind>."""
    made: Cases = importlib.import_module(f"tests.fuzz.{kind}").make()
    return made


def _peak_mb() -> int:
    """The peak of this process; that of getrusage begins with the peak of the process that started it."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text(encoding="utf-8").splitlines() if "VmHWM" in line)
        return int(line.split()[1]) // 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (2**20 if sys.platform == "darwin" else 1024)


def judge(cases: Cases, seed: int) -> tuple[str | None, float, int]:
    """What is wrong with one case, how long it took, and the peak of this process in MB."""
    start = time.process_time()
    try:
        fault = cases.fault(seed)
    except Exception as error:
        fault = f"raised {type(error).__name__}: {error}"
    seconds = time.process_time() - start
    peak_mb = _peak_mb()
    if fault is None and seconds > MAX_CPU_S:
        fault = f"took {seconds:.1f} s"
    if fault is None and peak_mb > MAX_MB:
        fault = f"took {peak_mb} MB"
    return fault, seconds, peak_mb


def _work(kind: str, index: int, start: int, stop: int, step: int, at: Any, reports: Any) -> None:
    """What one process does: every `step`th seed."""
    cases = cases_of(kind)
    slowest, peak, told_of_memory = (0.0, -1), 0, False
    for seed in range(start, stop, step):
        at[index] = seed
        fault, seconds, peak = judge(cases, seed)
        slowest = max(slowest, (seconds, seed))
        is_of_memory = bool(fault) and str(fault).endswith(" MB")
        if fault and not (is_of_memory and told_of_memory):
            reports.put(("fault", index, seed, fault))
            told_of_memory |= is_of_memory  # a peak never sinks again
    at[index] = stop
    reports.put(("done", index, slowest, peak))


class _Pool:
    """The processes of one run, and what they have reported."""

    def __init__(self, kind: str, start: int, count: int, jobs: int) -> None:
        self.kind, self.start, self.stop, self.jobs = kind, start, start + count, jobs
        self.context = multiprocessing.get_context("spawn")
        self.at = self.context.RawArray("q", [start - 1] * jobs)
        self.reports: Any = self.context.Queue()
        self.outcome = Outcome(kind, count)
        self.seen = [(start - 1, time.monotonic())] * jobs
        self.processes: dict[int, BaseProcess] = {}
        for index in range(jobs):
            self._begin(index, start + index)

    def _begin(self, index: int, first: int) -> None:
        arguments = (self.kind, index, first, self.stop, self.jobs, self.at, self.reports)
        self.seen[index] = (self.at[index], time.monotonic())
        self.processes[index] = self.context.Process(target=_work, args=arguments, daemon=True)
        self.processes[index].start()

    def listen(self) -> None:
        """Take in what was reported, and look after processes that died or hang."""
        while not self.reports.empty():
            what, index, *rest = self.reports.get()
            if what == "fault":
                self.outcome.faults[rest[0]] = rest[1]
            else:
                self.outcome.slowest = max(self.outcome.slowest, rest[0])
                self.outcome.peak_mb = max(self.outcome.peak_mb, rest[1])
                self.processes.pop(index).join()
        for index, process in list(self.processes.items()):
            self._look_after(index, process)

    def _look_after(self, index: int, process: BaseProcess) -> None:
        seed = self.at[index]
        if seed != self.seen[index][0]:
            self.seen[index] = (seed, time.monotonic())
        if process.is_alive() and time.monotonic() - self.seen[index][1] > HANGS_AFTER_S:
            process.kill()
            process.join()
        if process.is_alive() or process.exitcode == 0:
            return  # at work, or its last report is on the way
        self.outcome.faults[seed] = f"ended the process ({process.exitcode})"
        self._begin(index, seed + self.jobs)

    @property
    def num_done(self) -> int:
        """Cases that were begun."""
        return int(sum(max(0, seed - self.start) for seed in self.at)) // self.jobs


def run(
    kind: str,
    count: int,
    *,
    start: int = 0,
    jobs: int = 2,
    tell: Callable[[str], None] = lambda line: None,
) -> Outcome:
    """Judge `count` cases from the seed `start` on; `tell` gets a line of progress every few seconds."""
    began = told = time.monotonic()
    pool = _Pool(kind, start, count, jobs)
    while pool.processes:
        time.sleep(0.05)
        pool.listen()
        now = time.monotonic()
        if now - told > 5:
            told = now
            rate = pool.num_done / (now - began)
            left = (count - pool.num_done) / rate if rate else 0.0
            progress = f"{pool.num_done:,} of {count:,}, {rate:.0f} a second, {left:.0f} s left"
            tell(f"{kind}: {progress}, {len(pool.outcome.faults)} faults")
    pool.outcome.seconds = time.monotonic() - began
    return pool.outcome


def scratch_folder() -> Path:
    """A folder of this process for files that are written again and again: in memory, if it can be."""
    memory = Path("/dev/shm")
    base = memory if os.access(memory, os.W_OK) else None
    return Path(tempfile.mkdtemp(prefix="shoal-fuzz-", dir=base))
