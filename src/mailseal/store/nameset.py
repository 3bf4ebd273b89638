"""Names that were seen, on disk: exact, and in the same memory for a hundred or a hundred million.

SQLite keeps a database without a name in a file that is gone with the process, however it ends;
what fits into the cache never reaches the disk.
"""

import sqlite3
from types import TracebackType

from mailseal.store.errors import StoreUnavailableError

CACHE_KIB = 256  # ours: what does not fit is in the file, and that in the system's own cache

_PRAGMAS = (
    "PRAGMA journal_mode = OFF",  # nothing of it outlives the process
    "PRAGMA synchronous = OFF",
    "PRAGMA locking_mode = EXCLUSIVE",
    f"PRAGMA cache_size = -{CACHE_KIB}",
)


class DiskNames:
    """A set of names (the ``scans.listing.NameSet`` protocol); a context manager.

    For one thread at a time, whichever. Raises ``StoreUnavailableError`` when the disk is full.
    """

    def __init__(self) -> None:
        # An empty path is SQLite's word for a file of its own, below SQLITE_TMPDIR or /var/tmp.
        self._connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for pragma in _PRAGMAS:
            self._connection.execute(pragma).close()
        self._connection.execute("CREATE TABLE names (name TEXT PRIMARY KEY) WITHOUT ROWID").close()
        self._connection.execute("BEGIN").close()

    def __enter__(self) -> "DiskNames":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def add(self, name: str) -> bool:
        """Remember a name; False if it was there already."""
        try:
            cursor = self._connection.execute("INSERT OR IGNORE INTO names VALUES (?)", (name,))
        except sqlite3.Error as error:
            raise StoreUnavailableError(
                f"the names that were seen cannot be kept in a temporary file: {error}; "
                "point SQLITE_TMPDIR at a folder with room"
            ) from error
        added = cursor.rowcount == 1
        cursor.close()
        return added

    def close(self) -> None:
        """Forget all."""
        self._connection.close()
