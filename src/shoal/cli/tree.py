"""The tree of a run in the terminal: one reader of the runner's events."""

from __future__ import annotations

import io
import json
import re
import shlex
import time
from collections.abc import Mapping
from typing import Any

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from shoal.cli.branches import PENDING, RUNNING, Branch, Branches
from shoal.cli.lines import Line, lines_of, progress_of, who_of
from shoal.graphs.plan import AgentCall, HumanQuestion, Map, Node, Plan, Vote
from shoal.runs.answers import describe
from shoal.runs.events import AttemptRejected, Event, NodeFinished, NodeSkipped, NodeStarted, NodeWaiting
from shoal.runs.paths import node_at
from shoal.runs.results import NodeSummary, RunResult
from shoal.workspace.types import BOOL, STR, Record

_MARKS: Mapping[str, tuple[str, str]] = {
    "done": ("✓", "green"),
    "fallback": ("✓", "yellow"),
    "skipped": ("·", "dim"),
    "failed": ("✗", "bold red"),
    "unknown": ("?", "bold red"),
    "waiting": ("?", "bold cyan"),
    "retrying": ("↻", "yellow"),
    "escalated": ("↑", "yellow"),
    "pending": (" ", "dim"),
}

_MAX_QUESTIONS = 10


class RunTree:
    """A live tree of one run; use it as a context manager and pass `on_event` to the runner."""

    def __init__(self, plan: Plan, console: Console, inputs: Mapping[str, Any] | None = None) -> None:
        self._plan = plan
        self._inputs = inputs or {}
        self._branches = Branches()
        self._live = Live(console=console, get_renderable=self.render, refresh_per_second=12, transient=False)

    def __enter__(self) -> RunTree:
        self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._live.stop()

    def on_event(self, event: Event) -> None:
        """Take in what happened; the screen follows at its own pace."""
        match event:
            case NodeStarted(path=path):
                self._branches.start(path, time.monotonic())
            case AttemptRejected(path=path, attempt=attempt, reason=reason):
                self._branches.reject(path, f"attempt {attempt}: {reason}")
            case NodeFinished(node=node):
                self._branches.put(node)
            case NodeSkipped(path=path, reason=reason):
                self._branches.put(NodeSummary(path=path, status="skipped", reason=reason))
            case NodeWaiting(path=path, question=question):
                self._branches.put(NodeSummary(path=path, status="waiting", question=question))

    def show(self, nodes: Mapping[str, NodeSummary]) -> None:
        """Take in nodes as the journal tells of them."""
        for node in nodes.values():
            self._branches.put(node)

    def render(self) -> RenderableType:
        """The tree as it stands."""
        table = Table.grid(padding=(0, 1))
        for justify in ("left", "left", "right", "right", "right"):
            table.add_column(no_wrap=True, justify=justify)
        table.add_column(overflow="fold")
        for line in lines_of(self._plan, self._branches.root, self._inputs):
            table.add_row(*_row(line))
        return Group(Text(self._plan.name, style="bold"), table)


def _row(line: Line) -> list[RenderableType]:
    branch, node = line.branch, line.node
    if node is None:
        return [Text(f"{line.guide} {line.name}", "dim"), "", "", "", "", ""]
    who, state = Text(who_of(node), "dim"), branch.state if branch else PENDING
    if branch is not None and state == RUNNING:
        seconds = f"{time.monotonic() - branch.started:.1f} s" if branch.started is not None else ""
        name = _joined(line.guide, Spinner("dots"), line.name)
        return [name, who, seconds, "", "", Text(progress_of(node, branch) or branch.note)]
    mark, style = _MARKS.get(state, (" ", ""))
    cells: list[RenderableType] = [
        Text.assemble((line.guide, "dim"), " ", (f"{mark} {line.name}", style)),
        who,
    ]
    if branch is None or branch.summary is None:
        return [*cells, "", "", "", Text(progress_of(node, branch) if branch else "")]
    return cells + _cells(node, branch, branch.summary)


def _joined(guide: str, spinner: Spinner, name: str) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    grid.add_row(Text(guide, "dim"), spinner, name)
    return grid


def _cells(node: Node, branch: Branch, summary: NodeSummary) -> list[RenderableType]:
    if summary.status == "skipped":
        return ["", "", "", Text(f"skipped: {summary.reason}", "dim")]
    if summary.status == "waiting":
        return ["", "", "", Text(f"a person is asked: {visible(summary.question or '')}", "cyan")]
    tokens = f"{branch.tokens:,} tok" if branch.tokens else ""
    return [_time(summary.ms), tokens, _sure(node, summary), _gist(node, branch, summary)]


