import json
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from shoal.agents.agent import Agent, Base
from shoal.agents.manifest import load_workspace
from shoal.datasets.made import PERSON
from shoal.datasets.rows import Row
from shoal.datasets.store import DataSets
from shoal.errors import ShoalError
from shoal.finetune.examples import load_examples
from shoal.finetune.recipe import DataPart
from shoal.workspace.store import Store
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
            "heldout example 1 does not fit agent 'reader': output.amount is '7', which is not a piece",
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


def stored(root: Path, dev_teacher: str = PERSON, **parts: list[str]) -> str:
    """Put a data set of `reader` into the store: messages by part."""
    made = {
        part: [
            Row(
                input={"message": message},
                output={"intent": "more", "amount": None},
                source="made.py",
                licence="apache-2.0",
                flow="skill@1",
                teacher=dev_teacher if part == "dev" else "grammar",
                agent="writer" if part == "replay" else None,
            )
            for message in messages
        ]
        for part, messages in parts.items()
    }
    return DataSets(Store(root)).add("reader", made, [], {"made": "2026-11-24"}).sha


def test_a_data_set_gives_all_parts_or_as_many_rows_as_are_wanted(tmp_path: Path) -> None:
    sha = stored(tmp_path, train=["a", "b", "c"], dev=["d", "e"], heldout=["f"], replay=["g"])
    data = load_examples(DataPart(dataset="latest"), AGENT, tmp_path, seed=1)
    assert [each.input["message"] for each in (*data.train, *data.dev, *data.heldout)] == list("abcdef")
    assert [(name, each.input["message"]) for name, each in data.replay] == [("writer", "g")]
    assert data.funnel == {"train": 3, "dev": 2, "heldout": 1, "replay": 1}
    assert (data.dataset, data.is_real) == (sha, True)
    fewer = load_examples(DataPart(dataset=sha, train=2, dev=0), AGENT, tmp_path, seed=1)
    assert fewer.funnel == {"train": 2, "dev": 0, "heldout": 1, "replay": 1}


def test_what_a_grammar_wrote_is_not_taken_for_real(tmp_path: Path) -> None:
    stored(tmp_path, dev_teacher="grammar", train=["a"], dev=["d"], heldout=["f"])
    assert not load_examples(DataPart(dataset="latest"), AGENT, tmp_path, seed=1).is_real


def test_a_row_of_a_data_set_that_does_not_fit_any_more_is_named(tmp_path: Path) -> None:
    sha = stored(tmp_path, train=["a", "b"], dev=[], heldout=["f"])
    agent = replace(AGENT, output=parse_record({"intent": "enum[less, least]", "amount": "any"}))
    with pytest.raises(ShoalError) as caught:
        load_examples(DataPart(dataset=sha), agent, tmp_path, seed=1)
    assert str(caught.value).startswith(f"{sha}/train.jsonl:1 does not fit agent 'reader': output.intent")


def test_a_data_set_without_rows_to_measure_on_is_refused(tmp_path: Path) -> None:
    sha = stored(tmp_path, train=["a"], dev=[], heldout=[])
    with pytest.raises(ShoalError, match=f"data set {sha} of agent 'reader' has no rows to measure on"):
        load_examples(DataPart(dataset="latest"), AGENT, tmp_path, seed=1)


def test_an_agent_without_data_sets_is_told_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ShoalError, match="agent 'reader' has no data set"):
        load_examples(DataPart(dataset="latest"), AGENT, tmp_path, seed=1)


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
