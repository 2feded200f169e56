"""agentctl runs diff: two runs side by side."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shoal.cli.runs import AsJson

if TYPE_CHECKING:
    from shoal.runs.comparing import Comparison, NodeDifference
    from shoal.runs.differing import Place
    from shoal.runs.results import NodeSummary, RunResult

_MOST_OF_A_KIND = 5
_MOST_PLACES = 4


def diff(
    first: Annotated[str, typer.Argument(metavar="A", help="A run's id, as `runs list` prints it.")],
    second: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    as_json: AsJson = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Every node and every place that differs.")
    ] = False,
) -> None:
    """Compare two runs node by node; exit 0 if all gave the same in both, whatever it took, else 1."""
    found = asyncio.run(_compare(first, second))
    if as_json:
        typer.echo(json.dumps(_record(found), ensure_ascii=False))
    else:
        for line in _lines(found, everything):
            typer.echo(line)
    raise typer.Exit(0 if found.is_same else 1)


async def _compare(first: str, second: str) -> Comparison:
    from shoal.agents.manifest import find_root
    from shoal.cli.session import opened_journal
    from shoal.runs.comparing import compare
    from shoal.runs.results import result_of

    async with opened_journal(find_root(Path())) as journal:
        return compare(await result_of(journal, first), await result_of(journal, second))


# In words.


def _lines(found: Comparison, everything: bool) -> Iterator[str]:
    one, other = found.first, found.second
    graphs = one.graph if one.graph == other.graph else f"{one.graph} -> {other.graph}"
    yield f"runs {one.run} -> {other.run}, graph {graphs}"
    status = one.status if one.status == other.status else f"{one.status} -> {other.status}"
    yield f"status: {status}"
    yield from _places("input", found.inputs, everything)
    yield from _places("output", found.output, everything)
    for kind, nodes in found.by_kind().items():
        yield from _of_kind(kind, nodes, found.num_nodes[kind], everything)
    num_nodes = sum(found.num_nodes.values())
    num_other = sum(each.is_other for each in found.nodes)
    tokens = [f"{run.prompt_tokens + run.completion_tokens:,}" for run in (one, other)]
    yield f"{num_other:,} of {num_nodes:,} nodes came out otherwise; tokens {tokens[0]} -> {tokens[1]}"


def _of_kind(kind: str, nodes: Sequence[NodeDifference], count: int, everything: bool) -> Iterator[str]:
    """The nodes that differ of one kind, counted where they are many."""
    if len(nodes) > _MOST_OF_A_KIND:
        yield f"{kind}: {len(nodes):,} of {count:,} differ"
    shown = nodes if everything else nodes[:_MOST_OF_A_KIND]
    for node in shown:
        yield f"node {node.path}: {_told(node)}"
        yield from _places("  output", node.places if node.first and node.second else (), everything)
    if len(shown) < len(nodes):
        yield f"... and {len(nodes) - len(shown):,} more of {kind}: --all"


def _told(node: NodeDifference) -> str:
    first, second = node.first, node.second
    if first is None or second is None:
        return f"only in {'B' if first is None else 'A'}, {_end(first or second, has_output=True)}"
    parts = [
        _changed("", _end(first), _end(second)),
        _changed("attempts ", first.attempts, second.attempts),
        _changed("tokens ", _tokens(first), _tokens(second)),
        f"{first.ms:.0f} -> {second.ms:.0f} ms",
    ]
    return ", ".join(part for part in parts if part)


def _end(node: NodeSummary | None, *, has_output: bool = False) -> str:
    """How a node ended, and why."""
    from shoal.cli.tree import visible
    from shoal.runs.differing import in_short

    assert node is not None, "one of the runs has it"
    why = node.reason or (node.question if node.status == "waiting" else None)
    if why is None and has_output:
        return f"{node.status}: {visible(in_short(node.output))}"
    return f"{node.status} ({visible(why)})" if why else node.status


def _changed(what: str, first: object, second: object) -> str:
    return "" if first == second else f"{what}{first} -> {second}"


def _tokens(node: NodeSummary) -> int:
    return node.prompt_tokens + node.completion_tokens


def _places(what: str, places: Sequence[Place], everything: bool) -> Iterator[str]:
    from shoal.cli.tree import visible
    from shoal.runs.differing import beside

    shown = places if everything else places[:_MOST_PLACES]
    for place in shown:
        name = f" {place.name}" if place.name else ""
        sides = beside(place.first, place.second, 10_000 if everything else 70)
        yield visible(f"{what}{name}: {' -> '.join(sides)}")
    if len(shown) < len(places):
        yield f"{what}: {len(places) - len(shown):,} more places"


# As JSON.


def _record(found: Comparison) -> dict[str, Any]:
    return {
        "first": _run(found.first),
        "second": _run(found.second),
        "same": found.is_same,
        "inputs": [_place(each) for each in found.inputs],
        "output": [_place(each) for each in found.output],
        "nodes": [_node(each) for each in found.nodes],
        "num_nodes": sum(found.num_nodes.values()),
    }


def _run(run: RunResult) -> dict[str, Any]:
    tokens = run.prompt_tokens + run.completion_tokens
    return {"run": run.run, "graph": run.graph, "status": run.status, "tokens": tokens}


def _node(node: NodeDifference) -> dict[str, Any]:
    from shoal.cli.session import node_record

    first, second = (each and node_record(each) for each in (node.first, node.second))
    places = [_place(each) for each in node.places] if first and second else []
    return {"path": node.path, "first": first, "second": second, "output": places}


def _place(place: Place) -> dict[str, Any]:
    """A place; a side that has nothing there is left out."""
    from shoal.runs.differing import NOTHING

    sides = {"first": place.first, "second": place.second}
    return {"at": place.name} | {side: value for side, value in sides.items() if value is not NOTHING}
