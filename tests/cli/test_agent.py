"""agentctl agent: lists agents, makes their data, shows what was dropped."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.datasets.bakery import GRAMMAR, SEEDS, workspace
from tests.datasets.foreign import REFUSED, REPAIRED
from tests.datasets.lessons import lesson
from tests.datasets.school import School

Agentctl = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def bakery(tmp_path: Path) -> Path:
    return workspace(tmp_path)


def test_a_data_set_is_made_listed_and_shown(bakery: Path, agentctl: Agentctl) -> None:
    done = agentctl(bakery, "agent", "data", "bakery", "--rows", "300", "--seed", "3")
    assert done.returncode == 0, done.stderr
    first, second, *funnel = done.stdout.splitlines()
    assert first.endswith("of agent 'bakery': 240 train, 30 dev, 30 heldout.")
    assert second == "Flow skill@1 (built in), teacher grammar, seed 3."
    assert funnel[0].split()[:2] == ["teacher", funnel[0].split()[1]]
    assert "of agent" in agentctl(bakery, "agent", "data", "bakery", "--show").stdout
    card = json.loads(agentctl(bakery, "agent", "data", "bakery", "--show", "--json").stdout)
    assert card["dataset"] in first
    listed = agentctl(bakery, "agent", "list").stdout.splitlines()
    assert listed[0].split() == ["agent", "base", "adapter", "seeds", "data", "sets"]
    assert listed[1].split() == ["bakery", "tiny", "-", "yes", card["dataset"], "(300", "rows)"]
    record = json.loads(agentctl(bakery, "agent", "list", "--json").stdout)
    assert record["datasets"][0]["counts"] == {"train": 240, "dev": 30, "heldout": 30}


def test_json_is_the_card(bakery: Path, agentctl: Agentctl) -> None:
    done = agentctl(bakery, "agent", "data", "bakery", "--rows", "100", "--json")
    assert json.loads(done.stdout)["counts"]["train"] == 80
    assert json.loads(agentctl(bakery, "agent", "data", "bakery", "--prune", "0", "--json").stdout) == {
        "agent": "bakery",
        "removed": [json.loads(done.stdout)["dataset"]],
    }
    assert json.loads(agentctl(bakery, "agent", "list", "--json").stdout)["datasets"] == []


def test_rejects_are_shown_with_examples(bakery: Path, agentctl: Agentctl) -> None:
    agentctl(bakery, "agent", "data", "bakery", "--rows", "300")
    shown = agentctl(bakery, "agent", "data", "bakery", "--rejects").stdout.splitlines()
    assert shown[0].startswith("dedupe: the same input: ")
    assert shown[1].startswith('    {"message": ')
    assert "agents/bakery/qna.yaml:" in shown[1]
    lines = agentctl(bakery, "agent", "data", "bakery", "--rejects", "--json").stdout.splitlines()
    assert {"filter", "reason", "detail", "input", "output", "source"} == set(json.loads(lines[0]))


def test_nothing_survives(bakery: Path, agentctl: Agentctl) -> None:
    (bakery / "finetune/flows").mkdir(parents=True)
    (bakery / "finetune/flows/strict.yaml").write_text(
        "version: 1\nflow: strict\nvalidate: {shortest: 999}\n"
    )
    done = agentctl(bakery, "agent", "data", "bakery", "--flow", "strict")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("no data set was made for agent 'bakery'. 0 of the last ")
    rejects = agentctl(bakery, "agent", "data", "bakery", "--rejects").stdout
    assert rejects.startswith("validate: too short: ")


def test_warnings_are_told_apart(tmp_path: Path, agentctl: Agentctl) -> None:
    text = SEEDS.replace("license: cc0-1.0\n", "") + GRAMMAR
    done = agentctl(workspace(tmp_path, text), "agent", "data", "bakery", "--rows", "100")
    assert "warning: the licence of some rows is unknown. Write `license:` in qna.yaml" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--teacher", "gramar"], "'gramar' is no teacher. Give grammar, agent:NAME, or a URL (http://...)"),
        (["--teacher", "http://x/v1"], "which model of http://x/v1 is to teach? Give --model NAME"),
        (["--model", "m"], "--model goes with the URL of a server: --teacher URL --model NAME"),
        (["--show", "--rejects"], "--show, --rejects and --prune stand alone. Give one of them"),
        (["--show"], "agent 'bakery' has no data set. Make one: agentctl agent data bakery"),
        (
            ["--teacher", "agent:nobody"],
            "there is no agent 'nobody' to teach or judge. Known: bakery.",
        ),
    ],
)
def test_what_cannot_be_done_is_told(
    arguments: list[str], message: str, bakery: Path, agentctl: Agentctl
) -> None:
    done = agentctl(bakery, "agent", "data", "bakery", *arguments)
    assert (done.returncode, done.stderr.strip()) == (2, message)


def test_check_reads_seeds_and_flows(bakery: Path, agentctl: Agentctl) -> None:
    assert "seeds: 1, flows: 0." in agentctl(bakery, "check").stdout
    (bakery / "agents/bakery/qna.yaml").write_text(SEEDS.replace("rolls}", "buns}"), encoding="utf-8")
    (bakery / "finetune/flows").mkdir(parents=True)
    flow = "version: 1\nflow: x\ngenerate: {teacher: {agent: bakrey}}\njudge: {teacher: teacher}\n"
    (bakery / "finetune/flows/x.yaml").write_text(flow, encoding="utf-8")
    done = agentctl(bakery, "check")
    assert done.returncode == 2
    seeds, teacher = [line for line in done.stderr.splitlines() if "warning" not in line]
    assert seeds.startswith("agents/bakery/qna.yaml:6:5 output.goods is 'buns', which is not a piece of")
    assert teacher == "finetune/flows/x.yaml:3:29 there is no agent 'bakrey'. Did you mean 'bakery'?"


def test_ctrl_c_keeps_what_was_answered(tmp_path: Path) -> None:
    root = workspace(tmp_path, SEEDS)
    asked = threading.Event()
    gone = threading.Event()

    def slow(number: int, body: dict[str, object]) -> object:
        if number == 10:
            asked.set()
        if number >= 10 and not gone.is_set():
            gone.wait(20)
        return lesson(body)

    school = School(slow)  # type: ignore[arg-type]
    command = [sys.executable, "-m", "shoal", "agent", "data", "bakery", "--rows", "100"]
    command += ["--teacher", school.url, "--model", "m"]
    process = subprocess.Popen(
        command,
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert asked.wait(60)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    gone.set()
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    school.close()
    again = [key for _, key in school.keys]
    assert len(again) - len(set(again)) <= 8  # what was under way


def test_a_new_agent_is_ready_for_data(tmp_path: Path, agentctl: Agentctl) -> None:
    assert agentctl(tmp_path, "init", ".").returncode == 0
    done = agentctl(tmp_path, "agent", "new", "letters", "--kind", "write")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "agents.yaml has agent 'letters' on nano: {name: str, goods: str, day: str} -> {text: str}",
        "  agents/letters/qna.yaml",
        "  agents/letters/README.md",
        "Next:",
        "    # write your own examples into agents/letters/qna.yaml; what is there works",
        "    agentctl check",
        "    agentctl agent data letters",
    ]
    assert agentctl(tmp_path, "check").stdout.endswith("seeds: 1, flows: 0.\n")
    assert agentctl(tmp_path, "agent", "data", "letters", "--rows", "100").returncode == 0
    again = agentctl(tmp_path, "agent", "new", "letters")
    assert (again.returncode, again.stderr) == (
        2,
        "there is an agent 'letters' in agents.yaml already. Choose another name\n",
    )


def test_files_of_others_are_imported_with_what_was_changed(bakery: Path, agentctl: Agentctl) -> None:
    text, note = REPAIRED["a misspelt key"]
    (bakery / "theirs.yaml").write_text(text, encoding="utf-8")
    done = agentctl(bakery, "agent", "new", "bread", "--from", "theirs.yaml")
    assert done.returncode == 0
    assert done.stderr.splitlines()[0] == f"theirs.yaml:{note}"
    assert done.stdout.splitlines()[-1] == (
        "    agentctl agent data bread --teacher http://localhost:8000/v1 --model NAME"
    )
    text, note = REFUSED["an answer that is missing"]
    (bakery / "theirs.yaml").write_text(text, encoding="utf-8")
    done = agentctl(bakery, "agent", "new", "crumb", "--from", "theirs.yaml", "--json")
    assert (done.returncode, done.stderr) == (2, f"theirs.yaml:{note}\n")


def test_a_table_makes_agent_and_data(bakery: Path, agentctl: Agentctl) -> None:
    (bakery / "rows.csv").write_text(
        "id,utterance,wish\n" + "".join(f"{n},message {n} here,{'a' if n % 2 else 'b'}\n" for n in range(40))
    )
    refused = agentctl(bakery, "agent", "data", "desk", "--import", "rows.csv")
    assert (
        "which column is read, and which one is the answer? Columns: id, utterance, wish." in refused.stderr
    )
    columns = ["--map", "utterance=input.message", "--map", "wish=output.wish", "--license", "cc0-1.0"]
    done = agentctl(bakery, "agent", "data", "desk", "--import", "rows.csv", *columns)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "agents.yaml has agent 'desk' on tiny: {message: str} -> {wish: enum[b, a]}"
    assert lines[2].endswith("of agent 'desk': 32 train, 4 dev, 4 heldout.")
    record = json.loads(
        agentctl(bakery, "agent", "data", "desk", "--import", "rows.csv", *columns, "--json").stdout
    )
    assert record["dataset"] in lines[2]
    assert agentctl(bakery, "agent", "data", "desk", "--dev", "rows.csv").stderr == (
        "--dev, --heldout, --map and --drop-bad go with --import FILE\n"
    )
