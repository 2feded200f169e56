"""From what a suite says to scores of an outcome.

A score is a number from 0 to 1, or nothing where the case does not say what is right. A scorer that cannot
tell raises ScorerFailed, and that is an error of this score: never 0.
"""

from __future__ import annotations

import asyncio
import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from shoal.evals import comparing
from shoal.evals.cases import Case
from shoal.evals.comparing import RIGHT, UNSCORED, Score, brief
from shoal.evals.databases import QueryFailed, compare_changes, compare_rows, rows_of
from shoal.evals.forms import (
    Form,
    JsonScorer,
    LatencyScorer,
    NumberScorer,
    PythonScorer,
    RegexScorer,
    SqlScorer,
    StateScorer,
    StepsScorer,
    TokensScorer,
    Word,
    in_full,
)
from shoal.evals.functions import load_function
from shoal.evals.outcomes import Outcome
from shoal.evals.patterns import has_match
from shoal.evals.suite import SuiteFile

_OWN_SCORER_S = 60.0
"""What a function of a suite may take for one case."""


class ScorerFailed(Exception):
    """A scorer cannot tell how right an answer is; the message says why."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A case and what came of it."""

    case: Case
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorer:
    """One column of scores."""

    name: str
    """The field, or NODE.FIELD."""
    score: Callable[[Asked], Score]
    """Raises ScorerFailed."""
    node: str | None = None
    field: str | None = None
    """What it reads, where it reads one field."""
    is_choice: bool = False
    is_slow: bool = False
    """It is called in a thread."""


def make_scorers(suite: SuiteFile, folder: Path) -> tuple[Scorer, ...]:
    """The scorers of a suite that was checked. Raises ShoalError where a function cannot be imported."""
    made = [_scorer(name, None, each, folder) for name, each in suite.scorers.items()]
    for node, fields in suite.nodes.items():
        made += [_scorer(name, node, each, folder) for name, each in fields.items()]
    return tuple(made)


async def score_all(scorers: tuple[Scorer, ...], asked: Asked) -> tuple[dict[str, Score], dict[str, str]]:
    """The scores of an outcome without an error, and for those that failed why."""
    scores: dict[str, Score] = {}
    failed: dict[str, str] = {}
    for scorer in scorers:
        try:
            if scorer.is_slow:
                score = await asyncio.wait_for(asyncio.to_thread(scorer.score, asked), _OWN_SCORER_S)
            else:
                score = scorer.score(asked)
        except ScorerFailed as error:
            failed[scorer.name] = str(error)
        except TimeoutError:
            failed[scorer.name] = f"the scorer took longer than {_OWN_SCORER_S:g} s"
        else:
            if score.value is not None:
                scores[scorer.name] = score
    return scores, failed


def _scorer(name: str, node: str | None, written: Word | Form, folder: Path) -> Scorer:
    full = in_full(written)
    of = full.of if isinstance(full, Form) else None
    field = of or name
    column = f"{node}.{name}" if node else name
    match full:
        case StateScorer() | StepsScorer() | LatencyScorer() | TokensScorer():
            return Scorer(name=column, score=_of_run(full))
        case PythonScorer(python=reference):
            call = partial(_own, load_function(folder, reference), reference, node, field)
            return Scorer(name=column, score=call, node=node, is_slow=True)
        case SqlScorer():
            query = partial(_sql, full, folder)
            return Scorer(
                name=column, score=_reading(node, field, query), node=node, field=field, is_slow=True
            )
        case RegexScorer(regex=pattern):
            score = partial(_with_field, node, field, partial(_regex, pattern))
            return Scorer(name=column, score=score, node=node, field=field)
    compare = _comparison(full)
    return Scorer(
        name=column,
        score=_reading(node, field, compare),
        node=node,
        field=field,
        is_choice=full == "choice",
    )


def _comparison(full: str | Form) -> Callable[[Any, Any], Score]:
    """What compares an answer with the gold one."""
    match full:
        case NumberScorer(number=entry):
            return partial(comparing.number, tolerance=entry.tolerance, relative=entry.relative)
        case JsonScorer(settings=entry):
            return partial(comparing.field_by_field, tolerance=entry.tolerance, ignore=entry.ignore)
        case "normalised":
            return comparing.normalised
    return comparing.exact


def _reading(node: str | None, field: str, compare: Callable[[Any, Any], Score]) -> Callable[[Asked], Score]:
    """A score of a field, where the case says what is right."""

    def score(asked: Asked) -> Score:
        gold = asked.case.gold if node is None else asked.case.nodes.get(node, {})
        if field not in gold:
            return UNSCORED
        return _with_field(node, field, lambda found: compare(found, gold[field]), asked)

    return score


