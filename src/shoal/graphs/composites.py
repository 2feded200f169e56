"""Steps that hold other steps: blocks in place, switch, map, repeat, vote, and escalation on any of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from shoal.agents.manifest import NAME, NAME_RULE
from shoal.errors import suggest
from shoal.expressions.compiled import Compiled, Read
from shoal.expressions.joins import NoJoin, joint_type
from shoal.expressions.kinds import NEVER, declared, join
from shoal.expressions.pieces import is_template, is_whole
from shoal.expressions.scope import Source, without_null
from shoal.expressions.templates import remedy
from shoal.expressions.tokens import RESERVED, Path
from shoal.expressions.values import paths_of, source_type, widened
from shoal.graphs.model import StepEntry
from shoal.graphs.plan import (
    AgentCall,
    GraphCall,
    HumanQuestion,
    Inline,
    Map,
    Node,
    Repeat,
    Switch,
    ToolCall,
    Vote,
    Work,
    bodies,
    expressions_of,
)
from shoal.graphs.texts import links_of_step
from shoal.graphs.truths import Truths, words_at
from shoal.graphs.workers import Signature
from shoal.workspace.types import ANY, BOOL, INT, STR, Enum, ListOf, Nullable, Record, Type, accepts, plain
from shoal.workspace.yaml import Where

if TYPE_CHECKING:
    from shoal.graphs.nodes import Made, StepReader
    from shoal.graphs.readers import Around

PASSING = (Switch, Repeat, Vote)
"""Skipped where the step inside is."""

_MOST_GUESSES = 3
"""How many repeats inside each other may leave the type of their rounds open: each doubles the work."""

_INT = re.compile(r"(0|-?[1-9][0-9]{0,17})\Z")
_CASE = re.compile(r"[^.#\[\]]+\Z")
"""What can stand in a path, in which other signs have a meaning."""


def compile_work(reader: StepReader, kind: str, around: Around) -> tuple[Work, Type] | None:
    """The work of a step that holds others, and its output; None with the problems reported."""
    match kind:
        case "nodes":
            return _inline(reader, around)
        case "switch":
            return _switch(reader, around)
        case "map":
            return _map(reader, around)
        case "repeat":
            return _repeat(reader, around)
    return _vote(reader, around)


def _inline(reader: StepReader, around: Around) -> tuple[Work, Type] | None:
    # A block holds steps and a step may hold a block: one of the two has to look the other up late.
    from shoal.graphs.blocks import BlockReader

    block = BlockReader(reader.kit, reader.where, reader.entry.nodes or {}, reader.name)
    made = block.compile(reader.entry.output, around)
    if made is None:
        reader.has_faults = True
        return None
    return Inline(block=made), made.output_type


# -- switch -------------------------------------------------------------------------------------------------


def _switch(reader: StepReader, around: Around) -> tuple[Work, Type] | None:
    where, entry = reader.where, reader.entry
    subject = _given(reader, "switch", entry.switch, around)
    path = subject.reference.path if isinstance(subject, Read) else None
    if subject is not None:
        _check_cases(reader, subject, path, around)
    cases = {
        name: reader.inner(("cases", name), case).compile(_where_it_is(around, path, name))
        for name, case in (entry.cases or {}).items()
    }
    default = reader.inner(("default",), entry.default).compile(around) if entry.default else None
    steps = [*cases.values(), *([default] if entry.default else [])]
    made = [step for step in steps if step is not None]
    if subject is None or len(made) < len(steps) or not made:
        reader.has_faults = True
        return None
    try:
        output = joint_type([step.type for step in made])
    except NoJoin as err:
        message = f"the cases of node '{reader.name}' give different types: {err}. Let all give the same"
        reader.fault((*where, "cases"), message, at_key=True)
        return None
    nodes = {name: case.node for name, case in cases.items() if case}
    return Switch(subject=subject, cases=nodes, default=default.node if default else None), output


def _where_it_is(around: Around, path: Path | None, word: str) -> Around:
    """Around a case: there its word is what stands at the path."""
    if path is None:
        return around
    cases = {**around.truths.cases, path: frozenset([word])}
    return replace(around, truths=Truths(around.truths.facts, cases))


def _check_cases(reader: StepReader, subject: Compiled, path: Path | None, around: Around) -> None:
    """Whether the cases are values that the subject has, and all of them."""
    where, given = reader.where, reader.entry.cases or {}
    kind = plain(subject.type)
    if kind == ANY and not all(around.sources[path[0]].is_known for path in paths_of(subject)):
        return
    words: tuple[str, ...] | None = None
    if kind == BOOL:
        words = words_at(path, around.truths, ("true", "false"))
    elif isinstance(kind, Enum):
        words = words_at(path, around.truths, kind.cases)
    elif kind not in (STR, INT, ANY):
        hint = remedy_for_switch(kind)
        message = f"`switch` of node '{reader.name}' is {kind}, expected an enum, str, int or bool{hint}"
        reader.fault((*where, "switch"), message)
        return
    for name in given:
        if words is not None and name not in words:
            message = f"node '{reader.name}': `switch` is never '{name}'. {suggest(name, words)}"
            reader.fault((*where, "cases", name), message, at_key=True)
        elif kind == INT and not _INT.match(name):
            message = f"node '{reader.name}': the case '{name}' is no whole number, and `switch` is int"
            reader.fault((*where, "cases", name), message, at_key=True)
    for name in given:
        if not _CASE.match(name) or name in ("escalate", "default"):
            message = f"'{name}' cannot be a case of node '{reader.name}'"
            rule = "Cases have no . # [ ] in them, and are not called escalate or default"
            reader.fault((*where, "cases", name), f"{message}. {rule}", at_key=True)
    lacking = [word for word in words or () if word not in given]
    if reader.entry.default is None and (words is None or lacking):
        what = ", ".join(f"'{word}'" for word in lacking) or "all other values"
        message = f"the cases of node '{reader.name}' lack {what}. Add cases, or a `default`"
        reader.fault((*where, "cases"), message, at_key=True)
    elif reader.entry.default is not None and words is not None and not lacking:
        message = f"`default` of node '{reader.name}' is never reached: the cases name all values. Remove it"
        reader.kit.fault((*where, "default"), message, at_key=True, is_warning=True)


def remedy_for_switch(kind: Type) -> str:
    """How to make a nullable subject one that can be switched on."""
    return ". It may be null: end it with .orValue(...)" if isinstance(kind, Nullable) else ""


# -- map, repeat, vote --------------------------------------------------------------------------------------


def _map(reader: StepReader, around: Around) -> tuple[Work, Type] | None:
    where, entry = reader.where, reader.entry
    if entry.each is None:
        return None  # which was reported
    each = _given(reader, "each", entry.each, around)
    kind = plain(each.type) if each else ANY
    if each is not None and not isinstance(kind, ListOf) and kind != ANY:
        hint = remedy(each).replace("''", "[]") if isinstance(kind, Nullable) else ""
        message = f"`each` of node '{reader.name}' is {kind}, expected a list"
        reader.fault((*where, "each"), message + hint.replace("${", "").replace("}", ""))
    elif (
        isinstance(entry.each, list) and kind == ListOf(ANY) and any(each is not None for each in entry.each)
    ):
        message = f"the items in `each` of node '{reader.name}' have different types"
        reader.fault((*where, "each"), f"{message}. Let them have one")
    item = entry.as_ or "item"
    _check_item_name(reader, item, around)
    item_type = kind.item if isinstance(kind, ListOf) else ANY
    source = Source(source_type(item_type), f"'{item}' has")
    inside = replace(around, sources={**around.sources, item: source})
    body = _body(reader, "map", entry.map, inside)
    if body is None or each is None or reader.has_faults:
        return None
    result = Nullable(body.type) if body.may_be_skipped and not isinstance(body.type, Nullable) else body.type
    return Map(each=each, item=item, body=body.node, at_once=entry.at_once), ListOf(result)


def _check_item_name(reader: StepReader, item: str, around: Around) -> None:
    where = (*reader.where, "as" if reader.entry.as_ else "map")
    if not NAME.match(item):
        reader.fault(where, f"'{item}' cannot be a name. {NAME_RULE}")
    elif item in RESERVED:
        reader.fault(where, f"'{item}' means something in expressions. Choose another name: `as: ...`")
    elif item in around.sources or item == reader.name:
        message = f"there is a '{item}' around node '{reader.name}' already. Choose another name: `as: ...`"
        reader.fault(where, message, at_key=not reader.entry.as_)


def _repeat(reader: StepReader, around: Around) -> tuple[Work, Type] | None:
    entry = reader.entry
    if entry.until is None or entry.at_most is None or entry.repeat is None:
        return None  # which was reported
    start, last = _last_round(reader, entry.repeat, around)
    inside = replace(around, sources={**around.sources, reader.name: last}) if last else around
    body = _body(reader, "repeat", entry.repeat, inside)
    if body is None:
        return None
    before = start.type if start else without_null(last.type) if last else body.type
    if last and (wider := _wider(before, body.type)) and reader.kit.guesses < _MOST_GUESSES:
        last = replace(last, type=wider if start else Nullable(wider))
        inside = replace(around, sources={**around.sources, reader.name: last})
        body = reader.inner(("repeat",), entry.repeat, is_again=True).compile(inside)
        if body is None:
            reader.has_faults = True
            return None
        before, start = wider, widened(start, wider) if start else None
    if not accepts(before, body.type):
        what = f"`start` of node '{reader.name}'" if start else f"the first round of node '{reader.name}'"
        message = f"{what} is {before}, but the rounds give {body.type}"
        remedy = "Let them agree" if start else "Add `start`, of the type that all rounds give"
        reader.fault((*reader.where, "start" if start else "repeat"), f"{message}. {remedy}", at_key=True)
    own = replace(around, sources={**around.sources, reader.name: Source(body.type, "a round gives")})
    until = reader.judgement("until", entry.until, own)
    if until is None or reader.has_faults:
        return None
    return Repeat(body=body.node, until=until, at_most=entry.at_most, start=start), body.type


def _wider(before: Type, after: Type) -> Type | None:
    """What the rounds give if they begin with whole numbers and go on with floats."""
    joint = None if accepts(before, after) else join(before, after)
    return declared(joint) if joint else None


def _last_round(reader: StepReader, body: StepEntry, around: Around) -> tuple[Compiled | None, Source | None]:
    """`start`, and what the body reads as the last round's output."""
    known = reader.inner(("repeat",), body).source()
    kind = known.type if known else None
    gives = "the last round gave"
    if "start" not in reader.entry_keys():
        reads_it = reader.name in set().union(*links_of_step(body))
        if kind is None and reads_it and reader.kit.guesses < _MOST_GUESSES:
            kind = _first_round(reader, body, around)
        if kind is None and reads_it:
            message = f"node '{reader.name}' reads its last round, whose type is not known before the first"
            reader.fault((*reader.where, "repeat"), f"{message}. Add `start`: what that reads", at_key=True)
            return None, Source(ANY, gives)
        # Absent in the first round, so it can only be asked for.
        return None, Source(Nullable(kind), gives) if kind else None
    given = reader.entry.start
    target = kind
    if isinstance(kind, Record) and isinstance(given, dict):
        fields = {name: field for name, field in kind.fields.items() if name in given}
        # What the body does not read of the last round need not be there; what is there must be right.
        target = Record(fields) if fields else kind
    where = (*reader.where, "start")
    start = reader.value(where, given, target, around, f"the start of node '{reader.name}'")
    if start is None:
        reader.has_faults = True
        return None, Source(kind or ANY, gives)
    return start, Source(source_type(start.type), gives)


