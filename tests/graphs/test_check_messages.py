"""What the checker says to each fault: exact texts, one line each."""

from __future__ import annotations

from pathlib import Path

import pytest

from shoal.errors import InvalidFiles, ShoalError
from shoal.graphs.check import check_workspace, load_plan
from tests.graphs.shop import AGENTS, GRAPH, TOOLS, changed, write_shop

G = "graphs/returns.yaml"
SORT = 'sort: {agent: sort, with: {message: "${input.message}"}}'
WHEN = "when: judge.verdict == 'ask'"
FALLBACK = "fallback: {reason: unsure, verdict: ask}"


def problems(root: Path, file: str, text: str) -> list[str]:
    """What is wrong with the shop when one of its files is replaced."""
    return [str(problem) for problem in check_workspace(write_shop(root, {file: text})).problems]


def test_the_shop_has_no_problems(tmp_path: Path) -> None:
    assert problems(tmp_path, G, GRAPH) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        # names
        (
            "when: find.price != null",
            "when: find.prize != null",
            "24:16 node 'write' reads 'find.prize', but agent 'find' gives 'price: float?'. Did "
            "you mean 'find.price'?",
        ),
        (
            '"${order.name}, a',
            '"Dear ${order.nam}, a',
            "28:36 node 'write' reads 'order.nam', but tool 'look_up' gives 'name: str'. Did you "
            "mean 'order.name'?",
        ),
        (
            "${facts.text}",
            "${fact.text}",
            "11:22 node 'judge' reads 'fact.text', but there is no node 'fact'. Did you mean 'facts'?",
        ),
        (
            '"${write.text}"',
            '"${write.zzz}"',
            "29:55 output 'reply' reads 'write.zzz', but agent 'write' gives 'text: str, confidence: float'.",
        ),
        (
            SORT,
            SORT.replace("message}", "massage}"),
            "5:48 node 'sort' reads 'input.massage', but the input of the graph has 'message: str'. "
            "Did you mean 'input.message'?",
        ),
        (
            "{agent: sort,",
            "{agent: sorter,",
            "5:17 node 'sort' names agent 'sorter', which agents.yaml does not have. Did you mean 'sort'?",
        ),
        (
            "tool: look_up",
            "tool: lookup",
            "7:17 node 'order' names tool 'lookup', which agents.yaml does not have. Did you mean 'look_up'?",
        ),
        ("retry: 2", "retries: 2", "13:5 'retries' is not a known key. Did you mean 'retry'?"),
        (
            "nodes:",
            "nodes:\n  Boss: {tool: refund}",
            "5:3 'Boss' cannot be a name. Names start with a lower case letter and go on with "
            "lower case letters, "
            "digits and _, 64 at most",
        ),
        (
            "nodes:",
            "nodes:\n  input: {tool: refund}",
            "5:3 'input' means something in expressions. Rename the node",
        ),
        # kinds
        ("tool: refund", "vote: 3", "19:11 'vote' is 3, expected a mapping"),
        ("retry: 2", "escalate: {to: boss}", "13:5 the key 'when' is missing in 'escalate'"),
        (
            "tool: refund",
            "knowledge: returns",
            "19:5 'knowledge' is not available in this version yet. Put short texts into "
            "agents/NAME/knowledge/",
        ),
        (
            "tool: refund",
            "tool: refund\n    agent: sort",
            "18:3 node 'pay' has agent and tool. Give it exactly one of "
            "agent, tool, human, graph, nodes, switch, map, repeat, vote",
        ),
        (
            "tool: refund",
            "retry: 0",
            "18:3 node 'pay' has no kind. Give it exactly one of "
            "agent, tool, human, graph, nodes, switch, map, repeat, vote",
        ),
        # inputs
        (
            SORT,
            "sort: {agent: sort}",
            "5:3 node 'sort' does not give agent 'sort' its input 'message' (str). Add it to `with`",
        ),
        (
            'tool: refund\n    with: {customer: "${input.customer}", ',
            "tool: refund\n    with: {customer: 5, ",
            "20:22 node 'pay': input 'customer' of tool 'refund' is 5, expected str",
        ),
        (
            'price: "${order.paid}"',
            'price: "${order.paid}", idempotency_key: x',
            "20:67 tool 'refund' has no input 'idempotency_key'. Known: customer, price.",
        ),
        # types along edges
        (
            '{facts: "${facts.text}"}',
            '{facts: "${order.paid}"}',
            "11:19 node 'judge' gives '${order.paid}', which is float, to input 'facts' of agent "
            "'judge', which takes "
            "str. Convert it with string(...), or put text around it",
        ),
        (
            "    when: find.price != null\n",
            "",
            "24:42 node 'write' gives '${find.price}', which is float?, to input 'price' of agent "
            "'write', which takes "
            "float. Write ${find.?price.orValue(0.0)}, or run the node only `when: find.price != null`",
        ),
        (
            "${find.?price.orValue(0.0)} to",
            "${find.price} to",
            "16:22 node 'boss' puts 'find.price' into a text, but it may be null. Write "
            "${find.?price.orValue(0.0)}, or run the node only `when: find.price != null`",
        ),
        # conditions
        (
            WHEN,
            "when: judge.verdict",
            "17:11 `when` of node 'boss' is enum[refund, refuse, ask], expected bool",
        ),
        (
            WHEN,
            "when: judge.verdict == 'aks'",
            "17:28 node 'boss': 'judge.verdict' is never 'aks'. Did you mean 'ask'?",
        ),
        (WHEN, "when: judge.verdict = 'ask'", "17:25 node 'boss': '=' is not an operator. Compare with '=='"),
        (
            WHEN,
            "when: boss.yes",
            "17:11 node 'boss' reads itself. Only `accept` may read a node's own output",
        ),
        (WHEN, 'when: "${boss.yes}"', "17:12 `when` is an expression as a whole. Leave out ${ and }"),
        (
            "accept: judge.confidence > 0.5",
            "accept: judge.confidence + 0.5",
            "12:13 `accept` of node 'judge' is float, expected bool",
        ),
        (
            "accept: judge.confidence > 0.5",
            "accept: judge.confidence > '1'",
            "12:30 node 'judge': '>' cannot take float and str",
        ),
        (
            "write.text.contains(order.name)",
            "write.text.contains(order.name",
            "26:43 node 'write': ')' is missing",
        ),
        (
            "write.text.contains(",
            "write.text.conta1ns(",
            "26:24 node 'write': there is no function 'conta1ns'. Did you mean 'contains'?",
        ),
        (WHEN, "when:", "17:5 'when' is empty, expected a value. Write one or remove the key"),
        # limits
        ("retry: 2", "retry: 11", "13:12 'retry' is 11, expected at most 10"),
        ("retry: 2", "retry: -1", "13:12 'retry' is -1, expected at least 0"),
        ("retry: 2", "retry: two", "13:12 'retry' is 'two', expected a whole number"),
        ("retry: 2", "timeout_s: 0", "13:16 'timeout_s' is 0, expected more than 0"),
        (
            "tool: refund",
            "tool: refund\n    retry: 1",
            "20:5 tool 'refund' has the effect once and is never called again. Remove `retry`",
        ),
        # fallbacks
        (
            FALLBACK,
            "fallback: {reason: unsure}",
            "14:5 the fallback of node 'judge' lacks 'verdict' (enum[refund, refuse, ask]). Add it",
        ),
        (
            FALLBACK,
            "fallback: {reason: unsure, verdict: maybe}",
            "14:41 node 'judge': output 'verdict' of agent 'judge' is 'maybe', expected one of "
            "refund, refuse, ask",
        ),
        (
            FALLBACK,
            "fallback: {reason: x, verdict: ask, why: x}",
            "14:41 agent 'judge' gives no 'why'. Known: reason, verdict.",
        ),
        # people
        (
            WHEN,
            WHEN + "\n    retry: 3",
            "18:5 node 'boss' asks a person, where `retry` has no meaning. Remove it",
        ),
        (WHEN, WHEN + "\n    answer: {yes: boole}", "18:19 'boole' is not a type. Did you mean 'bool'?"),
        (
            "retry: 2",
            "answer: {yes: bool}",
            "13:5 `answer` belongs to human, and node 'judge' is agent. Remove it",
        ),
        # templates
        (
            '"Refund ${find.?price.orValue(0.0)} to',
            '"Refund ${find.?price.orValue(0.0) to',
            "16:20 node 'boss': '${' is not closed with '}'. Write $${ for a plain ${",
        ),
        (
            "${order.name}?",
            "${ }?",
            "16:51 node 'boss': '${}' is empty. Write what it reads, like ${input.message}",
        ),
        # the file
        ("version: 1", "version: 2", "1:10 'version' is 2, expected 1"),
        ("version: 1\n", "", "1:1 the key 'version' is missing"),
        ("    agent: judge", "\tagent: judge", "10:1 a tab cannot be used for indentation. Use spaces"),
        (
            'price: "${find.price}"}}\n',
            'price: "${find.price}"}, when: boss.yes}\n',
            "8:81 nodes wait for each other: facts -> judge -> boss -> facts. Let one of them read "
            "something else, or use `repeat`",
        ),
        (
            "nodes:",
            "nodes:\n  idle: {tool: days_open}",
            "5:3 warning: nothing reads node 'idle'. Read its output somewhere, or delete it",
        ),
        (
            "nodes:",
            'nodes:\n  idle: {tool: days_open}\n  ask: {human: "${idle.days}?"}',
            "6:24 node 'ask' reads 'idle.days', but 'idle' is int and has no fields",
        ),
        (
            "nodes:",
            'nodes:\n  idle: {tool: days_open, fallback: {a: 1}}\n  ask: {human: "${idle}?"}',
            "5:37 node 'idle': the fallback is {'a': 1}, expected int",
        ),
    ],
)
def test_a_fault_in_a_graph_is_one_line(tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert problems(tmp_path, G, changed(GRAPH, old, new)) == [f"{G}:{problem}"]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "shop.py:refund",
            "shop.py:refnd",
            "23:20 tool 'refund': tools/shop.py has no function 'refnd'. Did you mean 'refund'?",
        ),
        (
            "shop.py:refund",
            "shp.py:refund",
            "23:20 tool 'refund': there is no file tools/shp.py. Did you mean 'tools/shop.py'?",
        ),
        (
            "tools/shop.py:refund",
            "../shop.py:refund",
            "23:20 tool 'refund': ../shop.py is outside the workspace. Move it inside",
        ),
        (
            "shop.py:refund",
            "shop.py",
            "23:20 tool 'refund': 'tools/shop.py' does not name a function. Write tools/file.py:function",
        ),
        (
            'refund: {python: "tools/shop.py:refund",',
            "refund: {http: x,",
            "23:18 tool 'refund': the kind 'http' is not available in this version yet. Wrap the "
            "call in a python function",
        ),
        (
            'refund: {python: "tools/shop.py:refund",',
            "refund: {",
            "23:11 tool 'refund': it says no `python: \"tools/file.py:function\"`",
        ),
    ],
)
def test_a_fault_in_a_tool_is_one_line(tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert problems(tmp_path, "agents.yaml", changed(AGENTS, old, new)) == [f"agents.yaml:{problem}"]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "customer: str, price: float, idem",
            "customer, price: float, idem",
            "23:20 tool 'refund': parameter 'customer' of refund has no type. Annotate it, like "
            "customer: str",
        ),
        (
            "days_open() -> int",
            "days_open()",
            "24:23 tool 'days_open': days_open does not say what it returns. Add `-> type`",
        ),
        (
            "days_open() -> int",
            "days_open() -> set[int]",
            "24:23 tool 'days_open': what days_open returns is set[int], which has no type here. "
            "Use str, int, float, "
            "bool, Literal, list[...], T | None, a TypedDict, a dataclass or a pydantic model",
        ),
        (
            "days_open() -> int",
            "days_open(*days: int) -> int",
            "24:23 tool 'days_open': parameter 'days' of days_open must be an ordinary named parameter",
        ),
        (
            "days_open() -> int",
            "days_open() -> Day",
            "24:23 tool 'days_open': the annotations of days_open cannot be read: name 'Day' is not defined",
        ),
        (
            "def days_open()",
            "raise RuntimeError('no till')\ndef days_open()",
            "21:21 tool 'look_up': importing tools/shop.py failed: RuntimeError: no till (line 27)",
        ),
        (
            "def days_open()",
            "import sys; sys.exit(3)\ndef days_open()",
            "21:21 tool 'look_up': importing tools/shop.py failed: SystemExit: 3 (line 27)",
        ),
        (
            "def days_open()",
            "def days open()",
            "21:21 tool 'look_up': importing tools/shop.py failed: SyntaxError: expected '(' (line 27)",
        ),
    ],
)
def test_a_fault_in_the_source_of_a_tool_is_one_line(
    tmp_path: Path, old: str, new: str, problem: str
) -> None:
    # Annotations are read when the tool is loaded, not when its file is imported.
    source = "from __future__ import annotations\n" * ("-> Day" in new) + changed(TOOLS, old, new)
    assert problems(tmp_path, "tools/shop.py", source) == [f"agents.yaml:{problem}"]


