"""From the files of an agent to a data set with its card."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from shoal.datasets.flow_files import BUILT_IN
from shoal.datasets.flows import NothingSurvived, Wishes, make_data
from shoal.datasets.made import Progress
from shoal.datasets.store import DataSets
from shoal.errors import InvalidFiles, ShoalError
from shoal.workspace.store import Store

from .bakery import GRAMMAR, SEEDS, make, workspace

SUITE = """\
version: 1
suite: bakery
target: {agent: bakery}
cases: [{input: {message: "I'd like pretzels, please"}, gold: {intent: order}}]
scorers: {intent: choice}
"""


def flow(root: Path, text: str) -> None:
    """A flow of the workspace for the bakery."""
    file = root / "finetune/flows/bakery.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"version: 1\nflow: bakery\n{text}", encoding="utf-8")


def test_ten_seeds_become_hundreds_of_rows(tmp_path: Path) -> None:
    made = make(workspace(tmp_path), rows=600)
    card = made.card
    assert card["counts"] == {"train": 480, "dev": 60, "heldout": 60}
    assert card["flow"]["name"] == "skill@1"
    assert card["licences"] == {"cc0-1.0": 600}
    assert card["warnings"] == []
    assert set(card["labels"]["intent"]) == {"order", "complaint", "hours"}
    assert [each["filter"] for each in card["funnel"]] == [
        "teacher",
        "validate",
        "dedupe",
        "decontaminate",
        "balance",
    ]
    for before, after in zip(card["funnel"], card["funnel"][1:-1], strict=False):
        assert before["kept"] == before["came"] - sum(before["dropped"].values())
        assert after["came"] <= before["kept"] + 9
    rows = [row for part in ("train", "dev", "heldout") for row in made.rows(part)]
    assert len({row.id for row in rows}) == 600
    assert {row.teacher for row in rows} == {"a person", "grammar"}
    assert all(row.source.startswith("agents/bakery/qna.yaml:") for row in rows)


def test_the_same_seed_makes_the_same_data_set(tmp_path: Path) -> None:
    root = workspace(tmp_path)
    first = make(root, rows=200)
    assert make(root, rows=200).sha == first.sha
    assert make(root, rows=200, seed=8).sha != first.sha
    assert {each.sha for each in DataSets(Store(root)).all("bakery")} >= {first.sha}


def test_held_out_seeds_are_never_trained_on(tmp_path: Path) -> None:
    made = make(workspace(tmp_path), rows=300)
    heldout = {str(row.input["message"]) for row in made.rows("heldout") if row.teacher == "a person"}
    assert len(heldout) == 3
    assert not heldout & {str(row.input["message"]) for row in made.rows("train")}


def test_seeds_alone_are_varied_and_it_says_what_is_lacking(tmp_path: Path) -> None:
    made = make(workspace(tmp_path, SEEDS), rows=500)
    assert 20 <= made.card["counts"]["train"] < 300
    lacks, few, *_ = made.card["warnings"]
    assert "has no templates, so its seeds are varied in letters" in lacks
    assert few.startswith("500 rows were wanted and ")
    assert "dedupe dropped" in few
    assert "write more templates and pieces" in few
    sources = {part: {row.source for row in made.rows(part)} for part in ("train", "dev", "heldout")}
    assert not sources["train"] & (sources["dev"] | sources["heldout"])


def test_what_suites_measure_is_left_out(tmp_path: Path) -> None:
    root = workspace(tmp_path)
    (root / "evals").mkdir()
    (root / "evals/bakery.yaml").write_text(SUITE, encoding="utf-8")
    made = make(root, rows=400)
    assert all("I'd like pretzels, please" not in str(row.input["message"]) for row in made.rows("train"))
    rejects = [each for each in made.rejects() if each["filter"] == "decontaminate"]
    assert rejects
    assert made.card["measured"] == {"evals/bakery.yaml": 1}


def test_a_flow_in_which_nothing_survives_says_where_and_why(tmp_path: Path) -> None:
    root = workspace(tmp_path)
    flow(root, "validate: {shortest: 500}\n")
    told: list[Progress] = []
    with pytest.raises(NothingSurvived) as caught:
        asyncio.run(make_data(root, "bakery", Wishes(overrides={"rows": 2000}), told.append))
    message = str(caught.value)
    assert message.startswith("no data set was made for agent 'bakery'. ")
    assert "validate dropped" in message
    assert "too short (for example: " in message
    assert message.endswith("All rejects: agentctl agent data bakery --rejects")
    attempt = DataSets(Store(root)).attempt("bakery")
    assert attempt is not None
    teacher = attempt.card["funnel"][0]
    assert teacher["came"] <= 0.02 * 2000 * 50
    assert all(each["filter"] == "validate" for each in attempt.rejects())


def test_labels_are_made_even(tmp_path: Path) -> None:
    root = workspace(tmp_path)
    flow(root, "balance: {by: intent, at_most: 1}\ngenerate: {rows: 900}\n")
    labels = [row.output["intent"] for row in make(root).rows("train")]
    counts = sorted(labels.count(label) for label in ("order", "complaint", "hours"))
    assert counts[2] == counts[1]


def test_a_label_without_rows_is_told(tmp_path: Path) -> None:
    only = SEEDS.split('  - {input: "Are you open')[0] + GRAMMAR.split('  - {input: "{Hi |}{when')[0]
    made = make(workspace(tmp_path, only), rows=100)
    assert made.card["warnings"] == ["no row to train on has intent = hours. Write seeds or templates of it"]


def test_rows_of_other_agents_are_mixed_in(tmp_path: Path) -> None:
    root = workspace(tmp_path)
    manifest = (root / "agents.yaml").read_text(encoding="utf-8")
    other = manifest.split("agents:\n")[1].replace("bakery:", "kiosk:", 1)
    (root / "agents.yaml").write_text(manifest + other, encoding="utf-8")
    (root / "agents/kiosk").mkdir()
    (root / "agents/kiosk/qna.yaml").write_text(SEEDS + GRAMMAR, encoding="utf-8")
    asyncio.run(make_data(root, "kiosk", Wishes(overrides={"rows": 100, "seed": 1})))
    flow(root, "mix: {share: 0.25}\n")
    made = make(root, rows=100)
    rows = list(made.rows("replay"))
    assert len(rows) == 20 == made.card["counts"]["replay"]
    assert {row.agent for row in rows} == {"kiosk"}
    assert "agent" not in json.loads((made.folder / "train.jsonl").read_text("utf-8").splitlines()[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dedupe: {nere: 0.9}", "3:10 'nere' is not a known key. Did you mean 'near'?"),
        ("generate: {rows: 0}", "3:18 'rows' is 0, expected at least 1"),
        (
            "documents: {chunk: 200, overlap: 150}",
            "3:12 'documents' is a mapping, expected an `overlap` of at most",
        ),
    ],
)
def test_flows_are_checked(text: str, expected: str, tmp_path: Path) -> None:
    root = workspace(tmp_path)
    flow(root, text)
    with pytest.raises(InvalidFiles) as caught:
        make(root)
    assert str(caught.value).startswith(f"finetune/flows/bakery.yaml:{expected}")


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    root = workspace(tmp_path)
    with pytest.raises(ShoalError, match="there is no agent 'bakrey'. Did you mean 'bakery'?"):
        asyncio.run(make_data(root, "bakrey", Wishes()))
    with pytest.raises(ShoalError, match="there is no flow 'skil' in finetune/flows/. Did you mean 'skill'?"):
        asyncio.run(make_data(root, "bakery", Wishes(flow="skil")))
    (root / "agents/bakery/qna.yaml").unlink()
    with pytest.raises(ShoalError, match="agent 'bakery' has no seeds: there is no agents/bakery/qna.yaml."):
        make(root)
    assert set(BUILT_IN) == {"skill", "grounded", "knowledge", "import"}