def _first_round(reader: StepReader, body: StepEntry, around: Around) -> Type | None:
    """What a body gives that holds other steps, found out where nothing was given before."""
    absent = Source(Nullable(NEVER), "the last round gave")  # type: ignore[arg-type]
    first = reader.inner(("repeat",), body, is_quiet=True)
    made = first.compile(replace(around, sources={**around.sources, reader.name: absent}))
    return made.type if made else None


def _vote(reader: StepReader, around: Around) -> tuple[Work, Type] | None:
    where, entry = reader.where, reader.entry
    body = _body(reader, "vote", entry.vote, around)
    if body is None or entry.samples is None:
        return None
    if not isinstance(body.type, Record):
        message = f"node '{reader.name}' votes on {body.type}, expected a record of fields"
        reader.fault((*where, "vote"), message, at_key=True)
        return None
    if not _holds_agent(body.node):
        message = f"node '{reader.name}' samples a step without an agent, which gives the same each time"
        reader.fault((*where, "vote"), f"{message}. Let an agent answer", at_key=True)
    fields = {name: kind for name, kind in body.type.fields.items() if name != "confidence"}
    for i, name in enumerate(entry.on or ()):
        if name not in fields:
            message = f"node '{reader.name}' votes on '{name}', which is no field of {Record(fields)}."
            reader.fault((*where, "on", i), f"{message} {suggest(name, fields)}")
    decided = [name for name, kind in fields.items() if kind not in (STR, Nullable(STR))]
    on = tuple(entry.on or decided or fields)
    if entry.early:
        _check_early(reader, body.node)
    vote = Vote(body=body.node, samples=entry.samples, by=entry.by, on=on, early=entry.early)
    return vote, Record(fields)


