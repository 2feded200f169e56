"""Plans: what the checker makes of files that are well."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from shoal.graphs.check import check_workspace, load_plan
from shoal.graphs.plan import AgentCall, HumanQuestion, ToolCall
from shoal.workspace.types import parse_record
from tests.graphs.shop import AGENTS, FILES, GRAPH, TOOLS, changed, write_shop

ORDER = {"name": "Ann", "paid": 20.0, "state": "sent", "note": None}


def test_a_plan_has_its_nodes_in_an_order_that_runs(tmp_path: Path) -> None:
    plan = load_plan(write_shop(tmp_path), "returns")
    names = list(plan.block.nodes)
    for name, node in plan.block.nodes.items():
        assert all(names.index(other) < names.index(name) for other in node.reads | node.asks)
    assert (plan.name, plan.file) == ("returns", "graphs/returns.yaml")
    assert plan.input == parse_record({"message": "str", "customer": "str"})


def test_a_node_needs_what_it_reads_and_asks_for_what_it_marks(tmp_path: Path) -> None:
    nodes = load_plan(write_shop(tmp_path), "returns").block.nodes
    assert nodes["sort"].reads == nodes["sort"].asks == frozenset()
    assert nodes["pay"].reads == nodes["boss"].reads == {"order", "judge"}
    assert nodes["pay"].asks == {"boss"}
    assert nodes["boss"].asks == {"find"}
    assert nodes["write"].reads == {"order", "find", "judge"}, "its own output in `accept` is not waited for"


def test_the_work_of_nodes(tmp_path: Path) -> None:
    nodes = load_plan(write_shop(tmp_path), "returns").block.nodes
    judge, order, boss = nodes["judge"], nodes["order"], nodes["boss"]
    assert isinstance(judge.work, AgentCall)
    assert judge.work.agent.knowledge == "Money back within 30 days.\n"
    assert (judge.retry, judge.line, nodes["write"].retry) == (2, 9, 4)
    assert isinstance(order.work, ToolCall)
    assert order.work.tool.function(customer="C-1") == ORDER
    assert isinstance(boss.work, HumanQuestion)
    assert boss.work.question.evaluate({"order": ORDER}) == "Refund 0 to Ann?"
    assert boss.work.answer == parse_record({"yes": "bool"})


def test_an_output_of_a_node_that_may_be_skipped_is_nullable(tmp_path: Path) -> None:
    assert load_plan(write_shop(tmp_path), "returns").block.output_type == parse_record(
        {
            "verdict": "enum[refund, refuse, ask]?",
            "reply": "str?",
            "topic": "enum[return_parcel, late_parcel, other]",
        }
    )


def test_expressions_give_values(tmp_path: Path) -> None:
    nodes = load_plan(write_shop(tmp_path), "returns").block.nodes
    scope = {
        "input": {"message": "m", "customer": "C-1"},
        "find": {"price": 12.5, "order": None, "confidence": 0.9},
        "order": ORDER,
        "judge": {"verdict": "ask", "reason": "", "confidence": 0.8},
    }
    assert {name: each.evaluate(scope) for name, each in nodes["facts"].inputs.items()} == {
        "order": ORDER,
        "price": 12.5,
    }
    pay = nodes["pay"].when
    assert pay is not None
    assert pay.evaluate(scope) is False
    assert pay.evaluate({**scope, "boss": {"yes": True}}) is True
    fallback = nodes["write"].fallback
    assert fallback is not None
    assert fallback.evaluate(scope)["text"] == "Ann, a colleague will write to you."


def test_what_a_when_proves_holds_in_nodes_that_follow(tmp_path: Path) -> None:
    graph = changed(GRAPH, "    when: find.price != null\n    with: {name", "    with: {name")
    graph = changed(
        graph, "when: judge.verdict == 'ask'", "when: judge.verdict == 'ask' && find.price != null"
    )
    graph = changed(
        graph, 'verdict: "${judge.verdict}"}\n    accept', 'verdict: "${string(boss.yes)}"}\n    accept'
    )
    assert check_workspace(write_shop(tmp_path, {"graphs/returns.yaml": graph})).problems == ()


def test_a_record_is_passed_without_what_its_reader_does_not_take(tmp_path: Path) -> None:
    agents = changed(AGENTS, "input: {facts: str}", "input: {facts: {text: str}}")
    tools = changed(TOOLS, "class Facts(TypedDict):\n", "class Facts(TypedDict):\n    weight: float\n")
    graph = changed(GRAPH, '"${facts.text}"', '"${facts}"')
    root = write_shop(tmp_path, {"agents.yaml": agents, "tools/shop.py": tools, "graphs/returns.yaml": graph})
    given = load_plan(root, "returns").block.nodes["judge"].inputs["facts"]
    assert given.evaluate({"facts": {"weight": 2.0, "text": "t"}}) == {"text": "t"}


def test_values_may_be_lists_and_mappings_with_expressions_inside(tmp_path: Path) -> None:
    agents = changed(AGENTS, "input: {facts: str}", "input: {facts: {a: 'list[str]', b: float?, c: int}}")
    graph = changed(
        GRAPH, '{facts: "${facts.text}"}', '{facts: {a: [x, "${facts.text}"], b: "${order.paid}", c: 3}}'
    )
    root = write_shop(tmp_path, {"agents.yaml": agents, "graphs/returns.yaml": graph})
    node = load_plan(root, "returns").block.nodes["judge"]
    assert node.reads == {"facts", "order"}
    assert node.inputs["facts"].evaluate({"facts": {"text": "t"}, "order": ORDER}) == {
        "a": ["x", "t"],
        "b": 20.0,
        "c": 3,
    }


def test_inputs_that_may_be_null_and_parameters_with_a_default_can_be_left_out(tmp_path: Path) -> None:
    agents = changed(AGENTS, "input: {facts: str}", "input: {facts: str, tone: str?}")
    graph = changed(GRAPH, ', price: "${find.price}"}}', "}}")
    nodes = load_plan(
        write_shop(tmp_path, {"agents.yaml": agents, "graphs/returns.yaml": graph}), "returns"
    ).block.nodes
    assert nodes["judge"].inputs["tone"].evaluate({}) is None
    assert set(nodes["facts"].inputs) == {"order"}


def test_a_person_can_be_asked_for_more_than_yes(tmp_path: Path) -> None:
    graph = changed(
        GRAPH,
        "when: judge.verdict == 'ask'",
        "when: judge.verdict == 'ask'\n    answer: {yes: bool, note: str?}",
    )
    graph = changed(graph, "topic: ", "note: \"${boss.?note.orValue('-')}\", topic: ")
    plan = load_plan(write_shop(tmp_path, {"graphs/returns.yaml": graph}), "returns")
    assert plan.block.nodes["boss"].output == parse_record({"yes": "bool", "note": "str?"})
    assert str(plan.block.output_type.fields["note"]) == "str"


def test_moving_an_agent_to_a_decoder_changes_no_graph(tmp_path: Path) -> None:
    agents = changed(AGENTS, "  find:\n    base: reader", "  find:\n    base: writer")
    root = write_shop(tmp_path, {"agents.yaml": agents, "agents/find/prompt.md": "Read: {{ message }}"})
    work = load_plan(root, "returns").block.nodes["find"].work
    assert isinstance(work, AgentCall)
    assert work.agent.base.kind == "decoder"


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("graphs/returns.yaml", "retry: 2", "retry: 3"),
        ("agents/judge/prompt.md", "knowledge", "knowledge | trim"),
        ("agents/judge/knowledge/rules.md", "30", "14"),
        ("tools/shop.py", "return 3", "return 4"),
        ("agents.yaml", "model: shop/reader", "model: shop/reader2"),
        ("agents.yaml", "output: {text: str}", "output: {text: str, tone: str}"),
    ],
)
def test_the_hash_of_a_plan_covers_all_it_depends_on(tmp_path: Path, file: str, old: str, new: str) -> None:
    before = load_plan(write_shop(tmp_path / "a"), "returns").sha256
    assert load_plan(write_shop(tmp_path / "b"), "returns").sha256 == before
    graph = GRAPH.replace('order.name}, a colleague will write to you."', 'order.name}, wait.", tone: x')
    also = {"graphs/returns.yaml": graph} if "tone" in new else {}
    after = write_shop(tmp_path / "c", {**also, file: changed(FILES[file], old, new)})
    assert load_plan(after, "returns").sha256 != before


def test_a_graph_can_be_given_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_shop(tmp_path)
    monkeypatch.chdir(root)
    assert load_plan(Path(), "graphs/returns.yaml").file == "graphs/returns.yaml"
    by_path = load_plan(root, str(root / "graphs" / "returns.yaml"))
    assert by_path.sha256 == load_plan(root, "returns").sha256


def test_a_check_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from shoal.graphs.check import check_workspace;"
        "assert not check_workspace(Path(sys.argv[1])).problems;"
        "print([name for name in ('torch', 'transformers', 'httpx', 'networkx', 'asyncio') if "
        "name in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, str(write_shop(tmp_path))], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"