def test_a_fault_in_a_prompt_stands_at_its_place(tmp_path: Path) -> None:
    assert problems(tmp_path, "agents/judge/prompt.md", "Rules:\n{{ fact }}\n") == [
        "agents/judge/prompt.md:2:4 the prompt reads 'fact', which is not an input field. Did "
        "you mean 'facts'?"
    ]


def test_all_problems_of_all_files_come_together(tmp_path: Path) -> None:
    graph = changed(changed(GRAPH, "retry: 2", "retry: 12"), '"${sort.topic}"', '"${sort.topics}"')
    root = write_shop(
        tmp_path,
        {
            "agents.yaml": changed(AGENTS, "about:", "abuot:").replace("verdict: str}", "verdict: string}"),
            G: graph,
            "graphs/second.yaml": "version: 1\ngraph: second\nnodes: {a: {agent: nobody}}\noutput: {x: 1}\n",
        },
    )
    assert [str(problem).partition(" ")[0] for problem in check_workspace(root).problems] == [
        "agents.yaml:8:5",
        "agents.yaml:18:47",
        "graphs/returns.yaml:13:12",
        "graphs/second.yaml:3:20",
    ]


def test_graph_files_are_read_even_if_the_manifest_is_not_yaml(tmp_path: Path) -> None:
    root = write_shop(tmp_path, {"agents.yaml": "version: [", G: changed(GRAPH, "retry: 2", "retry: 12")})
    with pytest.raises(InvalidFiles) as caught:
        check_workspace(root)
    assert [str(problem) for problem in caught.value.problems] == [
        "agents.yaml:1:11 a value or a closing bracket is missing here",
        "graphs/returns.yaml:13:12 'retry' is 12, expected at most 10",
    ]


