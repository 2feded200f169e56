"""agentctl runs prune: removing runs that nobody needs any more."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from shoal.errors import InvalidInput, suggest

if TYPE_CHECKING:
    from shoal.journal.journal import Found, Journal, RunStatus

_OVER = ("done", "failed", "cancelled")
_SECONDS = {"m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_AGE_HELP = "Only runs that were begun longer ago than this: 45m, 12h, 30d, 8w."
_STATUS_HELP = f"Only runs that stand like this; may be repeated. Left out: {', '.join(_OVER)}."


@dataclass(frozen=True, slots=True)
class _Old:
    """Which runs are to go."""

    statuses: Collection[RunStatus]
    graph: str | None
    before: float | None
    keep: int

    async def find(self, journal: Journal) -> Sequence[Found]:
        found = await journal.find(self.statuses, graph=self.graph, before=self.before)
        return found[self.keep :]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pruned:
    """What is gone, or would be."""

    statuses: Counter[RunStatus]
    num_runs: int
    num_bytes: int = 0
    num_answers: int = 0


def prune(
    older_than: Annotated[str | None, typer.Option("--older-than", metavar="AGE", help=_AGE_HELP)] = None,
    status: Annotated[list[str] | None, typer.Option("--status", help=_STATUS_HELP)] = None,
    graph: Annotated[str | None, typer.Option("--graph", help="Only runs of this graph.")] = None,
    keep: Annotated[int, typer.Option("--keep", min=0, help="Keep the newest N of these.")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Remove old runs, and cached answers as old; never one that is under way."""
    if older_than is None and not keep:
        raise InvalidInput("say which runs may go: --older-than 30d, or --keep 1000 for all but the newest")
    before = None if older_than is None else time.time() - _age_s(older_than)
    old = _Old(_statuses(status or _OVER), graph, before, keep)
    pruned = asyncio.run(_look(old) if dry_run else _prune(old))
    _print(pruned, dry_run, as_json)


def _age_s(text: str) -> float:
    found = re.fullmatch(r"(\d{1,6})([mhdw])", text.strip())
    if found is None:
        raise InvalidInput(f"'{text}' is no age. Write a number and m, h, d or w: 45m, 12h, 30d, 8w")
    return float(int(found[1]) * _SECONDS[found[2]])


def _statuses(given: Sequence[str]) -> Collection[RunStatus]:
    from shoal.journal.journal import RunStatus

    known: dict[str, RunStatus] = {each: each for each in get_args(RunStatus) if each != "running"}
    for each in given:
        if each == "running":
            raise InvalidInput(
                "a run that is under way is not removed. Cancel it first: agentctl runs cancel"
            )
        if each not in known:
            raise InvalidInput(f"'{each}' is no status of a run. {suggest(each, known)}")
    return {known[each] for each in given}


async def _look(old: _Old) -> _Pruned:
    from shoal.agents.manifest import find_root
    from shoal.cli.session import opened_journal

    async with opened_journal(find_root(Path())) as journal:
        found = await old.find(journal)
    return _Pruned(statuses=Counter(each.status for each in found), num_runs=len(found))


async def _prune(old: _Old) -> _Pruned:
    from shoal.agents.manifest import find_root
    from shoal.cli.session import opened_journal
    from shoal.runs.cache import SqliteCache
    from shoal.workspace.store import Store

    root = find_root(Path())
    async with opened_journal(root) as journal:
        found = await old.find(journal)
        num_runs = await _delete(journal, old, [each.id for each in found])
        num_bytes = await journal.compact()
    num_answers = 0
    if old.graph is None and old.before is not None:  # answers are not told apart by graphs
        cache = SqliteCache(Store(root).cache)
        num_answers = cache.forget(old.before)
        cache.close()
    statuses = Counter(each.status for each in found)
    return _Pruned(statuses=statuses, num_runs=num_runs, num_bytes=num_bytes, num_answers=num_answers)


async def _delete(journal: Journal, old: _Old, run_ids: Sequence[str]) -> int:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("removing runs"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(run_ids))

        def tell(num_gone: int) -> None:
            progress.update(task, completed=num_gone)

        # Who was resumed since it was found is not removed: it stands otherwise now.
        return await journal.delete(run_ids, only=old.statuses, tell=tell)


def _print(pruned: _Pruned, is_dry: bool, as_json: bool) -> None:
    if as_json:
        record = {
            "runs": pruned.num_runs,
            "statuses": pruned.statuses,
            "bytes": pruned.num_bytes,
            "cached_answers": pruned.num_answers,
            "dry_run": is_dry,
        }
        typer.echo(json.dumps(record))
        return
    typer.echo(_told(pruned, is_dry))
    if pruned.num_answers:
        typer.echo(f"{pruned.num_answers:,} cached answers as old are forgotten.")


def _told(pruned: _Pruned, is_dry: bool) -> str:
    num_found = pruned.statuses.total()
    if not num_found:
        return "No run would be removed." if is_dry else "No run is removed."
    runs = "1 run" if num_found == 1 else f"{num_found:,} runs"
    each = ", ".join(f"{count:,} {status}" for status, count in pruned.statuses.most_common())
    if is_dry:
        return f"{runs} would be removed: {each}."
    stayed = num_found - pruned.num_runs
    less = f" {stayed:,} of them went on meanwhile and stay." if stayed else ""
    size = f" {pruned.num_bytes / 1e6:,.1f} MB are given back to the disk." if pruned.num_bytes else ""
    return f"{runs} {'is' if num_found == 1 else 'are'} removed: {each}.{less}{size}"
