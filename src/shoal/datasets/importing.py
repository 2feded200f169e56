"""Data that exists already, through the same filters: agentctl agent data NAME --import FILE."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shoal.agents.agent import Agent
from shoal.agents.manifest import load_workspace
from shoal.datasets.cards import card_of, told, warnings_of
from shoal.datasets.decontamination import suites_of
from shoal.datasets.flow_files import load_flow
from shoal.datasets.lexicons import SplitPart
from shoal.datasets.made import IMPORT, Progress
from shoal.datasets.making import Maker
from shoal.datasets.rows import fitted
from shoal.datasets.seeds import Seeds
from shoal.datasets.store import DataSet, DataSets
from shoal.datasets.tables import Columns, Line, columns_of, example_of, read_table
from shoal.datasets.teaching import Lesson, Order, Taught
from shoal.errors import InvalidFiles, Problem, ShoalError, suggest
from shoal.workspace.types import ValueMismatch

_MAX_PROBLEMS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportWish:
    """What is to be imported, and how."""

    files: Mapping[SplitPart, Path]
    """At least the file to train on."""
    columns: Sequence[str] = ()
    """COLUMN=FIELD."""
    licence: str = "unknown"
    drops_bad: bool = False
    """Lines that do not fit go to the rejects; else they are refused."""
    flow: str | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class _Table:
    file: str
    lines: list[Line]
    columns: Columns


class TableTeacher:
    """Gives the rows of tables, part by part."""

    name = IMPORT
    each = 256
    at_once = 1

    def __init__(self, tables: Mapping[SplitPart, _Table], agent: Agent, licence: str) -> None:
        self._tables = tables
        self._agent = agent
        self._licence = licence
        self.keeps_parts = True

    def budget(self, part: SplitPart, wanted: int, factor: float) -> int:
        """All orders that there are rows for."""
        return math.ceil(wanted / self.each)

    async def teach(self, order: Order) -> Lesson:
        """The next rows of a table."""
        table = self._tables[order.part]
        first = order.number * self.each
        lines = table.lines[first : first + self.each]
        rows = []
        for line in lines:
            made = example_of(line, table.columns, self._agent)
            source = f"{table.file}:{line.number}"
            rows.append(
                Taught(input=made["input"], output=made["output"], source=source, licence=self._licence)
            )
        return Lesson(order=Order(number=order.number, part=order.part, count=len(rows)), rows=tuple(rows))

    async def close(self) -> None:
        """Nothing is held."""


async def import_data(
    root: Path, name: str, wish: ImportWish, on_progress: Callable[[Progress], None] | None = None
) -> DataSet:
    """Make a data set of tables.

    Raises:
        InvalidFiles: with the lines that do not fit.
        InvalidInput: a field has no column.
        ShoalError: nothing is left after the filters.
    """
    workspace = load_workspace(root, with_adapters=False)
    if name not in workspace.agents:
        raise ShoalError(f"there is no agent '{name}'. {suggest(name, workspace.agents)}")
    agent = workspace.agents[name]
    tables = {part: _read(path, root, agent, wish) for part, path in wish.files.items()}
    if not wish.drops_bad:
        _check(tables.values(), agent)
    flow = load_flow(root, wish.flow or "import", name, "skill")
    measured = suites_of(root)
    maker = Maker(
        agent=agent,
        flow=flow,
        teacher=TableTeacher(tables, agent, wish.licence),
        measured=measured,
        on_progress=on_progress,
        wanted={part: len(table.lines) for part, table in tables.items()},
    )
    made = await maker.make(Seeds(train=(), heldout=()))
    made.warnings += warnings_of(made, agent, flow, None)
    teacher = {"name": IMPORT, "columns": {part: dict(table.columns) for part, table in tables.items()}}
    card = card_of(made, agent, flow, teacher=teacher, root=root, measured=measured)
    rejects = [each.as_json() for each in made.funnel.rejects]
    sets = DataSets(workspace.store)
    if not made.parts["train"]:
        sets.keep_attempt(name, rejects, card)
        why = told(made.stopped) if made.stopped else "There are no rows"
        raise ShoalError(f"no data set was made for agent '{name}'. {why}")
    return sets.add(name, {str(part): rows for part, rows in made.parts.items()}, rejects, card)


def _read(path: Path, root: Path, agent: Agent, wish: ImportWish) -> _Table:
    shown = path.resolve()
    file = shown.relative_to(root.resolve()).as_posix() if shown.is_relative_to(root.resolve()) else path.name
    lines = read_table(path, file)
    return _Table(file, lines, columns_of(lines, agent, wish.columns))


def _check(tables: Iterable[_Table], agent: Agent) -> None:
    """Refuse lines that do not fit, all of them together."""
    problems: list[Problem] = []
    count = 0
    for table in tables:
        for line in table.lines:
            try:
                fitted(example_of(line, table.columns, agent), agent)
            except ValueMismatch as err:
                count += 1
                if len(problems) < _MAX_PROBLEMS:
                    problems.append(Problem(table.file, line.number, 1, str(err)))
    if count > len(problems):
        last = problems[-1]
        message = f"{count - len(problems):,} more lines do not fit. Mend them, or leave them out: --drop-bad"
        problems.append(Problem(last.file, last.line, 2, message))
    if problems:
        raise InvalidFiles(problems)
