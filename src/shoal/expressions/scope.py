"""What an expression may read, and what is known of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from shoal.expressions.lexer import Path
from shoal.workspace.types import Nullable, Record, Type, plain

Mode = Literal["value", "option", "null", "has"]
"""How a path is read: as its value; through `?`, as an optional of the type it has when it is there; on one
side of `== null`; or in `has(...)`, as whether it is there."""


class ExpressionError(Exception):
    """A text is not a valid expression; the message is a full sentence, `offset` counts characters."""

    def __init__(self, message: str, offset: int = 0) -> None:
        self.offset = offset
        self.others: tuple[ExpressionError, ...] = ()
        """What else is wrong with the same text."""
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Source:
    """Something expressions read by name."""

    type: Type
    gives: str
    """The subject of a sentence on its fields: `agent 'slots' gives`."""
    is_known: bool = True
    """False where a fault hides the type, which is `any` then: nothing more is told because of that."""


class _Everything(frozenset[Path]):
    """The facts that hold after a condition that could not be read: any, so that one fault is told once."""

    def __contains__(self, path: object) -> bool:
        return True

    def __or__(self, other: object) -> _Everything:
        return self

    __ror__ = __or__


EVERYTHING: frozenset[Path] = _Everything()


def joined(facts: Iterable[frozenset[Path]]) -> frozenset[Path]:
    """All facts together."""
    several = tuple(facts)
    is_all = any(each is EVERYTHING for each in several)
    return EVERYTHING if is_all else frozenset[Path]().union(*several)


def with_prefixes(paths: Iterable[Path]) -> frozenset[Path]:
    """These paths and all on the way to them: where `a.b` is not null, `a` is not."""
    return frozenset(path[:length] for path in paths for length in range(1, len(path) + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """All that one reader may read."""

    reader: str
    """The subject of sentences: `node 'decide'`."""
    sources: Mapping[str, Source]
    own: str | None = None
    """The reader's own node, where it may not read itself."""
    facts: frozenset[Path] = frozenset()
    """Paths that are known not to be null here, because a `when` says so."""
    skippable: frozenset[str] = frozenset()
    """Names of sources that may have been skipped."""
    needs: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """For sources that may be skipped: all that they need, directly or not, and are skipped with."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One path in the text of an expression."""

    path: Path
    type: Type
    start: int
    end: int
    mode: Mode
    asks: bool = False
    """The node may have been skipped: the first step is `.?`, or stands in `has`."""

    @property
    def written(self) -> str:
        """The path without marks."""
        return ".".join(self.path)


def listed(record: Record) -> str:
    """The fields of a record, for sentences."""
    if not record.fields:
        return "no fields"
    return "'" + ", ".join(f"{name}: {plain(kind)}" for name, kind in record.fields.items()) + "'"


def without_null(kind: Type) -> Type:
    """The type of a value that is there."""
    return kind.of if isinstance(kind, Nullable) else kind


def walk(scope: Mapping[str, Any], path: Path) -> Any:
    """The value at a path, or None where something on the way is absent or null."""
    value: Any = scope
    for name in path:
        if not isinstance(value, dict) or (value := value.get(name)) is None:
            return None
    return value
