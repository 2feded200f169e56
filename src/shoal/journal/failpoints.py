"""Places where a crash test can stop the process dead.

`SHOAL_FAILPOINT=result_commit.before:3` kills this process (SIGKILL, nothing is flushed) when it
comes to that place for the third time. Without the variable a failpoint costs one comparison.
"""

from __future__ import annotations

import os
import signal

FAILPOINTS = tuple(
    f"{place}.{side}"
    for place in (
        "run_insert",
        "node_start",
        "model_call",
        "model_reply",
        "result_commit",
        "join",
        "tool_intent",
        "tool_effect",
        "tool_result",
        "question",
        "group_commit",
        "run_finish",
    )
    for side in ("before", "after")
)

_name, _, _count = os.environ.get("SHOAL_FAILPOINT", "").partition(":")
_remaining = int(_count or 1)


def failpoint(name: str) -> None:
    """Die here if the environment says so."""
    if name == _name:
        _hit()


def _hit() -> None:
    global _remaining
    _remaining -= 1
    if _remaining == 0:
        os.kill(os.getpid(), signal.SIGKILL)
