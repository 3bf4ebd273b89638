"""The connections to one database: made when needed, dropped when broken, brought up to date."""

import select
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from mailseal.store import migration
from mailseal.store.changes import PendingChanges
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
        self._opened = opened
        self._engine = opened.engine
        self._place = opened.place
        self._is_behind = False
        self._reader: Connection | None = None
        self._writer: Connection | None = None

    def prepare(self) -> None:
        """Bring the schema up to date; safe when several processes start at once.

        Where the database is away, that is done before the first question that reaches it.
        """
        self._is_behind = True
        with self._reading() as connection:
            self._is_behind = not migration.is_current(migration.read_revision(connection))
        if not self._is_behind:
            return
        with self._writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(
                    text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK}
                )
            # Again, now that nobody else can be at it; SQLite's BEGIN IMMEDIATE is its lock.
            if not migration.is_current(migration.read_revision(connection)):
                migration.migrate(connection)
        self._is_behind = False

    @property
    def is_shared(self) -> bool:
        """Tell whether it is a server's, which may be away for a while and other nodes' too."""
        return self._engine.dialect.name == "postgresql"

    async def listen(self, changes: PendingChanges) -> None:
        """Hear for ever what other nodes change; on the event loop, over a connection of its own.

        SQLite has one node, and this returns at once.
        """
        if self.is_shared:
            # psycopg is an extra; the engine has imported it already.
            from mailseal.store.listener import listen

            await listen(self._opened.driver_arguments, self._place, changes)

    def reading(self) -> AbstractContextManager[Connection]:
        """Give the connection that reads; each statement sees the newest commit."""
        if self._is_behind:
            self.prepare()
        return self._reading()

    def writing(self) -> AbstractContextManager[Connection]:
        """Give the connection that writes, in a transaction that ends with the block."""
        if self._is_behind:
            self.prepare()
        return self._writing()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._dropped_on_error(), translated(self._place):
            self._drop_if_gone()
            if self._reader is None:
                self._reader = self._engine.connect().execution_options(
                    isolation_level="AUTOCOMMIT", **{READING: True}
                )
            yield self._reader
            self._reader.rollback()  # ends what SQLAlchemy believes to be a transaction

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._dropped_on_error(), translated(self._place):
            self._drop_if_gone()
            if self._writer is None:
                self._writer = self._engine.connect()
            with self._writer.begin():
                yield self._writer
                self.statements.announce(self._writer)

    @contextmanager
    def _dropped_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            # Whatever broke: a connection is cheap to make anew.
            self.close()
            self.statements.forget_transaction()
            raise

    def _drop_if_gone(self) -> None:
        """Drop connections that their server has ended meanwhile, so that its restart costs nobody.

        Between questions a server says nothing: whatever can be read is its farewell.
        """
        if not self.is_shared:
            return
        poll = select.poll()
        for connection in (self._reader, self._writer):
            driver: Any = connection and connection.connection.driver_connection
            if driver is not None and not driver.closed:
                poll.register(driver.fileno(), select.POLLIN)
        if poll.poll(0):
            self.close()

    def close(self) -> None:
        """Close the connections; SQLite's last one merges its -wal file into the other."""
        connections = self._reader, self._writer
        self._reader = self._writer = None
        for connection in connections:
            if connection is not None:
                # Nothing is left to be committed: what fails here is the farewell.
                with suppress(SQLAlchemyError):
                    connection.close()
