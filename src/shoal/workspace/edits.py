"""Edits of YAML files in place: everything that a person wrote stays as it is, comments and layout included.

What was edited is read again before it is given back, so an edit that would change anything else is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from shoal.errors import ShoalError
from shoal.workspace.yaml import parse_yaml

__all__ = ["scalar", "with_entry"]

_KEY = re.compile(r"(\s*)[^\s#'\"{\[-][^#]*:")
_EMPTY = re.compile(r":\s*(\{\s*\}|null|~)?\s*(#.*)?$")


def with_entry(source: bytes, file: str, section: str, name: str, lines: Sequence[str]) -> bytes:
    """The file with an entry added to the end of a section, which is made where it is not there.

    Args:
        source: the file as it is.
        file: its name in errors.
        section: a key at the top of the file.
        name: of the entry.
        lines: of the entry, the first one being `name:` without indentation.

    Raises:
        InvalidFiles: the file is not YAML as it is.
        ShoalError: the section is written in a way that cannot be added to.
    """
    before = parse_yaml(source, file).data
    text = source.decode("utf-8-sig")
    end = "\r\n" if "\r\n" in text else "\n"
    rows = text.replace("\r\n", "\n").split("\n")
    at = next((number for number, row in enumerate(rows) if row.startswith(f"{section}:")), None)
    if at is None:
        rows = _appended(rows, section, lines)
    elif not before.get(section):
        rows[at] = _EMPTY.sub(lambda match: ":" + (f"  {match[2]}" if match[2] else ""), rows[at])
        rows[at + 1 : at + 1] = [f"  {line}" for line in lines]
    else:
        rows = _inserted(rows, at, lines)
    edited = (b"\xef\xbb\xbf" if source.startswith(b"\xef\xbb\xbf") else b"") + end.join(rows).encode()
    _check(edited, file, before, section, name, lines)
    return edited


def _appended(rows: list[str], section: str, lines: Sequence[str]) -> list[str]:
    while rows and not rows[-1].strip():
        rows.pop()
    return [*rows, "", f"{section}:", *(f"  {line}" for line in lines), ""]


def _inserted(rows: list[str], at: int, lines: Sequence[str]) -> list[str]:
    """Behind the last line of the section that is indented, as the entries before are."""
    inside = at + 1
    last = at
    while inside < len(rows) and (not rows[inside].strip() or rows[inside][0] in " #"):
        if rows[inside].startswith(" "):
            last = inside
        inside += 1
    starts = [number for number in range(at + 1, last + 1) if _KEY.match(rows[number])]
    if not starts:
        return rows
    indent = min(len(row) - len(row.lstrip()) for row in (rows[number] for number in starts))
    entries = [number for number in starts if len(rows[number]) - len(rows[number].lstrip()) == indent]
    is_spaced = len(entries) > 1 and not rows[entries[-1] - 1].strip()
    added = [f"{' ' * indent}{line}" for line in lines]
    return [*rows[: last + 1], *([""] if is_spaced else []), *added, *rows[last + 1 :]]


def _check(
    edited: bytes, file: str, before: Mapping[str, Any], section: str, name: str, lines: Sequence[str]
) -> None:
    """Refuse an edit that is not the one that was wanted."""
    wanted = parse_yaml("\n".join(lines).encode(), file).data
    try:
        after = parse_yaml(edited, file).data
    except ShoalError:
        after = {}
    if after != {**before, section: {**(before.get(section) or {}), **wanted}}:
        shown = "\n".join(f"  {line}" for line in lines)
        raise ShoalError(
            f"{file}: '{section}' is written in a way that '{name}' cannot be added to. Write it as a block, "
            f"one line for each key, or add this yourself:\n{shown}"
        )


def scalar(value: object) -> str:
    """A text or number as it is written in one line, with quotes where it needs some."""
    import yaml

    text: str = yaml.safe_dump(value, allow_unicode=True, default_flow_style=True, width=10**9)
    return text.removesuffix("\n").removesuffix("\n...")
