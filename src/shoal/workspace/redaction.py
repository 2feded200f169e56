"""What is secret, and text without it: the one place that decides.

Secret are: values of environment variables whose names say so, and passwords in such that are URLs; values of
arguments and fields whose names say so; what follows `Authorization:`, `Bearer`, `Basic`, `password=` and
their kin; passwords in URLs; private keys, and keys of well-known shapes.

It is asked for what leaves a run beside its data: reasons of failures, errors, logs, spans, streamed events.
Inputs and outputs in the journal are the run's data and stay as they are. The environment is read once, at
the first question.
"""

from __future__ import annotations

import json
import logging
import os
import re
import traceback
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from typing import Any
from urllib.parse import quote, urlsplit

__all__ = [
    "HIDDEN",
    "RedactedText",
    "RedactingFilter",
    "Redactor",
    "forget_environment",
    "is_secret_field",
    "redact",
    "redact_logs",
    "redact_value",
    "secrets_in",
]

HIDDEN = "[redacted]"
"""Stands where a secret was."""

_SHORTEST_IN_ENVIRONMENT = 6
_SHORTEST_IN_FIELDS = 4
"""Shorter values are also words of other texts, which would be hidden with them."""

_SECRET_WORD = r"token(?!s|iz)|secret|passw|passphrase|api_?key|credential|authorization"
_SECRET_VARIABLE = re.compile(
    rf"{_SECRET_WORD}|(?:^|_)(?:keys?|pass|pw|auth|pat|jwt|cookie|dsn)(?:_|$)|.(?:pwd)\Z"
)
_SECRET_FIELD = re.compile(
    rf"{_SECRET_WORD}|(?:^|_)(?:pwd|auth|jwt|cookie)(?:_|$)"
    r"|(?:access|account|private|master|shared|signing|encryption)_?key"
)
_PLACE = re.compile(r"public|_(?:file|path|dir|sock|id|name|ttl|type|algorithm)\Z")
"""Names that tell where a secret is, or what kind it is."""
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_NAME_HINTS = ("pass", "pwd", "secret", "token", "key", "credential", "sig")
_NAMED = re.compile(
    r"(?i)(?P<kept>(?:passw(?:or)?d|passphrase|secret|token(?!s|iz)|credentials?|\b(?:pwd|pass)(?==)"
    r"|(?<=[?&])(?:key|sig)|(?:api|access|account|private|master|shared)[_-]?key|(?<=[_-])key(?==))[\w-]*"
    r"[\"']?\s*(?P<sign>[=:])\s*(?P<quote>[\"'])?)"
    r"(?P<value>(?<=[\"'])[^\"']{3,}|[^\s\"'&,;)]{3,})"
)
"""`password=...`, `"api_key": "..."`, `token: ...`."""
_SHAPES = tuple(
    (hints.split(), re.compile(pattern))
    for hints, pattern in (
        ("://", r"(?P<kept>[A-Za-z][\w+.-]*://[^\s/:@]*:)[^\s/@]+(?=@)"),
        (
            "authorization api-key cookie",
            r"(?P<kept>\b(?i:(?:proxy-)?authorization|x-api-key|(?:set-)?cookie)[\"']?"
            r"\s*[:=]\s*[\"']?)[^\r\n\"']{3,}",
        ),
        (
            "bearer basic",
            r"(?P<kept>\b(?i:bearer|basic)\s+)(?=\S*(?:[\d_=+/~]|[a-z][A-Z]))[\w.~+/=-]{8,}",
        ),
        (
            "-----begin",
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
        ),
        ("sk- sk_ pk_ rk_", r"\b(?:sk|pk|rk)[-_][\w-]{16,}"),
        (
            "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ hf_ npm_ dop_v1_ shpat_ whsec_",
            r"\b(?:gh[pousr]|github_pat|hf|npm|dop_v1|shpat|whsec)_\w{16,}",
        ),
        ("glpat- pypi- xox xapp-", r"\b(?:glpat|pypi|xox[abeoprs]|xapp)-[\w-]{10,}"),
        ("akia asia", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
        ("aiza", r"\bAIza[\w-]{30,}"),
        ("ya29.", r"\bya29\.[\w-]{8,}"),
        ("sg.", r"\bSG\.[\w-]{16,}\.[\w-]{16,}"),
        ("eyj", r"\beyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)?"),
        ("hooks.slack.com", r"(?<=hooks\.slack\.com/services/)[\w/]{10,}"),
    )
)
"""Each with words, in small letters, of which one is in every text that it matches."""


class Redactor:
    """Takes the secrets of one environment, and all that looks like one, out of texts."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        found = (value for name, value in environment.items() if _is_secret_variable(name))
        passwords = (_password(value) for value in environment.values() if "://" in value)
        self.secrets = _forms(_long_enough((*found, *passwords), _SHORTEST_IN_ENVIRONMENT))
        """In every form in which they may be written, the longest first."""

    def text(self, text: str, also: Iterable[str] = ()) -> str:
        """A text with its secrets hidden; `also` are values that are secret here."""
        for secret in (*_forms(also), *self.secrets):
            if secret in text:
                text = text.replace(secret, HIDDEN)
        small = text.lower()
        for hints, shape in _SHAPES:
            for hint in hints:
                if hint in small:
                    text = shape.sub(_hide_match, text)
                    break
        if ("=" in small or ":" in small) and any(hint in small for hint in _NAME_HINTS):
            text = _NAMED.sub(_hide_named, text)
        return text

    def value(self, value: Any, also: Iterable[str] = ()) -> Any:
        """JSON data with all its texts redacted, and hidden where the name of a field says so."""
        match value:
            case str():
                return self.text(value, also)
            case Mapping():
                return {
                    name: _hide(each) if is_secret_field(str(name)) else self.value(each, also)
                    for name, each in value.items()
                }
            case list() | tuple():
                return [self.value(each, also) for each in value]
        return value


class RedactedText:
    """Redacts a text that comes in pieces: gives on what cannot become part of a secret any more.

    A word is held back until it is complete; so is what may be the beginning of a known secret of many words.
    """

    def __init__(self, also: Iterable[str] = ()) -> None:
        self._also = tuple(also)
        self._raw = ""
        self._given = ""
        self._of_many_words = [
            each for each in (*_redactor().secrets, *self._also) if _ENDS_WORD.search(each)
        ]

    def add(self, piece: str) -> str:
        """Take in a piece, and return what may be shown now."""
        self._raw += piece
        return self._give(self._raw[: self._end()])

    def close(self) -> str:
        """The rest."""
        return self._give(self._raw)

    def _end(self) -> int:
        ends = [match.start() for match in _ENDS_WORD.finditer(self._raw)]
        end = ends[-1] if ends else 0
        for secret in self._of_many_words:
            for size in range(min(len(secret) - 1, end), 0, -1):
                if self._raw.endswith(secret[:size], 0, end):
                    end -= size
                    break
        return end

    def _give(self, raw: str) -> str:
        clean = redact(raw, self._also)
        if not clean.startswith(self._given):
            return ""  # what it began with turned out to be secret: nothing more of it is shown
        more, self._given = clean[len(self._given) :], clean
        return more


_ENDS_WORD = re.compile(r"[^\x21-\x7e]")
"""Secrets are of letters that a keyboard has; the scripts without spaces go on letter by letter."""


class RedactingFilter(logging.Filter):
    """Redacts log records; it belongs on handlers, because filters of loggers pass over their children."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact message and traceback; every record goes on. A record's own `secrets` are hidden, too."""
        also: tuple[str, ...] = getattr(record, "secrets", ())
        record.msg, record.args = redact(record.getMessage(), also), ()
        if record.exc_info and record.exc_info[1] is not None:
            record.exc_text = redact("".join(traceback.format_exception(record.exc_info[1])).rstrip(), also)
            record.exc_info = None
        if record.stack_info:
            record.stack_info = redact(record.stack_info, also)
        return True


def redact_logs() -> None:
    """Let nothing secret through the handlers that the root logger has now."""
    for handler in (*logging.getLogger().handlers, logging.lastResort):
        if handler is not None and not any(isinstance(each, RedactingFilter) for each in handler.filters):
            handler.addFilter(RedactingFilter())


def redact(text: str, also: Iterable[str] = ()) -> str:
    """A text with its secrets hidden; `also` are values that are secret here."""
    return _redactor().text(text, also)


def redact_value(value: Any, also: Iterable[str] = ()) -> Any:
    """JSON data with all its texts redacted, and hidden where the name of a field says so."""
    return _redactor().value(value, also)


def secrets_in(values: Mapping[str, Any]) -> tuple[str, ...]:
    """The values of arguments or fields whose names say that they are secret, however deep."""
    return tuple(_long_enough(_secrets_in(values), _SHORTEST_IN_FIELDS))


def forget_environment() -> None:
    """Read the environment anew at the next question."""
    _redactor.cache_clear()


@lru_cache(maxsize=4096)
def is_secret_field(name: str) -> bool:
    """Whether the name of a field or an argument says that its value is secret."""
    small = _CAMEL.sub("_", name).replace("-", "_").lower()
    return bool(_SECRET_FIELD.search(small)) and not _PLACE.search(small)


@cache
def _redactor() -> Redactor:
    return Redactor(os.environ)


def _is_secret_variable(name: str) -> bool:
    small = name.lower()
    return bool(_SECRET_VARIABLE.search(small)) and not _PLACE.search(small)


def _hide_match(match: re.Match[str]) -> str:
    return f"{match['kept'] if match.lastgroup else ''}{HIDDEN}"


def _hide_named(match: re.Match[str]) -> str:
    value, is_quoted = match["value"], match["quote"] is not None
    if match["sign"] == ":" and not is_quoted and (len(value) < 6 or not re.search(r"\d", value)):
        return match[0]  # a sentence, as in "the password: it is wrong"
    return f"{match['kept']}{HIDDEN}"


def _hide(value: Any) -> Any:
    match value:
        case None | bool():
            return value
        case Mapping():
            return {name: _hide(each) for name, each in value.items()}
        case list() | tuple():
            return [_hide(each) for each in value]
    return HIDDEN


def _secrets_in(value: Any, *, is_secret: bool = False) -> Iterator[str]:
    match value:
        case Mapping():
            for name, each in value.items():
                yield from _secrets_in(each, is_secret=is_secret or is_secret_field(str(name)))
        case list() | tuple():
            for each in value:
                yield from _secrets_in(each, is_secret=is_secret)
        case str() if is_secret:
            yield value
            yield from value.split()[1:]  # behind `Bearer`
        case int() if is_secret and not isinstance(value, bool):
            yield str(value)


def _long_enough(values: Iterable[str], shortest: int) -> Iterator[str]:
    for value in values:
        word = value.strip()
        if len(word) >= shortest and word.lower() not in {"false", "enabled", "disabled", "default"}:
            yield word


def _password(url: str) -> str:
    try:
        return urlsplit(url).password or ""
    except ValueError:
        return ""


def _forms(secrets: Iterable[str]) -> tuple[str, ...]:
    """Secrets as they are, in URLs, in JSON, and on one line; the longest first."""
    found = {
        form
        for each in secrets
        for form in (each, quote(each, safe=""), json.dumps(each)[1:-1], " ".join(each.split()))
    }
    return tuple(sorted(found, key=lambda form: (-len(form), form)))
