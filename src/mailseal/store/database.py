"""The connections to one database: made when needed, dropped when broken, brought up to date."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from mailseal.store import migration
from mailseal.store.engine import READING, open_engine
from mailseal.store.statements import Statements
from mailseal.store.translation import translated

MIGRATION_LOCK = 0x6D61696C7365616C  # "mailseal"; the key of PostgreSQL's advisory lock


class Database:
    """One database, with a connection that reads and one that writes.

    Not for more than one thread. A connection that failed is dropped, and made anew when needed.
    """

    def __init__(self, url: str, statements: Statements) -> None:
        self.statements = statements
        opened = open_engine(url)
        self._engine = opened.engine
        self._place = opened.place
        self._reader: Connection | None = None
        self._writer: Connection | None = None

    def prepare(self) -> None:
        """Bring the schema up to date; safe when several processes start at once."""
        with self.reading() as connection:
            if migration.is_current(migration.read_revision(connection)):
                return
        with self.writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(
                    text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK}
                )
            # Again, now that nobody else can be at it; SQLite's BEGIN IMMEDIATE is its lock.
            if not migration.is_current(migration.read_revision(connection)):
                migration.migrate(connection)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give the connection that reads; each statement sees the newest commit."""
        with self._dropped_on_error(), translated(self._place):
            if self._reader is None:
                self._reader = self._engine.connect().execution_options(
                    isolation_level="AUTOCOMMIT", **{READING: True}
                )
            yield self._reader
            self._reader.rollback()  # ends what SQLAlchemy believes to be a transaction

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give the connection that writes, in a transaction that ends with the block."""
        with self._dropped_on_error(), translated(self._place):
            if self._writer is None:
                self._writer = self._engine.connect()
            with self._writer.begin():
                yield self._writer

    @contextmanager
    def _dropped_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            # Whatever broke: a connection is cheap to make anew.
            self.close()
            self.statements.forget_counts()
            raise

    def close(self) -> None:
        """Close the connections; SQLite's last one merges its -wal file into the other."""
        connections = self._reader, self._writer
        self._reader = self._writer = None
        for connection in connections:
            if connection is not None:
                # Nothing is left to be committed: what fails here is the farewell.
                with suppress(SQLAlchemyError):
                    connection.close()
