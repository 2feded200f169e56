"""What goes wrong at the edge is one clear line with place and remedy, exit code 2, never a traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from .conftest import Desk

RUN = ("run", "desk", "please raise it", "--input", "customer=C-1", "--engine", "scripted", "--json")


def refused(done: CompletedProcess[str], *words: str) -> None:
    """One line on stderr with all these words."""
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.strip().splitlines()
    for word in words:
        assert word in line, line


def test_missing_manifest(tmp_path: Path, agentctl: Callable[..., CompletedProcess[str]]) -> None:
    refused(agentctl(tmp_path, "check"), "agents.yaml", str(tmp_path))
    refused(agentctl(tmp_path, "run", "desk"), "agents.yaml")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("  triage: {agent", "\ttriage: {agent", ["graphs/desk.yaml:5:1", "tab"]),
        ("output: {intent", "outptu: {}\noutput: {intent", ["graphs/desk.yaml:9:1", "'outptu'", "'output'"]),
        ("{agent: triage,", "{agent: triaje,", ["graphs/desk.yaml:5:", "'triaje'", "Did you mean 'triage'?"]),
        (
            "triage.intent ==",
            "triage.intnet ==",
            ["graphs/desk.yaml:7:", "'triage.intnet'", "'triage.intent'"],
        ),
        (
            '{customer: "${input.customer}"}',
            '{customer: "${triage.amount}"}',
            ["graphs/desk.yaml:6:", "'account'", "float?", "str"],
        ),
        (
            '{message: "${input.message}"}',
            '{message: "${account.name}"}',
            [],
        ),
    ],
    ids=["tab", "unknown key", "unknown agent", "misspelt field", "wrong type", "fine"],
)
def test_graph_files(desk: Desk, old: str, new: str, words: list[str]) -> None:
    desk.replace(desk.graph, old, new)
    done = desk.call("check")
    if words:
        refused(done, *words)
    else:
        assert done.returncode == 0, done.stderr


def test_cycle(desk: Desk) -> None:
    desk.replace(desk.graph, '{message: "${input.message}"}', '{message: "${account.name}"}')
    desk.replace(desk.graph, '{customer: "${input.customer}"}', '{customer: "${triage.intent}"}')
    refused(desk.call("check"), "graphs/desk.yaml:5:", "triage -> account -> triage")


def test_unknown_graph(desk: Desk) -> None:
    refused(desk.call("run", "dsek", "hello"), "'dsek'", "'desk'")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--input", "custumer=C-1"], ["'custumer'", "Did you mean 'customer'?"]),
        ([], ["needs the input 'customer' (str)", "--input customer=..."]),
        (["--input", "customer=C-1", "--input", "urgent=perhaps"], ["'urgent'", "'perhaps'", "bool"]),
        (["--input", "customer"], ["--input customer", "name=value"]),
        (["--input", "@nowhere.json"], ["nowhere.json", "cannot be read"]),
        (["--input", "-"], ["standard input", "JSON"]),
        (["--input", "customer=C-1", "--engine", "magic"], ["'magic'", "embedded"]),
    ],
)
def test_inputs(desk: Desk, arguments: list[str], words: list[str]) -> None:
    refused(desk.call("run", "desk", "please", *arguments), *words)


def test_lines_of_a_file_are_checked_before_any_runs(desk: Desk) -> None:
    lines = desk.root / "lines.jsonl"
    lines.write_text('{"message": "a", "customer": "C-1"}\n{"message": "b"}\n', encoding="utf-8")
    done = desk.call("run", "desk", "--each", "lines.jsonl", "--engine", "scripted", "--json")
    refused(done, "lines.jsonl:2:1", "'customer'", "Nothing was run")
    assert "No runs yet" in desk.call("runs", "list").stdout


@pytest.mark.parametrize("is_missing", [True, False], ids=["missing", "changed"])
def test_adapter(desk: Desk, is_missing: bool) -> None:
    sha256 = "0" * 64
    desk.replace(desk.agents, "    base: tiny\n", "    base: tiny\n    adapter: triage@1\n")
    (desk.root / "agents/triage").mkdir(parents=True)
    record = f"version: 1\nadapters:\n  1: {{sha256: '{sha256}', base_sha256: '{sha256}'}}\n"
    (desk.root / "agents/triage/adapters.yaml").write_text(record, encoding="utf-8")
    if not is_missing:
        folder = desk.root / ".shoal/adapters" / sha256
        folder.mkdir(parents=True)
        (folder / "adapter_model.safetensors").write_bytes(b"other weights")
    refused(desk.call("check"), "agents.yaml:7:", "triage@1", "missing" if is_missing else "changed")


def test_a_tool_that_raises_names_its_node(desk: Desk) -> None:
    (desk.root / "tools/broken").touch()
    done = desk.call(*RUN)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "node 'account' failed" in done.stdout
    assert "the account service does not answer" in done.stdout


def test_all_problems_come_together(desk: Desk) -> None:
    desk.replace(desk.graph, "triage.intent ==", "triage.intnet ==")
    desk.replace(desk.graph, "${account.name}", "${acount.name}")
    desk.replace(desk.agents, "effect: pure", "effect: purr")
    done = desk.call("check")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) >= 3
    assert "Traceback" not in done.stderr


def test_two_graphs_of_one_name(desk: Desk) -> None:
    (desk.root / "graphs/second.yaml").write_text(desk.graph.read_text(encoding="utf-8"), encoding="utf-8")
    refused(desk.call("check"), "graphs/second.yaml:2:8", "'desk'", "graphs/desk.yaml")


def test_a_graph_file_that_would_not_be_read(desk: Desk) -> None:
    (desk.root / "graphs/other.yml").write_text("version: 1\n", encoding="utf-8")
    refused(desk.call("check"), "graphs/other.yml:1:1", ".yaml")


def test_a_misspelt_key_is_told_once(desk: Desk) -> None:
    desk.replace(desk.agents, "kind: encoder", "knid: encoder")
    refused(desk.call("check"), "agents.yaml:3:30", "'knid'", "Did you mean 'kind'?")
    desk.replace(desk.agents, "knid: encoder", "kind: encoder")
    desk.replace(desk.graph, "nodes:", "nodess:")
    refused(desk.call("check"), "graphs/desk.yaml:4:1", "'nodess'", "Did you mean 'nodes'?")


def test_an_input_of_the_wrong_kind_is_told_once(desk: Desk) -> None:
    desk.replace(desk.graph, "{message: str, customer: str, urgent: bool?}", "[message]")
    refused(desk.call("check"), "graphs/desk.yaml:3:8", "a list, expected a mapping")


def test_a_folder_that_is_called_like_a_graph(desk: Desk) -> None:
    (desk.root / "graphs/other.yaml").mkdir()
    refused(desk.call("run", "dsek", "hello"), "'dsek'", "'desk'")


def test_a_picture_that_cannot_be_written(desk: Desk) -> None:
    (desk.root / "folder.svg").mkdir()
    refused(desk.call("graph", "show", "desk", "--output", "folder.svg"), "folder.svg", "Is a directory")
    refused(desk.call("graph", "show", "desk", "--output", "desk.png"), "desk.png", ".svg")


@pytest.mark.parametrize("engine", ["vllm", "http://localhost:8000"])
def test_an_engine_that_would_not_be_used_is_refused(desk: Desk, engine: str) -> None:
    desk.replace(desk.agents, "agents:\n", f"serving: {{engine: '{engine}'}}\nagents:\n")
    refused(desk.call("check"), "agents.yaml:4:19", f"'{engine}'", "not available in this version yet")
