"""What must outlive the process: policies with all their dates, and the last DANE verdicts.

SQLite in WAL mode holds it on one machine, PostgreSQL where several share it; one schema, through
SQLAlchemy Core, nowhere else.  A write is answered after its commit, so that ``kill -9`` loses no
policy that was in force (RFC 8461 §3.3: a cached policy rules until it expires).

``open_store`` gives a ``Store``: asynchronous methods that post to one thread, which reads at once
and commits together the writes that came in while the last commit ran.  SQLAlchemy is imported by
that thread only, Alembic only where the schema has to change.

Limits: at most ``max_policies`` rows of each kind, ``MAX_WAITING`` questions under way.
"""

from mailseal.store.errors import (
    StoreBusyError,
    StoreCorruptError,
    StoreDiskFullError,
    StoreError,
    StoreFullError,
    StoreSchemaError,
    StoreUnavailableError,
)
from mailseal.store.store import Store, open_store

__all__ = [
    "Store",
    "StoreBusyError",
    "StoreCorruptError",
    "StoreDiskFullError",
    "StoreError",
    "StoreFullError",
    "StoreSchemaError",
    "StoreUnavailableError",
    "open_store",
]
