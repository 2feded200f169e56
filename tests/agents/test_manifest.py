from __future__ import annotations

from pathlib import Path

import pytest

from shoal.agents.manifest import find_root, load_workspace, read_workspace
from shoal.errors import InvalidFiles, ShoalError
from shoal.workspace.store import Store
from shoal.workspace.types import parse_record
from tests.graphs.shop import AGENTS, changed, write_shop

SORT_OUTPUT = '    output: {topic: "enum[return_parcel, late_parcel, other]"}'


def problems(root: Path, old: str, new: str) -> list[str]:
    """What is wrong with agents.yaml once one piece of it is replaced."""
    shop = write_shop(root, {"agents.yaml": changed(AGENTS, old, new)})
    return [str(problem) for problem in read_workspace(shop)[1]]


def test_agents_of_a_workspace(tmp_path: Path) -> None:
    workspace = load_workspace(write_shop(tmp_path))
    assert list(workspace.agents) == ["sort", "find", "judge", "write"]
    sort, judge = workspace.agents["sort"], workspace.agents["judge"]
    assert (sort.base.name, sort.base.kind, sort.prompt, sort.knowledge) == ("reader", "encoder", None, "")
    assert sort.input == parse_record({"message": "str"}), "the input may be left out"
    assert (judge.base.name, judge.base.model) == ("writer", "shop/writer"), (
        "serving.base where none is named"
    )
    assert judge.prompt == "{{ knowledge }}\n{{ facts }}\n"
    assert workspace.tools["refund"].effect == "once"
    assert [path.name for path in workspace.graph_files] == ["returns.yaml"]


def test_knowledge_is_the_text_files_of_the_folder_in_order(tmp_path: Path) -> None:
    folder = "agents/judge/knowledge"
    root = write_shop(
        tmp_path,
        {
            f"{folder}/rules.md": "two\n\n",
            f"{folder}/a.txt": "one",
            f"{folder}/z/deep.md": "three\n",
            f"{folder}/b.csv": "x",
        },
    )
    assert load_workspace(root).agents["judge"].knowledge == "one\n\ntwo\n\nthree\n"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("    about: Names", "    abut: Names", "8:5 'abut' is not a known key. Did you mean 'about'?"),
        ("tools:\n", "tool:\n", "20:1 'tool' is not a known key. Did you mean 'tools'?"),
        ("kind: encoder", "kind: encodr", "4:38 'kind' is 'encodr', expected decoder or encoder"),
        ("effect: once", "effect: twice", "23:52 'effect' is 'twice', expected pure, idempotent or once"),
        ("about: Names what a customer wants.", "about: 7", "8:12 'about' is 7, expected a text"),
        ("about: Names what a customer wants.", "about: [a]", "8:12 'about' is a list, expected a text"),
        ("input: {facts: str}", "input: facts", "15:12 'input' is 'facts', expected a mapping"),
        ("serving: {base: writer}", "serving: writer", "5:10 'serving' is 'writer', expected a mapping"),
        (
            "serving: {base: writer}",
            "serving: {base: writr}",
            "5:17 'writr' is not a base. Did you mean 'writer'?",
        ),
        (
            "serving: {base: writer}",
            "serving: {base: writer, engine: gpt}",
            "5:33 'gpt' is not an engine. Known: auto, embedded, vllm, or a URL (http://... or https://...).",
        ),
        (
            "base: reader\n    output: {topic",
            "base: raeder\n    output: {topic",
            "9:11 agent 'sort' is on base 'raeder', which is not defined. Did you mean 'reader'?",
        ),
        (
            "  sort:\n",
            "  sort-it:\n",
            "7:3 'sort-it' cannot be a name. Names start with a lower case letter and go on with "
            "lower case letters, digits and _, 64 at most",
        ),
        (
            "base: reader\n    output: {topic",
            "base:\n    output: {topic",
            "9:5 'base' is empty, expected a value. Write one or remove the key",
        ),
        (
            "serving: {base: writer}",
            "serving:",
            "5:1 'serving' is empty, expected a value. Write one or remove the key",
        ),
        # types
        ("facts: str", "facts: string", "15:20 'string' is not a type. Write str"),
        (
            "facts: str",
            "Facts: str",
            "15:13 'Facts' is not a field name. Use lower case letters, digits and _",
        ),
        (
            "facts: str",
            "facts: {a: [b]}",
            "15:20 'b' is not a type. Known: any, bool, enum[a, b], float, int, "
            "list[str], span[number], span[str], str.",
        ),
        (
            "facts: str",
            "facts: {a: [str, int]}",
            "15:20 a list of 2 types, expected one: the type of its items",
        ),
        ("refuse, ask]", "refuse, refund]", "16:36 enum[refund, refuse, refund] names a case twice"),
        (
            "output: {text: str}",
            "output: {}",
            "19:13 'output' has no fields. Name at least one, like {text: str}",
        ),
        (
            "output: {text: str}",
            "output: {text: str, confidence: float}",
            "19:25 'confidence' is given by the engine to every agent. Choose another name",
        ),
        # what encoders can give
        (
            '"enum[return_parcel, late_parcel, other]"',
            "str",
            "10:21 'topic' is str, but agent 'sort' is on the encoder 'reader', which gives enum, "
            "bool and span fields. "
            "Choose one of them, or put the agent on a decoder",
        ),
        (
            "span[number] from message",
            "span[number] from massage",
            "13:21 'massage' is not a text input of the agent. Did you mean 'message'?",
        ),
        # files
        (
            "wants.\n",
            "wants.\n    adapter: sort@1\n",
            "9:14 adapter 'sort@1' is not recorded: there is no agents/sort/adapters.yaml. Train "
            "it: agentctl finetune "
            "finetune/sort.yaml",
        ),
        (
            "wants.\n",
            "wants.\n    adapter: sort\n",
            "9:14 'sort' is not an adapter. Write <agent>@<version>, like sort@1",
        ),
        (
            "wants.\n",
            "wants.\n    adapter: ../x@1\n",
            "9:14 '../x@1' is not an adapter. Write <agent>@<version>, like sort@1",
        ),
    ],
)
def test_a_fault_in_the_manifest_is_one_line(tmp_path: Path, old: str, new: str, problem: str) -> None:
    found = problems(tmp_path, old, new)
    assert found == [f"agents.yaml:{problem}"]


