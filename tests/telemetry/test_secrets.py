"""50 secrets in environment, headers, arguments, prompts and errors: none gets out beside the data."""

from __future__ import annotations

import base64
import json
import logging
import random
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shoal.agents.engine import Request
from shoal.agents.scripted import ScriptedEngine
from shoal.errors import ShoalError
from shoal.graphs.plan import Node
from shoal.journal import MemoryJournal
from shoal.runs.events import to_json
from shoal.runs.runner import Runner
from shoal.telemetry.export import joined
from shoal.telemetry.metrics import Metrics
from shoal.telemetry.spans import Spans
from shoal.workspace.redaction import HIDDEN, RedactingFilter, forget_environment
from tests.graphs.plans import agent, node, plan, ref, tool, value

from .conftest import Traced

pytestmark = pytest.mark.anyio
CHANCE = random.Random(20)


def word(letters: str = string.ascii_letters + string.digits, size: int = 24) -> str:
    return "".join(CHANCE.choices(letters, k=size))


VARIABLES = (
    *("OPENAI_API_KEY", "PGPASSWORD", "GITHUB_TOKEN", "CLIENT_SECRET", "DB_PWD", "SIGNING_KEY"),
    *("SMTP_PASS", "AWS_CREDENTIALS", "SESSION_COOKIE", "PROXY_AUTH"),
)
IN_ENVIRONMENT = {name: word(string.ascii_lowercase, 12) for name in VARIABLES}
IN_HEADERS = [
    (f"{head}{secret}", secret)
    for head, secret in (
        ("Authorization: Bearer ", word()),
        ("authorization=", word(string.ascii_lowercase)),
        ("{'Authorization': 'Basic ", base64.b64encode(word().encode()).decode()),
        ("Proxy-Authorization: Digest ", word()),
        ("X-Api-Key: ", word(string.ascii_lowercase)),
        ("Cookie: session=", word()),
        ("sent Bearer ", word()),
        ("Set-Cookie: id=", word(string.ascii_lowercase)),
        ('{"x-api-key": "', word(string.ascii_lowercase)),
        ("with Basic ", base64.b64encode(word().encode()).decode()),
    )
]
ARGUMENTS = (
    *("password", "api_key", "apikey", "access_token", "client_secret", "db_password", "credentials"),
    *("authorization", "private_key", "user_pwd"),
)
IN_ARGUMENTS = {name: word(string.ascii_lowercase, 9) for name in ARGUMENTS}
IN_PROMPTS = [
    f"sk-proj-{word()}",
    f"ghp_{word(size=36)}",
    f"AKIA{word(string.ascii_uppercase, 16)}",
    f"eyJ{word()}.eyJ{word()}.{word()}",
    f"glpat-{word()}",
    f"xoxb-{word(string.digits, 12)}-{word()}",
    f"hf_{word(size=34)}",
    f"AIza{word(size=35)}",
    f"sk_live_{word()}",
    f"-----BEGIN PRIVATE KEY----- {word(size=64)} -----END PRIVATE KEY-----",
]
IN_ERRORS = [
    (text.format(secret), secret)
    for text, secret in (
        ("postgresql://bank:{}@db:5432/bank refused", word()),
        ("host=db user=bank password={} is wrong", word(string.ascii_lowercase)),
        ("GET https://api.example.com/v1?api_key={}&page=2 gave 401", word(string.ascii_lowercase)),
        ("{{'client_secret': '{}'}}", word(string.ascii_lowercase)),
        ("token: {}", word()),
        ("amqp://guest:{}@queue/ is gone", word(string.ascii_lowercase)),
        ('{{"refresh_token":"{}"}}', word(string.ascii_lowercase)),
        ("https://hooks.slack.com/services/T0/B0/{}", word()),
        ("https://x.blob.example.com/c?sig={}", word()),
        ("AccountKey={};EndpointSuffix=x", word()),
    )
]
SECRETS = [
    *IN_ENVIRONMENT.values(),
    *(secret for _, secret in IN_HEADERS),
    *IN_ARGUMENTS.values(),
    *IN_PROMPTS,
    *(secret for _, secret in IN_ERRORS),
]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, secret in IN_ENVIRONMENT.items():
        monkeypatch.setenv(name, secret)
    forget_environment()
    yield
    forget_environment()


