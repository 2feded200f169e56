"""Caches as evaluations use them: written in groups, or only written."""

from __future__ import annotations

import asyncio

from shoal.runs.cache import Cache, Kept, SqliteCache

_FLUSH_AFTER_S = 0.02
"""What a kill may cost: answers that are younger are asked for again."""
_MOST_PENDING = 200


class GroupedCache:
    """A cache of a file whose writes are gathered: many quick answers are one transaction."""

    def __init__(self, cache: SqliteCache) -> None:
        self._cache = cache
        self._pending: dict[str, Kept] = {}
        self._timer: asyncio.TimerHandle | None = None

    def get(self, key: str, max_age_s: float) -> Kept | None:
        """What is kept under a key, unless it is too old."""
        return self._pending.get(key) or self._cache.get(key, max_age_s)

    def put(self, key: str, kept: Kept) -> None:
        """Keep it under a key, soon."""
        self._pending[key] = kept
        if len(self._pending) >= _MOST_PENDING:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_FLUSH_AFTER_S, self.flush)

    def flush(self) -> None:
        """Write what was gathered."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        pending, self._pending = self._pending, {}
        self._cache.put_all(pending)


class FreshCache:
    """A cache that has nothing and keeps everything."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def get(self, key: str, max_age_s: float) -> Kept | None:
        """Nothing."""
        return None

    def put(self, key: str, kept: Kept) -> None:
        """Keep it under a key."""
        self._cache.put(key, kept)