def _with_field(node: str | None, field: str, judge: Callable[[Any], Score], asked: Asked) -> Score:
    """Judge a field of the output, or of what a node gave; a node that gave nothing is wrong."""
    output: Any = asked.outcome.output
    if node is not None:
        found = asked.outcome.nodes.get(node)
        if found is None or found.status not in {"done", "fallback"}:
            state = "was not reached" if found is None else f"is {found.status}"
            return Score(0.0, f"node '{node}' {state}{f': {found.reason}' if found and found.reason else ''}")
        output = found.output
    return judge((output or {}).get(field))


def _regex(pattern: str, found: Any) -> Score:
    if isinstance(found, str) and has_match(pattern, found):
        return RIGHT
    return Score(0.0, f"{brief(found)} does not match {pattern}")


def _sql(form: SqlScorer, folder: Path, found: Any, gold: Any) -> Score:
    database, entry = folder / form.sql.database, form.sql
    try:
        wanted = rows_of(database, str(gold), entry.seconds)
    except QueryFailed as error:
        raise ScorerFailed(f"the gold query fails: {error}") from error
    try:
        rows = rows_of(database, str(found), entry.seconds)
    except QueryFailed as error:
        return Score(0.0, f"the query fails: {error}")
    return compare_rows(rows, wanted, entry.is_ordered)


def _of_run(form: Form) -> Callable[[Asked], Score]:
    match form:
        case StateScorer(state=state):
            return lambda asked: _state(state.ignore, asked)
        case StepsScorer(steps=steps):
            return lambda asked: _steps(steps.match, asked)
        case LatencyScorer(latency=latency):
            return lambda asked: _at_most(asked.outcome.ms, latency.at_most_ms, "ms")
        case TokensScorer(tokens=tokens):
            return lambda asked: _at_most(asked.outcome.tokens, tokens.at_most, "tokens")
    raise AssertionError(f"{form} looks at no run")


def _state(ignore: list[str], asked: Asked) -> Score:
    if asked.case.state is None:
        return UNSCORED
    if asked.outcome.changes is None:
        raise ScorerFailed("the case has no database of its own. Name one in `world`")
    return compare_changes(asked.outcome.changes, asked.case.state, ignore)


def _steps(match: str, asked: Asked) -> Score:
    wanted = asked.case.steps
    if wanted is None:
        return UNSCORED
    nodes = asked.outcome.nodes
    ran = asked.outcome.ran
    reached = [path for path in wanted if path in nodes and nodes[path].status in {"done", "fallback"}]
    missing = [path for path in wanted if path not in reached]
    if missing:
        return Score(0.0, f"did not run: {', '.join(missing)}")
    if match == "same" and (extra := [path for path in ran if path not in wanted]):
        return Score(0.0, f"should not run: {', '.join(extra)}")
    began = [path for path in nodes if path in wanted]
    if match == "in_order" and began != list(dict.fromkeys(wanted)):
        return Score(0.0, f"ran in the order {', '.join(began)}, expected {', '.join(wanted)}")
    return RIGHT


def _at_most(found: float | None, limit: float, unit: str) -> Score:
    if found is None:
        raise ScorerFailed(
            "a part of the case came from the cache, so it was not measured. Ask again: --fresh"
        )
    return RIGHT if found <= limit else Score(0.0, f"{found:,.0f} {unit}, expected at most {limit:,.0f}")


def _own(function: Callable[..., Any], reference: str, node: str | None, field: str, asked: Asked) -> Score:
    """What a function of the suite says."""
    known = _known(asked, node, field)
    wanted = inspect.signature(function).parameters
    try:
        made = function(**{name: known[name] for name in wanted if name in known})
    except Exception as error:
        raise ScorerFailed(f"{reference} raised {type(error).__name__}: {error}") from error
    value, note = made if isinstance(made, tuple) and len(made) == 2 else (made, "")
    if value is None:
        return UNSCORED
    if not isinstance(value, bool | int | float) or not (math.isfinite(value) and 0 <= value <= 1):
        raise ScorerFailed(f"{reference} gave {brief(value, 60)}, expected a bool or a number from 0 to 1")
    return Score(float(value), str(note))


def _known(asked: Asked, node: str | None, field: str) -> Mapping[str, Any]:
    """What a function of a suite may ask for by name."""
    case, outcome = asked.case, asked.outcome
    nodes = {path: each.output for path, each in outcome.nodes.items() if each.status in {"done", "fallback"}}
    return {
        "input": case.input,
        "gold": case.gold if node is None else case.nodes.get(node, {}),
        "output": outcome.output if node is None else nodes.get(node),
        "nodes": nodes,
        "steps": outcome.ran,
        "state": outcome.changes,
        "answers": case.answers,
        "ms": outcome.ms,
        "tokens": outcome.tokens,
    }
