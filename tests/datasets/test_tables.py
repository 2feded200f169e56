"""Rows that are there already: JSON Lines and CSV, by columns."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from shoal.agents.agent import Agent
from shoal.datasets.importing import ImportWish, import_data
from shoal.datasets.lexicons import SplitPart
from shoal.datasets.rows import fitted
from shoal.datasets.store import DataSet
from shoal.datasets.table_agents import guess
from shoal.datasets.tables import Line, as_word, columns_of, example_of, names_of, read_table
from shoal.errors import InvalidFiles, InvalidInput

from .bakery import AGENTS, agent, workspace
from .real import real_data
from .test_flows import SUITE

LABELLED = agent({"intent": "enum[order, complaint, hours]"})


def table(folder: Path, name: str, content: str | bytes) -> list[Line]:
    """The rows of a file."""
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(folder / name, name)


def jsonl(*rows: dict[str, Any]) -> str:
    """Rows as lines."""
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_every_kind_of_file_is_read(tmp_path: Path) -> None:
    expected = [("hi", "hours"), ("two, please", "order")]
    csv = 'text,label\nhi,hours\n"two, please",order\n'
    rows = jsonl(*({"text": text, "label": label} for text, label in expected))
    files: dict[str, str | bytes] = {
        "a.csv": csv,
        "b.csv": csv.replace('"two, please"', '"two, please"')
        .replace(",hours", ";hours")
        .replace("t,l", "t;l")
        .replace('",o', '";o'),
        "c.tsv": "text\tlabel\nhi\thours\ntwo, please\torder\n",
        "d.jsonl": rows + "\n",
        "e.jsonl.gz": gzip.compress(rows.encode()),
        "f.csv.gz": gzip.compress(b"\xef\xbb\xbf" + csv.encode()),
    }
    for name, content in files.items():
        found = table(tmp_path, name, content)
        assert [(each.values["text"], each.values["label"]) for each in found] == expected, name
    assert [line.number for line in table(tmp_path, "d.jsonl", "\n" + rows)] == [2, 3]


def test_columns_inside_others_and_conversations(tmp_path: Path) -> None:
    (line,) = table(
        tmp_path, "a.jsonl", jsonl({"text": "x", "slots": {"time": "noon", "who": {"name": "A"}}, "e": {}})
    )
    assert dict(line.values) == {"text": "x", "slots.time": "noon", "slots.who.name": "A", "e": None}
    turns = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "u"},
        {"role": "assistant", "content": "a"},
    ]
    (line,) = table(tmp_path, "a.jsonl", jsonl({"messages": turns, "id": 3}))
    assert dict(line.values) == {"id": 3, "system": "s", "user": "u", "assistant": "a"}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '{"a": 1}\n{"a": \n', "a.jsonl:2:1 the line is not JSON: "),
        ("a.jsonl", '{"a": 1}\n[1]\n', "a.jsonl:2:1 the line is no object, {...}"),
        ("a.jsonl", "\n", "a.jsonl:1:1 there are no rows in it"),
        ("a.csv", "a,b\n1,2\n1,2,3\n", "a.csv:3:1 the line has more cells than the 2 columns"),
        ("a.csv", "a,b\n1\n", "a.csv:2:1 the line has fewer cells than the 2 columns"),
        ("a.csv", 'a,b\n"x"y,2\n', "a.csv:2:1 the line is not CSV: "),
        ("a.csv", b"a,b\n\xff,2\n", "a.csv:2:1 this is not UTF-8 text. Save the file as UTF-8"),
        ("a.jsonl.gz", b"no gzip", "a.jsonl.gz:1:1 the file cannot be read: "),
        ("a.xlsx", b"", "a.xlsx:1:1 a table ends in .jsonl, .ndjson, .csv, .tsv, each also with .gz"),
    ],
)
def test_what_cannot_be_read_is_told_by_line(
    name: str, content: str | bytes, message: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidFiles) as caught:
        table(tmp_path, name, content)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("columns", "given", "expected"),
    [
        (["message", "intent"], [], {"input.message": "message", "output.intent": "intent"}),
        (["id", "text", "label"], [], {"input.message": "text", "output.intent": "label"}),
        (
            ["input.message", "gold.intent"],
            [],
            {"input.message": "input.message", "output.intent": "gold.intent"},
        ),
        (["a", "b"], ["a=message", "b=intent"], {"input.message": "a", "output.intent": "b"}),
        (["a", "b"], ["a=input.message,b=output.intent"], {"input.message": "a", "output.intent": "b"}),
        (["prompt", "completion"], [], {"input.message": "prompt", "output.intent": "completion"}),
    ],
)
def test_columns_are_found_by_name_or_as_one_says(
    columns: list[str], given: list[str], expected: dict[str, str]
) -> None:
    assert columns_of([Line(1, dict.fromkeys(columns, "x"))], LABELLED, given) == expected


@pytest.mark.parametrize(
    ("columns", "given", "message"),
    [
        (
            ["a", "label"],
            [],
            "no column is input.message of agent 'bakery'. Say which one is: --map COLUMN=input.mess",
        ),
        (["text", "b"], [], "no column is output.intent of agent 'bakery'"),
        (
            ["text", "label"],
            ["txt=message"],
            "--map txt=message: there is no column 'txt'. Did you mean 'text'?",
        ),
        (
            ["text", "label"],
            ["text=mesage"],
            "agent 'bakery' has no field 'mesage'. Did you mean 'input.message'?",
        ),
        (
            ["text", "label"],
            ["text"],
            "--map text is not understood. Write COLUMN=FIELD, like text=input.message",
        ),
    ],
)
def test_columns_that_cannot_be_found(columns: list[str], given: list[str], message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        columns_of([Line(1, dict.fromkeys(columns, "x"))], LABELLED, given)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("output", "values", "expected"),
    [
        ({"intent": "enum[order_it, b]"}, {"intent": "order it?"}, {"intent": "order_it"}),
        ({"n": "int"}, {"n": "12"}, {"n": 12}),
        ({"yes": "bool"}, {"yes": "no"}, {"yes": False}),
        ({"text": "str"}, {"text": 12}, {"text": "12"}),
        ({"text": "str?"}, {"text": ""}, {"text": None}),
        ({"who": "span[str] from message"}, {"who": ""}, {"who": None}),
        ({"who": "span[str] from message"}, {"who": "2000"}, {"who": "2000"}),
        ({"sum": "span[number] from message"}, {"sum": 2000.0}, {"sum": "$2,000"}),
        ({"sum": "span[number] from message"}, {"sum": None}, {"sum": None}),
    ],
)
def test_cells_become_what_their_field_wants(
    output: dict[str, str], values: dict[str, Any], expected: dict[str, Any]
) -> None:
    of = agent(output, kind="decoder")
    line = Line(1, {"message": "raise it by $2,000, please, in 2000 days, no 2000", **values})
    if "sum" in output:
        line = Line(1, {"message": "raise it by $2,000, please", **values})
    _, made = fitted(example_of(line, columns_of([line], of, []), of), of)
    assert made == expected


def test_labels_as_words() -> None:
    words = {"reverted_card_payment?": "reverted_card_payment", "a b/c": "a_b_c", "2fa": "_2fa", "ok": "ok"}
    assert {label: as_word(label) for label in words} == words


def rows(count: int = 60) -> list[dict[str, Any]]:
    """Labelled messages."""
    labels = ("order", "complaint", "hours")
    return [
        {"text": f"message {number} of {number * 7}", "label": labels[number % 3]} for number in range(count)
    ]


def imported(root: Path, content: dict[SplitPart, str], **more: Any) -> DataSet:
    """A data set of the bakery of tables."""
    files: dict[SplitPart, Path] = {}
    for part, text in content.items():
        files[part] = root / f"{part}.jsonl"
        files[part].write_text(text, encoding="utf-8")
    return asyncio.run(import_data(root, "bakery", ImportWish(files=files, licence="cc-by-4.0", **more)))


MANIFEST = AGENTS.replace(', goods: "span[str] from message"', "")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return workspace(tmp_path, "version: 1\nseeds: [{input: hi, output: hours}]\n", MANIFEST)


def test_a_table_becomes_a_data_set(root: Path) -> None:
    (root / "evals").mkdir()
    (root / "evals/a.yaml").write_text(SUITE.replace("I'd like pretzels, please", "message 7 of 49"), "utf-8")
    content = jsonl(
        *rows(), {"text": "Message 3 of 21!", "label": "order"}, {"text": "message 4 of 28", "label": "hours"}
    )
    made = imported(root, {"train": content})
    assert made.card["counts"] == {"train": 47, "dev": 6, "heldout": 6}
    assert made.card["flow"]["name"] == "import@1"
    assert made.card["teacher"]["columns"] == {"train": {"input.message": "text", "output.intent": "label"}}
    dropped = {each["filter"]: each["dropped"] for each in made.card["funnel"]}
    assert dropped["dedupe"] == {"the same input": 1, "the same input with another output": 1}
    assert dropped["decontaminate"] == {"words of an eval": 1} or sum(dropped["decontaminate"].values()) == 1
    row = next(made.rows("train"))
    assert (row.source, row.licence, row.teacher) == ("train.jsonl:1", "cc-by-4.0", "import")
    assert made.card["warnings"][-1].startswith("6 rows to measure on are few") or made.card["warnings"]


def test_parts_that_are_given_stay_as_they_are(root: Path) -> None:
    train, dev = rows(60), rows(70)[60:]
    made = imported(root, {"train": jsonl(*train, dev[0]), "dev": jsonl(*dev)})
    assert made.card["counts"] == {"train": 54, "dev": 10, "heldout": 6}
    whole = imported(root, {"train": jsonl(*train), "dev": jsonl(*dev), "heldout": jsonl(*rows(75)[70:])})
    assert whole.card["counts"] == {"train": 60, "dev": 10, "heldout": 5}


def test_lines_that_do_not_fit_are_refused_together_or_dropped(root: Path) -> None:
    content = jsonl(
        *rows(5), {"text": "x y z", "label": "ordr"}, {"text": 5.5, "label": "order"}, {"label": "order"}
    )
    with pytest.raises(InvalidFiles) as caught:
        imported(root, {"train": content})
    first, second = str(caught.value).splitlines()
    assert first == "train.jsonl:6:1 output.intent is 'ordr', expected one of order, complaint, hours"
    assert second == "train.jsonl:8:1 input.message is null, expected str"
    made = imported(root, {"train": content}, drops_bad=True)
    assert [each["source"] for each in made.rejects() if each["filter"] == "validate"] == [
        "train.jsonl:6",
        "train.jsonl:8",
    ]
    many = jsonl(*({"text": f"{number}", "label": "x"} for number in range(50)))
    with pytest.raises(
        InvalidFiles, match="train.jsonl:20:2 30 more lines do not fit. Mend them, or leave them out"
    ):
        imported(root, {"train": many})


@pytest.mark.parametrize(
    ("lines", "given", "types"),
    [
        (rows(), [], ({"text": "str"}, {"label": "enum[order, complaint, hours]"})),
        (
            rows(),
            ["text=input.message,label=output.intent"],
            ({"message": "str"}, {"intent": "enum[order, complaint, hours]"}),
        ),
        (
            [{"text": f"{n} of us", "slots": {"people": str(n)} if n % 2 else {}} for n in range(20)],
            ["text=input.message", "slots.people=output.people"],
            ({"message": "str"}, {"people": "span[str] from message"}),
        ),
        (
            [{"question": f"what is {n}?", "answer": f"it is {n} and {n}"} for n in range(9)],
            [],
            ({"question": "str"}, {"answer": "str"}),
        ),
        ([{"text": f"{n}!", "output.n": n} for n in range(9)], [], ({"text": "str"}, {"n": "int"})),
        ([{"text": f"{n}!", "output.ok": n > 3} for n in range(9)], [], ({"text": "str"}, {"ok": "bool"})),
        (
            [{"text": f"{n}!", "label": "a b" if n % 2 else None} for n in range(9)],
            [],
            ({"text": "str"}, {"label": "enum[a_b]?"}),
        ),
    ],
)
def test_types_are_what_columns_look_like(
    lines: list[dict[str, Any]], given: list[str], types: tuple[Any, Any], tmp_path: Path
) -> None:
    found = guess(table(tmp_path, "a.jsonl", jsonl(*lines)), given)
    assert (found.input, found.output) == types


def test_what_cannot_be_guessed_is_asked(tmp_path: Path) -> None:
    lines = table(tmp_path, "a.jsonl", jsonl({"a": "x", "b": "y"}))
    assert names_of(lines) == ["a", "b"]
    with pytest.raises(
        InvalidInput, match="which column is read, and which one is the answer. Columns: a, b."
    ):
        guess(lines, [])
    with pytest.raises(InvalidInput, match="--map names at least one COLUMN=input.NAME and one"):
        guess(lines, ["a=input.a"])


def test_real_labels_import(tmp_path: Path) -> None:
    """BANKING77 where it is on this machine, else rows of the same form."""
    folder = real_data("banking77")
    file = folder / "train.jsonl.gz" if folder else tmp_path / "train.jsonl"
    if folder is None:
        made = [{"text": f"wording {n} of case {n % 77}", "label": f"case {n % 77}?"} for n in range(1000)]
        file.write_text(jsonl(*made), encoding="utf-8")
    lines = read_table(file, file.name)
    found = guess(lines, [])
    cases = found.output["label"].removeprefix("enum[").removesuffix("]").split(", ")
    assert len(cases) == 77
    assert found.notes
    of: Agent = agent(found.output, found.input)
    columns = columns_of(lines, of, found.columns)
    for line in lines:
        fitted(example_of(line, columns, of), of)
