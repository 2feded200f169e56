"""The page, opened in a real browser, and the JUnit file, read by a parser."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from shoal.evals.comparison import Side, open_side
from shoal.evals.conclusion import conclude
from shoal.evals.report.junit import write_junit
from shoal.evals.report.page import write_page
from shoal.evals.results import Result, record

from .browser import Browser
from .desk import CASES, Desk, scripted

HOSTILE = (
    "</script><script>document.title='stolen'</script><img src=http://x.invalid/ onerror=alert(1)> "
    "{data} &amp;"
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


def finished(desk: Desk, suite: Any, engine: Any, against: Side | None = None) -> Result:
    result = asyncio.run(desk.run(suite, engine, is_kept=False))
    about = json.loads((result.folder / "suite.json").read_text(encoding="utf-8"))
    about |= {
        "about": suite.entry.about, "target": {"graph": "desk"}, "engine": "test", "repeats": 1,
    }  # fmt: skip
    (result.folder / "suite.json").write_text(json.dumps(about), encoding="utf-8")
    summary = conclude(suite, result, against, has_gate=bool(suite.entry.gate)) | {"seconds": 1.5}
    (result.folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    return result


def evaluated(desk: Desk, gate: str = "", against: Side | None = None, wrong: str = "50") -> Result:
    unknown = {**CASES[0], "id": "unknown", "input": {"message": HOSTILE, "customer": "x"}, "slice": []}
    hostile = {**CASES[2], "id": "hostile", "input": {"message": HOSTILE, "customer": "a"}}
    hostile |= {"gold": {"intent": "raise"}, "steps": None, "state": None}
    desk.write_cases("cases.jsonl", [*CASES, unknown, hostile])
    text = (desk.root / "evals/desk.yaml").read_text(encoding="utf-8").partition("gate:")[0]
    desk.write("evals/desk.yaml", f"{text}{gate}")

    def is_wrong(message: str) -> bool:
        return wrong in message

    engine = scripted(is_wrong)
    suite = desk.suite()
    # The unknown customer is asked for only where somebody wants to raise.
    entry: Any = engine._script["triage"]
    engine._script["triage"] = lambda request: (
        {"intent": "raise", "amount": 5.0}
        if request.values["message"] == HOSTILE and wrong == "50"
        else entry(request)
    )
    return finished(desk, suite, engine, against)


def test_the_page_in_a_browser(desk: Desk, browser: Browser, tmp_path: Path) -> None:
    result = evaluated(desk, "gate: {intent: 0.9}\n")
    file = tmp_path / "page.html"
    write_page(result, file)
    browser.open(file)
    assert browser.messages == []
    assert browser.value("document.title") == f"desk {result.id}"
    assert browser.texts("h1") == ["desk"]
    assert browser.texts(".verdict b") == ["NO-GO"]
    assert "1 of 5 cases have no answer, allowed is none" in browser.texts(".verdict")[0]
    assert browser.texts("#count") == ["2 of 5"]
    assert browser.texts("#cases td.id") == ["small", "unknown"]
    assert browser.value("document.querySelectorAll('svg').length") >= 3
    heads = browser.texts("#cases th")
    assert heads[:4] == ["case", "input", "gold", "output"]
    assert heads[4:6] == ["intent", "booked"]

    browser.click("#cases tr.case")
    assert "did not run: account, book" in browser.texts("#detail")[0]
    assert [text.split()[1] for text in browser.texts(".tree td:first-child")] == [
        "triage",
        "account",
        "ask",
        "book",
    ]
    assert browser.value("document.querySelector('.tree td').className") == "ill"

    browser.choose("show", "all")
    assert browser.texts("#count") == ["5 of 5"]
    browser.choose("slice", "0")
    assert browser.texts("#cases td.id") == ["small", "large"]
    browser.choose("slice", "")
    browser.choose("text", "STOLEN")
    assert browser.texts("#cases td.id") == ["unknown", "hostile"]
    assert HOSTILE[:40] in browser.texts("#cases tr.case td:nth-child(2)")[0]
    browser.choose("text", "")
    browser.choose("show", "errors")
    assert "raised LookupError: no customer x" in browser.texts("#cases tr.case")[0]
    address = browser.value("location.hash")
    browser.open(file, address)
    assert browser.texts("#cases td.id") == ["unknown"]
    assert browser.messages == []


def test_two_evaluations_side_by_side(desk: Desk, browser: Browser, tmp_path: Path) -> None:
    first = evaluated(desk)
    side = open_side(desk.root, first.id)
    second = evaluated(desk, "gate: {intent: {not_worse_by: 0.02}}\n", side, wrong="70")
    write_page(second, tmp_path / "page.html", side)
    browser.open(tmp_path / "page.html", "#show=worse")
    assert browser.texts("#cases td.id") == ["large", "hostile"]
    browser.choose("show", "better")
    assert browser.texts("#cases td.id") == ["small"]
    assert "✓ was ✗" in browser.texts("#cases tr.case")[0]
    assert browser.value("document.querySelectorAll('#cases del').length") == 1
    assert f"Against {first.id}" in browser.texts("h2")
    browser.choose("show", "worse")
    browser.click("#cases tr.case")
    assert first.id in browser.texts("#detail b")
    assert browser.messages == []


def test_twenty_thousand_cases_can_be_used(desk: Desk, browser: Browser, tmp_path: Path) -> None:
    about = {
        "suite": "many",
        "spec": "s",
        "created": 0.0,
        "about": "",
        "target": {"agent": "a"},
        "engine": "e",
    }
    recorder = record(desk.root, about | {"repeats": 1, "num_left_out": 0}, is_fresh=True)
    for number in range(20_000):
        message = f"message {number} " + "word " * 60
        recorder.append({
            "id": f"{number:010}", "repeat": 0, "case": "", "slices": ["even" if number % 2 == 0 else "odd"],
            "input": {"message": message}, "gold": {"intent": "other"}, "output": {"intent": "raise"},
            "error": None,
            "scores": {"intent": number % 3 / 2, "amount": 1.0}, "notes": {"intent": "raise, expected other"},
            "run": None, "ms": 12.5, "tokens": 70, "cached": False,
        })  # fmt: skip
    recorder.close()
    from shoal.evals.summary import read_table, summarize

    table = read_table(recorder.result.lines())
    recorder.finish(summarize(table, ["intent", "amount"], ["even", "odd"]) | {"seconds": 20.0})
    file = tmp_path / "many.html"
    write_page(recorder.result, file)
    assert file.stat().st_size <= 10_000_000
    began = time.monotonic()
    browser.open(file, "#show=all&page=399")
    assert browser.texts("#page") == ["page 400 of 400"]
    browser.choose("text", "message 1999")
    assert browser.texts("#count") == ["11 of 20,000"]
    assert time.monotonic() - began < 20
    browser.choose("text", "")
    browser.choose("show", "wrong")
    assert browser.texts("#count") == ["13,334 of 20,000"]
    browser.click("#cases tr.case")
    assert "raise, expected other" in browser.texts("#detail")[0]
    browser.choose("text", "message 19998 ")  # not one of those that are told of in full
    browser.click("#cases tr.case")
    assert f"agentctl eval show {recorder.result.id} --case 0000019998" in browser.texts("#detail")[0]
    assert browser.messages == []


def test_junit(desk: Desk, tmp_path: Path) -> None:
    result = evaluated(desk, "gate: {intent: 0.9}\n")
    write_junit(result, tmp_path / "made/junit.xml")
    (suite,) = ElementTree.parse(tmp_path / "made/junit.xml").getroot()
    assert {name: suite.get(name) for name in ("name", "tests", "failures", "errors")} == {
        "name": "desk", "tests": "6", "failures": "2", "errors": "1",
    }  # fmt: skip
    cases = {case.get("name"): case for case in suite.iter("testcase")}
    assert [*cases] == ["the gate", "small", "large", "other", "unknown", "hostile"]
    assert cases["small"].get("classname") == "desk.asks"
    failure, error = cases["small"].find("failure"), cases["unknown"].find("error")
    assert failure is not None and error is not None
    assert "way: did not run: account, book" in (failure.text or "")
    assert "no customer x" in (error.get("message") or "")
    assert cases["other"].find("failure") is None
    assert {each.get("name"): each.get("value") for each in suite.iter("property")}["verdict"] == "NO-GO"


def test_junit_of_odd_characters(desk: Desk, tmp_path: Path) -> None:
    odd = {**CASES[0], "id": 'a"<b>&\x00\x1b\ud7ff', "input": {"message": "hi", "customer": "\x07"}}
    desk.write_cases("cases.jsonl", [odd])
    write_junit(finished(desk, desk.suite(), scripted()), tmp_path / "junit.xml")
    names = [each.get("name") for each in ElementTree.parse(tmp_path / "junit.xml").iter("testcase")]
    assert names == ['a"<b>&??\ud7ff']
