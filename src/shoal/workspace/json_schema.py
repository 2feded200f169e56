"""JSON Schema (2020-12) of the files of a workspace, for editors; from the pydantic models that read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_WORD = r"[A-Za-z_][A-Za-z0-9_-]*"
_SCALAR = rf"(str|int|float|bool|any|enum\[\s*{_WORD}(\s*,\s*{_WORD})*\s*\])"
_SPAN = r"span\[(str|number)\]\??(\s+from\s+[a-z_][a-z0-9_]*)?\s*"
_TYPE: dict[str, Any] = {
    "title": "type",
    "description": "str, int, float, bool, any, enum[a, b], list[T], span[str] from FIELD, span[number] from "
    "FIELD, or a mapping of names to types. A `?` behind it allows null.",
    "anyOf": [
        {
            "type": "string",
            "pattern": rf"^\s*((list\[\s*)*{_SCALAR}[\]?\s]*|{_SPAN})$",
            "examples": [
                "str",
                "float?",
                "enum[approve, decline]",
                "list[str]?",
                "span[number] from message",
            ],
        },
        {"$ref": "#/$defs/Types"},
    ],
}
_TYPES: dict[str, Any] = {
    "title": "record",
    "description": "Names and types of fields, like {amount: float, reason: str?}.",
    "type": "object",
    "minProperties": 1,
    "propertyNames": {"pattern": "^[a-z_][a-z0-9_]*$"},
    "additionalProperties": {"$ref": "#/$defs/Type"},
}

Place = tuple[str, str]
"""A model and one of its keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What the models of a file do not say of themselves."""

    types: frozenset[Place] = frozenset()
    """Where names and types of fields are written."""
    named: frozenset[Place] = frozenset()
    """Where names are given to entries."""
    name_pattern: str = "^[a-z][a-z0-9_]{0,63}$"
    one_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Keys of a model of which exactly one is there."""
    only_with: Mapping[str, Mapping[str, Iterable[str]]] = field(default_factory=dict)
    """Of a model: a key, and those of which one must stand beside it."""
    needs: Mapping[str, Mapping[str, Iterable[str]]] = field(default_factory=dict)
    """Of a model: a key, and all that must stand beside it."""


def schema_of(model: type[BaseModel], title: str, hints: Hints | None = None) -> dict[str, Any]:
    """The schema of one kind of file."""
    hints = hints or Hints()
    made = _cleaned(model.model_json_schema(by_alias=True))
    definitions: dict[str, Any] = made.pop("$defs", {})
    for name, each in {model.__name__: made, **definitions}.items():
        _apply(each, name, hints)
    if hints.types:
        definitions |= {"Type": _TYPE, "Types": _TYPES}
    inner = {"$defs": dict(sorted(definitions.items()))} if definitions else {}
    return {"$schema": DIALECT, "title": title, **made, **inner}


def _apply(schema: dict[str, Any], model: str, hints: Hints) -> None:
    """Add what the hints say of a model."""
    properties: dict[str, Any] = schema.get("properties", {})
    for key, value in properties.items():
        if (model, key) in hints.types:
            kept = {name: value[name] for name in ("description", "default") if value.get(name)}
            properties[key] = {**kept, "$ref": "#/$defs/Types"}
        if (model, key) in hints.named:
            value["propertyNames"] = {"pattern": hints.name_pattern}
    if kinds := hints.one_of.get(model):
        schema["oneOf"] = [_one(properties[kind], kind) for kind in kinds if kind in properties]
    if only := hints.only_with.get(model):
        schema["dependentSchemas"] = {
            key: {"anyOf": [{"required": [other]} for other in sorted(others)]}
            for key, others in sorted(only.items())
            if key in properties
        }
    if needs := hints.needs.get(model):
        schema["dependentRequired"] = {key: list(others) for key, others in sorted(needs.items())}


def _one(described: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {"title": kind, "description": described.get("description", ""), "required": [kind]}


def _cleaned(schema: Any) -> Any:
    """Without pydantic's titles, and without null: keys are left out or have a value."""
    if isinstance(schema, list):
        return [_cleaned(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {
        # Under these stand names, one of which may be `title`.
        key: {name: _cleaned(each) for name, each in value.items()}
        if key in {"properties", "$defs"}
        else _cleaned(value)
        for key, value in schema.items()
        if key != "title" and not (key == "default" and value is None)
    }
    options = [each for each in found.get("anyOf", ()) if each != {"type": "null"}]
    if len(options) == 1:
        del found["anyOf"]
        return {**options[0], **found}
    return found | ({"anyOf": options} if options else {})