def _sure(node: Node, summary: NodeSummary) -> str:
    """How sure an agent or a vote is of what it decided; of free text alone that says little."""
    output = node.work.agent.output if isinstance(node.work, AgentCall) else node.output
    has_decided = isinstance(node.work, AgentCall | Vote) and (
        not isinstance(output, Record) or any(kind != STR for kind in output.fields.values())
    )
    return f"{summary.confidence:.0%}" if has_decided and summary.confidence is not None else ""


def _gist(node: Node, branch: Branch, summary: NodeSummary) -> Text:
    if summary.status in {"failed", "unknown"}:
        return Text(visible(summary.reason or ""), "red")
    if isinstance(node.work, Map):
        text = Text(progress_of(node, branch))
    else:
        text = Text(brief(summary.output))
        if told := progress_of(node, branch):
            text.append(f"  ({told})", "dim")
    attempts = summary.attempts - ("escalate" in branch.children)  # what another one gave is no attempt
    if attempts > 1:
        text.append(f"  ({attempts} attempts)", "yellow")
    if summary.status == "fallback":
        text.append(f"  fallback: {summary.reason}", "yellow")
    return text


def visible(text: str) -> str:
    """Text of others with its control characters written out: it must not steer the reader's terminal."""
    return "".join(char if char.isprintable() or char in "\n\t" else ascii(char)[1:-1] for char in text)


def brief(value: Any, limit: int = 72) -> str:
    """A value on one line: records as `name=value`, a single field as its value, long text cut."""
    if isinstance(value, Mapping) and len(value) == 1:
        (value,) = value.values()
    if isinstance(value, Mapping):
        text = "  ".join(f"{name}={_scalar(each)}" for name, each in value.items() if each is not None)
    else:
        text = _scalar(value)
    return text if len(text) <= limit else f"{text[: limit - 4]} ..."


def _scalar(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return visible(" / ".join(text.splitlines()))


def _time(ms: float) -> str:
    return f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.1f} s"


def print_run(plan: Plan | None, result: RunResult, console: Console) -> None:
    """A run that is not under way; without its plan, only what came of it."""
    if plan is not None:
        tree = RunTree(plan, console, result.inputs)
        tree.show(result.nodes)
        console.print(tree.render())
    print_result(plan, result, console)


def picture(plan: Plan | None, result: RunResult) -> str:
    """The same as SVG, with the fonts of the reader's machine."""
    console = Console(record=True, width=132, file=io.StringIO(), force_terminal=True, highlight=False)
    print_run(plan, result, console)
    without_web_fonts = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    return console.export_svg(title=f"agentctl run {result.graph}", code_format=without_web_fonts)


def print_result(
    plan: Plan | None, result: RunResult, console: Console, seconds: float | None = None
) -> None:
    """Below the tree: the output, what a person is asked, and what it cost."""
    console.print()
    if result.output is not None:
        grid = Table.grid(padding=(0, 2))
        for name, value in result.output.items():
            grid.add_row(Text(name, "bold"), Text("-" if value is None else brief(value, limit=2000)))
        console.print(grid)
    is_over = result.status == "cancelled"  # then nobody waits for an answer
    waiting = [node for node in result.nodes.values() if node.status == "waiting" and not is_over]
    for node in waiting[:_MAX_QUESTIONS]:
        console.print(Text.assemble(("Waiting for a person: ", "cyan"), visible(node.question or "")))
        path = shlex.quote(node.path)
        console.print(
            Text(f"  agentctl runs answer {result.run} {path} {_answer(plan, node)}"), soft_wrap=True
        )
    if len(waiting) > _MAX_QUESTIONS:
        more = f"{len(waiting) - _MAX_QUESTIONS:,} more wait. See all: agentctl runs show {result.run} --json"
        console.print(Text(more, "cyan"))
    if result.error:
        console.print(Text(visible(result.error), "red"))
    tokens = result.prompt_tokens + result.completion_tokens
    took = "" if seconds is None else f" in {seconds:.1f} s"
    told = f"\n{result.status}{took}, {tokens} tokens, run {result.run}"
    if result.origin is not None:
        told += f", a fork of run {result.origin.run} at node {result.origin.path}"
    console.print(Text(told, "dim"))


def _answer(plan: Plan | None, node: NodeSummary) -> str:
    """What a person may type, by the type of the answer."""
    found = node_at(plan, node.path) if plan else None
    asked = found.work if found else None
    if not isinstance(asked, HumanQuestion) or list(asked.answer.fields.values()) == [BOOL]:
        return "yes"
    return f"VALUE   ({describe(asked.answer)})"
