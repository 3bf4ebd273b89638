"""Opens the database that a URL names: SQLite's file with its pragmas, or PostgreSQL."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool

from mailseal.store.errors import StoreUnavailableError

SQLITE_PREFIX = "sqlite:///"  # what SQLAlchemy wants in front of a path
READING = "mailseal_reading"  # marks the connection that reads; it must not take the write lock
BUSY_SECONDS = 5  # ours: other processes hold the lock for one commit, milliseconds
CONNECT_SECONDS = 5  # ours: a server that is there answers in one round trip
STATEMENT_SECONDS = 30  # ours: the longest statement deletes expired rows
WAL_BYTES_KEPT = 16 * 1024 * 1024  # ours: after a burst the -wal file is cut to this

_PRAGMAS = (
    "PRAGMA synchronous = FULL",  # a commit is on disk before its policy is answered
    f"PRAGMA journal_size_limit = {WAL_BYTES_KEPT}",
    "PRAGMA cell_size_check = ON",  # damage is noticed when read, not when used
    "PRAGMA trusted_schema = OFF",
)

_POSTGRES_ARGUMENTS: dict[str, Any] = {
    "connect_timeout": CONNECT_SECONDS,
    "application_name": "mailseal",
    "options": f"-c statement_timeout={STATEMENT_SECONDS * 1000}"
    f" -c lock_timeout={STATEMENT_SECONDS * 1000}",
    "keepalives_idle": 30,  # a server that vanished is noticed within a minute
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An engine, and how messages call its database: never with a password."""

    engine: Engine
    place: str

    @property
    def driver_arguments(self) -> dict[str, Any]:
        """Return what PostgreSQL's driver connects with, for a connection past the engine."""
        positional, named = self.engine.dialect.create_connect_args(self.engine.url)
        assert not positional
        return {**named, **_POSTGRES_ARGUMENTS}


def open_engine(url: str) -> Opened:
    """Make the engine for a URL; PostgreSQL is not contacted yet."""
    if url.startswith(SQLITE_PREFIX + "/"):
        # The rest is the path as it is: a folder may have "?" and "%" in its name.
        return _open_sqlite(Path(url.removeprefix(SQLITE_PREFIX)))
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # The library's message could quote the URL, and with it the password.
        raise StoreUnavailableError("the store's URL cannot be read; check [store] url") from None
    if "@" in (parsed.host or ""):
        raise StoreUnavailableError(
            'the store\'s URL has "@" in its password, which must be written "%40"'
        )
    match parsed.drivername:
        case "postgresql" | "postgres":
            target = parsed.set(drivername="postgresql+psycopg")
            return Opened(engine=_postgres_engine(target), place=_postgres_place(parsed))
        case other:
            raise StoreUnavailableError(
                f'the store\'s URL starts with "{other}:", expected "sqlite:////ABSOLUTE/PATH" or '
                '"postgresql://HOST/DATABASE"'
            )


def _open_sqlite(path: Path) -> Opened:
    try:
        _make_file(path)
    except OSError as error:
        raise StoreUnavailableError(
            f"{path} cannot be made or opened: {error.strerror}; check owner and permissions of "
            "its folder"
        ) from error
    engine = create_engine(
        # creator= leaves the path alone, whatever characters it has.
        "sqlite://",
        creator=lambda: _connect_sqlite(path),
        poolclass=NullPool,
        hide_parameters=True,
    )
    event.listen(engine, "begin", _begin)
    return Opened(engine=engine, place=str(path))


def _make_file(path: Path) -> None:
    """Make the file for its owner alone; SQLite gives -wal and -shm the same mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)  # or a power cut takes the name away from a synced file
    finally:
        os.close(folder)


def _connect_sqlite(path: Path) -> Any:
    import sqlite3

    # isolation_level=None: transactions begin where we say, not at the first INSERT.
    # The thread that closes is the one that opened, but for an interpreter going down.
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    # Damaged text becomes a row that does not parse, and not an error for the rows around it.
    connection.text_factory = _decode
    try:
        for pragma in _PRAGMAS:
            connection.execute(pragma).close()
        mode = connection.execute("PRAGMA journal_mode").fetchone()
        if mode != ("wal",):
            connection.execute("PRAGMA journal_mode = WAL").close()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _decode(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _begin(connection: Connection) -> None:
    if not connection.get_execution_options().get(READING):
        # At once, so that busy_timeout applies: a lock taken later fails without waiting.
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _postgres_engine(target: Any) -> Engine:
    try:
        return create_engine(
            target,
            poolclass=NullPool,
            hide_parameters=True,
            connect_args=_POSTGRES_ARGUMENTS,
        )
    except ImportError as error:
        raise StoreUnavailableError(
            'PostgreSQL needs the psycopg package: install "mailseal[postgres]"'
        ) from error


def _postgres_place(url: Any) -> str:
    host = url.host or url.query.get("host") or "the local server"
    return f"database {url.database or ''} at {host}".replace("  ", " ")
