"""A day of one million runs, simulated from measured costs.

    python bench/cluster/simulate.py                       the table of bench/README.md, a minute a line
    python bench/cluster/simulate.py --check               the simulation beside what `load.py` measured

Runs arrive by a daily curve with its top in the afternoon. Each waits for a worker with a free place, which
looks into the queue four times a second; takes processor time of that worker, which has one core; and holds
its place while models answer elsewhere. Workers crash, are back after a minute, and what they had is taken
over when their lease is out; the node under way is done again. For 30 seconds at noon the database is away.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

DAY_S = 86_400.0
POLL_S = 0.25
LEASE_S, SWEEP_S, BACK_S = 15.0, 2.0, 60.0
OUTAGE = (DAY_S / 2, 30.0)
FIGURES = Path(__file__).parent / "figures.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """As `load.py` measures them."""

    run_s: float
    """Of a worker's core for a run, beside its nodes."""
    node_s: float
    run_rows: float
    """Rows written, DBOS's included."""
    node_rows: float
    run_commits: float
    node_commits: float
    start_s: float = 0.0
    """From a worker's look into the queue to the first node of what it takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What is simulated."""

    name: str
    workers: int
    places: int = 64
    runs: float = 1_000_000
    seconds: float = DAY_S
    nodes: int = 5
    top: float = 2.3
    """How many times the mean arrive at the top of the day."""
    model_s: float = 4.0
    """A run waits for its models, in all; log-normal."""
    core_s: float = 0.0
    """A run computes in the worker itself."""
    crashes: float = 4.0
    """Of each worker."""
    is_evenly: bool = False
    """No curve, no crashes, no outage: to compare with a measurement."""


@dataclass(slots=True)
class Run:
    """One run."""

    came: float
    model_s: float
    core_s: float
    began: float = -1.0
    work_s: float = 0.0


@dataclass(slots=True)
class Worker:
    """One worker process."""

    free: int
    core_free: float = 0.0
    busy_s: float = 0.0
    epoch: int = 0
    is_up: bool = True
    has: dict[int, tuple[Run, float]] = field(default_factory=dict)
    """By a number, the run and when it ends."""


@dataclass(slots=True)
class Outcome:
    """What came of a day."""

    waits: list[float]
    delays: list[float]
    """From its coming to its end, less the work of the run alone."""
    busy: float
    """Of the workers' cores, at the top hour."""
    places: float
    """Taken at the top hour."""
    longest_queue: int
    num_adopted: int
    last_end: float


