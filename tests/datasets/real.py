"""Where real data is, for tests that use it when it is there: SHOAL_DATA, or ../shared/data."""

from __future__ import annotations

import os
from pathlib import Path

_BESIDE = Path(__file__).parents[3] / "shared/data"


def real_data(name: str) -> Path | None:
    """A folder of real data; None where it is not on this machine."""
    folder = Path(os.environ.get("SHOAL_DATA", _BESIDE)) / name
    return folder if folder.is_dir() else None