def test_what_was_not_indented_is_told_where_it_may_belong(tmp_path: Path) -> None:
    text = "version: 1\ngraph: returns\nnodes:\nsort:\n  tool: look_up\nfind: {}\noutputt: {}\n"
    assert problems(tmp_path, G, text) == [
        f"{G}:3:1 'nodes' is empty, expected a mapping",
        f"{G}:4:1 'sort' is not a known key. Indent it, if it belongs to `nodes` above",
        f"{G}:6:1 'find' is not a known key. Indent it, if it belongs to `nodes` above",
        f"{G}:7:1 'outputt' is not a known key. Did you mean 'output'?",
    ]


def test_a_graph_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    root = write_shop(tmp_path)
    with pytest.raises(
        ShoalError, match=r"^there is no graph 'return' in .*graphs\. Did you mean 'returns'\?$"
    ):
        load_plan(root, "return")
    with pytest.raises(ShoalError, match=r"^there is no graph '\.\./agents' in .*graphs\. Known: returns\.$"):
        load_plan(root, "../agents")


def test_a_graph_is_not_loaded_from_a_workspace_with_problems(tmp_path: Path) -> None:
    root = write_shop(tmp_path, {"agents.yaml": changed(AGENTS, "about:", "abuot:")})
    with pytest.raises(
        InvalidFiles, match=r"^agents\.yaml:8:5 'abuot' is not a known key\. Did you mean 'about'\?$"
    ):
        load_plan(root, "returns")


