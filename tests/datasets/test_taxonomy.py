"""InstructLab's files of all versions: right ones come unchanged, others repaired or refused with lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from shoal.datasets.qna import Qna, QnaFile, qna_of
from shoal.datasets.qna_writing import written, written_taxonomy
from shoal.datasets.taxonomy import Taxonomy, read_taxonomy
from shoal.errors import InvalidFiles
from shoal.workspace.schema import problems_of
from shoal.workspace.yaml import parse_yaml

from .foreign import EARLY, GROUNDED, KNOWLEDGE_3, REFUSED, REPAIRED, RIGHT, SKILL
from .real import real_data


def read(text: str | bytes, folder: Path) -> Taxonomy:
    """A file of a taxonomy."""
    file = folder / "qna.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_taxonomy(file, "qna.yaml")


def ours(found: Taxonomy) -> Qna:
    """The same in our form, without faults."""
    document = parse_yaml(written_taxonomy(found).encode(), "qna.yaml")
    assert problems_of(document, QnaFile) == []
    return qna_of(document)


def pairs(text: str) -> list[tuple[Any, Any, Any]]:
    """Question, answer and context of each seed as YAML itself reads them."""
    found = []
    for seed in yaml.safe_load(text)["seed_examples"]:
        for pair in seed.get("questions_and_answers", [seed]):
            found.append((pair["question"], pair["answer"], seed.get("context")))
    return found


@pytest.mark.parametrize("name", RIGHT)
def test_right_files_come_unchanged(name: str, tmp_path: Path) -> None:
    found = read(RIGHT[name], tmp_path)
    assert found.notes == []
    made = ours(found)
    assert [(each.input, each.output, each.context) for each in made.seeds] == pairs(RIGHT[name])
    expected = "knowledge" if "knowledge" in name else "grounded" if "grounded" in name else "skill"
    assert made.file.kind == expected
    source = yaml.safe_load(RIGHT[name])
    assert made.file.task == source.get("task_description", "")
    assert (made.file.domain, made.file.outline) == (source.get("domain"), source.get("document_outline"))
    assert made.file.created_by == "baker"


@pytest.mark.parametrize("name", REPAIRED)
def test_what_has_one_meaning_is_repaired_and_told(name: str, tmp_path: Path) -> None:
    text, note = REPAIRED[name]
    found = read(text, tmp_path)
    assert [f"{each.line}:{each.column} {each.message}" for each in found.notes] == [note]
    made = ours(found)
    assert len(made.seeds) == (2 if "document" in name else 3)


def test_repaired_texts_are_what_was_meant(tmp_path: Path) -> None:
    meant = {
        "a colon in a text": "Of this: rye.",
        "a colon in the second line of a text": "Of what there is: rye",
        "a sign that starts no text": "@rye",
        "a text that begins like an alias": "*rye* flour",
        "quotes inside quotes": "It's rye",
        "words behind a quote": '"Rye" is in it',
        "a text that begins like a block": "> 50 % rye",
        "a bracket that never closes": "[rye",
        "a key one space too far": "Of rye.",
        "a number for an answer": "2.50",
        "a list for an answer": "- rye\n- water",
    }
    for name, answer in meant.items():
        assert read(REPAIRED[name][0], tmp_path).seeds[0].answer == answer, name
    assert read(REPAIRED["a quote that never closes"][0], tmp_path).seeds[2].answer == "Yes: a little."


@pytest.mark.parametrize("name", REFUSED)
def test_the_rest_is_refused_with_its_line(name: str, tmp_path: Path) -> None:
    text, expected = REFUSED[name]
    with pytest.raises(InvalidFiles) as caught:
        read(text, tmp_path)
    assert str(caught.value).splitlines()[0] == f"qna.yaml:{expected}"


def test_all_faults_come_together(tmp_path: Path) -> None:
    text = SKILL.replace("    answer: Of rye.\n", "").replace("answer: 'Yes: a little.'", "answer: {a: b}")
    with pytest.raises(InvalidFiles) as caught:
        read("version: 9\n" + text, tmp_path)
    assert [each.line for each in caught.value.problems] == [1, 6, 13]


def test_a_file_that_is_not_unicode_is_read_as_windows_wrote_it(tmp_path: Path) -> None:
    found = read(SKILL.replace("Of rye.", "It\u2019s rye").encode("cp1252"), tmp_path)
    assert found.seeds[0].answer == "It\u2019s rye"
    assert [str(each) for each in found.notes] == [
        "qna.yaml:6:15 warning: the file was not UTF-8; it was read as Windows-1252"
    ]


def test_licences_and_sources_are_kept(tmp_path: Path) -> None:
    (tmp_path / "attribution.txt").write_text(
        "Title of work: Bread\nLink to work: https://example.org/bread\nLicense of the work: CC-BY-4.0\n\n"
        "Title of work: Buns\nLink to work: -\nLicense of the work: CC0-1.0\n",
        encoding="utf-8",
    )
    made = ours(read(KNOWLEDGE_3, tmp_path))
    assert made.file.license == "CC-BY-4.0 and CC0-1.0"
    assert made.file.sources == [
        "Bread",
        "https://example.org/bread",
        "Buns",
        "https://example.org/bread.git at 951999afdc59: bread.md, dough/*.md",
    ]
    early = ours(read(EARLY, tmp_path))
    assert (early.seeds[0].licence, early.seeds[0].source) == ("Apache-2.0", "self-authored")


def test_questions_about_one_text_stand_under_it(tmp_path: Path) -> None:
    text = written_taxonomy(read(KNOWLEDGE_3, tmp_path))
    assert text.count("A crumb is the inside of a loaf.") == 1
    assert "    questions:\n      - question: What is a crumb?\n" in text
    assert "context: |\n" in text
    grounded = written_taxonomy(read(GROUNDED, tmp_path))
    assert "questions:" not in grounded


@pytest.mark.parametrize(
    "value",
    [
        "no",
        "010",
        "a: b",
        "  two\n   lines \n",
        "\ttab",
        "\u2028",
        "\N{BULLET} dot",
        "'",
        '"',
        "#x",
        "x" * 500,
        "a\n\n",
    ],
)
def test_every_text_is_written_so_that_it_comes_back(value: str) -> None:
    data = {"version": 1, "seeds": [{"question": value, "answer": value}]}
    assert parse_yaml(written(data).encode(), "x").data == data


def test_real_files_import(tmp_path: Path) -> None:
    """Those of the public taxonomy where they are on this machine, else the ones above."""
    folder = real_data("taxonomy_qna")
    files = sorted(folder.rglob("qna.yaml")) if folder else []
    for name, text in RIGHT.items() if not files else ():
        files.append(tmp_path / f"{name}.yaml")
        files[-1].write_text(text, encoding="utf-8")
    for file in files:
        found = read_taxonomy(file, file.name)
        whole = pairs(file.read_text(encoding="utf-8"))
        assert [(each.input, each.output, each.context) for each in ours(found).seeds] == list(
            dict.fromkeys(whole)
        )
        assert len(found.notes) == len(whole) - len(set(whole))
