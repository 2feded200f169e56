"""Events as lines, metrics in a file, spans to a collector."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from .conftest import Desk

ARGUMENTS = ("run", "desk", "hi", "--input", "customer=C-1", "--engine", "scripted")


def test_events_are_lines_of_json(desk: Desk) -> None:
    done = desk.call(*ARGUMENTS, "--stream")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[0]["type"] == "run_started"
    assert {line["type"] for line in lines} == {
        "run_started",
        "node_started",
        "node_finished",
        "node_waiting",
        "run_finished",
    }
    last = lines[-1]
    assert last.keys() == {
        "type", "run", "graph", "status", "output", "error", "prompt_tokens", "completion_tokens",
    }  # fmt: skip
    assert (last["type"], last["status"]) == ("run_finished", "waiting")


def test_a_failed_run_ends_its_lines_and_the_command_with_1(desk: Desk) -> None:
    (desk.root / "tools/broken").touch()
    done = desk.call(*ARGUMENTS, "--stream")
    assert done.returncode == 1
    last = json.loads(done.stdout.splitlines()[-1])
    assert (last["type"], last["status"]) == ("run_finished", "failed")


@pytest.mark.parametrize("other", [("--json",), ("--each", "lines.jsonl")])
def test_a_stream_is_of_one_run(desk: Desk, other: tuple[str, ...]) -> None:
    done = desk.call(*ARGUMENTS, "--stream", *other)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "--stream tells of one run, as JSON: leave out --json and --each\n"


def test_metrics_of_many_runs_land_in_a_file(desk: Desk) -> None:
    lines = "".join(json.dumps({"message": "hi", "customer": f"C-{i}"}) + "\n" for i in range(5))
    (desk.root / "lines.jsonl").write_text(lines, encoding="utf-8")
    done = desk.call("run", "desk", "--each", "lines.jsonl", "--engine", "scripted", "--metrics", "desk.prom")
    assert done.returncode == 0, done.stderr
    text = (desk.root / "desk.prom").read_text(encoding="utf-8")
    assert 'shoal_runs_total{graph="desk",status="waiting"} 5.0' in text
    assert 'shoal_node_attempts_total{graph="desk",kind="tool",node="account",outcome="done"} 5.0' in text


def test_a_place_that_metrics_cannot_be_written_to_is_said(desk: Desk) -> None:
    done = desk.call(*ARGUMENTS, "--metrics", "nowhere/desk.prom")
    assert done.returncode == 2
    assert "nowhere/desk.prom" in done.stderr
    assert "Traceback" not in done.stderr


class Collector(HTTPServer):
    """Keeps the names of the spans that are sent to it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.names: list[str] = []
        self.services: set[str] = set()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        assert isinstance(self.server, Collector)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            names = {each.key: each.value.string_value for each in resource.resource.attributes}
            self.server.services.add(names["service.name"])
            for scope in resource.scope_spans:
                self.server.names += [span.name for span in scope.spans]
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_spans_go_to_the_collector_that_the_environment_names(
    desk: Desk, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.server_port}")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "the-desk")
    done = desk.call(*ARGUMENTS)
    assert done.returncode == 0, done.stderr
    assert sorted(collector.names) == [
        "execute_tool account",
        "invoke_agent triage",
        "invoke_workflow desk",
        "waiting ask",
    ]
    assert collector.services == {"the-desk"}


def test_nothing_of_it_is_imported_unless_it_is_switched_on(desk: Desk) -> None:
    code = (
        "import sys; from shoal.cli.main import app\n"
        f"try: app({list(ARGUMENTS)!r})\n"
        "except SystemExit: pass\n"
        "print([name for name in ('opentelemetry', 'prometheus_client') if name in sys.modules])"
    )
    environment = {name: each for name, each in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=desk.root, capture_output=True, text=True, env=environment
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_errors_and_tracebacks_are_redacted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK_API_KEY", "plain-value-of-the-desk")
    for arguments in (("run", "plain-value-of-the-desk"), ("--debug", "run", "plain-value-of-the-desk")):
        done = desk.call(*arguments)
        assert done.returncode != 0
        assert "[redacted]" in done.stderr
        assert "plain-value-of-the-desk" not in done.stderr