def _check_early(reader: StepReader, body: Node) -> None:
    """Whether samples can be given up."""
    where, message = (*reader.where, "early"), f"node '{reader.name}'"
    if reader.entry.by == "confidence":
        problem = "votes by confidence, and nobody knows which sample is the surest before all are there"
        reader.fault(where, f"{message} {problem}. Remove `early`", at_key=True)
    if "once" in effects_of([body.work], reader.kit.known.signature):
        problem = "would give samples up in which a tool with the effect once may have acted"
        reader.fault(where, f"{message} {problem}. Remove `early`", at_key=True)


def _holds_agent(node: Node) -> bool:
    return isinstance(node.work, AgentCall | GraphCall) or any(map(_holds_agent, bodies(node).values()))


def _body(reader: StepReader, key: str, entry: StepEntry | None, around: Around) -> Made | None:
    body = None if entry is None else reader.inner((key,), entry).compile(around)
    reader.has_faults |= body is None
    return body


def _given(reader: StepReader, key: str, given: Any, around: Around) -> Compiled | None:
    """What a composite step works on: an expression, or a value in place."""
    where: Where = (*reader.where, key)
    if isinstance(given, str) and not is_template(given):
        compiled = reader.expression(where, key, given, around)
    elif isinstance(given, str) and not is_whole(given):
        reader.fault(where, f"`{key}` of node '{reader.name}' is a text, expected one expression alone")
        compiled = None
    else:
        compiled = reader.value(where, given, None, around, f"`{key}`")
    reader.has_faults |= compiled is None
    return compiled


