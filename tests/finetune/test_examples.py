import json
from itertools import islice
from pathlib import Path

import pytest

from shoal.agents.agent import Agent, Base
from shoal.agents.manifest import load_workspace
from shoal.errors import ShoalError
from shoal.finetune.examples import load_examples
from shoal.finetune.recipe import DataPart
from shoal.workspace.types import parse_record, read

ROOT = Path(__file__).parents[2]
AGENT = Agent(
    name="reader",
    about="",
    base=Base(name="b", model="none", kind="encoder"),
    input=parse_record({"message": "str"}),
    output=parse_record({"intent": "enum[more, less]", "amount": "span[number] from message"}),
)
GENERATOR = """
def examples(seed, part):
    for number in range({count}):
        yield {{"input": {{"message": f"{{part}} {{number}}k"}}, "output": {output}}}
"""


def load(tmp_path: Path, output: str, count: int = 100):  # type: ignore[no-untyped-def]
    (tmp_path / "made.py").write_text(GENERATOR.format(output=output, count=count), encoding="utf-8")
    return load_examples(DataPart(python="made.py:examples", train=6, heldout=3), AGENT, tmp_path, seed=1)


def test_both_parts_are_drawn_and_counted(tmp_path: Path) -> None:
    data = load(tmp_path, '{"intent": "more", "amount": f"{number}k" if number else None}')
    assert (len(data.train), len(data.heldout)) == (6, 3)
    assert data.train[1].output == {"intent": "more", "amount": "1k"}
    assert data.funnel == {
        "heldout_drawn": 3,
        "heldout_repeated": 0,
        "heldout": 3,
        "train_drawn": 6,
        "train_repeated": 0,
        "train": 6,
    }


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (
            '{"intent": "maybe", "amount": None}',
            "heldout example 1 does not fit agent 'reader': output.intent is 'maybe', expected one of",
        ),
        (
            '{"intent": "more", "amount": "7"}',
            "amount is '7', which is not a piece of the input 'heldout 0k'",
        ),
        ('{"intent": "more", "amount": "heldout"}', "amount is 'heldout', which cannot be read as a number"),
        ('{"intent": "more", "amount": None, "extra": 1}', "unknown field 'extra'"),
    ],
)
def test_an_example_that_does_not_fit_is_named(tmp_path: Path, output: str, message: str) -> None:
    with pytest.raises(ShoalError) as caught:
        load(tmp_path, output)
    assert message in str(caught.value)


def test_a_generator_that_runs_dry_says_how_far_it_got(tmp_path: Path) -> None:
    with pytest.raises(ShoalError, match=r"gave 2 distinct heldout examples in 2, the recipe asks for 3"):
        load(tmp_path, '{"intent": "more", "amount": None}', count=2)


def test_a_missing_generator_is_named(tmp_path: Path) -> None:
    with pytest.raises(ShoalError, match=r"the generator none.py:examples is not there"):
        load_examples(DataPart(python="none.py:examples", train=1, heldout=1), AGENT, tmp_path, seed=1)


@pytest.mark.parametrize("name", ["triage", "slots"])
def test_the_banks_examples_fit_their_agents_and_keep_their_parts_apart(name: str) -> None:
    agent = load_workspace(ROOT, with_adapters=False).agents[name]
    part = DataPart(python=f"finetune/bank/{name}.py:examples", train=400, heldout=200)
    data = load_examples(part, agent, ROOT, seed=3)
    again = load_examples(part, agent, ROOT, seed=3)
    assert data.train == again.train
    known = {example.input["message"] for example in data.train}
    assert not known & {example.input["message"] for example in data.heldout}


def test_all_intents_are_drawn() -> None:
    agent = load_workspace(ROOT, with_adapters=False).agents["triage"]
    data = load_examples(
        DataPart(python="finetune/bank/triage.py:examples", train=300, heldout=50), agent, ROOT, seed=3
    )
    assert len({example.output["intent"] for example in islice(data.train, 300)}) == 9


@pytest.mark.parametrize("name", ["triage", "slots"])
def test_the_messages_written_by_hand_fit_their_agents_and_are_in_no_training_part(name: str) -> None:
    agent = load_workspace(ROOT, with_adapters=False).agents[name]
    cases = [
        json.loads(line)
        for line in (ROOT / f"evals/bank/{name}_heldout.jsonl").read_text("utf-8").splitlines()
    ]
    for case in cases:
        read(agent.input, case["input"], "input")
        for field, value in case["output"].items():
            read(agent.output.fields[field], value, field)
    data = load_examples(
        DataPart(python=f"finetune/bank/{name}.py:examples", train=2000, heldout=100), agent, ROOT, seed=7
    )
    assert len(cases) > 50
    assert not {case["input"]["message"] for case in cases} & {each.input["message"] for each in data.train}
