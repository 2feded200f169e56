"""What people write who come from other languages, and what it is here."""

from __future__ import annotations

from collections.abc import Iterable

_EDGES = "Edges are not written: a node waits for what it reads"
_KIND = "The kind of a node is a key with a name: agent: NAME, tool: NAME"
_PROMPT = "Write one sentence `about` it, and what a model is asked into agents/NAME/prompt.md"
_AT_ONCE = "Nodes that do not read each other run at once; a map has `at_once`"

_KEYS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("needs", "depends_on", "dependencies", "after", "context"), ("with", _EDGES)),
    **dict.fromkeys(("next", "then", "goto", "transitions"), ("with", _EDGES)),
    **dict.fromkeys(("edges", "conditional_edges", "entry_point", "start"), ("nodes", _EDGES)),
    **dict.fromkeys(("if", "condition", "unless", "only_if"), ("when", "Write `when: EXPRESSION`")),
    **dict.fromkeys(
        ("input", "inputs", "args", "arguments", "params", "parameters", "kwargs"),
        ("with", "Write `with: {NAME: VALUE}`"),
    ),
    **dict.fromkeys(("type", "kind", "uses", "call", "name", "id"), ("agent", _KIND)),
    **dict.fromkeys(("steps", "tasks", "jobs"), ("nodes", "Write `nodes: {NAME: ...}`")),
    **dict.fromkeys(
        ("timeout", "timeout-minutes", "timeout_seconds", "timeout_ms"),
        ("timeout_s", "Write `timeout_s: SECONDS`"),
    ),
    **dict.fromkeys(
        ("continue-on-error", "on_error", "on_failure", "catch", "otherwise"),
        ("fallback", "Write what stands in: `fallback: ...`"),
    ),
    **dict.fromkeys(
        ("strategy", "matrix", "foreach", "for_each", "loop", "with_items"),
        ("map", "Write `map: STEP` and `each: LIST`; for rounds, `repeat`"),
    ),
    **dict.fromkeys(("parallel", "concurrency", "async_execution", "max_parallel"), ("at_once", _AT_ONCE)),
    **dict.fromkeys(
        ("state", "variables", "vars", "env", "memory"),
        ("nodes", "There is no state: nodes read `input` and each other's outputs"),
    ),
    **dict.fromkeys(
        ("role", "goal", "backstory", "prompt", "instruction", "instructions", "system", "description"),
        ("adapter", _PROMPT),
    ),
    **dict.fromkeys(("llm", "model", "provider"), ("adapter", "Write `base`, a name of `bases`")),
    "tools": ("adapter", "Agents call no tools. A graph has nodes for tools, and agents read what they give"),
    **dict.fromkeys(
        ("expected_output", "output_schema", "outputs", "response_format"),
        ("adapter", "Write `output: {NAME: TYPE}`"),
    ),
}
"""By word: a key that must be known at the place, and what to write there."""

_TYPES = {
    **dict.fromkeys(("string", "text", "char", "varchar"), "Write str"),
    **dict.fromkeys(("number", "double", "decimal", "real"), "Write float, or int for whole numbers"),
    **dict.fromkeys(("integer", "long"), "Write int"),
    "boolean": "Write bool",
    **dict.fromkeys(
        ("object", "dict", "map", "record", "json"), "Write its fields, like {name: str}, or any"
    ),
    **dict.fromkeys(("array", "list", "tuple", "set"), "Write the type of its items, like list[str]"),
    **dict.fromkeys(("none", "null", "optional"), "A type with ? may be null, like str?"),
    "enum": "Write its words, like enum[yes, no]",
    "literal": "Write enum[...]",
}


def key_remedy(key: str, known: Iterable[str]) -> str | None:
    """What to write instead of a key that other languages have."""
    needed, remedy = _KEYS.get(key.lower(), ("", ""))
    return remedy if needed in known else None


def type_remedy(text: str) -> str | None:
    """What to write instead of a type that other languages have."""
    if text.startswith("Optional[") or ("|" in text and "None" in text):
        return _TYPES["optional"]
    return _TYPES.get(text.partition("[")[0].partition("<")[0].strip().lower())
