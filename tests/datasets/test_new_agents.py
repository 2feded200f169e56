"""New agents work as they are: they check, and their seeds make data."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from shoal.agents.manifest import load_workspace
from shoal.datasets.check import check_seeds
from shoal.datasets.flow import FlowFile
from shoal.datasets.flow_files import BUILT_IN, check_flows
from shoal.datasets.flows import Wishes, make_data
from shoal.datasets.new_agents import KINDS, NewAgent, from_table, from_taxonomy, from_template, introduce
from shoal.errors import InvalidInput, ShoalError
from shoal.workspace.yaml import parse_yaml

from .foreign import GROUNDED, KNOWLEDGE_3, REFUSED, RIGHT, SKILL
from .test_tables import jsonl, rows

ROOT = Path(__file__).parents[2]
MANIFEST = """\
# yaml-language-server: $schema=schemas/agents.json
version: 1
bases:
  nano: {model: shoal/nano, kind: decoder}      # ships
  tiny: {model: models/tiny, kind: encoder}

serving: {base: nano}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "agents.yaml").write_text(MANIFEST, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("form", KINDS)
def test_every_template_works_as_it_is(form: str, root: Path) -> None:
    made = from_template(root, "shop", form)  # type: ignore[arg-type]
    assert introduce(root, made) == ["agents/shop/qna.yaml", "agents/shop/README.md"]
    manifest = (root / "agents.yaml").read_text(encoding="utf-8")
    assert manifest.startswith(MANIFEST)
    agent = load_workspace(root).agents["shop"]
    assert agent.base.kind == ("encoder" if form in ("label", "extract") else "decoder")
    assert check_seeds(root, {"shop": agent}) == (1, [])
    header = (root / "agents/shop/qna.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert header == "# yaml-language-server: $schema=../../schemas/qna.json"
    if form in ("grounded", "knowledge"):
        with pytest.raises(ShoalError, match="the grammar cannot read. Name a teacher with a model"):
            asyncio.run(make_data(root, "shop", Wishes()))
        return
    card = asyncio.run(make_data(root, "shop", Wishes())).card
    assert card["counts"]["train"] == 1600
    assert card["warnings"] == []


@pytest.mark.parametrize("name", RIGHT)
def test_imported_seeds_fit_their_agent(name: str, root: Path) -> None:
    file = root / "theirs.yaml"
    file.write_text(RIGHT[name], encoding="utf-8")
    introduce(root, from_taxonomy(root, "bread", file, "theirs.yaml"))
    agent = load_workspace(root).agents["bread"]
    assert check_seeds(root, {"bread": agent}) == (1, [])
    assert list(agent.output.fields) == ["answer"]
    assert list(agent.input.fields) == (["context", "question"] if "grounded" in name else ["question"])


def test_a_broken_file_leaves_everything_as_it_was(root: Path) -> None:
    file = root / "theirs.yaml"
    file.write_text(REFUSED["an answer that is missing"][0], encoding="utf-8")
    with pytest.raises(ShoalError):
        introduce(root, from_taxonomy(root, "bread", file, "theirs.yaml"))
    assert (root / "agents.yaml").read_text(encoding="utf-8") == MANIFEST
    assert not (root / "agents").exists()


def test_what_is_worth_knowing_is_said(root: Path) -> None:
    file = root / "theirs.yaml"
    file.write_text(KNOWLEDGE_3, encoding="utf-8")
    found = from_taxonomy(root, "bread", file, "theirs.yaml")
    assert found.hints[0] == (
        "the documents are not here: https://example.org/bread.git at 951999afdc59: bread.md, dough/*.md. "
        "Put those you have into agents/bread/knowledge/"
    )
    assert found.hints[1] == "the file names no licence. Write `license:` in agents/bread/qna.yaml"
    assert found.hints[2] == "3 seeds are few. About ten, each of its own kind, make better data"
    assert found.about == "About bread."


def test_answers_may_be_labels(root: Path) -> None:
    file = root / "theirs.yaml"
    text = SKILL.replace("Of rye.", "rye").replace("Sugar", "rye").replace("'Yes: a little.'", "salt")
    file.write_text(text, encoding="utf-8")
    plain = from_taxonomy(root, "bread", file, "theirs.yaml")
    assert "all answers are one of rye, salt. If they are labels, give --labels" in plain.hints
    made = from_taxonomy(root, "bread", file, "theirs.yaml", is_label=True)
    assert (made.output, made.base) == ({"answer": "enum[rye, salt]"}, "tiny")
    introduce(root, made)
    assert check_seeds(root, load_workspace(root).agents) == (1, [])
    file.write_text(GROUNDED, encoding="utf-8")
    with pytest.raises(
        InvalidInput, match="the answer 'At four.' cannot be a label. Labels are single words"
    ):
        from_taxonomy(root, "other", file, "theirs.yaml", is_label=True)


def test_attribution_goes_along(root: Path) -> None:
    (root / "theirs").mkdir()
    (root / "theirs/qna.yaml").write_text(SKILL, encoding="utf-8")
    (root / "theirs/attribution.txt").write_text("License of the work: CC-BY-4.0\n", encoding="utf-8")
    introduce(root, from_taxonomy(root, "bread", root / "theirs/qna.yaml", "qna.yaml"))
    assert "CC-BY-4.0" in (root / "agents/bread/attribution.txt").read_text(encoding="utf-8")
    assert "license: CC-BY-4.0\n" in (root / "agents/bread/qna.yaml").read_text(encoding="utf-8")


def test_an_agent_of_a_table_has_no_seeds(root: Path) -> None:
    (root / "rows.jsonl").write_text(jsonl(*rows()), encoding="utf-8")
    introduce(root, from_table(root, "desk", root / "rows.jsonl", "rows.jsonl"))
    agent = load_workspace(root).agents["desk"]
    assert str(agent.output) == "{label: enum[order, complaint, hours]}"
    assert not (root / "agents/desk/qna.yaml").exists()


def test_names_bases_and_kinds_that_cannot_be(root: Path) -> None:
    made = from_template(root, "shop", "label")
    introduce(root, made)
    with pytest.raises(
        ShoalError, match="there is an agent 'shop' in agents.yaml already. Choose another name"
    ):
        introduce(root, made)
    with pytest.raises(InvalidInput, match="'Shop' cannot be a name. Names start with a lower case letter"):
        introduce(root, from_template(root, "Shop", "label"))
    with pytest.raises(InvalidInput, match="there is no base 'tinny' in agents.yaml. Did you mean 'tiny'?"):
        from_template(root, "x", "label", "tinny")
    with pytest.raises(InvalidInput, match="'lable' is not a kind of agent. Did you mean 'label'?"):
        from_template(root, "x", "lable")  # type: ignore[arg-type]
    (root / "agents/there").mkdir()
    (root / "agents/there/README.md").write_text("mine", encoding="utf-8")
    before = (root / "agents.yaml").read_bytes()
    with pytest.raises(ShoalError, match="has README.md already. Nothing was written"):
        introduce(root, from_template(root, "there", "label"))
    assert (root / "agents.yaml").read_bytes() == before


def test_traversal_is_no_name(root: Path) -> None:
    made = from_template(root, "x", "label")
    for name in ("../x", "..", "a/b", "/etc", "a\x00", "", "a" * 65):
        with pytest.raises(InvalidInput):
            introduce(
                root,
                NewAgent(name=name, about="", input=made.input, output=made.output, base="tiny", seeds=""),
            )
    assert sorted(each.name for each in root.iterdir()) == ["agents.yaml"]


def test_without_an_encoder_a_decoder_labels(root: Path) -> None:
    (root / "agents.yaml").write_text(MANIFEST.replace("  tiny: {model: models/tiny, kind: encoder}\n", ""))
    made = from_template(root, "shop", "label")
    assert made.base == "nano"
    assert made.hints[0].startswith("an encoder names labels and finds pieces better than a decoder.")
    introduce(root, made)
    (root / "agents.yaml").write_text("version: 1\n")
    with pytest.raises(ShoalError, match="agents.yaml has no base yet. Add one, like `bases: {nano:"):
        from_template(root, "shop", "label")


def test_shipped_flows_are_those_that_are_built_in() -> None:
    count, problems = check_flows(ROOT, ())
    assert (count, problems) == (3, [])
    for name in ("skill", "grounded", "knowledge"):
        text = (ROOT / f"finetune/flows/{name}.yaml").read_bytes()
        shipped = FlowFile.model_validate(parse_yaml(text, name).data).model_dump(exclude={"about"})
        built_in = FlowFile.model_validate(parse_yaml(BUILT_IN[name].encode(), name).data)
        assert shipped == built_in.model_dump(exclude={"about"})
