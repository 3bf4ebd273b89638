"""Tells at which revision the configured database is: one line, or nothing when there is none.

The package installs it as /usr/lib/mailseal/schema-revision; the ``preinst`` of an older version
asks it whether that version could read the database. Run as the service's user: whoever opens an
SQLite database may have to make its -wal file. Exit code 1: it cannot be told.
"""

import sys
from pathlib import Path

import mailseal
from mailseal import config
from mailseal.store.engine import READING, SQLITE_PREFIX, open_engine
from mailseal.store.migration import read_revision
from mailseal.store.translation import translated


def revision_of(url: str) -> str | None:
    """Return the revision of the database at a URL; None where there is no database yet.

    Raises ``mailseal.Error`` when it cannot be asked.
    """
    if url.startswith(SQLITE_PREFIX) and not Path(url.removeprefix(SQLITE_PREFIX)).exists():
        return None  # opening would create it
    opened = open_engine(url)
    try:
        with translated(opened.place), opened.engine.connect() as plain:
            reader = plain.execution_options(isolation_level="AUTOCOMMIT", **{READING: True})
            return read_revision(reader)
    finally:
        opened.engine.dispose()


def main() -> int:
    """Print the revision; return the exit code."""
    try:
        revision = revision_of(config.load().store.url.reveal())
    except mailseal.Error as error:
        print(error, file=sys.stderr)
        return 1
    if revision is not None:
        print(revision)
    return 0


if __name__ == "__main__":
    sys.exit(main())
