"""The store: the folder .shoal/ of a workspace, where everything lands that agentctl makes.

    .shoal/journal.db            what runs did
    .shoal/adapters/<sha256>/    adapters, named by their content, never changed
    .shoal/training/<key>/       trainings under way or stopped: rows and checkpoints
    .shoal/cache.db              answers that nodes with `cache` gave; it can be deleted at any time
    .shoal/cache/                what can be made again
    .shoal/datasets/<agent>/     data sets, named by their content; each with its card
    .shoal/teachers.db           what teachers answered, so that none is asked twice

Files are written under a temporary name and renamed; a folder's manifest is written last.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Store:
    """The places of one workspace's store."""

    root: Path
    """The workspace, the folder with agents.yaml."""

    @property
    def folder(self) -> Path:
        """The store itself."""
        return self.root / ".shoal"

    @property
    def journal(self) -> Path:
        """The SQLite file of the journal."""
        return self.folder / "journal.db"

    @property
    def cache(self) -> Path:
        """The SQLite file of the answers that later runs may use again."""
        return self.folder / "cache.db"

    @property
    def teachers(self) -> Path:
        """The SQLite file of the answers of teachers."""
        return self.folder / "teachers.db"

    @property
    def training(self) -> Path:
        """Where trainings are that are not done."""
        return self.folder / "training"

    def datasets(self, agent: str) -> Path:
        """Where the data sets of an agent are."""
        return self.folder / "datasets" / agent

    def adapter(self, sha256: str) -> Path:
        """Where the adapter with this content is, or would be."""
        return self.folder / "adapters" / sha256

    def add_adapter(self, made: Path) -> str:
        """Take a finished adapter folder into the store and return its content hash.

        The folder is copied under a temporary name and renamed, so that a crash leaves nothing half there.
        """
        sha256 = content_sha256(made)
        target = self.adapter(sha256)
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as scratch:
            copy = Path(scratch) / sha256
            shutil.copytree(made, copy)
            if not target.exists():
                copy.rename(target)
            else:
                # Same content; only what the manifest says of it may be newer.
                write_atomic(target / MANIFEST, (copy / MANIFEST).read_bytes())
        return sha256


def content_sha256(folder: Path) -> str:
    """SHA-256 over the sorted relative names and bytes of a folder's files, all but its manifest."""
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = file.relative_to(folder).as_posix()
        if name != MANIFEST:
            digest.update(f"{name}\0{file.stat().st_size}\0".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()


def write_atomic(file: Path, content: bytes) -> None:
    """Replace a file in one step: readers see the old content or the new, never a part."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(scratch, 0o644)
        os.replace(scratch, file)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise
