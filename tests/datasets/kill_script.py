"""Makes a data set in a process of its own, to be killed: python kill_script.py ROOT URL ROWS."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from shoal.datasets.flows import Wishes, make_data


def main() -> None:
    """Print the name of the data set."""
    root, url, rows = sys.argv[1:]
    teacher = {"url": url, "model": "m", "at_once": 4, "temperature": 0.5}
    made = asyncio.run(
        make_data(Path(root), "bakery", Wishes(overrides={"teacher": teacher, "rows": int(rows)}))
    )
    print(made.sha)


if __name__ == "__main__":
    main()
