"""One attempt at one node: ask an agent or call a tool, and bring what comes back into its type."""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
import hashlib
import logging
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from shoal.agents.agent import Agent
from shoal.agents.engine import Engine, OnText, Request, Usage
from shoal.errors import ShoalError
from shoal.graphs.plan import Tool
from shoal.journal.failpoints import failpoint
from shoal.journal.journal import RowKind
from shoal.workspace.redaction import redact, secrets_in
from shoal.workspace.types import ValueMismatch, read

SAMPLING_TEMPERATURE = 0.7
"""Of an agent that is asked again, or in the later samples of a vote; the first time it answers greedily."""

_ATOMS = frozenset({str, int, bool, type(None)})
_NESTED = frozenset({dict, list})
_MOST_READ = 20_000
"""Characters of an error that are looked at."""

_log = logging.getLogger(__name__)


class AttemptFailed(Exception):
    """The work gave nothing that can be used; the message is a sentence without the place."""


class Made(NamedTuple):
    """What one attempt gave."""

    output: Any
    confidence: float | None = None
    usage: Usage = Usage()


async def ask_agent(
    engine: Engine,
    agent: Agent,
    inputs: Mapping[str, Any],
    *,
    key: str,
    is_sampled: bool,
    on_text: OnText | None = None,
) -> Made:
    """Ask an agent; `key` names the attempt, so that a resumed run samples the same.

    With `on_text` somebody reads along.

    Raises:
        AttemptFailed: the engine could not, or its answer does not fit the agent's output.
    """
    request = Request(
        agent=agent,
        values=inputs,
        temperature=SAMPLING_TEMPERATURE if is_sampled else 0.0,
        seed=int.from_bytes(hashlib.sha256(key.encode()).digest()[:4]) >> 1,
        on_text=on_text,
    )
    failpoint("model_call.before")
    try:
        answer = await engine.complete(request)
    except (ValueMismatch, ShoalError) as error:
        raise AttemptFailed(str(error)) from error
    except Exception as error:
        _log.debug("agent %s raised", agent.name, exc_info=True, extra={"secrets": secrets_in(inputs)})
        raise AttemptFailed(f"agent '{agent.name}' raised {_describe(error)}") from error
    failpoint("model_call.after")
    failpoint("model_reply.before")
    try:
        output = read(agent.output, answer.output, "its output")
    except ValueMismatch as error:
        raise AttemptFailed(str(error)) from error
    failpoint("model_reply.after")
    return Made(output, answer.confidence, answer.usage)


async def call_tool(tool: Tool, inputs: Mapping[str, Any], *, key: str) -> Made:
    """Call a tool: in this loop if it is async, else in a thread of its own.

    Raises:
        AttemptFailed: it raised, or its result does not fit its declared type.
    """
    # A tool may change what it is given; other nodes read the same value.
    arguments = {name: to_plain(value) if type(value) in _NESTED else value for name, value in inputs.items()}
    if tool.takes_key:
        arguments["idempotency_key"] = key
    failpoint("tool_effect.before")
    if tool.is_async:
        try:
            result = await tool.function(**arguments)
        except (Exception, SystemExit) as error:
            raise _raised(tool, error, inputs) from error
        except asyncio.CancelledError as error:
            if (task := asyncio.current_task()) and task.cancelling():
                raise
            raise _raised(tool, error, inputs) from error  # it got out of the tool; nobody cancels us
    else:
        result = await _in_thread(tool, arguments)
    failpoint("tool_effect.after")
    failpoint("tool_result.before")
    try:
        output = read(tool.output, to_plain(result), "its result")
    except ValueMismatch as error:
        raise AttemptFailed(str(error)) from error
    failpoint("tool_result.after")
    return Made(output)


def to_plain(value: Any) -> Any:
    """Plain JSON data of what a tool returns: records become dicts. Raises ValueMismatch."""
    if type(value) in _ATOMS:
        return value
    if isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        raise ValueMismatch(f"its result holds {value}, which JSON cannot")
    if isinstance(value, Mapping):
        return {str(name): to_plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(each) for each in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if hasattr(value, "model_dump"):  # a pydantic model, without importing pydantic to ask
        return to_plain(value.model_dump(mode="json"))
    raise ValueMismatch(f"its result holds a {type(value).__name__}, which JSON cannot")


def sentence(text: str, secrets: Sequence[str] = ()) -> str:
    """Text of others without secrets, on one line, cut where it gets long."""
    return in_one_line(redact(text[:_MOST_READ], secrets))  # uncut, or a part of a secret would be left


def recorded(kind: RowKind, message: str, *given: Mapping[str, Any] | None) -> str:
    """What is recorded as the reason, without the secrets among what was given.

    A question is data, and skips are in our words.
    """
    if kind == "waiting" or kind == "skipped":
        return in_one_line(message)
    return sentence(message, [secret for inputs in given for secret in secrets_in(inputs or {})])


def in_one_line(text: str) -> str:
    """Text on one line of storable characters, cut where it gets long."""
    line = " ".join(text.encode("utf-8", "replace").decode().split())
    return line if len(line) <= 500 else line[:497] + "..."


async def _in_thread(tool: Tool, arguments: Mapping[str, Any]) -> Any:
    """Call a sync tool in a daemon thread: one that hangs past its time limit must not hold up the exit."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()

    def settle(result: Any, error: BaseException | None) -> None:
        if not future.done():
            future.set_result((result, error))

    def work() -> None:
        outcome = _outcome(tool.function, arguments)
        try:
            loop.call_soon_threadsafe(settle, *outcome)
        except RuntimeError:
            _log.debug("tool %s ended after its run", tool.name)

    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(work,), name=f"tool {tool.name}", daemon=True).start()
    result, error = await future
    if error is not None:
        raise _raised(tool, error, arguments) from error
    return result


def _outcome(function: Callable[..., Any], arguments: Mapping[str, Any]) -> tuple[Any, BaseException | None]:
    try:
        return function(**arguments), None
    except BaseException as error:
        return None, error


def _raised(tool: Tool, error: BaseException, inputs: Mapping[str, Any]) -> AttemptFailed:
    _log.debug("tool %s raised", tool.name, exc_info=error, extra={"secrets": secrets_in(inputs)})
    return AttemptFailed(f"tool '{tool.name}' raised {_describe(error)}")


def _describe(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:
        text = ""  # its own text raises
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