def failing() -> list[Node]:
    """A tool that raises for every secret which an error may hold; every one has a fallback."""
    texts = [*IN_ENVIRONMENT.values(), *(text for text, _ in (*IN_HEADERS, *IN_ERRORS))]

    def fail_with(text: str) -> Any:
        def fail() -> dict[str, str]:
            raise ConnectionError(f"it did not work: {text} - {'x' * 600}")

        return fail

    kind = {"text": "str"}
    nodes = [
        node(f"e{i}", tool(fail_with(text), kind), fallback={"text": value("x")})
        for i, text in enumerate(texts)
    ]
    for i, (name, secret) in enumerate(IN_ARGUMENTS.items()):
        called = tool(refuse, kind, {name: "str"})
        nodes.append(node(f"a{i}", called, inputs={name: value(secret)}, fallback={"text": value("x")}))
    return nodes


def refuse(**arguments: str) -> dict[str, str]:
    raise PermissionError(f"refused {[*arguments.values()]} of {[*arguments]}")


def asking() -> list[Node]:
    """Agents whose prompts hold a secret: some repeat it, some fail with it."""
    return [
        node(
            f"p{i}",
            agent(f"agent{i}", {"text": "str"}, {"message": "str"}),
            inputs={"message": value(f"my key is {secret}, is it?")},
            accept=value(i % 3 == 0),
            fallback={"text": value("x")},
        )
        for i, secret in enumerate(IN_PROMPTS)
    ]


def answer(request: Request) -> dict[str, Any]:
    message = request.values["message"]
    if request.agent.name.endswith(("1", "4", "7")):
        raise ShoalError(f"the prompt is too long: {message}")
    if request.agent.name.endswith(("2", "5")):
        raise RuntimeError(message)
    return {"text": f"You wrote: {message} Well."}


def broken(password: str) -> int:
    raise OSError(f"the last one: {password}, {IN_ERRORS[0][0]}")


async def test_none_of_fifty_secrets_gets_out(
    environment: None, traced: Traced, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    assert len(SECRETS) == len(set(SECRETS)) == 50
    caplog.handler.addFilter(RedactingFilter())
    caplog.set_level(logging.DEBUG)
    last = node(
        "last", tool(broken, input={"password": "str"}), inputs={"password": ref("input.desk_password")}
    )
    made = plan(
        *failing(),
        *asking(),
        last,
        input={"message": "str", "desk_password": "str"},
    )
    names = [name for name in made.block.nodes if name.startswith("p")]
    metrics, journal = Metrics(), MemoryJournal()
    spans = Spans(traced.provider.get_tracer("shoal"), has_content=True)
    engine = ScriptedEngine({f"agent{i}": answer for i in range(len(names))})
    heard = joined(None, [spans.on_event, metrics.on_event])
    runner = Runner(engine, journal, on_event=heard)
    inputs = {"message": "hello", "desk_password": "input-of-the-run"}
    lines = [json.dumps(to_json(event)) async for event in runner.stream(made, inputs)]
    caplog.handler.filters.clear()
    run = json.loads(lines[0])["run"]
    row = await journal.run(run)
    metrics.write(tmp_path / "shoal.prom")
    places = {
        "traces": "\n".join(span.to_json() for span in traced.exporter.get_finished_spans()),
        "logs": caplog.text,
        "metrics": (tmp_path / "shoal.prom").read_text(encoding="utf-8"),
        "events": "\n".join(lines),
        "errors": str(row.error),
        "journal": "\n".join(each.message or "" for each in await journal.rows(run)),
    }
    found = {
        (place, secret)
        for place, text in places.items()
        for secret in (*SECRETS, "input-of-the-run")
        if secret in text or _core(secret) in text
    }
    assert found == set()
    assert row.error is not None and HIDDEN in row.error
    assert places["journal"].count(HIDDEN) >= 40
    assert all(f"raised {kind}" in places["journal"] for kind in ("ConnectionError", "PermissionError"))
    assert places["logs"].count("Traceback") > 30


def _core(secret: str) -> str:
    """The middle of a secret: no part of it may be left either."""
    third = len(secret) // 3
    return secret[third:-third] if third > 3 else secret
