"""An OpenAI-compatible server that is asked for JSON: paced, repeated with care, and never asked twice.

Repeats cannot multiply the load of a server in trouble: besides a small reserve, only one request in ten may
be a repeat, and when it says "later" (429, Retry-After) nobody asks until then. Five requests in a row that
fail for good end the flow; what was answered is kept.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from shoal.datasets.answers import Answers, key_of_question
from shoal.datasets.flow import TeacherEntry
from shoal.errors import MissingExtra, ShoalError, one_line

__all__ = ["Reply", "Server"]

_ATTEMPTS = 5
_RESERVE = 5.0
"""Repeats that are allowed before anything has been answered."""
_SHARE = 0.1
"""Repeats that each answer allows."""
_FAILURES = 5
"""Requests that fail one after another until the server is given up."""
_LONGEST_WAIT_S = 60.0


class GarbledReply(Exception):
    """A body that cannot be read: the transport broke, not the model."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered; or why it did not."""

    text: str = ""
    fault: str | None = None
    detail: str = ""
    is_answer: bool = True
    """Whether it would answer the same again; not where it was out of order."""


class Server:
    """Asks one model of a server."""

    def __init__(self, entry: TeacherEntry, answers: Answers, *, first_wait_s: float = 0.5) -> None:
        self._entry = entry
        self._answers = answers
        self._first_wait_s = first_wait_s
        self._client: Any = None
        self._slots = asyncio.Semaphore(entry.at_once)
        self._reserve = _RESERVE
        self._not_before = 0.0
        self._num_failed = 0
        self._given_up: ShoalError | None = None
        self._has_schemas = True
        self.num_asked = 0
        """Requests that were sent, repeats included."""
        self.num_tokens = 0

    @property
    def name(self) -> str:
        """The model; where it is served is no part of what it wrote."""
        return str(self._entry.model)

    async def ask(self, messages: Sequence[Mapping[str, str]], schema: Mapping[str, Any], seed: int) -> Reply:
        """The model's answer as JSON text; the one that was kept, where it was asked before.

        Raises:
            MissingExtra: the package openai is not installed.
            ShoalError: the server refuses us, or failed again and again.
        """
        entry = self._entry
        key = key_of_question(entry.model, messages, schema, entry.temperature, entry.max_tokens, seed)
        if (kept := await self._answers.get(key)) is not None:
            return Reply(**json.loads(kept))
        async with self._slots:
            if self._given_up is not None:
                raise self._given_up
            reply = await self._answered(messages, schema, seed)
        if reply.is_answer:
            await self._answers.put(key, json.dumps(asdict(reply), ensure_ascii=False))
        return reply

    async def close(self) -> None:
        """Close connections."""
        if self._client is not None:
            await self._client.close()

    async def _answered(
        self, messages: Sequence[Mapping[str, str]], schema: Mapping[str, Any], seed: int
    ) -> Reply:
        import openai

        repeats = AsyncRetrying(
            retry=retry_if_exception(self._may_repeat),
            stop=stop_after_attempt(_ATTEMPTS),
            wait=self._wait,
            reraise=True,
        )
        try:
            reply: Reply = await repeats(self._send, messages, schema, seed)
        except (openai.APIError, GarbledReply) as err:
            return self._failed(err)
        self._num_failed = 0
        self._reserve = min(_RESERVE, self._reserve + _SHARE)
        return reply

    def _failed(self, err: Any) -> Reply:
        status = getattr(err, "status_code", None)
        told = one_line(str(getattr(err, "message", err)))[:300]
        if status in (401, 403, 404):
            remedy = f"Set {self._entry.key_env}" if status != 404 else "Mend `url` or `model`"
            self._given_up = ShoalError(
                f"the teacher {self.name} at {self._entry.url} answers {status}: {told}. {remedy}"
            )
            raise self._given_up from err
        self._num_failed += 1
        if self._num_failed >= _FAILURES:
            self._given_up = ShoalError(
                f"the teacher {self.name} at {self._entry.url} failed {_FAILURES} times in a row: {told}. "
                "What it answered until now is kept: run the same again when it is well"
            )
            raise self._given_up from err
        return Reply(fault="the teacher failed", detail=told, is_answer=False)

    def _may_repeat(self, err: BaseException) -> bool:
        """Whether a fault may pass, and another request would not burden the server."""
        import openai

        passing = (openai.APIConnectionError, openai.RateLimitError, openai.InternalServerError, GarbledReply)
        may_pass = isinstance(err, passing)
        if not may_pass or self._reserve < 1:
            return False
        self._reserve -= 1
        return True

    def _wait(self, state: RetryCallState) -> float:
        """Seconds until the next try; after "later" nobody asks before."""
        wait: float = min(_LONGEST_WAIT_S, self._first_wait_s * 2 ** (state.attempt_number - 1))
        err = state.outcome.exception() if state.outcome else None
        response = getattr(err, "response", None)
        if response is not None and response.status_code == 429:
            wait = min(_LONGEST_WAIT_S, _seconds(response.headers.get("retry-after"), wait))
            self._not_before = max(self._not_before, time.monotonic() + wait)
        return wait

    async def _send(
        self, messages: Sequence[Mapping[str, str]], schema: Mapping[str, Any], seed: int
    ) -> Reply:
        import openai

        await self._turn()
        entry = self._entry
        given: dict[str, Any] = {}
        if self._has_schemas:
            named = {"name": "answer", "schema": dict(schema), "strict": True}
            given["response_format"] = {"type": "json_schema", "json_schema": named}
        self.num_asked += 1
        try:
            answer = await self._opened().chat.completions.create(
                model=entry.model,
                messages=list(messages),
                temperature=entry.temperature,
                max_tokens=entry.max_tokens,
                seed=seed,
                **given,
            )
        except openai.BadRequestError:
            if not self._has_schemas:
                raise
            self._has_schemas = False  # some servers know no schemas: the prompt tells the form, too
            return await self._send(messages, schema, seed)
        except ValueError as err:
            raise GarbledReply(f"its reply is not JSON: {err}") from err
        self.num_tokens += getattr(getattr(answer, "usage", None), "total_tokens", None) or 0
        return _read(answer)

    async def _turn(self) -> None:
        """Wait until this request may be sent."""
        now = time.monotonic()
        at = max(now, self._not_before)
        if self._entry.per_minute is not None:
            self._not_before = at + 60 / self._entry.per_minute
        if at > now:
            await asyncio.sleep(at - now)

    def _opened(self) -> Any:
        if self._client is None:
            try:
                from openai import AsyncOpenAI
            except ImportError as err:
                raise MissingExtra(f"the teacher {self.name}", "teacher") from err
            key = os.environ.get(self._entry.key_env) or "none"  # servers of one's own need none
            self._client = AsyncOpenAI(
                base_url=self._entry.url, api_key=key, max_retries=0, timeout=self._entry.timeout_s
            )
        return self._client


def _read(answer: Any) -> Reply:
    # The client does not hold replies against their form.
    choices = getattr(answer, "choices", None)
    choice = choices[0] if isinstance(choices, list) and choices else None
    if getattr(choice, "finish_reason", None) == "length":
        return Reply(fault="the teacher's reply was cut off", detail="give it more `max_tokens`")
    text = getattr(getattr(choice, "message", None), "content", None)
    if not isinstance(text, str) or not text.strip():
        return Reply(fault="the teacher's reply holds nothing", detail=one_line(str(answer))[:300])
    return Reply(text)


def _seconds(text: str | None, default: float) -> float:
    try:
        return max(0.0, float(text)) if text else default
    except ValueError:  # a date
        return default
