"""agentctl: registers the commands and turns errors into one line and an exit code.

Exit codes: 0 done, or waiting for a person; 1 a run failed or was cancelled; 2 bad input; 130 interrupted.
Nothing heavy is imported here: commands import what they need when they run.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from typing import Annotated, NoReturn

import typer

from shoal.cli import (
    agent,
    check,
    comparing,
    doctor,
    ending,
    eval,
    finetune,
    forks,
    graph,
    init,
    prune,
    run,
    runs,
    schema,
    worker,
)

_INTERRUPTED = 130
"""The exit code that Typer makes of Ctrl-C."""

app = typer.Typer(
    name="agentctl",
    help="Many small models, moving as one: check, run and tune graphs of small agents.",
    rich_markup_mode=None,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("run", cls=run.RunCommand)(run.run)
app.command("check")(check.check)
app.command("init")(init.init)
app.command("finetune")(finetune.finetune)
app.command("worker")(worker.worker)
app.command("doctor")(doctor.doctor)
app.command("schema")(schema.schema)
app.add_typer(agent.app, name="agent")
app.add_typer(graph.app, name="graph")
app.add_typer(eval.app, name="eval")
runs.app.command("cancel")(ending.cancel)
runs.app.command("prune")(prune.prune)
runs.app.command("fork")(forks.fork)
runs.app.command("replay")(forks.replay)
runs.app.command("diff")(comparing.diff)
app.add_typer(runs.app, name="runs")


def _version(show: bool) -> None:
    if show:
        from shoal import __version__

        typer.echo(f"agentctl {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    """Options of all commands; --debug is read from the arguments in `main`."""


def _prepare() -> None:
    """What every command relies on of its process."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that lacks a character is no reason to fail.
            stream.reconfigure(errors="backslashreplace")
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # SIGTERM ends a command as Ctrl-C does: runs under way are given up in order.
        signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))


def _drop_output() -> None:
    """Forget what could not be written, which Python would try again on its way out."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _redacted(text: str) -> str:
    from shoal.workspace.redaction import redact

    return redact(text)


def _end_with_traceback() -> NoReturn:
    import traceback

    print(_redacted(traceback.format_exc().rstrip()), file=sys.stderr)
    sys.exit(1)


def main() -> None:
    """The entry point of the command `agentctl`."""
    from shoal.errors import ShoalError

    is_debug = "--debug" in sys.argv[1:]
    _prepare()
    try:
        app(prog_name="agentctl")
    except ShoalError as error:
        if is_debug:
            _end_with_traceback()
        print(_redacted(str(error)), file=sys.stderr)
        sys.exit(error.exit_code)
    except SystemExit as end:
        if end.code == _INTERRUPTED:
            print("Interrupted. What was recorded stays: agentctl runs list", file=sys.stderr)
        raise
    except OSError as error:
        if is_debug:
            _end_with_traceback()
        place = error.filename or "the output"
        print(f"{place} cannot be read or written: {error.strerror}. Mend it and try again", file=sys.stderr)
        _drop_output()
        sys.exit(2)
    except Exception as error:
        if is_debug:
            _end_with_traceback()
        told = _redacted(f"{type(error).__name__}: {error}")
        print(f"Internal error, please report it: {told}. Where: agentctl --debug ...", file=sys.stderr)
        sys.exit(70)
