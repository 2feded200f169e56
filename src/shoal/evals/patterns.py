"""Regular expressions of suites, by RE2: their time grows with the text and no faster.

The engine is that of CEL, which graphs use too.
"""

from __future__ import annotations

from functools import lru_cache

from shoal.expressions.cel import plain_reason, program_of


def has_match(pattern: str, text: str) -> bool:
    """Whether a pattern matches somewhere in a text."""
    return bool(program_of("text.matches(pattern)").eval(data={"text": text, "pattern": pattern}).value())


@lru_cache(maxsize=512)
def pattern_fault(pattern: str) -> str | None:
    """What is wrong with a pattern, or None."""
    found = program_of("''.matches(pattern)").eval(data={"pattern": pattern})
    return plain_reason(str(found.plain_value())) if found.type().name() == "ERROR" else None
