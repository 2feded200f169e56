"""Places where a test can stop the process, break it, or interrupt it.

`SHOAL_FAILPOINT=result_commit.before:3` kills this process (SIGKILL, nothing is flushed) when it comes to
that place for the third time. `...:3:raise` raises FailpointReached there instead, as a fault of the journal
or the disk would; `...:3:interrupt` is Ctrl-C. Without the variable a failpoint costs one comparison.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping

FAILPOINTS = tuple(
    f"{place}.{side}"
    for place in (
        "run_insert",
        "node_start",
        "model_call",
        "model_reply",
        "result_commit",
        "router_decision",
        "tool_intent",
        "tool_effect",
        "tool_result",
        "map_item",
        "join",
        "question",
        "group_commit",
        "run_finish",
    )
    for side in ("before", "after")
)


class FailpointReached(Exception):
    """Raised where a test wants a fault."""


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _raise() -> None:
    raise FailpointReached(_name)


def _interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


_ACTS: Mapping[str, Callable[[], object]] = {"kill": _kill, "raise": _raise, "interrupt": _interrupt}
_name = ""
_remaining = 0
_act: Callable[[], object] = _kill


def arm(setting: str, act: Callable[[], object] | None = None) -> None:
    """Let a failpoint act from now on, as `name[:count[:act]]` says; an empty setting disarms it."""
    global _name, _remaining, _act
    _name, count, kind = [*setting.split(":"), "", ""][:3]
    _remaining = int(count or 1)
    _act = act or _ACTS[kind or "kill"]


def failpoint(name: str) -> None:
    """Stop here if a test wants it."""
    if name == _name:
        _hit()


def _hit() -> None:
    global _remaining
    _remaining -= 1
    if _remaining == 0:
        _act()


arm(os.environ.get("SHOAL_FAILPOINT", ""))
