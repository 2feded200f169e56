from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.errors import InvalidFiles
from shoal.workspace.yaml import MAX_BYTES, parse_yaml, read_yaml


def problems(source: str | bytes) -> list[str]:
    """What the reader says to a source; empty where it accepts it."""
    try:
        parse_yaml(source if isinstance(source, bytes) else source.encode(), "f.yaml")
    except InvalidFiles as err:
        return [str(problem) for problem in err.problems]
    return []


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("", None),
        ("7", 7),
        ("-7", -7),
        ("0", 0),
        ("1.5", 1.5),
        ("-0.25e-3", -0.00025),
        # Everything else is the text that was written.
        ("no", "no"),
        ("on", "on"),
        ("True", "True"),
        ("~", "~"),
        ("010", "010"),
        ("0x1f", "0x1f"),
        ("0o17", "0o17"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("1e3", "1e3"),
        (".5", ".5"),
        ("1.", "1."),
        (".inf", ".inf"),
        ("2026-11-23", "2026-11-23"),
        ("12345678901234567890", "12345678901234567890"),
        ("1.0e999", "1.0e999"),
        ("'7'", "7"),
        ('"true"', "true"),
        ("<<", "<<"),
    ],
)
def test_a_scalar_keeps_what_was_written(written: str, value: object) -> None:
    found = parse_yaml(f"a: {written}\n".encode(), "f.yaml").data["a"]
    assert found == value
    assert type(found) is type(value)


