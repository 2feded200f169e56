"""`make fuzz`: the full counts, or one case again.

python -m tests.fuzz [KIND ...]         every kind, or some, from a seed that is printed
python -m tests.fuzz KIND --seed SEED   one case again: what it is and what is wrong with it
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from pathlib import Path

from tests.fuzz.harness import Outcome, cases_of, judge, run

COUNTS = {"files": 100_000, "expressions": 10_000, "arguments": 10_000, "graphs": 20_000, "runaways": 100}
"""Of the promise; CI runs a part."""
KEPT = Path(".shoal/fuzz")


def main() -> int:
    """Run kinds of cases, or show one case; 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("kinds", nargs="*", choices=[*COUNTS, []], help="all if left out")
    parser.add_argument("--count", type=int, help="cases of each kind; the promised number if left out")
    parser.add_argument("--start", type=int, help="the first seed; chosen by chance if left out")
    parser.add_argument("--seed", type=int, help="show this case only")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    given = parser.parse_args()
    kinds = given.kinds or list(COUNTS)
    if given.seed is not None:
        return max(_show(kind, given.seed) for kind in kinds)
    start = secrets.randbelow(10**9) if given.start is None else given.start
    print(f"first seed {start}, {given.jobs} processes", flush=True)
    return max(_run(kind, given.count or COUNTS[kind], start, given.jobs) for kind in kinds)


def _show(kind: str, seed: int) -> int:
    cases = cases_of(kind)
    print(cases.show(seed))
    fault, seconds, peak_mb = judge(cases, seed)
    print(f"\n{fault or 'all is well'} ({seconds * 1000:.0f} ms, {peak_mb} MB)")
    return 1 if fault else 0


def _run(kind: str, count: int, start: int, jobs: int) -> int:
    outcome = run(kind, count, start=start, jobs=jobs, tell=lambda line: print(line, flush=True))
    print(outcome, flush=True)
    _keep(outcome)
    return 1 if outcome.faults else 0


def _keep(outcome: Outcome) -> None:
    """Save the cases that went wrong."""
    if not outcome.faults:
        return
    cases = cases_of(outcome.kind)
    KEPT.mkdir(parents=True, exist_ok=True)
    for seed, fault in sorted(outcome.faults.items())[:50]:
        file = KEPT / f"{outcome.kind}-{seed}.txt"
        file.write_text(f"{fault}\n\n{cases.show(seed)}", "utf-8", errors="backslashreplace")
        print(f"  seed {seed}: {fault[:200]}\n    {file}")
    print(f"  See one again: python -m tests.fuzz {outcome.kind} --seed {min(outcome.faults)}")


if __name__ == "__main__":
    sys.exit(main())