class Simulation:
    """Events in order of time."""

    def __init__(self, day: Day, costs: Costs, seed: int = 1) -> None:
        self._day, self._costs = day, costs
        self._chance = random.Random(seed)
        self._events: list[tuple[float, int, str, Any]] = []
        self._count = 0
        self._queue: deque[Run] = deque()
        self._workers = [Worker(day.places) for _ in range(day.workers)]
        self._out = Outcome([], [], 0.0, 0.0, 0, 0, 0.0)
        top = 0.5 if day.is_evenly else 0.625
        self._top = (day.seconds * top - 1800, day.seconds * top + 1800)
        if day.is_evenly:
            self._top = (0.0, day.seconds)
        self._place_s = self._core_s = 0.0

    def run(self) -> Outcome:
        """Simulate the day, and on until all is done."""
        arrivals = self._arrivals()
        self._at(next(arrivals), "come", arrivals)
        for worker in self._workers:
            self._at(self._chance.random() * POLL_S, "look", worker)
            if not self._day.is_evenly and self._day.crashes:
                self._at(self._next_crash(0.0), "crash", worker)
        while self._events:
            now, _, what, who = heappop(self._events)
            getattr(self, f"_{what}")(now, who)
        out = self._out
        span_s = (self._top[1] - self._top[0]) * self._day.workers
        out.busy, out.places = self._core_s / span_s, self._place_s / span_s / self._day.places
        return out

    def _at(self, when: float, what: str, who: Any) -> None:
        if not self._day.is_evenly and 0 <= when - OUTAGE[0] < OUTAGE[1] and what != "come":
            when = OUTAGE[0] + OUTAGE[1] + self._chance.random() * 2.5
        self._count += 1
        heappush(self._events, (when, self._count, what, who))

    def _arrivals(self) -> Iterator[float]:
        """Times at which runs come: a Poisson process of changing rate, by thinning."""
        day, now = self._day, 0.0
        mean = day.runs / day.seconds
        if day.is_evenly:
            while now < day.seconds:
                now += 1 / mean
                yield now
            return
        while (now := now + self._chance.expovariate(mean * day.top)) < day.seconds:
            # A bell over a floor, with mean 1 and the given top.
            bell = math.exp(-(((now / day.seconds - 0.625) / 0.13) ** 2))
            floor = (1 - day.top * 0.2304) / (1 - 0.2304)
            if self._chance.random() * day.top < floor + (day.top - floor) * bell:
                yield now

    def _come(self, now: float, arrivals: Iterator[float]) -> None:
        day = self._day
        model_s = self._chance.lognormvariate(math.log(day.model_s) - 0.18, 0.6) if day.model_s else 0.0
        core_s = day.core_s + self._costs.run_s + day.nodes * self._costs.node_s
        self._queue.append(Run(now, model_s, core_s))
        self._out.longest_queue = max(self._out.longest_queue, len(self._queue))
        if (then := next(arrivals, None)) is not None:
            self._at(then, "come", arrivals)

    def _look(self, now: float, worker: Worker) -> None:
        """A worker takes as many runs as it has places for."""
        while worker.is_up and worker.free and self._queue:
            self._begin(now, worker, self._queue.popleft())
        if self._queue or len(self._out.delays) < self._day.runs * 0.9 or now < self._day.seconds:
            self._at(now + POLL_S * self._chance.uniform(0.95, 1.05), "look", worker)

    def _begin(self, now: float, worker: Worker, run: Run) -> None:
        if run.began < 0:
            run.began = self._costs.start_s + (now if self._day.core_s else max(now, worker.core_free))
            self._out.waits.append(run.began - run.came)
            run.work_s = run.model_s + run.core_s
        worker.free -= 1
        worker.core_free = max(now, worker.core_free) + run.core_s
        end = worker.core_free + self._costs.start_s + run.model_s
        if self._top[0] <= now < self._top[1]:
            self._core_s += run.core_s
            self._place_s += end - now
        number = self._count
        worker.has[number] = (run, end)
        self._at(end, "end", (worker, number, worker.epoch))

    def _end(self, now: float, who: tuple[Worker, int, int]) -> None:
        worker, number, epoch = who
        if epoch != worker.epoch:
            return  # it crashed meanwhile
        run, _ = worker.has.pop(number)
        worker.free += 1
        self._out.delays.append(now - run.came - run.work_s)
        self._out.last_end = now

    def _next_crash(self, now: float) -> float:
        return now + self._chance.expovariate(self._day.crashes / DAY_S)

    def _crash(self, now: float, worker: Worker) -> None:
        if now > self._day.seconds:
            return
        adopted_in = LEASE_S * self._chance.uniform(0.75, 1.0) + SWEEP_S * self._chance.random()
        self._out.num_adopted += len(worker.has)
        for run, end in worker.has.values():
            # What was recorded stays; of the node under way a part is done again.
            left = max(0.0, end - now) + self._chance.random() * run.model_s / self._day.nodes
            run.model_s, run.core_s = min(run.model_s, left), self._costs.run_s
            self._at(now + adopted_in, "adopt", run)
        worker.has.clear()
        worker.is_up, worker.free, worker.core_free = False, self._day.places, 0.0
        worker.epoch += 1
        self._at(now + BACK_S, "rise", worker)
        self._at(self._next_crash(now + BACK_S), "crash", worker)

    def _rise(self, now: float, worker: Worker) -> None:
        worker.is_up = True

    def _adopt(self, now: float, run: Run) -> None:
        self._queue.appendleft(run)  # DBOS goes by when a run was queued first