def test_keys_are_texts() -> None:
    assert parse_yaml(b"{1: a, true: b, null: c, 010: d}", "f.yaml").data == {
        "1": "a",
        "true": "b",
        "null": "c",
        "010": "d",
    }


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("a: 1\n\tb: 2\n", "f.yaml:2:1 a tab cannot be used for indentation. Use spaces"),
        ("a:\tb\n", "f.yaml:1:3 a tab cannot be used here. Use spaces"),
        ("a: [1, 2", "f.yaml:1:4 the list is not closed with ']', or a comma is missing"),
        ("a: {b: 1", "f.yaml:1:4 the mapping is not closed with '}', or a comma is missing"),
        (
            "a: {b: enum[x, y]}",
            "f.yaml:1:12 inside { } and [ ] a text with '[' in it needs quotes, like \"enum[a, b]\"",
        ),
        (
            "a: {b: ${input.text}}",
            "f.yaml:1:9 inside { } and [ ] a text with '{' in it needs quotes, like \"${input.message}\"",
        ),
        ("a: b: c", "f.yaml:1:5 ': ' cannot stand here. Put the text in quotes, or mend the indentation"),
        (
            "a:\n  when: 'x' == b.c",
            "f.yaml:2:13 nothing may follow the closing quote. Put the whole text in other quotes",
        ),
        ("a: >x", "f.yaml:1:5 a text cannot start with > or |. Put it in quotes"),
        ("a: - b", "f.yaml:1:4 a list item cannot start here. Put it on a line of its own"),
        ("a: 1\nb\nc: 2", "f.yaml:2:1 a ':' is missing after this key"),
        ("a: 'x", "f.yaml:1:4 the quote is never closed"),
        ("a: @x", "f.yaml:1:4 a text cannot start with @. Put it in quotes"),
        ('a: "\\q"', "f.yaml:1:5 the escape \\q is unknown in double quotes. Write \\\\ for a backslash"),
        (
            "a: 1\n b: 2\nc: 3",
            "f.yaml:2:3 ': ' cannot stand here. Put the text in quotes, or mend the indentation",
        ),
        ("a: |\n  x\n y", "f.yaml:3:2 this line does not fit the indentation or the kind of the lines above"),
        ("{a: 1}}", "f.yaml:1:7 nothing may follow the end of the mapping"),
        ("a: *x", "f.yaml:1:4 '*' starts an alias, which is not allowed. Put a text in quotes"),
        ("a: &x 1", "f.yaml:1:4 '&' starts an anchor, which is not allowed. Put a text in quotes"),
        (
            "a: !!python/name:os.system x",
            "f.yaml:1:4 '!' starts a tag, which is not allowed. Put a text in quotes",
        ),
        ("a: 1\n---\nb: 1", "f.yaml:2:1 a second document starts here. Put it into a file of its own"),
        ("? [a]\n: b", "f.yaml:1:3 a key must be a plain word"),
        (": x", "f.yaml:1:1 a key is missing before ':'"),
        ("a: \x07", "f.yaml:1:4 the control character U+0007 is not allowed. Delete it"),
        (
            'a: "\\ud800"',
            "f.yaml:1:7 an escape stands for half a character (a surrogate), or for none. "
            "Write the character itself",
        ),
        (
            'a: "\\UFFFFFFFF"',
            "f.yaml:1:7 an escape stands for half a character (a surrogate), or for none. "
            "Write the character itself",
        ),
        ('a: "\\xg"', "f.yaml:1:7 the escape has too few hexadecimal digits (0-9, a-f)"),
        ("a: b\u2028c", "f.yaml:1:5 the control character U+2028 is not allowed. Delete it"),
        ("a: b#\tc # d", "f.yaml:1:6 a tab cannot be used here. Use spaces"),
        ("a: b\t# c", "f.yaml:1:5 a tab cannot be used here. Use spaces"),
        ("a: **b**", "f.yaml:1:4 '*' starts an alias, which is not allowed. Put a text in quotes"),
        ("a: R & D\nb: & D", "f.yaml:2:4 '&' starts an anchor, which is not allowed. Put a text in quotes"),
        ("a: !x!y z", "f.yaml:1:4 '!' starts a tag, which is not allowed. Put a text in quotes"),
        (
            "# x\n%TAG ! y\n---\na: b",
            "f.yaml:2:1 '%' starts a directive, which is not allowed. Delete the line",
        ),
        (
            "a: b\n...\n%YAML 1.2\n---\n",
            "f.yaml:3:1 '%' starts a directive, which is not allowed. Delete the line",
        ),
        ("a: 'b\n---\n", "f.yaml:1:4 the quote is never closed"),
        (
            "a:\n  - b\n  c: d",
            "f.yaml:3:3 this line does not fit the indentation or the kind of the lines above",
        ),
        ("a: {b:}", "f.yaml:1:6 a space is missing after ':', or a text with ':' needs quotes"),
        ("a: {b: 1, , c: 2}", "f.yaml:1:11 a value or a closing bracket is missing here"),
        ('"a\\nb": c', "f.yaml:1:1 a key must be a plain word of at most 200 characters"),
        ("? " + "a" * 201 + "\n: b", "f.yaml:1:3 a key must be a plain word of at most 200 characters"),
        ("a:\n" + "- b\n" * 30_000, "f.yaml:30000:3 the file holds more than 30,000 values. Split it"),
        ("", "f.yaml:1:1 the file must be a mapping that starts with `version: 1`"),
        ("- a\n- b", "f.yaml:1:1 the file must be a mapping that starts with `version: 1`"),
        ("a: " + "[" * 100, "f.yaml:1:67 values are nested deeper than 64. Flatten the file"),
        (b"a: 1\nb: \xff", "f.yaml:2:4 byte 0xff is not UTF-8 text. Save the file as UTF-8"),
        (b"a: 1\n#" + b"x" * MAX_BYTES, "f.yaml:1:1 the file is over 1 MB. Split it"),
    ],
)
def test_each_surprise_is_refused_with_one_sentence(source: str | bytes, problem: str) -> None:
    assert problems(source) == [problem]


def test_every_key_that_is_written_twice_is_told() -> None:
    assert problems("a: 1\nb: {c: 1, c: 2}\na: 3\n") == [
        "f.yaml:2:11 'c' is written twice. Keep one of them",
        "f.yaml:3:1 'a' is written twice. Keep one of them",
    ]


def test_places_of_keys_values_and_characters() -> None:
    document = parse_yaml(b"a:\n  b: 'some text'\n  c: [x, {d: 1}]\n", "f.yaml")
    assert document.marks["a", "b"].key == (2, 3)
    assert document.marks["a", "b"].value == (2, 6)
    assert document.marks["a", "c", 1, "d"].value == (3, 14)
    assert str(document.problem(("a", "b"), "oh", offset=5)) == "f.yaml:2:12 oh"
    assert str(document.problem(("a", "b"), "oh", at_key=True)) == "f.yaml:2:3 oh"
    assert str(document.problem(("a", "missing"), "oh")) == "f.yaml:1:1 oh"


_LONG = """\
a: "x\\ty\\x41 \\
   z"
b: >-
  one ${two}

    three
c: |2  # comment

   four
d: 'it''s
  five'
e: six
  seven
"""


