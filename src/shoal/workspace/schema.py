"""From YAML documents to pydantic models, with every fault as a problem at its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError

from shoal.errors import Problem, suggest
from shoal.workspace.foreign import key_remedy
from shoal.workspace.types import Record, Type, TypeSyntaxError, parse_record
from shoal.workspace.yaml import MAX_PROBLEMS, Document, Where


class Strict(BaseModel):
    """A mapping in a file of the workspace: unknown keys are refused, nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)


def _given(value: object) -> object:
    if value is None:
        raise PydanticCustomError("empty", "a value. Write one or remove the key")
    return value


Given = BeforeValidator(_given)
"""Of a key that may be left out and may not be empty: an empty `when:` is a slip, not "always"."""

MISPLACED = {"when": " here: a step inside a node always runs. Nodes have it, also those in `nodes:`"}
"""What to say of keys that exist, but not everywhere."""

M = TypeVar("M", bound=Strict)


def problems_of(document: Document, model: type[Strict]) -> list[Problem]:
    """Everything that keeps a document from being a `model`."""
    try:
        model.model_validate(document.data)
    except ValidationError as err:
        errors = [dict(each) for each in err.errors(include_url=False)[:MAX_PROBLEMS]]
        owners = _owners(document, errors)
        return [_problem(document, model, each, owners) for each in errors if not _is_misspelt(each, errors)]
    return []


def _where(document: Document, error: Mapping[str, Any]) -> Where:
    """Only steps that are in the file: pydantic adds names of union members."""
    where: Where = ()
    for step in error["loc"]:
        where = (*where, step) if (*where, step) in document.marks else where
    return where


def _owners(document: Document, errors: Iterable[Mapping[str, Any]]) -> dict[Where, Where]:
    """Unknown keys that stand behind an empty one, and that one: they were meant to stand inside it."""
    empty = {_where(document, each) for each in errors if each["input"] is None}
    found: dict[Where, Where] = {}
    for each in errors if empty else ():
        where = _where(document, each)
        owner = _before(document, where) if each["type"] == "extra_forbidden" else None
        owner = found.get(owner, owner) if owner else None
        if owner in empty:
            found[where] = owner
    return found


def _before(document: Document, where: Where) -> Where | None:
    """The key in front of another one."""
    around: Any = document.data
    for step in where[:-1]:
        around = around[step]
    index = list(around).index(where[-1]) if isinstance(around, dict) else 0
    return (*where[:-1], list(around)[index - 1]) if index else None


def entry(document: Document, section: str, model: type[M]) -> M | None:
    """What a section holds; None if it is absent or does not fit, which `problems_of` has reported."""
    try:
        return model.model_validate(document.data.get(section))
    except ValidationError:
        return None


def entries(document: Document, section: str, model: type[M]) -> dict[str, M | None]:
    """What a section holds by name; None for entries that do not fit, which `problems_of` has reported."""
    section_data = document.data.get(section)
    found: dict[str, M | None] = {}
    for name, value in section_data.items() if isinstance(section_data, dict) else ():
        try:
            found[name] = model.model_validate(value)
        except ValidationError:
            found[name] = None
    return found


def record_at(
    document: Document, where: Where, source: Mapping[str, object]
) -> tuple[Record | None, list[Problem]]:
    """The record type written at a place, and what is wrong with each of its fields."""
    fields: dict[str, Type] = {}
    problems: list[Problem] = []
    for name, kind in source.items():
        try:
            fields |= parse_record({name: kind}).fields
        except TypeSyntaxError as err:
            is_name = "is not a field name" in str(err)
            problems.append(document.problem((*where, name), str(err), at_key=is_name))
    if not source:
        message = f"'{where[-1]}' has no fields. Name at least one, like {{text: str}}"
        problems.append(document.problem(where, message))
    return None if problems else Record(fields), problems


def _problem(
    document: Document, model: type[Strict], error: dict[str, Any], owners: Mapping[Where, Where]
) -> Problem:
    where = _where(document, error)
    match error["type"]:
        case "extra_forbidden":
            key, known = str(where[-1]), _keys(model, where[:-1])
            remedy = MISPLACED.get(key) if key not in known else None
            remedy = remedy or f". {key_remedy(key, known) or suggest(key, known)}"
            if (owner := owners.get(where)) and "Did you mean" not in remedy:
                remedy = f". Indent it, if it belongs to `{owner[-1]}` above"
            return document.problem(where, f"'{key}' is not a known key{remedy}", at_key=True)
        case "missing":
            missing = error["loc"][-1]
            return document.problem(where, f"the key '{missing}' is missing{_inside(where)}", at_key=True)
    return document.problem(where, f"{_name(where)} is {_show(error['input'])}, expected {_expected(error)}")


def _is_misspelt(error: Mapping[str, Any], errors: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a missing key is there under a wrong name, which is reported with a suggestion."""
    *inside, name = error["loc"] or ("",)
    return error["type"] == "missing" and any(
        other["type"] == "extra_forbidden"
        and list(other["loc"][:-1]) == inside
        and suggest(str(other["loc"][-1]), [name]) == f"Did you mean '{name}'?"
        for other in errors
    )


def _name(where: Where) -> str:
    return f"'{where[-1]}'" if where else "the file"


def _inside(where: Where) -> str:
    return f" in '{where[-1]}'" if where else ""


def _show(value: object) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "empty"
    text = {True: "true", False: "false"}.get(value) if isinstance(value, bool) else repr(value)
    return text if text and len(text) <= 60 else f"{str(text)[:57]}..."


_EXPECTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "list_type": "a list",
}


def _expected(error: dict[str, Any]) -> str:
    context = error.get("ctx", {})
    match error["type"]:
        case "value_error":
            return str(context["error"])
        case "literal_error":
            return str(context["expected"]).replace("'", "")
        case "greater_than":
            return f"more than {context['gt']:g}"
        case "greater_than_equal":
            return f"at least {context['ge']:g}"
        case "less_than_equal":
            return f"at most {context['le']:g}"
        case "too_short":
            return f"at least {context['min_length']} of them"
        case "too_long":
            return f"at most {context['max_length']} of them"
    return _EXPECTED.get(error["type"], str(error["msg"]))


def _options(kind: Any) -> Iterator[Any]:
    """A type, and those it is a union of; what a mapping holds is no option of it."""
    yield kind
    if get_origin(kind) is not dict:
        for each in get_args(kind):
            yield from _options(each)


def _keys(kind: Any, where: Where) -> Iterable[str]:
    """The keys a model allows at a place inside it."""
    if where and isinstance(where[0], int):  # an item of a list is of the list's options
        return _keys(kind, where[1:])
    for option in _options(kind):
        if isinstance(option, type) and issubclass(option, BaseModel):
            fields = {field.alias or name: field.annotation for name, field in option.model_fields.items()}
            if not where:
                return fields
            return _keys(fields.get(str(where[0])), where[1:])
        if get_origin(option) is dict and where:
            return _keys(get_args(option)[1], where[1:])
    return ()
