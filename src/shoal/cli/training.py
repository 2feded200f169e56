"""How a training looks: a live line in the terminal, or lines of JSON for scripts."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from shoal.finetune.progress import Done, Event, Progress, Report

_EVERY_S = 1.0
"""Steps are told this often, and the last of each phase."""


@contextmanager
def shown(*, as_json: bool) -> Iterator[Report]:
    """Whoever looks on, for as long as the training goes on."""
    if as_json:
        yield JsonLines().report
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=12),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        live = Live(bar)
        yield live.report
    for done in live.done:
        for name, figure in done.figures.items():
            print(f"  {name:<32} {figure:.4f}")
        print(f"{done.adapter} is stored. To use it, say `adapter: {done.adapter}` in agents.yaml.")


class JsonLines:
    """One object a line."""

    def __init__(self) -> None:
        self._told_at = 0.0

    def report(self, event: Event) -> None:
        """Print an event; of steps only some."""
        from shoal.finetune.progress import Progress, line_of

        if isinstance(event, Progress) and event.step < event.steps:
            if time.monotonic() - self._told_at < _EVERY_S:
                return
            self._told_at = time.monotonic()
        sys.stdout.write(line_of(event) + "\n")
        sys.stdout.flush()


class Live:
    """A line that moves."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._task = bar.add_task("preparing", total=None, note="")
        self._dev = ""
        self.done: list[Done] = []

    def report(self, event: Event) -> None:
        """Show an event."""
        from shoal.finetune.progress import Done, Evaluated, Notice, Progress

        match event:
            case Notice(text=text):
                self._bar.console.print(text, highlight=False)
            case Evaluated(loss=loss):
                self._dev = f", dev {loss:.4f}"
            case Done():
                self.done.append(event)
            case Progress(phase=phase, step=step, steps=steps):
                note = self._note(event)
                self._bar.update(self._task, description=phase, completed=step, total=steps, note=note)

    def _note(self, now: Progress) -> str:
        left = f"{duration(now.seconds_left)} left"
        if now.phase != "train":
            return left
        mfu = f", MFU {now.mfu:.0%}" if now.mfu is not None else ""
        return f"loss {now.loss:.4f}{self._dev}, {now.tokens_per_s:,.0f} tokens/s{mfu}, {left}"


def duration(seconds: float) -> str:
    """A time as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