@pytest.mark.parametrize(
    ("key", "word", "place"),
    [
        ("a", "y", "1:8"),
        ("a", "A", "1:9"),
        ("a", "z", "2:4"),
        ("b", "one", "4:3"),
        ("b", "two", "4:9"),
        ("b", "three", "6:5"),
        ("c", "four", "9:4"),
        ("d", "s five", "10:9"),
        ("d", "five", "11:3"),
        ("e", "seven", "13:3"),
    ],
)
def test_a_character_has_its_place_however_the_text_is_written(key: str, word: str, place: str) -> None:
    document = parse_yaml(_LONG.encode(), "f.yaml")
    offset = document.data[key].index(word)
    assert str(document.problem((key,), "oh", offset=offset)) == f"f.yaml:{place} oh"


def test_a_block_stands_where_its_text_begins() -> None:
    document = parse_yaml(_LONG.encode(), "f.yaml")
    assert [document.marks[key,].value for key in "abcde"] == [(1, 4), (4, 3), (9, 4), (10, 4), (12, 4)]
    end = len(document.data["b"])
    assert str(document.problem(("b",), "oh", offset=end)) == "f.yaml:6:10 oh"


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ('a: "b\nc: "d"\n', "1:4 the quote is never closed"),
        ("a: 'b\nc: d\ne: 'f'\n", "1:4 the quote is never closed"),
        ('a: {b: "c, d: e}\nf: {g: "${h}"}\n', "1:8 the quote is never closed"),
        ('a:\n  - "b\n  - "c"\n', "2:5 the quote is never closed"),
        ('a: b\n"c:\n  d: "e"\n', "2:1 the quote is never closed"),
        ("a:\n  b\n    c: d\n", "2:3 a ':' is missing after this key"),
        ("a:\n  b:c\n  d: e\n", "2:3 a space is missing after ':', or a text with ':' needs quotes"),
        (
            "a: b c\n  d: e\n",
            "2:4 ': ' cannot stand here. Put the text in quotes, or mend the indentation",
        ),
        ("a: {b: c d: e}", "1:11 ': ' cannot stand here. Put the text in quotes, or a comma before the key"),
        (
            "a: {b: c}}\nd: e",
            "1:10 nothing is open that this } could close. Delete it, or put the text in quotes",
        ),
        (
            "a: {b: 'c' d: e}",
            "1:12 nothing may follow the closing quote. Put the whole text in other quotes, or a comma "
            "behind the quote",
        ),
    ],
)
def test_a_slip_is_told_where_it_was_made(source: str, problem: str) -> None:
    assert problems(source) == [f"f.yaml:{problem}"]


def test_a_missing_file_and_a_folder_are_one_problem(tmp_path: Path) -> None:
    with pytest.raises(
        InvalidFiles, match=r"^no\.yaml:1:1 there is no such file\. Create it or mend the path$"
    ):
        read_yaml(tmp_path / "no.yaml", "no.yaml")
    with pytest.raises(InvalidFiles, match=r"^d:1:1 the file cannot be read: Is a directory$"):
        read_yaml(tmp_path, "d")


def test_a_tab_may_stand_in_quotes_blocks_and_comments() -> None:
    source = b"a: 'x\ty' #\tz\nb: |\n  x\ty\n# \t\nc: x#y # \t\n"
    assert parse_yaml(source, "f.yaml").data == {"a": "x\ty", "b": "x\ty\n", "c": "x#y"}


def test_a_byte_order_mark_is_no_character() -> None:
    assert parse_yaml(b"\xef\xbb\xbfa: 1", "f.yaml").data == {"a": 1}


@given(st.binary(max_size=200))
def test_no_bytes_escape_as_another_exception(source: bytes) -> None:
    problems(source)


_PIECES = st.sampled_from(
    [
        "a",
        "b:",
        ": ",
        "- ",
        "\n",
        "  ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "'",
        '"',
        "\\",
        "|",
        ">",
        "#",
        "&x",
        "*x",
        "!t",
    ]
    + [
        "%YAML 1.1\n",
        "---\n",
        "...\n",
        "? ",
        "\t",
        "\x00",
        "\u2028",
        "\ufeff",
        "<<",
        "1.5",
        "é",
        "\\x",
        "\\U00110000",
    ]
)


@given(st.lists(_PIECES, max_size=30).map("".join))
def test_no_broken_yaml_escapes_as_another_exception(source: str) -> None:
    assert all(problem.startswith("f.yaml:") and "\n" not in problem for problem in problems(source))
