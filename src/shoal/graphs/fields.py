"""Fields that are written one by one: what goes into a step, and what stands in for its output."""

from __future__ import annotations

from collections.abc import Iterable

from shoal.errors import suggest
from shoal.expressions.compiled import Compiled
from shoal.expressions.values import Constant, Items
from shoal.graphs.plan import Tool
from shoal.graphs.readers import Around, Reader
from shoal.graphs.workers import Worker
from shoal.workspace.types import FLOAT, Nullable, Record, Type, plain


def compile_inputs(reader: Reader, worker: Worker, around: Around) -> dict[str, Compiled]:
    """What is given to who does the work, by name."""
    inputs: dict[str, Compiled] = {}
    fields = worker.input.fields if worker.input else {}
    missing = [name for name in _lacking(fields, reader.entry.with_) if name in worker.required]
    unknown = [name for name in reader.entry.with_ if worker.input is not None and name not in fields]
    _tell_of_inputs(reader, worker, unknown, missing)
    for name, value in reader.entry.with_.items():
        where = (*reader.where, "with", name)
        if name in unknown:
            continue
        what = f"input '{name}' of {worker.subject}"
        if compiled := reader.value(where, value, fields.get(name), around, what):
            inputs[name] = compiled
    return inputs | {
        name: Constant(None, fields[name])
        for name in _always_given(worker)
        if name not in inputs and name not in missing
    }


def _tell_of_inputs(reader: Reader, worker: Worker, unknown: list[str], missing: list[str]) -> None:
    """What nobody takes and what nobody gives: one line where one name stands for the other."""
    fields = worker.input.fields if worker.input else {}
    named = ", ".join(f"'{name}' ({fields[name]})" for name in missing)
    is_one = len(unknown) == 1 and bool(missing)
    for name in unknown:
        message = f"{worker.subject} has no input '{name}'"
        rest = f", and needs {named}" if is_one else f". {suggest(name, fields)}"
        reader.fault((*reader.where, "with", name), message + rest, at_key=True)
    if missing and not is_one:
        where = (*reader.where, "with") if reader.entry.with_ else reader.where
        message = f"node '{reader.name}' does not give {worker.subject} its input {named}. Add it to `with`"
        reader.fault(where, message, at_key=True)


def compile_fallback(reader: Reader, output: Type, subject: str, around: Around) -> Compiled | None:
    """What stands in for the output where all tries failed."""
    where, given = (*reader.where, "fallback"), reader.entry.fallback
    if not isinstance(output, Record) or not isinstance(given, dict):
        return reader.value(where, given, output, around, "the fallback")
    fields = output.fields
    parts: dict[str, Compiled] = {
        name: Constant(0.0 if kind == FLOAT else None, kind)
        for name, kind in fields.items()
        if _has_default(name, kind)
    }
    for name, value in given.items():
        if name not in fields:
            reader.fault((*where, name), f"{subject} gives no '{name}'. {suggest(name, fields)}", at_key=True)
        elif compiled := reader.value(
            (*where, name), value, fields[name], around, f"output '{name}' of {subject}"
        ):
            parts[name] = compiled
    lacking = [name for name in _lacking(fields, given) if name not in parts]
    if lacking:
        named = ", ".join(f"'{name}' ({fields[name]})" for name in lacking)
        reader.fault(where, f"the fallback of node '{reader.name}' lacks {named}. Add it", at_key=True)
    return Items(output, parts)


def _always_given(worker: Worker) -> Iterable[str]:
    """Inputs that are null where nothing is given; parameters of tools keep their defaults."""
    fields = worker.input.fields if worker.input else {}
    if isinstance(worker.work, Tool):
        return [name for name in fields if name in worker.work.required]
    return fields


def _lacking(fields: Iterable[str], given: Iterable[str]) -> list[str]:
    """Fields that are not given, and were not meant by a misspelt name, which is told of already."""
    meant = {suggest(name, fields) for name in {*given}.difference(fields)}
    return [name for name in fields if name not in given and f"Did you mean '{name}'?" not in meant]


def _has_default(name: str, kind: Type) -> bool:
    # Nobody is sure of a fallback, so confidence is 0 there.
    return isinstance(plain(kind), Nullable) or (name == "confidence" and kind == FLOAT)
