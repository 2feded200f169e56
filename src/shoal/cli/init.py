"""agentctl init: a new workspace with one small graph that runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Made if it is not there.")] = Path(),
) -> None:
    """Make a workspace: folders, and a small graph that runs as it is. Nothing is overwritten."""
    from shoal.cli.schema import FileKind, schema_text
    from shoal.workspace.starter import starter_files, write_files

    files = starter_files() | {f"schemas/{kind}.json": schema_text(kind).encode() for kind in FileKind}
    write_files(folder, files)
    inside = "" if folder.resolve() == Path.cwd() else f"cd {folder} && "
    typer.echo(f"{len(files)} files in {folder.resolve()}. Next:\n\n    {inside}agentctl check")
    typer.echo("    agentctl run refund O-1        # README.md says more")
