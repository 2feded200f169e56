"""Gates, comparisons and baselines from the command line: verdicts, reasons, exit codes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import Desk
from .eval_shop import SUITE, evaluate

OTHER = "version: 1\nagents: {triage: {intent: other, amount: null}}\n"


def gate(desk: Desk, text: str, *arguments: str, code: int = 0) -> dict[str, Any]:
    """The gate's verdict on the suite with this gate, once by JSON and once for people."""
    (desk.root / "evals/desk.yaml").write_text(f"{SUITE}gate: {text}\n", encoding="utf-8")
    call = ("eval", "run", "desk", "--gate", "--engine", "scripted", *arguments)
    done = desk.call(*call, "--json")
    assert done.returncode == code, done.stderr + done.stdout
    verdict: dict[str, Any] = json.loads(done.stdout)["summary"]["gate"]
    shown = desk.call(*call)
    assert shown.returncode == code
    assert f"{verdict['verdict']}  {verdict['reason']}" in shown.stdout
    return verdict


def test_three_verdicts_and_their_exit_codes(shop: Desk) -> None:
    verdict = gate(shop, "{intent: 0.9}")
    assert (verdict["verdict"], verdict["reason"]) == (
        "GO", "intent is 100.0% right of 60 cases (95.1% to 100.0%), 90.0% is asked",
    )  # fmt: skip
    verdict = gate(shop, "{intent: 0.97, name: 0.5}", code=3)
    assert verdict["verdict"] == "NEEDS 39 MORE"
    assert [finding["answer"] for finding in verdict["findings"]] == ["NEEDS MORE", "GO"]
    (shop.root / "script.yaml").write_text(OTHER, encoding="utf-8")
    verdict = gate(shop, "{intent: 0.9}", "--engine", "scripted:script.yaml", code=1)
    assert verdict["reason"] == "intent is 0.0% right of 60 cases (0.0% to 4.9%), 90.0% is asked"


def test_against_another_one(shop: Desk) -> None:
    first = evaluate(shop)
    (shop.root / "script.yaml").write_text(OTHER, encoding="utf-8")
    worse = ("--engine", "scripted:script.yaml")
    verdict = gate(shop, "{intent: {not_worse_by: 0.05}}", "--against", first["run"], *worse, code=1)
    assert verdict["against"] == first["run"]
    assert verdict["reason"].startswith("intent gains -100.0 points over the baseline on 60 cases")
    found = json.loads(shop.call("eval", "compare", first["run"], "last", "--json").stdout)
    assert found["scores"]["intent"]["worse"] == [f"case-{number}" for number in range(60)]
    assert found["scores"]["triage.amount"]["gain"] == 0
    assert found["slices"]["even"]["intent"] == {"cases": 30, "gain": -1.0}
    assert found["scores"]["intent"]["p"] < 1e-9 < found["scores"]["name"]["p_holm"]
    shown = shop.call("eval", "compare", first["run"], "last").stdout
    assert "intent worse: case-0, case-1, " in shown and "and 50 more" in shown


def test_a_baseline_in_the_repository(shop: Desk) -> None:
    first = evaluate(shop)
    done = shop.call("eval", "baseline", "last")
    assert done.stdout == "evals/baselines/desk.jsonl is what gates of this suite compare with now.\n"
    verdict = gate(shop, "{intent: {not_worse_by: 0.05}, name: 0.9}")
    assert (verdict["answer"], verdict["against"]) == ("GO", "baseline")
    assert shop.call("eval", "compare", "baseline", first["run"]).returncode == 0
    file = shop.root / "evals/baselines/desk.jsonl"
    assert "gold" not in json.loads(file.read_text(encoding="utf-8").splitlines()[0])


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        (
            "{}",
            ["--gate"],
            "evals/desk.yaml has no gate. Write one, like `gate: {intent: 0.9}`",
        ),
        (
            "{name: {better_by: 0}}",
            ["--gate"],
            "the gate of evals/desk.yaml compares 'name' with an earlier evaluation. Name one: "
            "--against RUN; or keep one in the repository: agentctl eval baseline RUN",
        ),
        (
            "{name: 0.9}",
            ["--against", "baseline"],
            "evals/baselines/desk.jsonl cannot be read: No such file or directory. Make one: "
            "agentctl eval baseline RUN",
        ),
        ("{name: 0.9}", ["--against", "x"], "there is no evaluation 'x'. Make one: agentctl eval run SUITE"),
        (
            "{name: 0.9}",
            ["--against", "tools/shop.jsonl"],
            "tools/shop.jsonl holds no lines of an evaluation:",
        ),
    ],
)
def test_what_cannot_be_judged(shop: Desk, text: str, arguments: list[str], message: str) -> None:
    (shop.root / "evals/desk.yaml").write_text(f"{SUITE}gate: {text}\n", encoding="utf-8")
    (shop.root / "tools/shop.jsonl").write_text("{}\n", encoding="utf-8")
    done = shop.call("eval", "run", "desk", "--engine", "scripted", *arguments)
    assert done.returncode == 2
    assert message in done.stderr.replace(str(shop.root) + "/", "")
    assert not (shop.root / "tools/asked").exists()  # it is told before anything is asked
