"""What may stand on a step of any kind: who else answers, whether it is tried again, what is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal.expressions.values import source_type
from shoal.graphs.composites import effects_of, works_of
from shoal.graphs.model import StepEntry
from shoal.graphs.plan import AgentCall, Escalation, GraphCall, HumanQuestion, ToolCall, Work
from shoal.workspace.types import Type, accepts

if TYPE_CHECKING:
    from shoal.graphs.nodes import StepReader
    from shoal.graphs.readers import Around


def compile_escalation(
    reader: StepReader, work: Work, output: Type, around: Around, with_own: Around
) -> Escalation | None:
    """Who answers where a step is not good enough."""
    entry = reader.entry.escalate
    if entry is None or isinstance(work, HumanQuestion):
        return None
    where = (*reader.where, "escalate")
    when = reader.judgement("escalate.when", entry.when, with_own)
    step = entry.to if isinstance(entry.to, StepEntry) else _same_question(reader, entry.to)
    other = None if step is None else reader.inner(("escalate", "to"), step)
    if other is not None and reader.has_faulty_inputs and isinstance(entry.to, str):
        other.worker("agent")  # its name alone: what is wrong with the `with` of both was told
        return None
    made = None if other is None else other.compile(around)
    if made is None or when is None:
        reader.has_faults = True
        return None
    if made.may_be_skipped and reader.entry.fallback is None:
        message = f"what node '{reader.name}' escalates to reads a node that may be skipped"
        reader.fault((*where, "to"), f"{message}. Ask with '?', or add a `fallback`")
    if not accepts(output, made.type):
        given = f"gives {source_type(output)}, but what it escalates to gives {made.node.output}"
        message = f"node '{reader.name}' {given}"
        reader.fault((*where, "to"), f"{message}. Let both give the same")
    return Escalation(when=when, to=made.node)


def _same_question(reader: StepReader, agent: str) -> StepEntry | None:
    """The step that asks another agent what this step was asked."""
    asked = reader.entry.vote or reader.entry
    if asked.agent is None and asked.graph is None and asked.tool is None:
        message = f"node '{reader.name}' has no `with` of its own to give to agent '{agent}'"
        place = (*reader.where, "escalate", "to")
        reader.fault(place, f"{message}. Write a step: to: {{agent: {agent}, with: ...}}")
        return None
    return StepEntry.model_validate({"agent": agent, "with": asked.with_, "retry": reader.entry.retry})


def check_policies(reader: StepReader, work: Work, escalate: Escalation | None) -> None:
    """Whether a step may be tried again, and whether its answers may be kept."""
    works = [work, *(works_of(escalate.to) if escalate else ())]
    effects = effects_of(works, reader.kit.known.signature)
    if reader.entry.retry and not isinstance(work, ToolCall) and "once" in effects:
        message = f"node '{reader.name}' holds a tool with the effect once, which is never called again"
        reader.fault((*reader.where, "retry"), f"{message}. Remove `retry`", at_key=True)
    if reader.entry.cache is None or isinstance(work, HumanQuestion):
        return
    if not isinstance(work, AgentCall | ToolCall | GraphCall):
        message = "`cache` stands on agents, pure tools and graphs of these. Write it inside"
        reader.fault((*reader.where, "cache"), f"node '{reader.name}': {message}", at_key=True)
    elif others := effects - {"agent", "pure"}:
        what = "a person" if "human" in others else f"a tool with the effect {min(others)}"
        message = f"node '{reader.name}' asks {what}, whose answers are not kept. Remove `cache`"
        reader.fault((*reader.where, "cache"), message, at_key=True)
