"""How a training looks: a live line in the terminal, or lines of JSON for scripts."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from shoal.finetune.progress import Event
    from shoal.finetune.train import Trained

_EVERY_S = 1.0
"""Steps are told this often, and the last of each phase."""


class Display(Protocol):
    """Somebody who looks on."""

    def report(self, event: Event) -> None:
        """Something happened."""
        ...

    def done(self, trained: Trained) -> None:
        """An adapter is stored."""
        ...


@contextmanager
def shown(*, as_json: bool) -> Iterator[Display]:
    """A display for as long as the training goes on."""
    if as_json:
        yield JsonLines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        yield Live(bar)


class JsonLines:
    """One object a line, each with the key `event`."""

    def __init__(self) -> None:
        self._told_at = 0.0

    def report(self, event: Event) -> None:
        """Print an event; of steps only some."""
        from dataclasses import asdict

        from shoal.finetune.progress import Progress

        if not isinstance(event, Progress):
            self._print(type(event).__name__.lower(), asdict(event))
        elif event.step == event.steps or time.monotonic() - self._told_at >= _EVERY_S:
            self._told_at = time.monotonic()
            self._print(event.phase, asdict(event) | {"seconds_left": event.seconds_left})

    def done(self, trained: Trained) -> None:
        """Print what was made."""
        figures = dict(trained.outcome.figures)
        self._print("done", {"adapter": trained.adapter, "sha256": trained.sha256, "figures": figures})

    @staticmethod
    def _print(event: str, fields: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps({"event": event, **fields}) + "\n")
        sys.stdout.flush()


class Live:
    """A line that moves."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._task = bar.add_task("preparing", total=None, note="")
        self._dev = ""

    def report(self, event: Event) -> None:
        """Show an event."""
        from shoal.finetune.progress import Evaluated, Notice, Progress

        match event:
            case Notice(text=text):
                self._bar.console.print(text, highlight=False)
            case Evaluated(loss=loss):
                self._dev = f", dev {loss:.4f}"
            case Progress():
                self._bar.update(
                    self._task,
                    description=event.phase,
                    completed=event.step,
                    total=event.steps,
                    note=self._note(event),
                )

    def done(self, trained: Trained) -> None:
        """The command says it when the display is gone."""

    def _note(self, now: Any) -> str:
        left = f"about {_duration(now.seconds_left)} left"
        if now.phase != "train":
            return left
        mfu = f", MFU {now.mfu:.0%}" if now.mfu is not None else ""
        return f"loss {now.loss:.4f}{self._dev}, {now.tokens_per_s:,.0f} tokens/s{mfu}, {left}"


def _duration(seconds: float) -> str:
    """A time as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
