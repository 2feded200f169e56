"""agentctl runs cancel: giving runs up for good."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shoal.errors import ShoalError

if TYPE_CHECKING:
    from shoal.journal.journal import Journal

_PATIENCE_S = 10.0
_PAUSE_S = 0.05


@dataclass(frozen=True, slots=True)
class _End:
    """What became of the wish to cancel a run."""

    run: str
    status: str | None
    """None if there is no such run."""
    text: str
    exit_code: int = 0


def cancel(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Ids, as `runs list` prints them.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a run.")] = False,
) -> None:
    """Give runs up for good, wherever they are executed; exit 1 if one was not cancelled."""
    ends = asyncio.run(_cancel_all([*dict.fromkeys(runs)]))
    for end in ends:
        if as_json:
            record = {"run": end.run, "status": end.status, "message": end.text}
            typer.echo(json.dumps(record, ensure_ascii=False))
        else:
            typer.echo(end.text, err=end.exit_code != 0)
    raise typer.Exit(max(end.exit_code for end in ends))


async def _cancel_all(runs: Sequence[str]) -> Sequence[_End]:
    from shoal.agents.manifest import find_root
    from shoal.cli.session import opened_journal

    async with opened_journal(find_root(Path())) as journal:
        refused = {run: end for run in runs if (end := await _wish(journal, run)) is not None}
        last = time.monotonic() + _PATIENCE_S
        return [refused.get(run) or await _end(journal, run, last) for run in runs]


async def _wish(journal: Journal, run: str) -> _End | None:
    """Cancel a run or ask for it; why not, if that is refused."""
    from shoal.journal.journal import RunOver

    try:
        await journal.cancel(run)
    except RunOver as error:
        return _End(run, error.status, str(error), exit_code=1)
    except ShoalError as error:
        return _End(run, None, str(error), error.exit_code)
    return None


async def _end(journal: Journal, run: str, last: float) -> _End:
    """How a run ended; whoever executes it looks every half second."""
    from shoal.journal.journal import CANCELLED

    while (found := await journal.run(run)).status == "running" and time.monotonic() < last:
        await asyncio.sleep(_PAUSE_S)
    if found.status == "cancelled":
        return _End(run, "cancelled", f"{run}  cancelled{(found.error or '').removeprefix(CANCELLED)}")
    if found.status == "running":
        text = (
            f"run {run} is still under way: the process that executes it does not answer. The run is "
            "cancelled as soon as it does, or is gone"
        )
    else:
        text = f"run {run} was {found.status} before it could be cancelled"
    return _End(run, found.status, text, exit_code=1)
