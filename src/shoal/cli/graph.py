"""agentctl graph: look at a graph."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from shoal.errors import InvalidInput

_ENDINGS = (".svg", ".mmd", ".md", ".txt")

app = typer.Typer(help="Look at graphs.", no_args_is_help=True, rich_markup_mode=None)


class Format(StrEnum):
    """How a graph is drawn."""

    mermaid = "mermaid"
    svg = "svg"


@app.callback()
def _group() -> None:
    """Look at graphs."""


@app.command()
def show(
    graph: Annotated[str, typer.Argument(help="The name of a graph, or its file.")],
    form: Annotated[Format, typer.Option("--format", help="mermaid (text) or svg.")] = Format.mermaid,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file.")] = None,
    expand: Annotated[
        bool, typer.Option("--expand", help="Show what is inside the graphs that it calls.")
    ] = False,
) -> None:
    """Draw a graph: nodes, and what they read from each other. A file ending in .svg is drawn as SVG."""
    from shoal.agents.manifest import find_root
    from shoal.graphs.check import load_plan
    from shoal.pictures.draw import mermaid
    from shoal.pictures.picture import svg

    if output is not None and output.suffix not in _ENDINGS:
        raise InvalidInput(f"{output} cannot be drawn. Name a file that ends in {', '.join(_ENDINGS)}")
    plan = load_plan(find_root(Path()), graph)
    is_svg = form is Format.svg or (output is not None and output.suffix == ".svg")
    drawing = svg(plan, expand=expand) if is_svg else mermaid(plan, expand=expand)
    if output is None:
        typer.echo(drawing)
        return
    from shoal.workspace.store import write_atomic

    write_atomic(output, drawing.encode())
    typer.echo(f"{output} shows graph '{plan.name}'.")
