"""Tools: typed Python functions of the workspace, loaded by file and read from their annotations."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

from shoal.agents.manifest import ToolEntry, Workspace
from shoal.errors import Problem, suggest
from shoal.graphs.hints import adapt, type_of
from shoal.graphs.plan import Tool
from shoal.graphs.tool_files import ToolFiles
from shoal.workspace.types import Record, Type
from shoal.workspace.yaml import MAX_PROBLEMS

KEY = "idempotency_key"
"""A parameter of this name is filled by the runner."""


class _Refused(Exception):
    pass


def load_tools(workspace: Workspace) -> tuple[dict[str, Tool], list[Problem]]:
    """All tools that can be loaded, and why the others cannot."""
    tools: dict[str, Tool] = {}
    problems: list[Problem] = []
    modules: dict[Path, ModuleType | None] = {}
    files = ToolFiles()
    for name, entry in workspace.tools.items():
        if len(problems) >= MAX_PROBLEMS:
            break
        try:
            tools[name] = _load(workspace.root, name, entry, modules, files)
        except _Refused as err:
            if str(err):
                kinds = [kind for kind in ("mcp", "http", "python") if getattr(entry, kind) is not None]
                where = ("tools", name, *kinds[:1])
                problems.append(workspace.document.problem(where, f"tool '{name}': {err}"))
    return tools, problems


def _load(
    root: Path, name: str, entry: ToolEntry, modules: dict[Path, ModuleType | None], files: ToolFiles
) -> Tool:
    for kind in ("mcp", "http"):
        if getattr(entry, kind) is not None:
            raise _Refused(
                f"the kind '{kind}' is not available in this version yet. Wrap the call in a python function"
            )
    if entry.python is None:
        raise _Refused('it says no `python: "tools/file.py:function"`')
    file, _, function_name = entry.python.rpartition(":")
    if not (file.endswith(".py") and function_name.isidentifier()):
        raise _Refused(f"'{entry.python}' does not name a function. Write tools/file.py:function")
    path = _inside(root, file)
    if path not in modules:
        modules[path] = None
        modules[path] = _import(path, file, files)
    module = modules[path]
    if module is None:
        raise _Refused("")  # its file was reported with the first of its tools
    function = getattr(module, function_name, None)
    if not inspect.isfunction(function):
        known = [key for key, value in vars(module).items() if _is_own_function(value, module)]
        raise _Refused(f"{file} has no function '{function_name}'. {suggest(function_name, known)}")
    return _tool(name, entry, function, files.digest(path))


def _inside(root: Path, file: str) -> Path:
    try:
        path = (root / file).resolve()
        is_file = path.is_file()
    except (OSError, ValueError):  # too long, or with a character that no path has
        raise _Refused(f"'{file}' cannot be a path. Write tools/file.py:function") from None
    if not path.is_relative_to(root.resolve()):
        raise _Refused(f"{file} is outside the workspace. Move it inside")
    if not is_file:
        here = [each.relative_to(root).as_posix() for each in root.glob("tools/*.py")]
        raise _Refused(
            f"there is no file {file}. {suggest(file, here) if here else 'Create it or mend the path'}"
        )
    return path


def _is_own_function(value: object, module: ModuleType) -> bool:
    return (
        inspect.isfunction(value)
        and value.__module__ == module.__name__
        and not value.__name__.startswith("_")
    )


def _import(path: Path, file: str, files: ToolFiles) -> ModuleType:
    try:
        return files.load(path)
    except (Exception, SystemExit) as err:
        raise _Refused(
            f"importing {file} failed: {type(err).__name__}: {_first_line(err)}{_line_in(err, path)}"
        ) from None


def _first_line(err: BaseException) -> str:
    return str(err.msg if isinstance(err, SyntaxError) else err).partition("\n")[0]


def _line_in(err: BaseException, path: Path) -> str:
    """`, line 12 of the file`, where the fault was raised in it."""
    line = err.lineno if isinstance(err, SyntaxError) else None
    trace = err.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return f" (line {line})" if line else ""


def _tool(name: str, entry: ToolEntry, function: Callable[..., Any], sha256: str) -> Tool:
    try:
        hints = typing.get_type_hints(function)
    except Exception as err:
        raise _Refused(f"the annotations of {function.__name__} cannot be read: {_first_line(err)}") from None
    fields: dict[str, Type] = {}
    required: set[str] = set()
    parameters = inspect.signature(function).parameters
    for parameter in parameters.values():
        if parameter.name == KEY:
            continue
        fields[parameter.name] = _parameter_type(function, parameter, hints)
        if parameter.default is inspect.Parameter.empty:
            required.add(parameter.name)
    if "return" not in hints:
        raise _Refused(f"{function.__name__} does not say what it returns. Add `-> type`")
    output = _typed(hints["return"], f"what {function.__name__} returns")
    return Tool(
        name=name,
        effect=entry.effect,
        input=Record(fields),
        required=frozenset(required),
        output=output,
        function=adapt(function, hints),
        takes_key=KEY in parameters,
        sha256=sha256,
    )


def _parameter_type(
    function: Callable[..., Any], parameter: inspect.Parameter, hints: Mapping[str, Any]
) -> Type:
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
        raise _Refused(
            f"parameter '{parameter.name}' of {function.__name__} must be an ordinary named parameter"
        )
    if parameter.name not in hints:
        raise _Refused(
            f"parameter '{parameter.name}' of {function.__name__} has no type. "
            f"Annotate it, like {parameter.name}: str"
        )
    return _typed(hints[parameter.name], f"parameter '{parameter.name}' of {function.__name__}")


def _typed(hint: Any, what: str) -> Type:
    try:
        kind = type_of(hint)
    except RecursionError:
        raise _Refused(f"{what} holds itself, which no type here can. Use a list of flat records") from None
    except NameError as err:
        raise _Refused(f"{what} cannot be read: {err}") from None
    if kind is None:
        shown = (
            hint.__name__
            if isinstance(hint, type) and not get_args(hint)
            else str(hint).replace("typing.", "")
        )
        raise _Refused(
            f"{what} is {shown}, which has no type here. Use str, int, float, bool, Literal, list[...], "
            f"T | None, a TypedDict, a dataclass or a pydantic model"
        )
    return kind
