from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")

from shoal.agents.adapters import read_manifest
from shoal.agents.agent import Adapter
from shoal.agents.embedded.decoder import DecoderModel
from shoal.agents.engine import Request
from shoal.agents.manifest import load_workspace
from shoal.datasets.rows import Row
from shoal.datasets.store import DataSets
from shoal.errors import ShoalError
from shoal.finetune.progress import Evaluated, Event, Notice, Progress, Report
from shoal.finetune.train import Trained, train
from shoal.workspace.store import Store
from tests.finetune.trainings import make_trainings, write_recipe


def losses(events: list[Event], agent: str) -> list[float]:
    by_step = [each.losses for each in events if isinstance(each, Progress) and each.losses]
    return [each[agent] for each in by_step if agent in each]


def run(root: Path, *files: Path) -> tuple[list[Trained], list[Event]]:
    events: list[Event] = []
    return train(files, root, events.append), events


def test_a_decoder_learns_is_measured_and_answers_in_the_engine(tmp_path: Path) -> None:
    root = make_trainings(tmp_path)
    made, events = run(root, write_recipe(root, "writer", training="steps: 200, learning_rate: 0.01"))
    assert losses(events, "writer")[-1] < losses(events, "writer")[0] / 5
    assert made[0].outcome.figures["decision_accuracy"] == 1.0
    assert set(made[0].outcome.calibration) == {"decision"}
    agent = replace(
        load_workspace(root, with_adapters=False).agents["writer"],
        adapter=Adapter(name="writer@1", sha256=made[0].sha256, folder=made[0].folder),
    )
    asked = [Request(agent=agent, values={"message": word * 6}) for word in ("yes ", "? ")]
    answers = DecoderModel(agent.base, root).answer(asked)
    assert [answer.output["decision"] for answer in answers] == ["approve", "refer"]
    assert all(answer.confidence > 0.6 for answer in answers)


def test_the_same_recipe_gives_the_same_adapter_and_keeps_its_version(tmp_path: Path) -> None:
    root = make_trainings(tmp_path, dropout=0.1)
    file = write_recipe(root, "sorter")
    (first,), (second,) = (run(root, file)[0] for _ in range(2))
    assert first == second
    assert first.adapter == "sorter@1"
    assert not list((root / ".shoal" / "training").iterdir())


@pytest.mark.parametrize("agents", [("writer", "judge"), ("reader", "sorter")])
def test_agents_learn_together_what_each_learns_alone(tmp_path: Path, agents: tuple[str, str]) -> None:
    root = make_trainings(tmp_path, dropout=0.1)
    lora = ", dropout: 0.1, targets: [q_proj, up_proj]" if agents[0] == "writer" else ", dropout: 0.1"
    # One has other layers, fewer steps and another seed.
    files = [
        write_recipe(root, agents[0], lora=lora),
        write_recipe(root, agents[1], training="steps: 7, seed: 3"),
    ]
    _, together = run(root, *files)
    for agent, file in zip(agents, files, strict=True):
        _, alone = run(root, file)
        assert losses(together, agent) == pytest.approx(losses(alone, agent), abs=1e-5)
    assert [len(losses(together, agent)) for agent in agents] == [12, 7]


def test_agents_of_two_bases_are_trained_by_one_command(tmp_path: Path) -> None:
    root = make_trainings(tmp_path)
    made, _ = run(root, *(write_recipe(root, agent, training="steps: 2") for agent in ("writer", "reader")))
    assert [each.adapter for each in made] == ["writer@1", "reader@1"]


def test_it_stops_when_the_dev_loss_gets_no_better_and_keeps_the_best(tmp_path: Path) -> None:
    root = make_trainings(tmp_path)
    training = "steps: 60, evaluations: 30, patience: 3, learning_rate: 0.3, head_learning_rate: 0.5"
    made, events = run(root, write_recipe(root, "reader", training=training, data=", dev: 20"))
    judged = [each for each in events if isinstance(each, Evaluated)]
    best = min(judged, key=lambda each: each.loss)
    assert [each.is_best for each in judged[-3:]] == [False] * 3
    assert judged[-1].step < 60
    assert judged[-4] == best
    assert made[0].examples["dev"] == 20
    assert set(read_manifest(made[0].folder).calibration) == {"intent", "amount"}


