"""What the page knows of cases: of all in short, of those that are wrong in full while there is room."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shoal.evals.comparison import Side
from shoal.evals.results import Result
from shoal.journal.journal import NodeRow
from shoal.runs.results import NodeSummary, summarize

_LIST_BYTES = 6_000_000
"""For the list of all cases."""
_DETAIL_BYTES = 2_500_000
"""For those that are told of in full."""
_LONGEST, _SHORTEST = 160, 12
"""Characters of a text in the list, by how many cases there are."""
_NUM_TEXTS = 3
_AROUND = 110
"""Bytes of a case in the list beside its texts."""
_MOST_OF_NODE = 600
_MOST_NODES = 200

Brief = list[Any]
"""[id, repeat, slices, error, scores, input, gold, output, ms, tokens, old scores, old output]"""


@dataclass(frozen=True, slots=True)
class Before:
    """A case in the evaluation that this one is compared with."""

    scores: Mapping[str, float]
    output: Any
    error: str | None


def page_data(result: Result, against: Side | None) -> dict[str, Any]:
    """All that the page's script reads."""
    summary = result.summary()
    names, slices = [*summary["scores"]], [*summary["slices"]]
    before = _before(against)
    room = _LIST_BYTES / max(1, summary["asked"]) - _AROUND - 4 * len(names)
    most = int(min(_LONGEST, max(_SHORTEST, room / (_NUM_TEXTS + (against is not None)))))
    brief = _Brief(names, slices, most, before)
    briefs, severities = [], []
    for at, line in enumerate(result.lines()):
        briefs.append(brief.of(line))
        if (severity := _severity(line, before.get(_key(line)))) > 0:
            severities.append((-severity, at))
    wanted = [at for _, at in sorted(severities)]
    return {
        "run": result.id,
        "suite": result.about()["suite"],
        "scores": names,
        "slices": slices,
        "against": against.name if against else None,
        "cases": briefs,
        "details": _details(result, wanted, before),
    }


def _before(against: Side | None) -> dict[tuple[str, str, int], Before]:
    if against is None:
        return {}
    return {_key(line): Before(line["scores"], line.get("output"), line["error"]) for line in against.lines()}


def _key(line: Mapping[str, Any]) -> tuple[str, str, int]:
    return line["id"], line["case"], line["repeat"]


class _Brief:
    """Makes the short form of cases."""

    def __init__(
        self, names: list[str], slices: list[str], most: int, before: Mapping[tuple[str, str, int], Before]
    ) -> None:
        self._names = names
        self._slices = {name: at for at, name in enumerate(slices)}
        self._most = most
        self._before = before

    def of(self, line: Mapping[str, Any]) -> Brief:
        """One case."""
        made = [
            line["id"],
            line["repeat"],
            [self._slices[each] for each in line["slices"] if each in self._slices],
            line["error"] and _cut(line["error"], self._most),
            self._scores(line["scores"]),
            _cut(_line_of(line["input"]), self._most),
            _cut(_line_of(line["gold"]), self._most),
            _cut(_line_of(line["output"]), self._most),
            line["ms"] and round(line["ms"]),
            line["tokens"],
        ]
        if not self._before:
            return made
        old = self._before.get(_key(line))
        if old is None:
            return [*made, None, None]
        is_same = old.output == line["output"]
        return [*made, self._scores(old.scores), None if is_same else _cut(_line_of(old.output), self._most)]

    def _scores(self, scores: Mapping[str, float]) -> list[float | int | None]:
        found = [scores.get(name) for name in self._names]
        return [each if each is None else int(each) if each in (0, 1) else round(each, 3) for each in found]


def _severity(line: Mapping[str, Any], old: Before | None) -> float:
    """What is to be told in full first: what got worse, what has no answer, what is most wrong."""
    if line["error"] is not None:
        return 3.0
    lost = sum(1 - score for score in line["scores"].values())
    worse = old is not None and any(score < old.scores.get(name, 0) for name, score in line["scores"].items())
    return (2.0 if worse else 0.0) + (1 + lost / (1 + len(line["scores"])) if lost else 0.0)


def _details(
    result: Result, wanted: list[int], before: Mapping[tuple[str, str, int], Before]
) -> dict[str, Any]:
    """In full, by their place in the list, until there is no more room."""
    found: dict[str, Any] = {}
    left = _DETAIL_BYTES
    for chunk in _chunks(wanted, 500):
        lines = _lines_at(result, set(chunk))
        runs = {line["run"] for line in lines.values() if line["run"] is not None}
        rows = result.rows(runs) if runs else {}
        for at in chunk:
            line = lines[at]
            detail = _detail(line, rows.get(line["run"], []), before.get(_key(line)))
            left -= len(json.dumps(detail, ensure_ascii=False).encode())
            if left < 0:
                return found
            found[str(at)] = detail
    return found


def _lines_at(result: Result, places: set[int]) -> dict[int, dict[str, Any]]:
    return {at: line for at, line in enumerate(result.lines()) if at in places}


def _detail(line: Mapping[str, Any], rows: list[NodeRow], old: Before | None) -> dict[str, Any]:
    detail: dict[str, Any] = {key: line[key] for key in ("input", "gold", "output") if line[key]}
    for key in ("error", "notes", "failed", "run"):
        if line.get(key):
            detail[key] = line[key]
    if rows:
        nodes = [*summarize(rows).values()]
        detail["nodes"] = [_node(node) for node in nodes[:_MOST_NODES]]
        detail["left_out"] = max(0, len(nodes) - _MOST_NODES)
    if old is not None:
        detail["old"] = {"output": old.output, "error": old.error, "scores": dict(old.scores)}
    return detail


def _node(node: NodeSummary) -> dict[str, Any]:
    told = node.reason or node.question
    made: dict[str, Any] = {"path": node.path, "status": node.status, "ms": round(node.ms, 1)}
    if node.output is not None:
        made["output"] = _cut(json.dumps(node.output, ensure_ascii=False), _MOST_OF_NODE)
    if node.attempts > 1:
        made["attempts"] = node.attempts
    if node.confidence is not None:
        made["confidence"] = round(node.confidence, 3)
    if told:
        made["told"] = _cut(told, _MOST_OF_NODE)
    return made


def _line_of(value: Any) -> str:
    """A value on one line: of records the values, the longest text first."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        texts = [each for each in value.values() if isinstance(each, str)]
        if len(value) == 1 and texts:
            return " ".join(texts[0].split())
        return ", ".join(f"{name}: {_line_of(each)}" for name, each in value.items() if each is not None)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return " ".join(text.split())


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _chunks(items: list[int], size: int) -> Iterator[list[int]]:
    for begin in range(0, len(items), size):
        yield items[begin : begin + size]
