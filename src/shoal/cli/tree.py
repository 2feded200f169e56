"""The tree of a run in the terminal: one reader of the runner's events."""

from __future__ import annotations

import io
import json
import re
import time
from collections.abc import Mapping
from typing import Any

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from shoal.graphs.answers import describe
from shoal.graphs.events import AttemptRejected, Event, NodeFinished, NodeSkipped, NodeStarted, NodeWaiting
from shoal.graphs.plan import AgentCall, HumanQuestion, Node, Plan, ToolCall
from shoal.graphs.results import NodeSummary, RunResult
from shoal.workspace.types import BOOL, STR

_MARKS: Mapping[str, tuple[str, str]] = {
    "done": ("✓", "green"),
    "fallback": ("✓", "yellow"),
    "skipped": ("·", "dim"),
    "failed": ("✗", "bold red"),
    "unknown": ("?", "bold red"),
    "waiting": ("?", "bold cyan"),
    "retrying": ("↻", "yellow"),
    "pending": (" ", "dim"),
}


class RunTree:
    """A live tree of one run; use it as a context manager and pass `on_event` to the runner."""

    def __init__(self, plan: Plan, console: Console) -> None:
        self._plan = plan
        self._summaries: dict[str, NodeSummary] = {}
        self._started: dict[str, float] = {}
        self._notes: dict[str, str] = {}
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
                self._started[path] = time.monotonic()
            case AttemptRejected(path=path, attempt=attempt, reason=reason):
                self._notes[path] = f"attempt {attempt}: {reason}"
            case NodeFinished(path=path, node=node):
                self._summaries[path] = node
            case NodeSkipped(path=path, reason=reason):
                self._summaries[path] = NodeSummary(path=path, status="skipped", reason=reason)
            case NodeWaiting(path=path, question=question):
                self._summaries[path] = NodeSummary(path=path, status="waiting", question=question)

    def show(self, nodes: Mapping[str, NodeSummary]) -> None:
        """Take in nodes as the journal tells of them."""
        self._summaries.update(nodes)

    def render(self) -> RenderableType:
        """The tree as it stands."""
        table = Table.grid(padding=(0, 1))
        for justify in ("left", "left", "right", "right", "right"):
            table.add_column(no_wrap=True, justify=justify)
        table.add_column(overflow="fold")
        names = list(self._plan.block.nodes)
        for name in names:
            branch = "└─" if name == names[-1] else "├─"
            table.add_row(*self._row(branch, self._plan.block.nodes[name]))
        return Group(Text(self._plan.name, style="bold"), table)

    def _row(self, branch: str, node: Node) -> list[RenderableType]:
        summary = self._summaries.get(node.name)
        if summary is None and node.name in self._started:
            seconds = time.monotonic() - self._started[node.name]
            note = Text(self._notes.get(node.name, ""))
            name: RenderableType = _joined(branch, Spinner("dots"), node.name)
            return [name, Text(_who(node), "dim"), f"{seconds:.1f} s", "", "", note]
        status = summary.status if summary else "pending"
        mark, style = _MARKS[status]
        cells: list[RenderableType] = [Text.assemble((branch, "dim"), " ", (f"{mark} {node.name}", style))]
        cells.append(Text(_who(node), "dim"))
        return cells + (_cells(node, summary) if summary else ["", "", "", ""])


def _joined(branch: str, spinner: Spinner, name: str) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    grid.add_row(Text(branch, "dim"), spinner, name)
    return grid


def _cells(node: Node, summary: NodeSummary) -> list[RenderableType]:
    if summary.status == "skipped":
        return ["", "", "", Text(f"skipped: {summary.reason}", "dim")]
    if summary.status == "waiting":
        return ["", "", "", Text(f"a person is asked: {summary.question}", "cyan")]
    tokens = summary.prompt_tokens + summary.completion_tokens
    return [_time(summary.ms), f"{tokens} tok" if tokens else "", _sure(node, summary), _gist(summary)]


def _sure(node: Node, summary: NodeSummary) -> str:
    """How sure an agent is of what it decided; of free text alone that says little."""
    has_decided = isinstance(node.work, AgentCall) and any(
        kind != STR for kind in node.work.agent.output.fields.values()
    )
    return f"{summary.confidence:.0%}" if has_decided and summary.confidence is not None else ""


def _gist(summary: NodeSummary) -> Text:
    if summary.status in {"failed", "unknown"}:
        return Text(summary.reason or "", "red")
    text = Text(brief(summary.output))
    if summary.attempts > 1:
        text.append(f"  ({summary.attempts} attempts)", "yellow")
    if summary.status == "fallback":
        text.append(f"  fallback: {summary.reason}", "yellow")
    return text


def _who(node: Node) -> str:
    match node.work:
        case AgentCall(agent=agent):
            return agent.adapter.name if agent.adapter else agent.base.name
        case ToolCall(tool=tool):
            return tool.name if tool.effect == "pure" else f"{tool.name} ({tool.effect})"
        case HumanQuestion():
            return "a person"
    return type(node.work).__name__.lower()


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
    return " / ".join(text.splitlines())


def _time(ms: float) -> str:
    return f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.1f} s"


def print_run(plan: Plan | None, result: RunResult, console: Console) -> None:
    """A run that is not under way; without its plan, only what came of it."""
    if plan is not None:
        tree = RunTree(plan, console)
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
    for node in result.nodes.values():
        if node.status == "waiting":
            console.print(Text.assemble(("Waiting for a person: ", "cyan"), node.question or ""))
            console.print(Text(f"  agentctl runs answer {result.run} {node.path} {_answer(plan, node)}"))
    if result.error:
        console.print(Text(result.error, "red"))
    tokens = result.prompt_tokens + result.completion_tokens
    took = "" if seconds is None else f" in {seconds:.1f} s"
    console.print(Text(f"\n{result.status}{took}, {tokens} tokens, run {result.run}", "dim"))


def _answer(plan: Plan | None, node: NodeSummary) -> str:
    """What a person may type, by the type of the answer."""
    asked = plan.block.nodes[node.path].work if plan and node.path in plan.block.nodes else None
    if not isinstance(asked, HumanQuestion) or list(asked.answer.fields.values()) == [BOOL]:
        return "yes"
    return f"VALUE   ({describe(asked.answer)})"
