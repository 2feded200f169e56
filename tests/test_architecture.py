"""The arrows between the rooms point one way, and heavy packages stay in their rooms."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src/shoal"
MAY_IMPORT = {
    "workspace": set[str](),
    "journal": set[str](),
    "agents": {"workspace"},
    "expressions": {"workspace"},
    "graphs": {"agents", "expressions", "workspace"},
    "pictures": {"agents", "expressions", "graphs", "workspace"},
    "runs": {"agents", "expressions", "graphs", "journal", "workspace"},
    "cluster": {"agents", "graphs", "journal", "runs", "workspace"},
    "telemetry": {"agents", "graphs", "journal", "runs", "workspace"},
    "datasets": {"agents", "workspace"},
    "finetune": {"agents", "datasets", "workspace"},
    "serving": {"agents", "workspace"},
    "evals": {"agents", "expressions", "graphs", "journal", "runs", "workspace"},
    "cli": {
        "agents",
        "datasets",
        "cluster",
        "evals",
        "expressions",
        "finetune",
        "graphs",
        "journal",
        "pictures",
        "runs",
        "serving",
        "telemetry",
        "workspace",
    },  # fmt: skip
}
HEAVY = {
    "torch",
    "transformers",
    "peft",
    "llguidance",
    "safetensors",
    "vllm",
    "dbos",
    "sqlalchemy",
    "ray",
    "numpy",
    "scipy",
}
TELEMETRY = {"opentelemetry", "prometheus_client"}
MAY_BE_HEAVY = (
    "agents/embedded/",
    "agents/adapters.py",
    "agents/bases.py",
    "cluster/",
    "evals/agreement.py",
    "evals/statistics.py",
    "finetune/",
)


def imports(file: Path) -> Iterator[str]:
    """Every module a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_arrows(room: str) -> None:
    allowed = MAY_IMPORT[room] | {room, "errors"}
    for file in (SOURCE / room).rglob("*.py"):
        for name in imports(file):
            parts = name.split(".")
            if parts[0] == "shoal" and len(parts) > 1:
                assert parts[1] in allowed, f"{file.relative_to(SOURCE)} imports {name}"


def test_heavy_packages_stay_in_their_rooms() -> None:
    for file in SOURCE.rglob("*.py"):
        place = file.relative_to(SOURCE).as_posix()
        if not place.startswith(MAY_BE_HEAVY):
            found = {name.split(".")[0] for name in imports(file)} & HEAVY
            assert not found, f"{place} imports {found}"
        if not place.startswith("telemetry/"):
            assert not {name.split(".")[0] for name in imports(file)} & TELEMETRY, place


def test_content_folders_are_no_packages() -> None:
    root = SOURCE.parents[1]
    for folder in ("agents", "graphs", "finetune", "serving", "evals", "tools"):
        assert (root / folder / "README.md").is_file(), folder
        assert not list((root / folder).rglob("__init__.py"))
