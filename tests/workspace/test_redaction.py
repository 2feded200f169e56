"""What is secret is hidden, and what is not stays as it is."""

from __future__ import annotations

import json
import logging
import random
from typing import Any

import pytest

from shoal.workspace.redaction import (
    HIDDEN,
    RedactedText,
    RedactingFilter,
    Redactor,
    forget_environment,
    is_secret_field,
    redact,
    secrets_in,
)

ENVIRONMENT = {
    "OPENAI_API_KEY": "plain-value-of-a-key",
    "PGPASSWORD": 'quo"ted pass',
    "DATABASE_URL": "postgresql://bank:s3cret-in-url@db:5432/bank",
    "SSH_AUTH_SOCK": "/tmp/agent.sock",
    "TOKENIZERS_PARALLELISM": "disabled-here",
    "MAX_TOKENS": "4000000",
    "SIGNING_KEY_FILE": "/etc/keys/signing.pem",
    "SHORT_TOKEN": "abc",
    "HOME": "/home/somebody",
}


@pytest.mark.parametrize(
    "text, wanted",
    [
        ("Authorization: Bearer abc.def", f"Authorization: {HIDDEN}"),
        ('{"authorization": "Basic dXNlcjpwYXNz"}', f'{{"authorization": "{HIDDEN}"}}'),
        ("sent Bearer abcDEF123456", f"sent Bearer {HIDDEN}"),
        ("postgres://bob:pw1@host/db is gone", f"postgres://bob:{HIDDEN}@host/db is gone"),
        ("host=db password=hunter2 port=1", f"host=db password={HIDDEN} port=1"),
        ("GET /v1?api_key=12ab&page=2", f"GET /v1?api_key={HIDDEN}&page=2"),
        ("{'client_secret': 'a b c'}", f"{{'client_secret': '{HIDDEN}'}}"),
        ("token: 8f14e45fce", f"token: {HIDDEN}"),
        ("OPENAI_KEY=abcd", f"OPENAI_KEY={HIDDEN}"),
        ("it is sk-proj-0123456789abcdefghij.", f"it is {HIDDEN}."),
        ("ghp_0123456789abcdefghij0123456789", HIDDEN),
        ("AKIAIOSFODNN7EXAMPLE was refused", f"{HIDDEN} was refused"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2ln", HIDDEN),
        ("x\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\ny", f"x\n{HIDDEN}\ny"),
        ("wrong key plain-value-of-a-key", f"wrong key {HIDDEN}"),
        ('in JSON "quo\\"ted pass"', f'in JSON "{HIDDEN}"'),
        ("in a URL quo%22ted%20pass", f"in a URL {HIDDEN}"),
        ("login of bank with s3cret-in-url", f"login of bank with {HIDDEN}"),
    ],
)
def test_hidden(text: str, wanted: str) -> None:
    redactor = Redactor(ENVIRONMENT)
    assert redactor.text(text) == wanted
    assert redactor.text(wanted) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "the budget of graph 'desk' is used up: 4000 tokens",
        "completion_tokens: 4000000, prompt_tokens=12",
        "basic information is here, and a bearer of news",
        "your password: it is wrong",
        "node 'decide' reads 'slots.key', but agent 'slots' gives 'amount: float'",
        "see https://example.com:8080/path?page=2 and me@example.com",
        "/tmp/agent.sock /etc/keys/signing.pem disabled-here abc /home/somebody",
        "the secretary's key figures; a tokenizer",
        "",
    ],
)
def test_left_alone(text: str) -> None:
    assert Redactor(ENVIRONMENT).text(text) == text


def test_fields_are_hidden_by_their_names_however_deep() -> None:
    value = {
        "name": "Ada",
        "apiKey": "qwertyuiop",
        "headers": [{"X-Auth-Token": ["abcd", 12], "Accept": "json"}],
        "key": "amount",
        "password_set": True,
        "token_type": "bearer",
    }
    assert Redactor({}).value(value) == {
        "name": "Ada",
        "apiKey": HIDDEN,
        "headers": [{"X-Auth-Token": [HIDDEN, HIDDEN], "Accept": "json"}],
        "key": "amount",
        "password_set": True,
        "token_type": "bearer",
    }
    assert set(secrets_in(value)) == {"qwertyuiop", "abcd"}
    assert set(secrets_in({"authorization": "Bearer zyxwv", "pin": "1234"})) == {"Bearer zyxwv", "zyxwv"}
    assert [is_secret_field(name) for name in ("access-key", "public_key", "max_tokens")] == [
        True,
        False,
        False,
    ]


def test_values_that_are_secret_here_are_hidden_in_all_their_forms() -> None:
    assert redact("bad key a b/c, a%20b%2Fc", also=["a b/c"]) == f"bad key {HIDDEN}, {HIDDEN}"


@pytest.mark.parametrize("seed", range(20))
def test_text_in_pieces_never_shows_a_part_of_a_secret(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK_PASSPHRASE", "correct horse battery")
    forget_environment()
    text = (
        "Dear Ada, use sk-proj-0123456789abcdefghij or Bearer abcDEF123456, password=hunter2 ok? "
        "东京 say correct horse battery or correct horse, then go to postgres://bob:pw1@host/db today"
    )
    chance = random.Random(seed)
    cuts = sorted(chance.sample(range(len(text)), k=30))
    told: list[str] = []
    pieces = RedactedText(also=["Ada"])
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        told.append(pieces.add(text[start:end]))
    before_the_end = "".join(told)
    whole = before_the_end + pieces.close()
    assert whole == redact(text, also=["Ada"])
    for secret in ("sk-", "abcDEF", "hunter", "battery", "pw1"):
        assert secret not in whole
    assert before_the_end.endswith("host/db")
    forget_environment()


def test_logs_are_redacted_with_their_tracebacks(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("shoal.somewhere.deep")
    caplog.handler.addFilter(RedactingFilter())
    try:
        with caplog.at_level(logging.DEBUG):
            try:
                raise ConnectionError("password=hunter2 and my-own-value")
            except ConnectionError:
                log.debug("asked %s", "token=abcdefg", exc_info=True, extra={"secrets": ("my-own-value",)})
        assert "hunter2" not in caplog.text
        assert "my-own-value" not in caplog.text
        assert f"asked token={HIDDEN}" in caplog.text
        assert f"ConnectionError: password={HIDDEN}" in caplog.text
    finally:
        caplog.handler.filters.clear()


def test_json_stays_json() -> None:
    value: dict[str, Any] = {"a": 1, "b": [None, True, 1.5, "Bearer abcDEF123456"]}
    assert json.loads(json.dumps(Redactor({}).value(value)))["b"][:3] == [None, True, 1.5]