def read_costs(file: Path) -> tuple[Costs, list[dict[str, Any]]]:
    """What `load.py` measured: a straight line through the chains of different lengths."""
    figures = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    chains = [each for each in figures if each["figure"] == "backlog" and each["workers"] == 1]

    def line(of: str) -> tuple[float, float]:
        xs, ys = [each["nodes"] for each in chains], [each[of] for each in chains]
        x, y = sum(xs) / len(xs), sum(ys) / len(ys)
        slope = sum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True)) / sum((a - x) ** 2 for a in xs)
        return y - slope * x, max(0.0, slope)

    (cpu, node_cpu), (rows, node_rows), (commits, node_commits) = map(
        line, ("worker_cpu_ms", "rows", "commits")
    )
    costs = Costs(
        run_s=cpu / 1000,
        node_s=node_cpu / 1000,
        run_rows=rows,
        node_rows=node_rows,
        run_commits=commits,
        node_commits=node_commits,
    )
    calm = min(
        (each for each in figures if each["figure"] == "arrivals"), key=lambda each: each["asked_per_s"]
    )
    costs = replace(costs, start_s=max(0.0, calm["p50_s"] - quantile(even_waits(calm, costs), 0.5)))
    return costs, figures


def even_waits(figure: dict[str, Any], costs: Costs) -> list[float]:
    """What a measurement would give by the simulation."""
    seconds = 600.0
    day = Day(
        name="",
        workers=figure["workers"],
        places=200,
        runs=figure["asked_per_s"] * seconds,
        seconds=seconds,
        nodes=figure["nodes"],
        model_s=0.0,
        is_evenly=True,
    )
    return sorted(Simulation(day, costs).run().waits)


def quantile(values: Sequence[float], part: float) -> float:
    """Of sorted values."""
    return values[min(len(values) - 1, int(len(values) * part))]


def tell(day: Day, costs: Costs) -> None:
    """Simulate a day and print a line of the table."""
    out = Simulation(day, costs).run()
    waits, delays = sorted(out.waits), sorted(out.delays)
    rows = costs.run_rows + day.nodes * costs.node_rows
    mean = day.runs / day.seconds
    cells = [
        day.name,
        f"{day.workers} x {day.places}",
        f"{len(delays):,}",
        f"{quantile(waits, 0.5):.2f}, {quantile(waits, 0.99):.2f}",
        f"{quantile(delays, 0.5):.2f}, {quantile(delays, 0.99):.2f}, {delays[-1]:.0f}",
        f"{out.places:.0%}, {out.busy:.0%}",
        f"{out.longest_queue:,}",
        f"{out.num_adopted:,}",
        f"{mean * rows:,.0f}, {mean * day.top * rows:,.0f}",
    ]
    print(f"| {' | '.join(cells)} |", flush=True)


def check(costs: Costs, figures: list[dict[str, Any]]) -> None:
    """Print measured and simulated waits side by side."""
    for each in figures:
        if each["figure"] == "arrivals":
            waits = even_waits(each, costs)
            print(
                f"{each['asked_per_s']}/s, {each['workers']} workers: measured p50 {each['p50_s']:.2f} s, "
                f"p99 {each['p99_s']:.2f} s; simulated p50 {quantile(waits, 0.5):.2f} s, "
                f"p99 {quantile(waits, 0.99):.2f} s"
            )


DAYS = (
    Day(name="models elsewhere, 4 s a run", workers=3),
    Day(name="the same, one worker less than needed", workers=2, places=48),
    Day(name="models elsewhere, 30 s a run", workers=16, model_s=30.0),
    Day(name="models in the worker, 0.3 core-seconds a run", workers=12, places=16, model_s=0.0, core_s=0.3),
    Day(name="10 M runs a day, 4 s a run", workers=26, runs=10_000_000),
)


def main(arguments: Sequence[str]) -> None:
    """Print the table, or the comparison."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--figures", type=Path, default=FIGURES)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    costs, figures = read_costs(options.figures)
    if options.check:
        check(costs, figures)
        return
    print(json.dumps({name: round(getattr(costs, name), 6) for name in costs.__slots__}), file=sys.stderr)
    for day in DAYS:
        tell(day, costs)


if __name__ == "__main__":
    main(sys.argv[1:])