def test_one_recipe_an_agent(tmp_path: Path) -> None:
    root = make_trainings(tmp_path)
    file = write_recipe(root, "reader")
    twin = root / "finetune" / "twin.yaml"
    twin.write_bytes(file.read_bytes())
    with pytest.raises(ShoalError, match=r"twin.yaml and reader.yaml both train 'reader'"):
        run(root, file, twin)


def test_an_agent_that_is_not_there_is_named(tmp_path: Path) -> None:
    root = make_trainings(tmp_path)
    file = write_recipe(root, "reader")
    file.write_text(file.read_text("utf-8").replace("agent: reader", "agent: raeder"), encoding="utf-8")
    with pytest.raises(
        ShoalError, match=r"agent 'raeder', which agents.yaml does not have. Did you mean 'reader'"
    ):
        run(root, file)


def test_a_loss_that_is_no_number_ends_the_training(tmp_path: Path) -> None:
    root = make_trainings(tmp_path)
    file = write_recipe(root, "reader", training="steps: 40")
    file.write_text(file.read_text("utf-8").replace("0.005", "1000000000000000000.0"), encoding="utf-8")
    with pytest.raises(ShoalError, match=r"agent 'reader': the loss of step \d+ is (nan|inf). Try a lower"):
        run(root, file)


class Crash(Exception):
    """What ends a training in the middle."""


def crash_after(step: int) -> Report:
    def crash(event: Event) -> None:
        if isinstance(event, Progress) and event.phase == "train" and event.step == step:
            raise Crash

    return crash


@pytest.mark.parametrize("agent", ["writer", "reader"])
@pytest.mark.parametrize("crashes", [[2], [4, 7, 11]])
def test_a_training_that_was_ended_goes_on_to_the_same_bytes(
    tmp_path: Path, agent: str, crashes: list[int]
) -> None:
    root = make_trainings(tmp_path, dropout=0.1)
    # Every step is saved, the dev loss decides, and an epoch ends in between.
    recipe = {"training": "save_seconds: 0.0, evaluations: 4", "data": ", dev: 10"}
    (whole,), _ = run(root, write_recipe(root, agent, **recipe))

    again = make_trainings(tmp_path / "again", dropout=0.1)
    file = write_recipe(again, agent, **recipe)
    for at in crashes:
        with pytest.raises(Crash):
            train([file], again, crash_after(at))
    (made,), events = run(again, file)
    notices = [each.text for each in events if isinstance(each, Notice)]
    assert notices == [f"goes on after step {crashes[-1] - 1}"]
    assert made.sha256 == whole.sha256
    assert made.outcome == whole.outcome


def test_a_fresh_start_forgets_what_was_stopped(tmp_path: Path) -> None:
    root = make_trainings(tmp_path)
    file = write_recipe(root, "sorter", training="save_seconds: 0.0")

    with pytest.raises(Crash):
        train([file], root, crash_after(5))
    events: list[Event] = []
    train([file], root, events.append, is_fresh=True)
    assert [each for each in events if isinstance(each, Notice)] == []
    assert len(losses(events, "sorter")) == 12


def test_a_decoder_keeps_what_it_can_by_rows_of_another_agent(tmp_path: Path) -> None:
    root = make_trainings(tmp_path)
    rows = {
        part: [
            Row(
                input={"message": f"{part} {number}"},
                output={"decision": "yes"} if part == "replay" else {"reason": "so", "decision": "refer"},
                source="made.py",
                licence="apache-2.0",
                flow="skill@1",
                teacher="grammar",
                agent="judge" if part == "replay" else None,
            )
            for number in range(count)
        ]
        for part, count in {"train": 6, "dev": 2, "heldout": 2, "replay": 3}.items()
    }
    sha = DataSets(Store(root)).add("writer", rows, [], {"made": "2026-11-24"}).sha
    file = write_recipe(root, "writer", training="epochs: 1.0")
    text = file.read_text("utf-8").splitlines()
    file.write_text("\n".join([*text[:2], "data: {dataset: latest}", *text[3:]]), encoding="utf-8")
    (made,), events = run(root, file)
    assert made.examples == {"train": 6, "dev": 2, "heldout": 2, "replay": 3}
    assert read_manifest(made.folder).recipe["data"]["dataset"] == sha
    assert len(losses(events, "writer")) > 1
