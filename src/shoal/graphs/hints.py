"""Between the annotations of a tool and plain JSON: types, arguments and results."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Literal, Union, get_args, get_origin

from shoal.workspace.types import ANY, BOOL, FLOAT, INT, STR, Enum, ListOf, Nullable, Record, Type, plain

_SCALARS: dict[Any, Type] = {str: STR, int: INT, float: FLOAT, bool: BOOL, Any: ANY}


def type_of(hint: Any) -> Type | None:
    """The type of an annotation, or None where the YAML language has no such type."""
    if hint in (type(None), None):
        return Nullable(ANY)
    if isinstance(hint, type) and get_origin(hint) is None and (fields := _record_hints(hint)) is not None:
        inner = {name: type_of(each) for name, each in fields.items()}
        return Record({name: kind for name, kind in inner.items() if kind}) if all(inner.values()) else None
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return Enum(args) if all(isinstance(each, str) for each in args) else None
    if origin is list and args:
        item = type_of(args[0])
        return ListOf(item) if item else None
    if origin in (Union, types.UnionType):
        return _union(args)
    if origin is typing.Annotated or origin in (typing.Required, typing.NotRequired):
        return type_of(args[0])
    return _SCALARS.get(hint) if isinstance(hint, typing.Hashable) else None


def _union(args: tuple[Any, ...]) -> Type | None:
    rest = [each for each in args if each is not type(None)]
    kind = type_of(rest[0]) if len(rest) == 1 and len(args) == 2 else None
    return Nullable(kind) if kind and not isinstance(plain(kind), Nullable) else kind


def _record_hints(hint: type) -> dict[str, Any] | None:
    """The fields of a TypedDict, dataclass or pydantic model; keys that may be absent are nullable."""
    if typing.is_typeddict(hint):
        hints = typing.get_type_hints(hint, include_extras=True)
        return {name: each | None if _is_optional(hint, name, each) else each for name, each in hints.items()}
    if dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        return {each.name: hints[each.name] for each in dataclasses.fields(hint)}
    if _is_model(hint):
        return {name: each.annotation for name, each in hint.model_fields.items()}  # type: ignore[attr-defined]
    return None


def _is_optional(hint: Any, name: str, kind: Any) -> bool:
    # Python does not see Required and NotRequired where annotations are kept as texts.
    if get_origin(kind) in (typing.Required, typing.NotRequired):
        return get_origin(kind) is typing.NotRequired
    return name in getattr(hint, "__optional_keys__", ())


def _is_model(hint: object) -> bool:
    from pydantic import BaseModel

    return isinstance(hint, type) and issubclass(hint, BaseModel)


def adapt(function: Callable[..., Any], hints: Mapping[str, Any]) -> Callable[..., Any]:
    """The function with plain JSON going in and coming out."""
    builders = {name: build for name, hint in hints.items() if name != "return" and (build := _builder(hint))}
    if not builders and hints.get("return") in (str, int, float, bool):
        return function

    def arguments(given: dict[str, Any]) -> dict[str, Any]:
        return {name: builders[name](value) if name in builders else value for name, value in given.items()}

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def call_async(**given: Any) -> Any:
            return to_json(await function(**arguments(given)))

        return call_async

    @functools.wraps(function)
    def call(**given: Any) -> Any:
        return to_json(function(**arguments(given)))

    return call


def _builder(hint: Any) -> Callable[[Any], Any] | None:
    """How a JSON value becomes what the annotation asks for, where that is not the same."""
    args = [each for each in get_args(hint) if each is not type(None)]
    origin = get_origin(hint)
    if origin in (typing.Annotated, typing.Required, typing.NotRequired):
        return _builder(args[0])
    if origin in (Union, types.UnionType) and len(args) == 1:
        inner = _builder(args[0])
        return (lambda value: None if value is None else inner(value)) if inner else None
    if origin is list and args:
        item = _builder(args[0])
        return (lambda values: [item(each) for each in values]) if item else None
    if _is_model(hint):
        return functools.partial(_model, hint)
    if typing.is_typeddict(hint):
        return _dict_builder(hint)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        build = _fields_builder(typing.get_type_hints(hint))
        return lambda value: hint(**build(value))
    return None


def _model(hint: Any, value: Any) -> Any:
    from pydantic import ValidationError

    try:
        return hint.model_validate(value)
    except ValidationError as err:
        first = err.errors(include_url=False, include_context=False)[0]
        place = ".".join([hint.__name__, *map(str, first["loc"])])
        raise ValueError(f"{place} cannot be {first['input']!r}: {first['msg']}") from None


def _dict_builder(hint: Any) -> Callable[[Any], Any] | None:
    """Of a TypedDict: keys that may be left out and may not be None are left out where they are null."""
    hints = typing.get_type_hints(hint, include_extras=True)
    left_out = {
        name
        for name, each in hints.items()
        if _is_optional(hint, name, each) and not isinstance(type_of(each), Nullable)
    }
    build = _fields_builder(hints)
    return lambda value: build(
        {name: each for name, each in value.items() if each is not None or name not in left_out}
    )


def _fields_builder(hints: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    fields = {name: build for name, each in hints.items() if (build := _builder(each))}
    return lambda value: {
        name: fields[name](each) if name in fields else each for name, each in value.items()
    }


def to_json(value: Any) -> Any:
    """A tool's result as plain JSON data; what is no record or list is left as it is."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: to_json(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: to_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(each) for each in value]
    if hasattr(value, "model_dump"):  # a pydantic model, without importing pydantic to ask
        return value.model_dump(mode="json")
    return value
