"""Evaluations as JUnit XML: build servers list the cases, and fail on those that are wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TextIO
from xml.sax.saxutils import escape, quoteattr

from shoal.evals.results import Result

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MOST = 2000
"""Characters of one text."""


def write_junit(result: Result, file: Path) -> None:
    """Write an evaluation that is finished; a verdict other than GO is one more test that failed."""
    about, summary = result.about(), result.summary()
    gate = summary.get("gate")
    failures = sum(_is_wrong(line) for line in result.lines())
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8") as out:
        tests = summary["asked"] + (gate is not None)
        failed = failures + (gate is not None and gate["answer"] != "GO")
        counts = f'tests="{tests}" failures="{failed}" errors="{summary["errors"]}"'
        out.write('<?xml version="1.0" encoding="UTF-8"?>\n')
        out.write(f"<testsuites name={_quoted(about['suite'])} {counts}>\n")
        out.write(f'<testsuite name={_quoted(about["suite"])} {counts} time="{summary["seconds"]}">\n')
        _properties(out, {"run": result.id, "engine": about["engine"], **_verdict(gate)})
        if gate is not None:
            _gate(out, about["suite"], gate)
        for line in result.lines():
            _case(out, about["suite"], line)
        out.write("</testsuite>\n</testsuites>\n")


def _verdict(gate: Mapping[str, Any] | None) -> dict[str, str]:
    return {} if gate is None else {"verdict": gate["verdict"], "reason": gate["reason"]}


def _properties(out: TextIO, properties: Mapping[str, str]) -> None:
    out.write("<properties>\n")
    for name, value in properties.items():
        out.write(f"<property name={_quoted(name)} value={_quoted(value)}/>\n")
    out.write("</properties>\n")


def _gate(out: TextIO, suite: str, gate: Mapping[str, Any]) -> None:
    out.write(f'<testcase classname={_quoted(suite)} name="the gate">')
    if gate["answer"] != "GO":
        out.write(f"<failure message={_quoted(gate['verdict'])}>{_plain(gate['reason'])}</failure>")
    out.write("</testcase>\n")


def _case(out: TextIO, suite: str, line: Mapping[str, Any]) -> None:
    again = f" (repeat {line['repeat']})" if line["repeat"] else ""
    names = ".".join([suite, *line["slices"][:1]])
    seconds = "" if line["ms"] is None else f' time="{line["ms"] / 1000:.4f}"'
    out.write(f"<testcase classname={_quoted(names)} name={_quoted(line['id'] + again)}{seconds}>")
    if line["error"] is not None:
        out.write(f"<error message={_quoted(line['error'])}/>")
    elif _is_wrong(line):
        notes = line.get("notes", {})
        wrong = [name for name, score in line["scores"].items() if score < 1]
        told = "\n".join(f"{name}: {notes.get(name) or line['scores'][name]}" for name in wrong)
        out.write(f"<failure message={_quoted(', '.join(wrong))}>{_plain(told)}</failure>")
    elif not line["scores"]:
        out.write(f"<skipped message={_quoted(_why_not(line.get('failed', {}).values()))}/>")
    out.write("</testcase>\n")


def _is_wrong(line: Mapping[str, Any]) -> bool:
    return any(score < 1 for score in line["scores"].values())


def _why_not(reasons: Iterable[str]) -> str:
    return "; ".join(reasons) or "the case does not say what is right"


def _quoted(text: str) -> str:
    return quoteattr(_NOT_IN_XML.sub("?", text[:_MOST]))


def _plain(text: str) -> str:
    return escape(_NOT_IN_XML.sub("?", text[:_MOST]))
