"""Mutated YAML files: whatever is in them, the checker says what is wrong in lines that a person can use."""

from __future__ import annotations

import atexit
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from random import Random

from shoal.errors import InvalidFiles, Problem
from shoal.graphs.check import check_workspace
from tests.fuzz.harness import scratch_folder
from tests.fuzz.mutations import mutated

SEEDS = Path(__file__).parent / "seeds"
_NEEDED: Mapping[str, tuple[str, ...]] = {"desk": ("loan",), "stall": ("order",)}
"""Graphs that call others; each case holds no more than it needs."""

_JARGON = re.compile(
    r"Traceback|pydantic|Input should|NoneType|<class|object at 0x|[a-z](Error|Exception)\b|\bdict\b"
    r"|\btuple\b|\w_type\b|validation|validator|\bUnicode\w+Error|errors? for "
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def fault_of(problem: Problem) -> str | None:
    """What a person could not use in the report of a problem."""
    text = str(problem)
    if not problem.file or problem.line < 1 or problem.column < 1:
        return f"has no place: {text!r}"
    if _CONTROL.search(text):
        return f"is not one line of text: {text!r}"
    if found := _JARGON.search(problem.message):
        return f"speaks of {found[0]!r}: {text!r}"
    return f"is {len(text)} characters long: {text[:300]!r}" if len(text) > 1500 else None


class MutatedFiles:
    """A good workspace with one file made bad."""

    def __init__(self) -> None:
        self.folder = scratch_folder()
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        self.targets: list[Path] = []
        for graph in sorted(SEEDS.glob("*/graphs/*.yaml")):
            home = self._copy(graph)
            self.targets += [home / "agents.yaml", *[home / "graphs" / graph.name] * 3]

    def _copy(self, graph: Path) -> Path:
        home = self.folder / graph.stem
        needed = {f"{name}.yaml" for name in (graph.stem, *_NEEDED.get(graph.stem, ()))}
        shutil.copytree(graph.parents[1], home, ignore=shutil.ignore_patterns("graphs", "__pycache__"))
        (home / "graphs").mkdir()
        for name in needed:
            shutil.copy(graph.parent / name, home / "graphs" / name)
        return home

    def case(self, seed: int) -> tuple[Path, bytes, bytes]:
        """The file, what it held and what it holds now."""
        random = Random(seed)
        target = random.choice(self.targets)
        good = target.read_bytes()
        return target, good, mutated(random, good)

    def fault(self, seed: int) -> str | None:
        """What is wrong with what the checker says of a case."""
        target, good, bad = self.case(seed)
        target.write_bytes(bad)
        root = target.parent if target.name == "agents.yaml" else target.parents[1]
        try:
            problems = check_workspace(root).problems
        except InvalidFiles as error:
            problems = error.problems
        finally:
            target.write_bytes(good)
        return next(filter(None, map(fault_of, problems)), None)

    def show(self, seed: int) -> str:
        """The mutated file."""
        target, _, bad = self.case(seed)
        name = target.relative_to(self.folder).as_posix()
        return f"{name}:\n{bad.decode('utf-8', 'backslashreplace')}"


def make() -> MutatedFiles:
    """The cases of this kind."""
    return MutatedFiles()
