"""What the YAML parser says of a fault, in our words and at the place where a person would mend it."""

from __future__ import annotations

from typing import Any

ALIAS = "'*' starts an alias, which is not allowed. Put a text in quotes"
ANCHOR = "'&' starts an anchor, which is not allowed. Put a text in quotes"
TAG = "'!' starts a tag, which is not allowed. Put a text in quotes"
TAB = "a tab cannot be used here. Use spaces"
DIRECTIVE = "'%' starts a directive, which is not allowed. Delete the line"
_OPEN_QUOTE = "the quote is never closed"
_NO_COLON = "a ':' is missing after this key"
_NO_SPACE = "a space is missing after ':', or a text with ':' needs quotes"

_AT_START: tuple[tuple[str, str], ...] = (
    ("while scanning an alias", ALIAS),
    ("while scanning an anchor", ANCHOR),
    ("while scanning a tag", TAG),
    ("undefined tag handle", TAG),
    ("directive", DIRECTIVE),
    ("unexpected end of stream", _OPEN_QUOTE),
    ("unexpected document indicator", _OPEN_QUOTE),
    ("could not find expected ':'", _NO_COLON),
    ("expected ',' or ']'", "the list is not closed with ']', or a comma is missing"),
    ("expected ',' or '}'", "the mapping is not closed with '}', or a comma is missing"),
)
"""Faults of the parser that are told where the thing began that is wrong."""

_AT_FAULT: tuple[tuple[str, str], ...] = (
    ("a tab character", TAB),
    ("that cannot start any token", "a text cannot start with {char}. Put it in quotes"),
    (
        "mapping values are not allowed",
        "': ' cannot stand here. Put the text in quotes, or mend the indentation",
    ),
    (
        "unknown escape character",
        "the escape \\{next} is unknown in double quotes. Write \\\\ for a backslash",
    ),
    (
        "invalid Unicode character",
        "an escape stands for half a character (a surrogate), or for none. Write the character itself",
    ),
    ("found unexpected ':'", _NO_SPACE),
    ("hexdecimal number", "the escape has too few hexadecimal digits (0-9, a-f)"),
    ("did not find expected key", "this line does not fit the indentation or the kind of the lines above"),
    ("expected '-' indicator", "this line does not fit the indentation or the kind of the lines above"),
    ("comment or line break", "a text cannot start with > or |. Put it in quotes"),
    ("indentation indicator", "a text cannot start with > or |. Put it in quotes"),
    ("sequence entries are not allowed", "a list item cannot start here. Put it on a line of its own"),
    ("mapping keys are not allowed", "'? ' cannot stand here. Put the text in quotes"),
    ("expected node content", "a value or a closing bracket is missing here"),
    ("expected <document start>", "nothing may follow the end of the mapping"),
)


def explain(err: Any, text: str, last: Any = None) -> tuple[int, int, str]:
    """Place and one sentence for an error of the YAML parser; `last` is the last scalar before."""
    fault = err.problem_mark or err.context_mark
    if last is not None and (earlier := _earlier(err, text, last)):
        return earlier
    char, following = text[fault.index : fault.index + 1], text[fault.index + 1 : fault.index + 2]
    if sentence := _special(err, char, text[: fault.index].rstrip(" ")):
        return fault.line + 1, fault.column + 1, sentence
    reason = f"{err.context or ''}: {err.problem}"
    for part, sentence in _AT_START:
        if part in reason:
            start = err.context_mark or fault
            is_quote = sentence == _NO_COLON and text[start.index] in "'\""
            return start.line + 1, start.column + 1, _OPEN_QUOTE if is_quote else sentence
    place = (fault.line + 1, fault.column + 1) if text[fault.index :].strip() else _end_of(text)
    for part, sentence in _AT_FAULT:
        if part in reason:
            return *place, sentence.format(char=char, next=following)
    return *place, f"the file cannot be read as YAML: {err.problem}"


def _earlier(err: Any, text: str, last: Any) -> tuple[int, int, str] | None:
    """A fault of the scalar before the place where the parser found that something is wrong."""
    fault, start = err.problem_mark, last.start_mark
    if fault is None or text[last.end_mark.index : fault.index].strip(" "):
        return None
    place = (start.line + 1, start.column + 1)
    has_lines = start.line < last.end_mark.line
    if last.style in ("'", '"'):
        return (*place, _OPEN_QUOTE) if has_lines else None
    if text[fault.index : fault.index + 1] != ":":
        return None
    if "expected ',' or" in err.problem and not has_lines:
        sentence = "': ' cannot stand here. Put the text in quotes, or a comma before the key"
        return fault.line + 1, fault.column + 1, sentence
    line = text[text.rfind("\n", 0, start.index) + 1 : text.find("\n", start.index)]
    if has_lines and "mapping values" in err.problem and not line[: start.column].strip(" -"):
        # Two lines that were read as one text: the first one is no key as it stands.
        return (*place, _NO_SPACE if ":" in line else _NO_COLON)
    return None


def _end_of(text: str) -> tuple[int, int]:
    """Where a person would write on: behind the last character, and not on the empty line below."""
    text = text.rstrip()
    return text.count("\n") + 1, len(text) - text.rfind("\n")


def _special(err: Any, char: str, before: str) -> str | None:
    """What people mean who write this, where the parser only knows that it is wrong."""
    if char == "\t":
        return TAB
    if "expected ',' or" in err.problem and char in ("{", "["):
        example = "${input.message}" if char == "{" else "enum[a, b]"
        return f"inside {{ }} and [ ] a text with '{char}' in it needs quotes, like \"{example}\""
    if "did not find expected key" in err.problem and char == ":":
        return "a key is missing before ':'"
    if ("expected key" in err.problem or "node content" in err.problem) and char in ("}", "]"):
        return f"nothing is open that this {char} could close. Delete it, or put the text in quotes"
    if "did not find expected" in err.problem and before.endswith(("'", '"')) and char not in ("", "\n"):
        comma = ", or a comma behind the quote" if "expected ','" in err.problem else ""
        return f"nothing may follow the closing quote. Put the whole text in other quotes{comma}"
    return None
