"""Events to spans of OpenTelemetry: one for a run, one for each attempt at a node, nested as their paths are.

    runner = Runner(engine, journal, on_event=Spans(provider.get_tracer("shoal")).on_event)

The span of a call is the current one while it runs, so what a tool traces by itself stands inside of it. A
resumed run is a trace of its own, linked to the run's first one: this process remembers it, and for others
`RunIds` derives it from the id of the run.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from opentelemetry.context import Context, attach, get_current
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.trace import (
    Link,
    Span,
    SpanContext,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    set_span_in_context,
)

from shoal.graphs.plan import Node, ToolCall
from shoal.journal.journal import NodeRow
from shoal.runs.budgets import FROM_CACHE
from shoal.runs.events import (
    AttemptRejected,
    Event,
    NodeFinished,
    NodeSkipped,
    NodeStarted,
    NodeWaiting,
    RunFinished,
    RunStarted,
    RunStopped,
)
from shoal.telemetry.genai import (
    Signature,
    call_id,
    content_of,
    error_type,
    of_graph,
    of_node,
    usage_of,
)
from shoal.telemetry.kinds import kind_of

__all__ = ["RunIds", "Spans"]

_MOST_REMEMBERED = 10_000
"""Runs whose first span is remembered, and nodes whose attributes are."""
_NODE = "shoal.node.path"


class RunIds(IdGenerator):
    """Random ids, but for the first span of a run: its ids follow from the id of the run."""

    def __init__(self) -> None:
        self._random = RandomIdGenerator()
        self._next: str | None = None

    def announce(self, run: str | None) -> None:
        """The next span is the first one of this run; None where it is none."""
        self._next = run

    def generate_span_id(self) -> int:
        """The id of a span."""
        return self._random.generate_span_id() if self._next is None else self.first(self._next).span_id

    def generate_trace_id(self) -> int:
        """The id of a trace."""
        return self._random.generate_trace_id() if self._next is None else self.first(self._next).trace_id

    @staticmethod
    def first(run: str) -> SpanContext:
        """Where the first span of a run is."""
        digest = hashlib.sha256(run.encode()).digest()
        trace, span = int.from_bytes(digest[:16]), int.from_bytes(digest[16:24])
        return SpanContext(trace, span, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))


class _Open:
    """A span that is not over, with the context of what stands inside of it."""

    __slots__ = ("context", "span")

    def __init__(self, span: Span, around: Context) -> None:
        self.span = span
        self.context = set_span_in_context(span, around)


class _Run:
    """The spans of a run that is under way."""

    __slots__ = ("input_tokens", "nodes", "outer", "output_tokens", "top")

    def __init__(self, top: _Open, outer: Context) -> None:
        self.top = top
        self.outer = outer
        self.nodes: dict[str, _Open] = {}
        self.input_tokens = 0
        self.output_tokens = 0

    def around(self, path: str) -> _Open:
        """The innermost open span that a path stands in: `a.b` in `a`, `a#2[3]` in `a`."""
        while path:
            path = path[: max(path.rfind("."), path.rfind("["), path.rfind("#"), 0)]
            if path in self.nodes:
                return self.nodes[path]
        return self.top


class Spans:
    """Makes spans of events; one for all runs of a runner.

    Args:
        tracer: of the SDK.
        ids: those of its provider, so that processes agree on the first span of a run.
        has_content: whether inputs and outputs are told, redacted. They are people's data.
    """

    def __init__(self, tracer: Tracer, *, ids: RunIds | None = None, has_content: bool = False) -> None:
        self._tracer = tracer
        self._ids = ids
        self._has_content = has_content
        self._runs: dict[str, _Run] = {}
        self._first: OrderedDict[str, SpanContext] = OrderedDict()
        self._signatures: dict[tuple[int, bool], tuple[Node, Signature]] = {}

    def on_event(self, event: Event) -> None:
        """Take in what happened; called in the task that does the work."""
        if isinstance(event, RunStarted):
            self._begin(event)
            return
        run = self._runs.get(event.run)
        if run is None:
            return
        match event:
            case NodeStarted():
                self._start(run, event)
            case AttemptRejected(row=row):
                self._end(run, event.path, event.of, row, event.reason)
            case NodeFinished(row=row, node=summary):
                self._end(run, event.path, event.of, row, summary.reason or "")
            case NodeWaiting(of=node):
                self._note(run, event.path, node, "waiting")
            case NodeSkipped(path=path, reason=reason):
                self._skip(run, path, reason)
            case RunFinished(result=result):
                output = content_of(None, made=result.output) if self._has_content else {}
                is_error = result.status in {"failed", "unknown"}
                self._finish(event.run, result.status, result.error or "", output, is_error=is_error)
            case RunStopped(reason=reason):
                self._finish(event.run, "stopped", reason, {}, is_error=True)

    def _begin(self, event: RunStarted) -> None:
        outer = get_current()
        name, attributes = of_graph(event.graph)
        own = {**attributes, "shoal.run.id": event.run, "shoal.run.resumed": event.is_resumed}
        if self._has_content:
            own |= content_of(None, given=event.inputs)
        links = [Link(self._first_of(event.run))] if event.is_resumed else []
        if self._ids is not None and not event.is_resumed:
            self._ids.announce(event.run)
        try:
            span = self._tracer.start_span(name, outer, attributes=own, links=links)
        finally:
            if self._ids is not None:
                self._ids.announce(None)
        if not event.is_resumed:
            self._first[event.run] = span.get_span_context()
            if len(self._first) > _MOST_REMEMBERED:
                self._first.popitem(last=False)
        run = self._runs[event.run] = _Run(_Open(span, outer), outer)
        attach(run.top.context)

    def _first_of(self, run: str) -> SpanContext:
        return self._first.get(run) or RunIds.first(run)

    def _start(self, run: _Run, event: NodeStarted) -> None:
        node, inputs = event.of, event.inputs
        if node is None:
            return
        name, attributes = self._signature(node, is_call=inputs is not None)
        own = {**attributes, _NODE: event.path, "shoal.node.attempt": event.attempt}
        if inputs is not None:
            if isinstance(node.work, ToolCall):
                own |= call_id(event.run, event.path)
            if self._has_content:
                own |= content_of(node, given=inputs)
        around = run.around(event.path).context
        found = _Open(self._tracer.start_span(name, around, attributes=own), around)
        run.nodes[event.path] = found
        if inputs is not None:
            attach(found.context)

    def _end(self, run: _Run, path: str, node: Node | None, row: NodeRow | None, reason: str) -> None:
        found = run.nodes.pop(path, None)
        if row is None:
            return
        if found is None:
            self._note(run, path, node, "cached" if row.message == FROM_CACHE else row.kind, reason)
            return
        span = found.span
        span.set_attributes({**usage_of(row)})
        run.input_tokens += row.prompt_tokens
        run.output_tokens += row.completion_tokens
        if self._has_content and row.output is not None:
            span.set_attributes({**content_of(node, made=row.output)})
        if row.kind in {"rejected", "failed", "unknown"}:
            _fail(span, reason)
        span.end()
        attach(run.top.context)

    def _skip(self, run: _Run, path: str, reason: str) -> None:
        """Tell of a node that is not needed, or not any more."""
        found = run.nodes.pop(path, None)
        where = found.span if found else run.around(path).span
        where.add_event("shoal.node.skipped", {_NODE: path, "shoal.reason": reason})
        if found is not None:
            found.span.set_attribute("shoal.node.outcome", "given up")
            found.span.end()
            attach(run.top.context)

    def _note(self, run: _Run, path: str, node: Node | None, outcome: str, reason: str = "") -> None:
        """The span of what took no time: nobody was called."""
        around = run.around(path).context
        attributes: dict[str, Any] = {_NODE: path, "shoal.node.outcome": outcome}
        if node is not None:
            attributes["shoal.node.kind"] = kind_of(node)
        span = self._tracer.start_span(f"{outcome} {path.rpartition('.')[2]}", around, attributes=attributes)
        if outcome in {"failed", "unknown"}:
            _fail(span, reason)
        span.end()

    def _finish(
        self, run_id: str, status: str, reason: str, output: Mapping[str, Any], *, is_error: bool
    ) -> None:
        run = self._runs.pop(run_id)
        for left in reversed([*run.nodes.values()]):
            left.span.set_attribute("shoal.node.outcome", "open")
            left.span.end()
        span = run.top.span
        span.set_attributes({"shoal.run.status": status, **output})
        if run.input_tokens or run.output_tokens:
            span.set_attribute("gen_ai.usage.input_tokens", run.input_tokens)
            span.set_attribute("gen_ai.usage.output_tokens", run.output_tokens)
        if is_error:
            _fail(span, reason)
        span.end()
        attach(run.outer)

    def _signature(self, node: Node, *, is_call: bool) -> Signature:
        key = (id(node), is_call)
        known = self._signatures.get(key)
        if known is None:
            if len(self._signatures) >= _MOST_REMEMBERED:
                self._signatures.clear()
            # The node is kept, or another one might get its id.
            known = self._signatures[key] = (node, of_node(node, is_call=is_call))
        return known[1]


def _fail(span: Span, reason: str) -> None:
    span.set_attribute("error.type", error_type(reason))
    span.set_status(Status(StatusCode.ERROR, reason))
