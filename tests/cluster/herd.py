"""Workers as processes, and what a test does with them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from shoal.cluster.queues import Queues
from shoal.cluster.submit import submit, wait_for
from shoal.graphs.check import load_plan
from shoal.journal.postgres import PostgresJournal
from shoal.runs.results import RunResult

LEASE_S = 2.0
AGENTS = """\
version: 1
journal: "{url}"
tools:
  step: {{python: "tools/steps.py:step", effect: pure}}
  held: {{python: "tools/steps.py:held", effect: pure}}
  deadly: {{python: "tools/steps.py:deadly", effect: pure}}
"""
TOOLS = """\
import os
import signal
import time
from pathlib import Path

HERE = Path(__file__).parent


def note(name: str) -> None:
    handle = os.open(HERE / "log", os.O_APPEND | os.O_CREAT | os.O_WRONLY)
    os.write(handle, f"{name} {os.getpid()}\\n".encode())
    os.close(handle)


def step(name: str, n: int) -> int:
    note(name)
    time.sleep(0.01)
    return n + 1


def held(name: str, n: int) -> int:
    note(name)
    while not (HERE / "open").exists():
        time.sleep(0.01)
    return n + 1


def deadly(name: str, n: int) -> int:
    note(name)
    os.kill(os.getpid(), signal.SIGKILL)
    return n
"""
CHAIN = """\
version: 1
graph: chain
input: {name: str}
nodes:
  a: {tool: step, with: {name: "${input.name}.a", n: 0}}
  b: {tool: step, with: {name: "${input.name}.b", n: "${a}"}}
  c: {tool: step, with: {name: "${input.name}.c", n: "${b}"}}
  d: {tool: step, with: {name: "${input.name}.d", n: "${c}"}}
  e: {tool: step, with: {name: "${input.name}.e", n: "${d}"}}
output: {n: "${e}", name: "${input.name}"}
"""
HELD = """\
version: 1
graph: held
input: {name: str}
nodes:
  a: {tool: step, with: {name: "${input.name}.a", n: 0}}
  b: {tool: held, with: {name: "${input.name}.b", n: "${a}"}}
  c: {tool: step, with: {name: "${input.name}.c", n: "${b}"}}
output: {n: "${c}"}
"""
DEADLY = """\
version: 1
graph: deadly
input: {name: str}
nodes:
  a: {tool: step, with: {name: "${input.name}.a", n: 0}}
  b: {tool: deadly, with: {name: "${input.name}.b", n: "${a}"}}
output: {n: "${b}"}
"""
ASK = """\
version: 1
graph: ask
input: {name: str}
nodes:
  a: {tool: step, with: {name: "${input.name}.a", n: 0}}
  first: {human: "The first, after ${a}?"}
  second: {human: "The second, after ${a}?"}
  b: {tool: step, with: {name: "${input.name}.b", n: "${a}"}, when: "first.yes && second.yes"}
output: {n: "${b}"}
"""


class Call(NamedTuple):
    """One call of a tool."""

    node: str
    pid: int


class WorkerProcess:
    """`agentctl worker` as a process, and the lines it prints."""

    def __init__(self, root: Path, arguments: Sequence[str]) -> None:
        command = [sys.executable, "-m", "shoal", "worker", "--json", "--engine", "scripted", *arguments]
        self._errors = (root / f"errors-{time.monotonic_ns()}").open("w+", encoding="utf-8")
        self._process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=self._errors)
        self.lines: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def errors(self) -> str:
        """What it wrote on standard error."""
        self._errors.seek(0)
        return self._errors.read()

    def of(self, event: str) -> list[dict[str, Any]]:
        """Its lines of one kind."""
        return [line for line in self.lines if line["event"] == event]

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    async def ended(self, within_s: float = 30.0) -> int:
        """Its exit code."""
        return await asyncio.to_thread(self._process.wait, within_s)

    def close(self) -> None:
        """End it, however it is."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._errors.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(json.loads(line))


class Herd:
    """A workspace with queues, and workers."""

    def __init__(self, root: Path, url: str) -> None:
        self.root = root
        self._url = url
        self._workers: list[WorkerProcess] = []
        (root / "graphs").mkdir()
        (root / "tools").mkdir()
        (root / "agents.yaml").write_text(AGENTS.format(url=url), encoding="utf-8")
        (root / "tools/steps.py").write_text(TOOLS, encoding="utf-8")
        for name, text in (("chain", CHAIN), ("held", HELD), ("deadly", DEADLY), ("ask", ASK)):
            (root / f"graphs/{name}.yaml").write_text(text, encoding="utf-8")

    async def open(self) -> None:
        """Connect the test itself."""
        self.journal = await PostgresJournal.open(self._url)
        self.queues = await Queues.open(self._url)

    async def close(self) -> None:
        """End all workers and hang up."""
        for worker in self._workers:
            worker.close()
        await self.queues.close()
        await self.journal.close()

    async def worker(self, *arguments: str) -> WorkerProcess:
        """A worker that takes runs."""
        made = self.begin_worker("--lease-s", str(LEASE_S), *arguments)
        await until(lambda: bool(made.of("ready")), made.errors)
        return made

    def begin_worker(self, *arguments: str) -> WorkerProcess:
        """A worker that may not take runs yet."""
        made = WorkerProcess(self.root, arguments)
        self._workers.append(made)
        return made

    async def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run agentctl here."""
        command = [sys.executable, "-m", "shoal", *arguments]
        environment = os.environ | {"NO_COLOR": "1", "COLUMNS": "160"}
        return await asyncio.to_thread(
            subprocess.run,
            command,
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=60,
            env=environment,
        )

    async def queue(self, graph: str, names: Iterable[str], queue: str = "default") -> list[str]:
        """Queue runs of a graph; their ids."""
        plan = load_plan(self.root, graph)
        inputs = [{"name": name} for name in names]
        return [run.id async for run in submit(self.journal, self.queues, plan, inputs, queue)]

    async def ends(self, run_ids: Iterable[str], within_s: float = 30.0) -> list[RunResult]:
        """How runs end, or where they wait."""
        async with asyncio.timeout(within_s):
            return [await wait_for(self.journal, run_id) for run_id in run_ids]

    async def status(self, run_id: str, *wanted: str, within_s: float = 20.0) -> str:
        """The status of a run, once it is one of those."""
        async with asyncio.timeout(within_s):
            while (found := (await self.journal.run(run_id)).status) not in wanted:
                await asyncio.sleep(0.02)
        return found

    def release(self) -> None:
        """Let the tool `held` return."""
        (self.root / "tools/open").touch()

    def calls(self) -> list[Call]:
        """All calls of tools so far."""
        log = self.root / "tools/log"
        lines = log.read_text("utf-8").splitlines() if log.exists() else []
        return [Call(node, int(pid)) for node, pid in (line.split() for line in lines)]

    def counts(self) -> Mapping[str, int]:
        """How often each node called its tool."""
        return Counter(call.node for call in self.calls())

    async def recorded(self, run_ids: Iterable[str]) -> set[str]:
        """The nodes that the journal has, named as their tools name them."""
        found = set()
        for run_id in run_ids:
            name = (await self.journal.run(run_id)).inputs["name"]
            found |= {f"{name}.{row.path}" for row in await self.journal.rows(run_id) if row.kind == "done"}
        return found


async def until(is_so: Callable[[], bool], told: str = "", within_s: float = 20.0) -> None:
    """Wait for something to become true."""
    last = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < last, f"it did not happen. {told}"
        await asyncio.sleep(0.02)
