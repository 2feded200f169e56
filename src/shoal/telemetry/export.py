"""Which telemetry is switched on, and where it goes: the standard environment variables of OpenTelemetry.

    OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT    where spans go (OTLP over HTTP)
    OTEL_EXPORTER_OTLP_HEADERS, OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER ...    as the SDK reads them
    OTEL_SDK_DISABLED=true, OTEL_TRACES_EXPORTER=none                  nothing is sent
    OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true            spans tell inputs and outputs, redacted

Nothing of OpenTelemetry or Prometheus is imported unless it is asked for.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import util
from typing import TYPE_CHECKING

from shoal.errors import MissingExtra
from shoal.runs.events import Event, OnEvent

if TYPE_CHECKING:
    from shoal.telemetry.metrics import Metrics

__all__ = ["exported_spans", "has_content", "is_wanted", "joined", "make_metrics"]

_EXTRA = "telemetry"
_PATIENCE_S = 3.0
_log = logging.getLogger(__name__)


@contextmanager
def exported_spans(environment: Mapping[str, str] = os.environ) -> Iterator[OnEvent | None]:
    """A listener whose spans go where the environment says; None where it names no place.

    Raises:
        MissingExtra: it names one, and the packages of OpenTelemetry are not installed.
    """
    if not is_wanted(environment):
        yield None
        return
    if not _has("opentelemetry.sdk") or not _has("opentelemetry.exporter.otlp.proto.http"):
        raise MissingExtra("sending spans to OTEL_EXPORTER_OTLP_ENDPOINT", _EXTRA)
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from shoal import __version__
    from shoal.telemetry.spans import RunIds, Spans

    ids = RunIds()
    name = environment.get("OTEL_SERVICE_NAME") or "shoal"
    provider = TracerProvider(resource=Resource.create({"service.name": name}), id_generator=ids)
    exporter = OTLPSpanExporter(timeout=_timeout_s(environment))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)  # what tools trace goes the same way
    tracer = provider.get_tracer("shoal", __version__)
    try:
        yield Spans(tracer, ids=ids, has_content=has_content(environment)).on_event
    finally:
        provider.shutdown()


def _timeout_s(environment: Mapping[str, str]) -> float | None:
    """What a collector that does not answer may cost at the end; None for what the environment says."""
    names = ("OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT")
    return None if any(environment.get(name) for name in names) else _PATIENCE_S


def is_wanted(environment: Mapping[str, str]) -> bool:
    """Whether spans are to be sent anywhere."""
    is_off = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    if is_off or environment.get("OTEL_TRACES_EXPORTER", "otlp").strip() == "none":
        return False
    names = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    return any(environment.get(name, "").strip() for name in names)


def has_content(environment: Mapping[str, str]) -> bool:
    """Whether spans are to tell inputs and outputs."""
    given = environment.get("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "")
    return given.strip().lower() in {"true", "span_only", "span_and_event"}


def make_metrics() -> Metrics:
    """Counters for a runner; `registry` is what an endpoint shows.

    Raises:
        MissingExtra: the client of Prometheus is not installed.
    """
    if not _has("prometheus_client"):
        raise MissingExtra("counting metrics", _EXTRA)
    from shoal.telemetry.metrics import Metrics

    return Metrics()


def joined(first: OnEvent | None, others: Sequence[OnEvent | None]) -> OnEvent | None:
    """One listener that tells many; what goes wrong in the others is logged once and ends no run."""
    listening = [each for each in others if each is not None]
    if not listening:
        return first

    def on_event(event: Event) -> None:
        if first is not None:
            first(event)
        for each in [*listening]:
            try:
                each(event)
            except Exception:
                _log.warning("telemetry is switched off: it raised", exc_info=True)
                listening.remove(each)

    return on_event


def _has(module: str) -> bool:
    try:
        return util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
