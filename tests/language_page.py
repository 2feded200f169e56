"""What docs/language.md holds: files, commands, refused pieces, and parts that are made from the code.

`python -m tests.language_page` (`make docs`) brings what commands print, what the checker says and the parts
made from the code up to date; the diff is what has to be read then. The page is written like this:

    ```yaml                      a block whose first line names a file is that file of the workspace
    # graphs/orders.yaml

    ```console                   commands, each with the output of its run, or what it prints
    $ agentctl run orders 'Two nut cakes'

    ```yaml faults               pieces, each with what the checker says of it when it is put under `nodes:`
    a: {tool: totl}              of graphs/orders.yaml; `faults agents.yaml tools` puts it elsewhere
    # node 'a' names ...
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from annotated_types import Ge, Gt, Le
from pydantic.fields import FieldInfo

from shoal.agents import prompts, sandbox
from shoal.errors import InvalidFiles
from shoal.expressions import functions, lexer, pieces, syntax
from shoal.graphs import bounds, model, sources
from shoal.graphs.check import check_workspace
from shoal.runs import budgets
from shoal.workspace import types, yaml

PAGE = Path(__file__).parents[1] / "docs/language.md"
MAIN = "graphs/orders.yaml"
"""The graph on one screen, into which refused pieces are put."""

_BLOCK = re.compile(r"^```(?P<info>[^\n]+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"(?:#|\{#) (?P<name>[\w./]+)(?: #\})?\n")
_GENERATED = re.compile(r"(<!-- generated: (?P<name>[a-z ]+) -->\n).*?(<!-- end -->)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Fault:
    """A piece of a file that the checker refuses, and what it says."""

    file: str
    section: str
    piece: str
    message: str


def files_in(page: str) -> dict[str, str]:
    """The files of the page's workspace."""
    found = {}
    for block in _BLOCK.finditer(page):
        if " " not in block["info"] and (match := _FILE.match(block["text"])):
            found[match["name"]] = block["text"]
    return found


def write_workspace(root: Path, page: str) -> Path:
    """The page's workspace in a folder."""
    for name, text in files_in(page).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


# -- commands -----------------------------------------------------------------------------------------------


def consoles(page: str) -> list[str]:
    """The blocks with commands."""
    return [block["text"] for block in _BLOCK.finditer(page) if block["info"] == "console"]


def commands_in(block: str) -> list[str]:
    """The commands of a block."""
    return [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]


def played(root: Path, block: str) -> str:
    """A block with what its commands give now; RUN is the run before."""
    lines, run = [], ""
    for command in commands_in(block):
        shown, run = _called(root, command, run)
        lines += [f"$ {command}", *shown]
    return "\n".join(lines) + "\n"


def _called(root: Path, command: str, run: str) -> tuple[list[str], str]:
    words = [run if word == "RUN" else word for word in shlex.split(command)[1:]]
    is_run = words[0] == "run" or words[:2] in (["runs", "answer"], ["runs", "resume"])
    words += ["--engine", "scripted:answers.yaml", "--json"] if is_run else []
    done = subprocess.run(
        [sys.executable, "-m", "shoal", *words],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"NO_COLOR": "1"},
    )
    if not (is_run and done.stdout):
        return (done.stdout + done.stderr).splitlines(), run
    record = json.loads(done.stdout)
    status = "" if record["status"] == "done" else f"{record['status']}: "
    shown = record["error"] or json.dumps(record["output"], ensure_ascii=False)
    return [status + shown], record["run"]


# -- refused pieces -----------------------------------------------------------------------------------------


def faults(page: str) -> list[Fault]:
    """All refused pieces."""
    return [fault for block in _BLOCK.finditer(page) for fault in _faults_in(block["info"], block["text"])]


def _faults_in(info: str, text: str) -> Iterator[Fault]:
    _, is_faults, place = info.partition(" faults")
    file, section = (place.split() or [MAIN, "nodes"]) if is_faults else ("", "")
    for match in re.finditer(r"((?:^(?!# ).+\n)+)((?:^# .*\n)+)", text if is_faults else "", re.MULTILINE):
        message = " ".join(line.removeprefix("#").strip() for line in match[2].splitlines())
        yield Fault(file, section, match[1], message)


