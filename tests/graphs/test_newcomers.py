"""What people write who come from other frameworks: slips are told in one line, at their place, in words that
help; and what is right runs to what they expect."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from shoal.agents.scripted import ScriptedEngine
from shoal.errors import InvalidFiles
from shoal.graphs.check import check_workspace, load_plan
from shoal.journal import MemoryJournal
from shoal.runs.results import RunResult
from shoal.runs.runner import Runner
from tests.graphs.newcomers import INPUTS, SCRIPT, blocks, write_desk

HEAD = """\
version: 1
graph: desk
input: {ticket: str, customer_id: str, n: int, ids: "list[str]", note: str?}
nodes:
"""
MARK = re.compile(r"\s*#! ?(.*)")


@pytest.mark.parametrize("nodes", blocks("newcomers_refused.txt"))
def test_a_slip_is_told_in_one_line_at_its_place(tmp_path: Path, nodes: str) -> None:
    """Each is marked with `#!` where it is, and with a word that the sentence must hold."""
    lines = [f"  {line}" for line in nodes.splitlines()]
    (marked,) = (number for number, line in enumerate(lines) if "#!" in line)
    word = MARK.search(lines[marked])[1]  # type: ignore[index]
    graph = HEAD + "\n".join(MARK.sub("", line) for line in lines) + '\noutput: {done: "${input.ticket}"}\n'
    try:
        problems = check_workspace(write_desk(tmp_path, graph)).problems
    except InvalidFiles as error:
        problems = error.problems
    (problem,) = (each for each in problems if not each.is_warning)
    assert (problem.file, problem.line) == ("graphs/desk.yaml", HEAD.count("\n") + marked + 1), problem
    assert word.lower() in problem.message.lower()


@pytest.mark.anyio
@pytest.mark.parametrize("block", blocks("newcomers_accepted.txt"))
async def test_what_is_right_runs_to_what_they_expect(tmp_path: Path, block: str) -> None:
    graph, _, rest = block.partition("\n=> ")
    wanted, *more = rest.splitlines()
    extra: dict[str, Any] = {word: json.loads(text) for word, text in (line.split(" ", 1) for line in more)}
    root = write_desk(tmp_path, f"version: 1\ngraph: desk\n{graph}\n")
    assert [str(each) for each in check_workspace(root).problems if "nothing reads" not in each.message] == []
    result = await _run(root, extra)
    assert json.dumps(result.output, sort_keys=True) == json.dumps(json.loads(wanted), sort_keys=True), result


async def _run(root: Path, extra: dict[str, Any]) -> RunResult:
    plan = load_plan(root, "desk")
    engine = ScriptedEngine({**SCRIPT, **extra.get("script", {})})
    runner = Runner(engine, MemoryJournal(), backoff_s=lambda _: 0.0)
    given = {**INPUTS, **extra.get("inputs", {})}
    result = await runner.start(plan, {name: given[name] for name in plan.input.fields})
    for path, value in extra.get("answers", []):
        await runner.answer(result.run, plan, path, value)
        result = await runner.resume(result.run, plan)
    return result
