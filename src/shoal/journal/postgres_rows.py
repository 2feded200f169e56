"""Rows of the tables in PostgreSQL: what they are made of, and what is made of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from shoal.journal.digests import INLINE, PLACE, digest_of, sha256_of
from shoal.journal.journal import JournalCorrupt, NodeRow, RunRow, encode
from shoal.journal.postgres_schema import NODE

Values = Mapping[str | None, Any]
"""What stands in rows, by what stands for it."""


def of_node(row: NodeRow, blobs: dict[str, str]) -> Sequence[Any]:
    """The columns of a row; a large value is added to `blobs`."""
    place = None if row.output is None else put(blobs, encode(row.output))
    confidence = None if row.confidence is None else float(row.confidence)
    given = (row.run, row.path, row.attempt, row.kind, place, storable(row.message), confidence)
    values = (*given, row.prompt_tokens, row.completion_tokens, float(row.started), float(row.ms))
    return (*values, digest_of(values))


def put(blobs: dict[str, str], text: str, inline: int = INLINE) -> str:
    """What stands for a value in its row: itself, or its place in `blobs`, where it is then added."""
    if len(text) <= inline:
        return text
    sha256 = sha256_of(text)
    blobs[sha256] = text
    return PLACE + sha256


def storable(text: str | None) -> str | None:
    """PostgreSQL stores no NUL and no half of a surrogate pair; JSON text has none, a message may."""
    return text and text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def read_run(row: Any, values: Values, is_alive: bool, journal: str) -> RunRow:
    """A run, whether its owner is alive or not. Raises JournalCorrupt, which names the journal."""
    run_id, status = row["id"], row["status"]
    outcome = (run_id, status, row["output"], row["error"])
    if row["digest"] != digest_of(row[:7]) or row["outcome_digest"] != digest_of(outcome):
        raise JournalCorrupt(journal, run_id, "its row in the table of runs")
    if is_alive:
        status = "running"
    elif status == "running":
        status = "interrupted"
    return RunRow(
        id=run_id,
        graph=row["graph"],
        file=row["file"],
        plan_sha256=row["plan"],
        parts=values[row["parts"]],
        inputs=values[row["inputs"]],
        status=status,
        created=row["created"],
        output=values[row["output"]],
        error=row["error"],
    )


def read_node(row: Any, values: Values, journal: str) -> NodeRow:
    """A row of a run. Raises JournalCorrupt."""
    *given, digest = row
    if digest != digest_of(given):
        raise JournalCorrupt(journal, row["run"], f"what is recorded of node '{row['path']}'")
    fields = dict(zip(NODE, given, strict=False))
    return NodeRow(**fields | {"output": values[row["output"]]})


async def values_at(db: Any, places: Mapping[str | None, str], journal: str) -> dict[str | None, Any]:
    """What stands in rows; `places` says which run to blame. Raises JournalCorrupt."""
    wanted = [place.removeprefix(PLACE) for place in places if place and place.startswith(PLACE)]
    query = "SELECT sha256, data FROM shoal.blobs WHERE sha256 = ANY($1)"
    blobs = dict(await db.fetch(query, wanted)) if wanted else {}
    for sha256 in wanted:
        if sha256_of(blobs.get(sha256)) != sha256:
            raise JournalCorrupt(journal, places[PLACE + sha256], f"a stored value ({sha256[:12]})")
    texts = {PLACE + sha256: data for sha256, data in blobs.items()}
    return {place: place and json.loads(texts.get(place, place)) for place in places}