def said(root: Path, fault: Fault) -> str:
    """What the checker says of a workspace with a piece put in, without the places; the file is put back."""
    path = root / fault.file
    before = path.read_text(encoding="utf-8")
    is_top = fault.piece.partition(":")[0] in model.GraphFile.model_fields
    piece = fault.piece if is_top else textwrap.indent(fault.piece, "  ")
    after = (
        f"{before}{piece}"
        if is_top
        else before.replace(f"\n{fault.section}:\n", f"\n{fault.section}:\n{piece}")
    )
    path.write_text(after, encoding="utf-8")
    try:
        problems = [*check_workspace(root).problems]
    except InvalidFiles as err:
        problems = [*err.problems]
    finally:
        path.write_text(before, encoding="utf-8")
    return " | ".join(str(problem).partition(" ")[2] for problem in problems)


# -- parts made from the code -------------------------------------------------------------------------------


def generated(page: str) -> dict[str, str]:
    """The parts that stand between markers."""
    return {match["name"]: match[0] for match in _GENERATED.finditer(page)}


def made(name: str) -> str:
    """A part as the code has it now."""
    return f"<!-- generated: {name} -->\n{_PARTS[name]()}\n<!-- end -->"


def _table(*rows: Iterable[str]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    columns = lines[0].count("|") - 1
    return "\n".join([lines[0], "|" + "---|" * columns, *lines[1:]])


def _keys_of_graph() -> str:
    fields = model.GraphFile.model_fields
    return _table(
        ("key", "what it says"), *((f"`{_key(name, each)}`", _said_of(each)) for name, each in fields.items())
    )


def _keys_of_node() -> str:
    fields = {_key(name, each): each for name, each in model.NodeEntry.model_fields.items()}
    rows = [("key", "on", "what it says")]
    for key in (*model.KINDS, *(key for key in fields if key not in model.KINDS)):
        owners = "the kind" if key in model.KINDS else ", ".join(sorted(model.KEYS_OF_KINDS.get(key, ())))
        on = owners or ("any node" if key in ("when", "accept") else "all but human")
        needed = any(key in keys for keys in model.NEEDED_BY_KINDS.values()) and key != "at_most"
        rows.append((f"`{key}`", on + (", needed" if needed else ""), _said_of(fields[key])))
    return _table(*rows)


def _key(name: str, field: FieldInfo) -> str:
    return field.alias or name


def _said_of(field: FieldInfo) -> str:
    lowest = next((each.ge for each in field.metadata if isinstance(each, Ge)), None)
    highest = next((each.le for each in field.metadata if isinstance(each, Le)), None)
    above = next((each.gt for each in field.metadata if isinstance(each, Gt)), None)
    span = (
        f"{lowest} to {highest}" if highest is not None else f"more than {above}" if above is not None else ""
    )
    default = f"{field.default} if left out" if isinstance(field.default, int | str) and field.default else ""
    extra = "; ".join(each for each in (span, default) if each)
    text = re.sub(r"^Of an? [\w ]+?: (.)", lambda match: match[1].upper(), field.description or "")
    return text.replace("|", "\\|") + (f" ({extra})" if extra else "")


def _methods() -> str:
    rows: dict[str, list[str]] = {}
    for name, overloads in functions.METHODS.items():
        for target in dict.fromkeys(str(each.takes[0]) for each in overloads):
            ways = [each for each in overloads if str(each.takes[0]) == target]
            rows.setdefault(target, []).append(_way(name, ways, 1))
    names = {"list[any]": "list", "{}": "record"}
    return _table(
        ("of", "methods"), *((f"`{names.get(of, of)}`", ", ".join(found)) for of, found in rows.items())
    )


def _functions() -> str:
    return ", ".join(_way(name, ways, 0) for name, ways in functions.FUNCTIONS.items())


def _way(name: str, ways: Iterable[functions.Overload], start: int) -> str:
    """`replace(str, str[, int]): str`, or several types with a bar between them."""
    ways = list(ways)
    longest = max(ways, key=lambda way: len(way.takes)).takes[start:]
    shortest = min(len(way.takes) for way in ways) - start
    texts = []
    for i in range(len(longest)):
        kinds = dict.fromkeys(_kind(way.takes[start + i]) for way in ways if len(way.takes) > start + i)
        texts.append("/".join(kinds))
    given = ", ".join(texts[:shortest])
    more = "".join(f"[, {text}]" if given or i else f"[{text}]" for i, text in enumerate(texts[shortest:]))
    gives = "/".join(dict.fromkeys(_kind(way.gives) for way in ways))
    return f"`{name}({given}{more}): {gives}`"


def _kind(kind: object) -> str:
    return {"list[any]": "list", "{}": "record"}.get(str(kind), str(kind))


def _words(words: Iterable[str]) -> Callable[[], str]:
    return lambda: ", ".join(f"`{word}`" for word in sorted(words))


def _limits_of_prompts() -> str:
    return f"{sandbox.MAX_CHARS:,} characters, {sandbox.MAX_STEPS:,} turns of loops, {sandbox.MAX_CPU_S:g} s"


def _limits() -> str:
    fields = model.NodeEntry.model_fields
    rows = [
        ("a file", f"{yaml.MAX_BYTES:,} bytes, {yaml.MAX_VALUES:,} values, nested {yaml.MAX_DEPTH} deep"),
        ("a graph file", f"{sources.MAX_NODES:,} nodes, {sources.MAX_VALUES:,} values"),
        ("a key of a file", f"{yaml.MAX_KEY} characters"),
        ("a name", "64 characters: a lower case letter, then lower case letters, digits and `_`"),
        ("a text with expressions in it", f"{pieces.MAX_PIECES:,} pieces"),
        ("an expression", f"{syntax.MAX_LENGTH:,} characters"),
        ("a type, and data of the type `any`", f"nested {types.MAX_DEPTH} deep"),
        ("steps inside each other, called graphs counted", f"{bounds.MAX_DEPTH} deep"),
        ("`at_most` of a graph that leads back to itself", "16"),
        *((f"`{key}`", _said_of(fields[key]).rpartition("(")[2].rstrip(")").partition(";")[0])
          for key in ("at_most", "at_once", "samples", "retry")),
        ("steps of a run without a budget of its own", f"{budgets.MAX_STEPS:,}"),
        ("a prompt", _limits_of_prompts()),
        ("values that go into a prompt", f"{sandbox.MAX_INPUT:,} characters together"),
    ]  # fmt: skip
    return _table(("of", "at most"), *rows)


_PARTS: dict[str, Callable[[], str]] = {
    "keys of a graph": _keys_of_graph,
    "keys of a node": _keys_of_node,
    "methods": _methods,
    "functions": _functions,
    "reserved names": _words(lexer.RESERVED - {"input"}),
    "filters": _words(prompts.FILTERS),
    "tests of prompts": _words(sandbox.TESTS),
    "methods of prompts": _words(prompts.METHODS),
    "limits": _limits,
}


def refreshed(page: str) -> str:
    """The page as it should be."""
    page = _GENERATED.sub(lambda match: made(match["name"]), page)
    with tempfile.TemporaryDirectory() as folder:
        root = write_workspace(Path(folder), page)
        for block in consoles(page):
            page = page.replace(block, played(root, block))
        for fault in faults(page):
            page = _with_message(page, fault, said(root, fault))
    return page


def _with_message(page: str, fault: Fault, message: str) -> str:
    lines = textwrap.wrap(message, 112, initial_indent="# ", subsequent_indent="#   ")
    start = page.index(fault.piece + "#") + len(fault.piece)
    old = re.compile(r"(?:# .*\n)+").match(page, start)
    return page[:start] + "\n".join(lines) + "\n" + page[old.end() if old else start :]


if __name__ == "__main__":
    PAGE.write_text(refreshed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