def works_of(node: Node) -> Iterator[Work]:
    """The work of a step, and that of what it escalates to."""
    yield node.work
    if node.escalate:
        yield from works_of(node.escalate.to)


def effects_of(works: Iterable[Work], signature: Callable[[str], Signature | None]) -> frozenset[str]:
    """What work does to the world: `agent`, `human`, and the effects of tools."""
    found: set[str] = set()
    for work in works:
        match work:
            case AgentCall():
                found.add("agent")
            case ToolCall(tool=tool):
                found.add(tool.effect)
            case HumanQuestion():
                found.add("human")
            case GraphCall(graph=graph, at_most=None):
                found |= called.effects if (called := signature(graph)) else frozenset()
            case GraphCall():
                pass  # it leads back here; what its graph does is looked at where that stands
            case _:
                found |= effects_of(
                    (each for inner in _steps_of(work) for each in works_of(inner)), signature
                )
    return frozenset(found)


def _steps_of(work: Work) -> Iterator[Node]:
    match work:
        case Inline(block=block):
            yield from block.nodes.values()
        case Switch(cases=cases, default=default):
            yield from cases.values()
            yield from [default] if default else []
        case Map(body=body) | Repeat(body=body) | Vote(body=body):
            yield body


def links(node: Node) -> tuple[frozenset[str], frozenset[str]]:
    """Names that a step needs, and names that it waits for; its own among them."""
    reads: frozenset[str] = frozenset()
    asks: frozenset[str] = frozenset()
    for expression in expressions_of(node):
        reads |= expression.reads
        asks |= expression.asks
    needing = getattr(node.work, "body", None)
    for inner in bodies(node).values():
        if inner is needing:  # it always runs
            reads |= inner.reads
            asks |= inner.asks
        else:
            asks |= inner.reads | inner.asks
    match node.work:
        case Map(item=item):
            return reads - {item}, asks - {item}
        case Inline(block=block):
            for expression in block.output.values():
                asks |= expression.reads | expression.asks
            asks -= block.nodes.keys()
    return reads, asks
