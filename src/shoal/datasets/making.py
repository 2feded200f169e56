"""From orders to rows: teacher, validate, dedupe, decontaminate, judge, balance, split.

A flow stops early where little survives: after 2 % of its budget, and again and again later, it looks at
what became of the last rows, and says which filter dropped them and why.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Protocol

from shoal.agents.agent import Agent
from shoal.datasets.decontamination import Contamination, Measured
from shoal.datasets.duplicates import Duplicates
from shoal.datasets.flow import Flow
from shoal.datasets.funnel import Filter, Funnel, Reject
from shoal.datasets.lexicons import SplitPart
from shoal.datasets.made import PERSON, Made, Progress, Stopped
from shoal.datasets.parts import balance, split
from shoal.datasets.rows import Row, fitted, texts_in
from shoal.datasets.seeds import Example, Seeds
from shoal.datasets.teaching import Lesson, Order, Taught, Teacher, in_order
from shoal.workspace.types import ValueMismatch

PROBE = 0.02
"""Share of the budget after which a flow first looks at what survived."""
_FEWEST_ORDERS = 3
_LATER_ORDERS = 10


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge says of a row."""

    is_good: bool
    reason: str = ""
    detail: str = ""


class Judge(Protocol):
    """Looks at rows one by one."""

    name: str
    at_once: int

    async def judge(self, row: Row) -> Verdict:
        """Whether a row may be learnt from.

        Raises:
            ShoalError: the judge cannot be asked any more.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class Maker:
    """One run of a flow for one agent."""

    def __init__(
        self,
        *,
        agent: Agent,
        flow: Flow,
        teacher: Teacher,
        judge: Judge | None = None,
        measured: Iterable[Measured] = (),
        on_progress: Callable[[Progress], None] | None = None,
        wanted: Mapping[SplitPart, int] | None = None,
    ) -> None:
        self._agent = agent
        self._flow = flow.file
        self._teacher = teacher
        self._judge = judge
        self._on_progress = on_progress
        self._whole = wanted
        """How many rows there are of each part, where there are no others to be had."""
        self._measured = list(measured)
        self._made = Made(parts={"train": [], "dev": [], "heldout": []}, funnel=Funnel())
        self._duplicates = Duplicates(self._flow.dedupe.near if self._flow.dedupe.near < 1 else None)
        self._began = time.monotonic()

    async def make(self, seeds: Seeds) -> Made:
        """Make all parts of the data set; what is held out comes first, so that nothing else is like it.

        Raises:
            ShoalError: the teacher or the judge cannot be asked any more.
        """
        texts = tuple(tuple(texts_in(each.input)) for each in seeds.heldout)
        measured = [*self._measured, *([Measured("the seeds held out", texts)] if texts else [])]
        decontaminate = self._flow.decontaminate
        self._contamination = Contamination(measured, decontaminate.run, decontaminate.near)
        self._take_seeds(seeds)
        if self._teacher.keeps_parts:
            for part, wanted in self._wanted().items():
                await self._fill(part, wanted)
        else:
            await self._fill("train", self._flow.generate.rows)
        if self._flow.balance is not None:
            balance(self._made, self._flow.balance, self._agent)
        given = self._whole or {}
        if given or not self._teacher.keeps_parts:
            left = {part: 0.0 for part in ("dev", "heldout") if part in given}
            shares = self._flow.split.model_copy(update=left)
            split(self._made, shares, self._agent, is_varied=self._teacher.name == "grammar")
        return self._made

    def _wanted(self) -> dict[SplitPart, int]:
        """How many rows each part is to have, in the order in which they are made."""
        if self._whole is not None:
            order: tuple[SplitPart, ...] = ("heldout", "dev", "train")
            return {part: self._whole[part] for part in order if part in self._whole}
        rows, shares = self._flow.generate.rows, self._flow.split
        heldout, dev = round(rows * shares.heldout), round(rows * shares.dev)
        return {"heldout": heldout, "dev": dev, "train": rows - heldout - dev}

    def _take_seeds(self, seeds: Seeds) -> None:
        """Seeds go in before anything is made of them, so that what repeats them is dropped and not they."""
        for each in seeds.heldout:
            row = self._seed(each)
            self._duplicates.look(row)
            self._made.parts["heldout"].append(row)
        for each in seeds.train:
            row = self._seed(each)
            if self._passes(row):
                self._made.parts["train"].append(row)

    def _seed(self, seed: Example) -> Row:
        return self._row(
            Taught(input=seed.input, output=seed.output, source=seed.source, licence=seed.licence), PERSON
        )

    def _row(self, taught: Taught, teacher: str) -> Row:
        return Row(
            input=taught.input,
            output=taught.output,
            source=taught.source,
            licence=taught.licence,
            flow=self._flow.name,
            teacher=teacher,
        )

    async def _fill(self, part: SplitPart, wanted: int) -> None:
        """Order rows until a part has what is wanted, the budget is used, or little survives."""
        rows = self._made.parts[part]
        each = self._teacher.each
        budget = max(1, self._teacher.budget(part, wanted, self._flow.generate.budget))
        probe = max(_FEWEST_ORDERS, int(budget * PROBE))
        first = 0
        while len(rows) < wanted and first < budget:
            # Who gave something once may have a bad moment: it is looked at less closely.
            last = min(first + (probe if not first else max(2 * probe, _LATER_ORDERS)), budget)
            came, kept, noted = self._made.asked, len(rows), self._made.funnel.noted()
            orders = [Order(number=n, part=part, count=each) for n in range(first, last)]
            async with aclosing(self._survivors(orders)) as survivors:
                async for row in survivors:
                    rows.append(row)
                    self._tell(part)
                    if len(rows) >= wanted:
                        return
            asked = self._made.asked - came
            if self._whole is None and len(rows) - kept < max(1, self._flow.stop.below * asked):
                self._stop(part, noted, asked, len(rows) - kept)
                return
            first = last
        if len(rows) < wanted and (self._whole is None or not rows):
            self._stop(part, {}, self._made.asked, len(rows))

    async def _survivors(self, orders: Sequence[Order]) -> AsyncGenerator[Row]:
        """The rows of some orders that pass all filters, in order."""
        if self._judge is None:
            async with aclosing(self._candidates(orders)) as candidates:
                async for row in candidates:
                    yield row
            return
        async with (
            aclosing(self._candidates(orders)) as candidates,
            aclosing(in_order(candidates, self._judged, self._judge.at_once)) as judged,
        ):
            async for row, verdict in judged:
                self._made.funnel.come("judge")
                if verdict.is_good:
                    yield row
                else:
                    self._drop("judge", verdict.reason, verdict.detail, row)

    async def _judged(self, row: Row) -> tuple[Row, Verdict]:
        assert self._judge is not None
        return row, await self._judge.judge(row)

    async def _candidates(self, orders: Sequence[Order]) -> AsyncGenerator[Row]:
        """The rows of some orders that pass all filters but the judge."""

        async def listed() -> AsyncGenerator[Order]:
            for order in orders:
                yield order

        async with aclosing(in_order(listed(), self._teacher.teach, self._teacher.at_once)) as lessons:
            async for lesson in lessons:
                self._count(lesson)
                for taught in lesson.rows:
                    row = self._fitting(taught)
                    if row is not None and self._passes(row):
                        yield row

    def _count(self, lesson: Lesson) -> None:
        funnel = self._made.funnel
        self._made.asked += lesson.order.count
        missing = lesson.order.count - len(lesson.rows)
        if missing > 0:
            funnel.come("teacher", missing)
            reason = lesson.fault or "fewer rows than were asked for"
            funnel.drop(Reject(filter="teacher", reason=reason, detail=lesson.detail), missing)

    def _fitting(self, taught: Taught) -> Row | None:
        """The row as the agent's types want it."""
        funnel, limits = self._made.funnel, self._flow.validate_
        funnel.come("teacher")
        funnel.come("validate")
        reject = Reject(
            filter="validate",
            reason="it does not fit the agent's types",
            input=taught.input,
            output=taught.output,
            source=taught.source,
        )
        try:
            values, output = fitted({"input": taught.input, "output": taught.output}, self._agent)
        except ValueMismatch as err:
            funnel.drop(replace(reject, detail=str(err)))
            return None
        sizes = [len(text) for text in texts_in(values)]
        if max(sizes, default=0) < limits.shortest:
            funnel.drop(replace(reject, reason="too short", detail=f"{max(sizes, default=0)} characters"))
        elif (total := sum(sizes) + sum(map(len, texts_in(output)))) > limits.longest:
            funnel.drop(replace(reject, reason="too long", detail=f"{total} characters"))
        else:
            fitting = Taught(input=values, output=output, source=taught.source, licence=taught.licence)
            return self._row(fitting, self._teacher.name)
        return None

    def _passes(self, row: Row) -> bool:
        """Whether a row is new, and gives away nothing that is measured."""
        self._made.funnel.come("dedupe")
        if repeat := self._duplicates.look(row):
            self._drop("dedupe", repeat.reason, repeat.detail, row)
            return False
        self._made.funnel.come("decontaminate")
        if overlap := self._contamination.look(row):
            self._drop("decontaminate", overlap.reason, overlap.detail, row)
            return False
        return True

    def _drop(self, at: Filter, reason: str, detail: str, row: Row) -> None:
        self._made.funnel.drop(
            Reject(
                filter=at, reason=reason, detail=detail, input=row.input, output=row.output, source=row.source
            )
        )

    def _stop(
        self, part: SplitPart, noted: Mapping[Filter, Mapping[str, int]], asked: int, kept: int
    ) -> None:
        """Note why there is no more to train on; that there is less to measure on is told of by its count."""
        funnel = self._made.funnel
        worst = funnel.worst(noted)
        if worst is None or part != "train":
            return
        at, reason, dropped = worst
        examples = [each for each in funnel.rejects if (each.filter, each.reason) == (at, reason)]
        self._made.stopped = Stopped(
            filter=at,
            reason=reason,
            dropped=dropped,
            asked=asked,
            kept=kept,
            example=examples[-1] if examples else None,
        )

    def _tell(self, part: str) -> None:
        if self._on_progress is not None:
            dropped = {at: sum(reasons.values()) for at, reasons in self._made.funnel.dropped.items()}
            now = Progress(
                part=part,
                kept=self._made.num_rows,
                wanted=sum(self._whole.values()) if self._whole else self._flow.generate.rows,
                asked=self._made.asked,
                dropped=dropped,
                seconds=time.monotonic() - self._began,
            )
            self._on_progress(now)
