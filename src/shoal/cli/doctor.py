"""agentctl doctor: what is here, what is missing, and how to get it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import util
from pathlib import Path
from typing import Annotated

import typer

_EMBEDDED = ("torch", "transformers", "peft", "llguidance")
_FREE_BYTES = 500_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    name: str
    is_well: bool
    detail: str
    """What was found, or what to do."""


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print findings as JSON.")] = False) -> None:
    """Look at Python, packages, models, workspace and disk; exit 2 if something is missing."""
    findings = [*_machine(), *_packages(), *_workspace()]
    if as_json:
        import json

        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            typer.echo(
                f"{'ok     ' if finding.is_well else 'missing'}  {finding.name:<{width}}  {finding.detail}"
            )
    if not all(finding.is_well for finding in findings):
        raise typer.Exit(2)


def _machine() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding(
        name="python", is_well=sys.version_info >= (3, 11), detail=f"{version}, 3.11 or newer is needed"
    )
    yield Finding(name="processors", is_well=True, detail=f"{os.cpu_count()}")
    free = shutil.disk_usage(Path.cwd()).free
    yield Finding(name="disk", is_well=free > _FREE_BYTES, detail=f"{free / 1e9:.1f} GB free")


def _packages() -> Iterator[Finding]:
    from importlib import metadata  # 14 ms that only this command needs

    for name in _EMBEDDED:
        if util.find_spec(name) is None:
            yield Finding(name=name, is_well=False, detail="run: pip install 'shoal[embedded]'")
        else:
            yield Finding(name=name, is_well=True, detail=metadata.version(name))


def _workspace() -> Iterator[Finding]:
    from shoal.agents.bases import locate
    from shoal.agents.manifest import find_root
    from shoal.errors import ShoalError
    from shoal.graphs.check import check_workspace

    try:
        root = find_root(Path())
    except ShoalError as error:
        yield Finding(name="workspace", is_well=False, detail=str(error))
        return
    checked = check_workspace(root)
    errors = [problem for problem in checked.problems if not problem.is_warning]
    detail = (
        f"{len(errors)} problems, see: agentctl check" if errors else f"{root}, {len(checked.plans)} graphs"
    )
    yield Finding(name="workspace", is_well=not errors, detail=detail)
    bases = {agent.base.name: agent.base for agent in checked.workspace.agents.values()}
    for name, base in sorted(bases.items()):
        try:
            yield Finding(name=f"base {name}", is_well=True, detail=str(locate(base, root)))
        except ShoalError as error:
            yield Finding(name=f"base {name}", is_well=False, detail=str(error))
