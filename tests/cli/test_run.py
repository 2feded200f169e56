"""Runs from the command line: inputs, JSON, lines of a file, and what comes after."""

from __future__ import annotations

import json

from .conftest import Desk


def test_json_holds_inputs_output_and_every_node(desk: Desk) -> None:
    record = desk.run("please raise it", "--input", "customer=C-7")
    assert record["inputs"] == {"message": "please raise it", "customer": "C-7", "urgent": None}
    assert record["status"] == "waiting"
    assert record["nodes"]["account"]["output"] == {"name": "Customer C-7", "limit": 500.0}
    assert record["nodes"]["ask"]["question"] == "May Customer C-7 have it?"


def test_inputs_from_files_and_standard_input(desk: Desk) -> None:
    (desk.root / "inputs.json").write_text(
        '{"message": "m", "customer": "C-1", "urgent": true}', encoding="utf-8"
    )
    from_file = desk.run("--input", "@inputs.json", "--input", "customer=C-2")
    assert from_file["inputs"] == {"message": "m", "customer": "C-2", "urgent": True}
    from_stdin = desk.run("--input", "-", stdin='{"message": "m", "customer": "C-3"}')
    assert from_stdin["inputs"]["customer"] == "C-3"


def test_each_prints_one_line_a_run_in_the_order_of_the_file(desk: Desk) -> None:
    wanted = [f"C-{number}" for number in range(30)]
    lines = "".join(json.dumps({"message": "hi", "customer": customer}) + "\n" for customer in wanted)
    (desk.root / "lines.jsonl").write_text(lines, encoding="utf-8")
    done = desk.call("run", "desk", "--each", "lines.jsonl", "--engine", "scripted", "--json")
    assert done.returncode == 0
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [record["inputs"]["customer"] for record in records] == wanted
    assert {record["output"]["intent"] if record["output"] else None for record in records} <= {
        "raise_limit",
        None,
    }


def test_the_tree_names_every_node_and_what_to_do_next(desk: Desk) -> None:
    done = desk.call("run", "desk", "hi", "--input", "customer=C-1", "--engine", "scripted")
    assert done.returncode == 0, done.stderr
    for name in ("triage", "account", "ask", "note", "raise_limit", "May Customer C-1 have it?"):
        assert name in done.stdout
    assert "agentctl runs answer" in done.stdout


def test_an_answer_from_another_process_finishes_the_run(desk: Desk) -> None:
    run = desk.run("hi", "--input", "customer=C-1")["run"]
    assert run in desk.call("runs", "list", "--waiting").stdout
    done = desk.call("runs", "answer", run, "ask", "yes", "--engine", "scripted", "--json")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert (record["status"], record["output"]["noted"]) == ("done", 1)
    again = desk.call("runs", "answer", run, "ask", "no", "--engine", "scripted")
    assert again.returncode == 2
    assert "answered already" in again.stderr
    assert (desk.root / "tools/notes").read_text(encoding="utf-8") == "Customer C-1\n"


def test_a_failed_run_can_be_shown_and_resumed_after_the_cause_is_mended(desk: Desk) -> None:
    (desk.root / "tools/broken").touch()
    failed = desk.call("run", "desk", "hi", "--input", "customer=C-1", "--engine", "scripted", "--json")
    run = json.loads(failed.stdout)["run"]
    shown = desk.call("runs", "show", run)
    assert shown.returncode == 0
    assert "the account service does not answer" in shown.stdout
    (desk.root / "tools/broken").unlink()
    resumed = desk.call("runs", "resume", run, "--engine", "scripted", "--json")
    assert resumed.returncode == 0
    assert json.loads(resumed.stdout)["status"] == "waiting"


def test_a_run_whose_graph_changed_is_not_resumed_unasked(desk: Desk) -> None:
    run = desk.run("hi", "--input", "customer=C-1")["run"]
    desk.replace(desk.tools, '"limit": 500', '"limit": 600')
    refused = desk.call("runs", "resume", run, "--engine", "scripted")
    assert refused.returncode == 2
    assert "tool 'account'" in refused.stderr
    assert "--migrate" in refused.stderr
    assert desk.call("runs", "resume", run, "--engine", "scripted", "--migrate").returncode == 0


def test_unknown_runs_and_nodes(desk: Desk) -> None:
    missing = desk.call("runs", "show", "20200101-nothing")
    assert (missing.returncode, "20200101-nothing" in missing.stderr) == (2, True)
    run = desk.run("hi", "--input", "customer=C-1")["run"]
    wrong = desk.call("runs", "answer", run, "aks", "yes", "--engine", "scripted")
    assert (wrong.returncode, "Did you mean 'ask'?" in wrong.stderr) == (2, True)
    unfit = desk.call("runs", "answer", run, "ask", "perhaps", "--engine", "scripted")
    assert (unfit.returncode, "yes or no" in unfit.stderr) == (2, True)


def test_a_graph_is_found_by_its_name_or_its_file(desk: Desk) -> None:
    desk.graph.rename(desk.root / "graphs/front.yaml")
    for name in ("desk", "front", "graphs/front.yaml"):
        done = desk.call("run", name, "hi", "--input", "customer=C-1", "--engine", "scripted", "--json")
        assert json.loads(done.stdout)["graph"] == "desk"


def test_a_run_goes_on_from_a_folder_inside(desk: Desk) -> None:
    run = desk.run("hi", "--input", "customer=C-1")["run"]
    inside = Desk.__new__(Desk)
    inside.root = desk.root / "tools"
    assert "May Customer C-1 have it?" in inside.call("runs", "show", run).stdout
    done = inside.call("runs", "answer", run, "ask", "yes", "--engine", "scripted", "--json")
    assert json.loads(done.stdout)["status"] == "done", done.stderr


def test_a_script_tells_what_it_lacks_and_has_no_agents_of_its_own(desk: Desk) -> None:
    command = ("run", "desk", "hi", "--input", "customer=C-1", "--engine", "scripted:answers.yaml", "--json")
    script = desk.root / "answers.yaml"
    script.write_text("version: 1\nagents: {}\n", encoding="utf-8")
    done = desk.call(*command)
    assert done.returncode == 0
    assert done.stderr == (
        "answers.yaml has no answers of triage: the plainest ones of their types are given\n"
    )
    script.write_text("version: 1\nagents: {tirage: {intent: other}}\n", encoding="utf-8")
    done = desk.call(*command)
    assert done.returncode == 2
    assert done.stderr == "answers.yaml:2:10 agents.yaml has no agent 'tirage'. Did you mean 'triage'?\n"
