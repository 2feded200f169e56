"""What a model is measured on is never trained on: suites in evals/, and the seeds that are held out.

A row is refused whose input is one of a case, nearly one, or shares a run of words with one. Runs that many
cases of a suite share are its form, like the wording of a rule, and give nothing away.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoal.datasets.duplicates import NearTexts, pairs_of
from shoal.datasets.rows import Row, texts_in, words
from shoal.errors import InvalidFiles, Problem
from shoal.workspace.yaml import read_yaml

_FORM = 0.1
"""A run of words in more than this share of a suite's cases is its form."""
_FEWEST = 3
_SHORTEST = 5
"""Words of a case that is shorter than a run and is looked for as a whole."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Inputs that must not be trained on, and what they are of."""

    name: str
    cases: tuple[tuple[str, ...], ...]
    """For each case the texts of its input."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """Why a row gives away what is measured."""

    reason: str
    detail: str


class Contamination:
    """Knows everything that is measured, and tells whether a row gives some of it away."""

    def __init__(self, measured: Iterable[Measured], run: int, near: float) -> None:
        self._run = run
        self._whole: dict[str, str] = {}
        self._runs: dict[str, str] = {}
        self._lengths = {run}
        self._texts = NearTexts(near)
        self._names: list[str] = []
        for each in measured:
            self._add(each)

    def look(self, row: Row) -> Overlap | None:
        """What a row shares with a case, if it does."""
        for text in _told(tuple(texts_in(row.input))):
            found = words(text)
            if name := self._whole.get(" ".join(found)):
                return Overlap("a case of an eval", f"of {name}")
            for run in (run for length in sorted(self._lengths) for run in _runs(found, length)):
                if name := self._runs.get(run):
                    return Overlap("words of an eval", f"'{run}' is in {name}")
            for at, like in self._texts.near(pairs_of(text)):
                return Overlap("nearly a case of an eval", f"{like:.2f} like one of {self._names[at]}")
        return None

    def _add(self, measured: Measured) -> None:
        most = max(_FEWEST, _FORM * len(measured.cases))
        runs: Counter[str] = Counter()
        whole: Counter[str] = Counter()
        for case in measured.cases:
            told = _told(case)
            runs.update({run for text in told for run in _runs(words(text), self._run)})
            whole.update(set(told))
        for text, count in whole.items():
            found = words(text)
            if count > most or len(found) < 2:
                continue
            self._whole.setdefault(" ".join(found), measured.name)
            self._texts.add(pairs_of(text))
            self._names.append(measured.name)
            if _SHORTEST <= len(found) < self._run:
                self._lengths.add(len(found))
                runs[" ".join(found)] += 1
        self._runs |= {run: measured.name for run, count in runs.items() if count <= most}


def _told(texts: tuple[str, ...]) -> list[str]:
    """What gives a case away: all of its input together, and those texts in it that are a sentence."""
    long = [text for text in texts if len(words(text)) >= _SHORTEST]
    return list(dict.fromkeys(["\n".join(texts), *long])) if texts else []


def _runs(found: list[str], length: int) -> Iterator[str]:
    for start in range(len(found) - length + 1):
        yield " ".join(found[start : start + length])


def suites_of(root: Path) -> list[Measured]:
    """The inputs of every suite in evals/.

    Raises:
        InvalidFiles: a suite or its cases cannot be read, so nobody knows what must not be trained on.
    """
    found, problems = list[Measured](), list[Problem]()
    for file in sorted((root / "evals").glob("*.yaml")):
        name = file.relative_to(root).as_posix()
        try:
            document = read_yaml(file, name)
            cases = document.data.get("cases")
            lines = cases if isinstance(cases, list) else _lines(file.parent / str(cases))
            found.append(Measured(name, tuple(_texts(each) for each in lines)))
        except InvalidFiles as err:
            problems += err.problems
        except (OSError, ValueError) as err:
            message = f"its cases cannot be read, so training could repeat them: {err}"
            problems.append(Problem(name, 1, 1, message))
    if problems:
        raise InvalidFiles(problems)
    return found


def _lines(file: Path) -> list[Any]:
    text = file.read_text(encoding="utf-8-sig")
    if file.suffix != ".csv":
        return [json.loads(line) for line in text.split("\n") if line.strip()]
    rows = csv.DictReader(io.StringIO(text))
    return [{"input": {k: v for k, v in row.items() if k and k.startswith("input.")}} for row in rows]


def _texts(case: object) -> tuple[str, ...]:
    asked = case.get("input") if isinstance(case, Mapping) else None
    return tuple(texts_in(asked))
