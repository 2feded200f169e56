"""Events to counters and histograms of Prometheus.

Labels are names of graphs, nodes and agents, and words of ours: as many as the files of a workspace have,
however often they run. `registry` is what an endpoint shows; `write` makes a file for a textfile collector.
"""

from __future__ import annotations

import time
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    start_http_server,
    write_to_textfile,
)

from shoal.graphs.plan import AgentCall, Node
from shoal.journal.journal import NodeRow
from shoal.runs.budgets import FROM_CACHE
from shoal.runs.events import (
    AttemptRejected,
    Event,
    NodeFinished,
    NodeSkipped,
    NodeWaiting,
    RunFinished,
    RunStarted,
    RunStopped,
)
from shoal.telemetry.kinds import kind_of, place_of

__all__ = ["Metrics"]

_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)


class Metrics:
    """Counts what happens in all runs of a runner."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        """Of these metrics alone."""
        self._began: dict[str, tuple[str, float]] = {}
        self._waiting: dict[str, str] = {}
        node = ["graph", "node", "kind"]
        self._runs = Counter(
            "shoal_runs", "Executions of runs that ended here.", ["graph", "status"], registry=self.registry
        )
        self._run_seconds = Histogram(
            "shoal_run_seconds",
            "Seconds from the start of an execution to its end.",
            ["graph", "status"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._active = Gauge(
            "shoal_runs_active", "Runs under way in this process.", ["graph"], registry=self.registry
        )
        self._asking = Gauge(
            "shoal_runs_waiting",
            "Runs that this process left waiting for a person.",
            ["graph"],
            registry=self.registry,
        )
        self._attempts = Counter(
            "shoal_node_attempts",
            "What became of attempts at nodes.",
            [*node, "outcome"],
            registry=self.registry,
        )
        self._node_seconds = Histogram(
            "shoal_node_seconds",
            "Seconds of attempts at nodes.",
            node,
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._tokens = Counter(
            "shoal_tokens",
            "Tokens read (input) and written (output).",
            ["agent", "direction"],
            registry=self.registry,
        )
        self._hits = Counter(
            "shoal_cache_hits", "Nodes that the cache answered.", ["graph", "node"], registry=self.registry
        )

    def on_event(self, event: Event) -> None:
        """Take in what happened."""
        match event:
            case RunStarted(run=run, graph=graph):
                self._began[run] = (graph, time.perf_counter())
                self._active.labels(graph).inc()
                if run in self._waiting:
                    self._asking.labels(self._waiting.pop(run)).dec()
            case AttemptRejected(of=node, row=row) | NodeFinished(of=node, row=row):
                if node is not None and row is not None:
                    self._count(event.run, event.path, node, row)
            case NodeSkipped(of=node) if node is not None:
                self._attempts.labels(*self._names(event.run, event.path, node), "skipped").inc()
            case NodeWaiting(of=node) if node is not None:
                self._attempts.labels(*self._names(event.run, event.path, node), "waiting").inc()
            case RunFinished(run=run, result=result):
                self._end(run, result.status)
                if result.status == "waiting":
                    self._waiting[run] = result.graph
                    self._asking.labels(result.graph).inc()
            case RunStopped(run=run):
                self._end(run, "stopped")

    def write(self, file: Path) -> None:
        """Write what was counted in the text format, for a collector that reads files ending in .prom."""
        write_to_textfile(str(file), self.registry)

    def serve(self, port: int) -> None:
        """Show what is counted at http://HOST:port/metrics, from now on. Raises OSError."""
        start_http_server(port, registry=self.registry)

    def _count(self, run: str, path: str, node: Node, row: NodeRow) -> None:
        names = self._names(run, path, node)
        is_hit = row.message == FROM_CACHE
        self._attempts.labels(*names, "cached" if is_hit else row.kind).inc()
        if is_hit:
            self._hits.labels(*names[:2]).inc()
        elif row.kind != "fallback":
            self._node_seconds.labels(*names).observe(row.ms / 1000)
        if isinstance(node.work, AgentCall) and (row.prompt_tokens or row.completion_tokens):
            self._tokens.labels(node.work.agent.name, "input").inc(row.prompt_tokens)
            self._tokens.labels(node.work.agent.name, "output").inc(row.completion_tokens)

    def _names(self, run: str, path: str, node: Node) -> tuple[str, str, str]:
        graph, _ = self._began.get(run, ("", 0.0))
        return graph, place_of(path), kind_of(node)

    def _end(self, run: str, status: str) -> None:
        graph, began = self._began.pop(run, ("", 0.0))
        if graph:
            self._active.labels(graph).dec()
            self._runs.labels(graph, status).inc()
            self._run_seconds.labels(graph, status).observe(time.perf_counter() - began)