def test_mappings_with_expressions_in_them(tmp_path: Path) -> None:
    """Unknown fields are refused as in constants, and lists may hold mappings."""
    given = '{name: "${order.name}", paid: 1.0, state: sent, nate: null}'
    text = changed(GRAPH, 'order: "${order}"', f"order: {given}")
    assert problems(tmp_path, G, text) == [
        "graphs/returns.yaml:8:92 node 'facts': input 'order' of tool 'weigh' has no field 'nate'. "
        "Did you mean 'note'?"
    ]
    output = 'output: {all: [{name: "${order.name}"}, {name: b}, {name: c, of: [{d: 1}, {d: 2}]}], '
    assert problems(tmp_path, G, changed(GRAPH, "output: {", output)) == []


@pytest.mark.parametrize("end", ["\r", "\r\n"])
def test_line_ends_of_other_systems(tmp_path: Path, end: str) -> None:
    write_shop(tmp_path, {G: ""})
    text = changed(GRAPH, "sort.topic ==", "sort.topik ==").replace("\n", end)
    (tmp_path / G).write_bytes(text.encode())
    (problem,) = check_workspace(tmp_path).problems
    assert (problem.line, problem.column) == (6, 71)


def test_line_ends_of_unicode_in_a_comment(tmp_path: Path) -> None:
    assert problems(tmp_path, G, f"{GRAPH}# one\u2028# two\x85# three\n") == [
        f"{G}:30:6 the control character U+2028 is not allowed. Delete it"
    ]