def test_a_span_needs_a_source_where_there_are_several_texts(tmp_path: Path) -> None:
    new = 'input: {message: str, note: str}\n    output: {price: "span[number]"'
    assert problems(tmp_path, 'output: {price: "span[number] from message"', new) == [
        "agents.yaml:14:21 say which input span[number] is found in, like `span[number] from "
        "message`. Texts: "
        "message, note"
    ]


def test_an_agent_without_any_base(tmp_path: Path) -> None:
    found = problems(tmp_path, "serving: {base: writer}\n", "")
    assert found[0] == (
        "agents.yaml:13:3 agent 'judge' names no base. Add `base:` here, or `serving: {base: "
        "...}` for all agents"
    )


def test_a_prompt_that_is_not_text(tmp_path: Path) -> None:
    root = write_shop(tmp_path)
    (root / "agents/judge/prompt.md").write_bytes(b"\xff\xfe")
    with pytest.raises(
        InvalidFiles, match=r"^agents/judge/prompt\.md:1:1 the file is not UTF-8 text\. Save it as UTF-8$"
    ):
        load_workspace(root)


# -- adapters ---------------------------------------------------------------------------------------------


def with_adapter(root: Path, recorded: str | None = None) -> tuple[Path, str]:
    """The shop with an adapter of agent `sort` in its store, recorded as version 1."""
    made = root / "made"
    made.mkdir(parents=True)
    (made / "adapter_model.safetensors").write_bytes(b"weights")
    sha256 = Store(root / "shop").add_adapter(made)
    record = recorded or f"version: 1\nadapters: {{1: {{sha256: {sha256}, base_sha256: {'0' * 64}}}}}\n"
    agents = changed(AGENTS, "wants.\n", "wants.\n    adapter: sort@1\n")
    return write_shop(root / "shop", {"agents.yaml": agents, "agents/sort/adapters.yaml": record}), sha256


def test_an_adapter_is_found_by_its_content(tmp_path: Path) -> None:
    root, sha256 = with_adapter(tmp_path)
    adapter = load_workspace(root).agents["sort"].adapter
    assert adapter is not None
    assert (adapter.name, adapter.sha256, adapter.folder) == (
        "sort@1",
        sha256,
        root / ".shoal/adapters" / sha256,
    )


def test_an_adapter_that_is_missing_or_changed(tmp_path: Path) -> None:
    root, sha256 = with_adapter(tmp_path)
    file = root / ".shoal/adapters" / sha256 / "adapter_model.safetensors"
    file.write_bytes(b"other")
    [problem] = read_workspace(root)[1]
    assert str(problem).startswith(
        f"agents.yaml:9:14 the files of adapter 'sort@1' were changed: "
        f".shoal/adapters/{sha256} has the content hash "
    )
    assert str(problem).endswith(
        " Restore them from version control. Train it: agentctl finetune finetune/sort.yaml"
    )
    file.unlink()
    file.parent.rmdir()
    assert [str(problem) for problem in read_workspace(root)[1]] == [
        f"agents.yaml:9:14 the files of adapter 'sort@1' are missing: no folder .shoal/adapters/{sha256}. "
        "Train it: agentctl finetune finetune/sort.yaml"
    ]


def test_training_reads_a_workspace_whose_adapters_are_not_made_yet(tmp_path: Path) -> None:
    root = write_shop(tmp_path, {"agents.yaml": changed(AGENTS, "wants.\n", "wants.\n    adapter: sort@1\n")})
    assert load_workspace(root, with_adapters=False).agents["sort"].adapter is None


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        (
            f"version: 1\nadapters: {{2: {{sha256: {'0' * 64}, base_sha256: {'0' * 64}}}}}\n",
            "agents.yaml:9:14 adapter 'sort@1' is not recorded in agents/sort/adapters.yaml. Known: 2.",
        ),
        (
            f"version: 1\nadapters: {{1: {{sha256: abc, base_sha256: {'0' * 64}}}}}\n",
            "agents/sort/adapters.yaml:2:24 'sha256' is 'abc', expected 64 hexadecimal digits",
        ),
        (
            "version: 1\nadapters: [",
            "agents/sort/adapters.yaml:2:12 a value or a closing bracket is missing here",
        ),
    ],
)
def test_a_record_of_adapters_that_is_wrong(tmp_path: Path, record: str, problem: str) -> None:
    root, _ = with_adapter(tmp_path, record)
    assert [str(each) for each in read_workspace(root)[1]] == [problem]


# -- the root ---------------------------------------------------------------------------------------------


def test_the_root_is_the_nearest_folder_with_a_manifest(tmp_path: Path) -> None:
    root = write_shop(tmp_path)
    assert find_root(root / "agents" / "judge") == root.resolve()


def test_outside_a_workspace_the_remedy_is_told(tmp_path: Path) -> None:
    with pytest.raises(ShoalError) as caught:
        find_root(tmp_path)
    assert str(caught.value) == (
        f"no agents.yaml in {tmp_path} or in a folder above it. Run agentctl inside a workspace; "
        "agentctl init makes one"
    )
