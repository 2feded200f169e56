"""`journal:` of agents.yaml: where the workspace keeps what its runs did."""

from __future__ import annotations

from urllib.parse import urlsplit

from shoal.errors import InvalidFiles
from shoal.workspace.yaml import Document

SQLITE = "sqlite"


def journal_in(manifest: Document) -> str:
    """The journal that agents.yaml names, whatever else may be wrong there. Raises InvalidFiles."""
    journal = manifest.data.get("journal", SQLITE)
    if (fault := fault_of(journal)) is not None:
        raise InvalidFiles([manifest.problem(("journal",), fault)])
    return str(journal)


def fault_of(journal: object) -> str | None:
    """What is wrong with the value, which may hold a password and is not repeated."""
    if journal == SQLITE:
        return None
    known = "Write sqlite, or postgresql://user@host/db for runs that machines share"
    try:
        parts = urlsplit(str(journal))
        has_password = parts.password is not None or "password=" in parts.query
    except ValueError:
        return f"the journal is not a url. {known}"
    if parts.scheme not in ("postgresql", "postgres"):
        return f"there is no such journal. {known}"
    if has_password:
        return "a file that is shared must not hold a password. Put it into PGPASSWORD or ~/.pgpass"
    if not parts.path.strip("/"):
        return "the url of the journal names no database. Write postgresql://user@host/db"
    return None
