from pathlib import Path

import pytest

from shoal.errors import InvalidFiles
from shoal.finetune.recipe import Recipe, load_recipe

ROOT = Path(__file__).parents[2]
GOOD = """\
version: 1
agent: triage
data: {python: "bank/triage.py:examples", train: 10, heldout: 5}
training: {steps: 3}
"""


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "finetune" / "triage.yaml"
    file.parent.mkdir()
    file.write_text(text, encoding="utf-8")
    return file


def test_a_recipe_says_little_and_defaults_fill_the_rest(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, GOOD), tmp_path)
    assert (recipe.agent, recipe.training.steps, recipe.lora.rank) == ("triage", 3, 16)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "steps: 3",
            "stepz: 3",
            "finetune/triage.yaml:4:12 'stepz' is not a known key. Did you mean 'steps'?",
        ),
        ("steps: 3", "steps: many", "finetune/triage.yaml:4:19 'steps' is 'many'"),
        ("steps: 3", "steps: 3, epochs: 1.0", "'training' is a mapping, expected either epochs or steps"),
        ("train: 10, ", "", "'data' is a mapping, expected train and heldout beside python"),
        ("train: 10", "dataset: latest", "'data' is a mapping, expected either python or dataset"),
        ("agent: triage\n", "", "the key 'agent' is missing"),
        ("bank/triage.py:examples", "bank.triage.examples", "'python' is 'bank.triage.examples'"),
    ],
)
def test_faults_are_told_with_their_place(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(InvalidFiles) as caught:
        load_recipe(write(tmp_path, GOOD.replace(old, new)), tmp_path)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["triage", "slots"])
def test_the_recipes_of_the_bank_load(name: str) -> None:
    assert load_recipe(ROOT / "finetune" / f"{name}.yaml", ROOT).agent == name


def test_every_key_is_documented() -> None:
    schema = Recipe.model_json_schema()
    for part in ("DataPart", "LoraPart", "TrainingPart"):
        assert all("description" in key for key in schema["$defs"][part]["properties"].values())
