"""Async tests here run on asyncio; spans go into memory, through the real SDK."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shoal.telemetry.spans import RunIds


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class Traced:
    """A provider and what was sent through it."""

    provider: TracerProvider
    exporter: InMemorySpanExporter
    ids: RunIds

    @property
    def spans(self) -> dict[str, ReadableSpan]:
        """By name; the last one of each."""
        return {span.name: span for span in self.exporter.get_finished_spans()}

    def parents(self) -> dict[str, str | None]:
        """Which span each stands in, by name."""
        names = {span.context.span_id: span.name for span in self.exporter.get_finished_spans()}
        return {
            span.name: names[span.parent.span_id] if span.parent else None
            for span in self.exporter.get_finished_spans()
        }


@pytest.fixture
def traced() -> Iterator[Traced]:
    ids, exporter = RunIds(), InMemorySpanExporter()
    provider = TracerProvider(id_generator=ids)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield Traced(provider, exporter, ids)
    provider.shutdown()
