"""What a compiled piece of a graph file is to those who evaluate it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

Scope = Mapping[str, Any]
"""What expressions read: `input` and the outputs of nodes by name. A node that was skipped is absent."""


class Expression(Protocol):
    """A compiled piece of a graph file that yields a value."""

    @property
    def reads(self) -> frozenset[str]:
        """Nodes whose output must be there: if one of them was skipped, so is the reader."""
        ...

    @property
    def asks(self) -> frozenset[str]:
        """Nodes read only through `?`, which may have been skipped."""
        ...

    def evaluate(self, scope: Scope) -> Any:
        """The value, as plain JSON data. Raises ExpressionFailed."""
        ...


class ExpressionFailed(Exception):
    """An expression that was checked failed on these values, say a list index out of range."""
