"""What switches telemetry on, and what happens when it fails."""

from __future__ import annotations

import sys

import pytest

from shoal.errors import MissingExtra
from shoal.runs.events import Event, RunStarted
from shoal.telemetry.export import exported_spans, has_content, is_wanted, joined, make_metrics

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}


def test_only_an_endpoint_switches_spans_on() -> None:
    assert not is_wanted({})
    assert not is_wanted({"OTEL_EXPORTER_OTLP_ENDPOINT": " "})
    assert is_wanted(ENDPOINT)
    assert is_wanted({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"})
    assert not is_wanted(ENDPOINT | {"OTEL_SDK_DISABLED": "true"})
    assert not is_wanted(ENDPOINT | {"OTEL_TRACES_EXPORTER": "none"})
    with exported_spans({}) as listener:
        assert listener is None


def test_content_is_off_unless_the_standard_variable_says_so() -> None:
    name = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
    assert [has_content({name: each}) for each in ("true", "SPAN_ONLY", "span_and_event")] == [True] * 3
    assert [has_content(each) for each in ({}, {name: "false"}, {name: "EVENT_ONLY"})] == [False] * 3


def test_what_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk", None)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(MissingExtra, match=r"OTEL_EXPORTER_OTLP_ENDPOINT needs .* 'shoal\[telemetry\]'"):
        exported_spans(ENDPOINT).__enter__()
    with pytest.raises(MissingExtra, match=r"counting metrics needs .* 'shoal\[telemetry\]'"):
        make_metrics()


def test_telemetry_that_fails_is_left_out_and_ends_no_run(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[Event] = []

    def broken(event: Event) -> None:
        raise RuntimeError("no more room")

    listener = joined(heard.append, [broken, None, heard.append])
    assert listener is not None
    event = RunStarted("r", "test", False)
    for _ in range(2):
        listener(event)
    assert heard == [event] * 4
    assert caplog.text.count("telemetry is switched off") == 1
    assert joined(None, [None]) is None
