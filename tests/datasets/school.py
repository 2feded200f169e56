"""A scripted OpenAI-compatible server in this process: real HTTP, faults on order, a log of requests."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from shoal.datasets.answers import key_of_question

Written = str | bytes


@dataclass(frozen=True, slots=True)
class Response:
    """What the server sends."""

    status: int = 200
    body: Written = ""
    headers: dict[str, str] = field(default_factory=dict)
    cut_at: int | None = None
    """Bytes of the body after which the connection is closed."""


def said(content: str, finish: str = "stop") -> Response:
    """A reply of a model."""
    body = {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "scripted",
        "choices": [
            {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content}}
        ],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }
    return Response(body=json.dumps(body))


def key_in(body: dict[str, Any]) -> str:
    """The hash under which the answer to a request is kept."""
    schema = body.get("response_format", {}).get("json_schema", {}).get("schema")
    return key_of_question(
        body["model"], body["messages"], schema, body["temperature"], body["max_tokens"], body["seed"]
    )


class School:
    """Answers each request by calling `answer` with its number and body."""

    def __init__(self, answer: Callable[[int, dict[str, Any]], Response]) -> None:
        self.answer = answer
        self.asked: list[dict[str, Any]] = []
        self.keys: list[tuple[str, str]] = []
        """Who asked (by its key of the server), and the hash of what."""
        self.under_way = self.most_under_way = 0
        self.after_reply: Callable[[int], None] = lambda number: None
        self._lock = threading.Lock()
        school = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                school._reply(self, json.loads(self.rfile.read(length)))

            def log_message(self, format: str, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """Clients that are killed are what some tests are about."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _reply(self, handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        with self._lock:
            number = len(self.asked)
            self.asked.append(body)
            self.keys.append((str(handler.headers["authorization"]), key_in(body)))
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            response = self.answer(number, body)
            payload = response.body if isinstance(response.body, bytes) else response.body.encode()
            handler.send_response(response.status)
            for name, value in {"content-type": "application/json", **response.headers}.items():
                handler.send_header(name, value)
            handler.send_header("content-length", str(len(payload)))
            handler.end_headers()
            handler.wfile.write(payload[: response.cut_at])
            handler.wfile.flush()
            if response.cut_at is not None:
                handler.close_connection = True
        except OSError:  # whoever asked is gone
            handler.close_connection = True
        finally:
            with self._lock:
                self.under_way -= 1
        self.after_reply(number)
