"""How well the reference bank serves messages it was never trained on: triage, amounts, decisions, replies.

    make bench            # or: .venv/bin/python bench/bank/bench.py [FILE.jsonl]

The cases are the messages in evals/bank, written by hand and never trained on, each from another customer.
A file of your own holds lines {"message": ..., "customer_id": ..., "intent": ..., "amount": number or null}.
All run through `agentctl run credit_line --each`. The decision is held against the written policy, worked
out here a second time from the words of agents/policy/knowledge/credit_line.md.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
EVALS = ROOT / "evals/bank"
Record = Mapping[str, Any]


def main(arguments: Sequence[str]) -> int:
    """Run all cases and print the figures."""
    cases = read_lines(Path(arguments[0])) if arguments else held_out()
    began = time.monotonic()
    records = run_all(cases)
    seconds = time.monotonic() - began
    for name, value, bar in figures(cases, records):
        print(f"{name:<58} {value:>8}   {bar}")
    print(f"{'seconds a message, all at once, start of Python included':<58} {seconds / len(cases):>8.2f}")
    return 0


def read_lines(file: Path) -> list[Record]:
    """The JSON of every line."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def held_out() -> list[Record]:
    """Requests for a higher credit line with their amounts, and wishes that belong to other desks."""
    requests = [case for case in read_lines(EVALS / "slots_heldout.jsonl") if "asks" in case["output"]]
    wishes = read_lines(EVALS / "triage_heldout.jsonl")
    cases = [{**case["input"], "intent": "credit_line_increase", **case["output"]} for case in requests]
    cases += [{**case["input"], "amount": None, **case["output"]} for case in wishes]
    return [case | {"customer_id": f"C-{1001 + number % 200}"} for number, case in enumerate(cases)]


def run_all(cases: Sequence[Record]) -> list[Record]:
    """What agentctl says of every case, in order, in a copy of the workspace: yours stays as it is."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ("agents", "graphs", "tools", ".shoal/adapters"):
            shutil.copytree(ROOT / name, root / name)
        shutil.copy(ROOT / "agents.yaml", root)
        inputs = [{name: case[name] for name in ("message", "customer_id")} for case in cases]
        lines = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in inputs)
        (root / "lines.jsonl").write_text(lines, encoding="utf-8")
        command = [sys.executable, "-m", "shoal", "run", "credit_line", "--each", "lines.jsonl", "--json"]
        done = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, text=True, check=False)
    return [json.loads(line) for line in done.stdout.splitlines()]


def figures(cases: Sequence[Record], records: Sequence[Record]) -> Iterable[tuple[str, str, str]]:
    """Name, value and bar of every figure."""
    pairs = list(zip(cases, records, strict=True))
    ended = [record["status"] in {"done", "waiting"} and record["output"] is not None for record in records]
    yield "runs that end with valid typed output", share(ended), "100 %"
    yield (
        "intent right",
        share(output(record, "triage")["intent"] == case["intent"] for case, record in pairs),
        ">= 93 %",
    )
    asking = [(case, record) for case, record in pairs if ran(record, "slots")]
    stated = [(case, record) for case, record in asking if case["amount"] is not None]
    yield (
        "amount right, of those that state one",
        share(output(record, "slots")["amount"] == case["amount"] for case, record in stated),
        ">= 95 %",
    )
    decided = [record for record in records if ran(record, "decide")]
    yield "decision equal to the written policy", share(map(is_by_policy, decided)), ">= 95 %"
    replied = [record for record in records if ran(record, "reply")]
    yield "replies with name, amount and reason exact", share(map(is_exact, replied)), "100 %"
    yield (
        "replies without the fallback",
        share(node(record, "reply")["status"] == "done" for record in replied),
        ">= 90 %",
    )
    yield (
        "replies right at the first attempt",
        share(node(record, "reply")["attempts"] == 1 for record in replied),
        "",
    )


def is_by_policy(record: Record) -> bool:
    """Whether the decision is what the written policy says for the extracted facts."""
    slots = output(record, "slots")
    wanted = by_policy(output(record, "account"), slots["amount"], slots["asks"])
    return bool(output(record, "decide")["decision"] == wanted)


def by_policy(account: Record, amount: float | None, asks: str) -> str:
    """The decision of agents/policy/knowledge/credit_line.md, the first rule that is not met deciding."""
    most = {"basic": 1_000, "silver": 3_000, "gold": 6_000, "platinum": 15_000}[account["tier"]]
    if account["standing"] != "good" or account["opened_months"] < 6 or account["late_payments_12m"] > 1:
        return "decline"
    if 100 * account["balance"] / account["limit"] >= 70 or amount is None:
        return "refer"
    increase = amount - account["limit"] if asks == "total" else amount
    return "approve" if 0 < increase <= most else "refer"


def is_exact(record: Record) -> bool:
    """Whether a reply holds name, amount and reason to the letter."""
    text = output(record, "reply")["text"]
    pieces = (
        output(record, "account")["name"],
        output(record, "checks")["amount"],
        output(record, "decide")["reason"],
    )
    return all(piece in text for piece in pieces)


def node(record: Record, name: str) -> dict[str, Any]:
    """What a record tells of a node."""
    found: dict[str, Any] = record["nodes"][name]
    return found


def output(record: Record, name: str) -> dict[str, Any]:
    """The output of a node."""
    found: dict[str, Any] = node(record, name)["output"]
    return found


def ran(record: Record, name: str) -> bool:
    """Whether a node gave an output."""
    return name in record["nodes"] and record["nodes"][name]["status"] in {"done", "fallback"}


def share(flags: Iterable[bool]) -> str:
    """A share with its counts in per cent."""
    values = list(flags)
    return f"{100 * sum(values) / len(values):.1f} %" if values else "none"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
