"""A database of each engine for every test, and a second way into it."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from lab.postgres import Server
from mailseal.ports.historystore import HistoryStore
from mailseal.store import Store, open_store
from mailseal.testing import MemoryHistory
from tests.realservers import postgres

ENGINES = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def whole_server() -> Iterator[Server]:
    """Run one PostgreSQL server, which keeps what it has confirmed; give up where none can be."""
    with postgres() as running:
        yield running


@pytest.fixture
def server(whole_server: Server) -> Server:
    """Lend the PostgreSQL server, with an empty database."""
    import psycopg

    with psycopg.connect(whole_server.url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return whole_server


@pytest.fixture
def sqlite_path(tmp_path: Path) -> Path:
    """Return where the SQLite database of this test will be."""
    return tmp_path / "state" / "mailseal.db"


@pytest.fixture(params=ENGINES)
def new_url(request: pytest.FixtureRequest, sqlite_path: Path) -> str:
    """Return the URL of a database of each engine in turn that has nothing in it yet."""
    if request.param == "sqlite":
        return f"sqlite:///{sqlite_path}"
    server = request.getfixturevalue("server")
    assert isinstance(server, Server)
    return server.url


@pytest.fixture(scope="session")
def sqlite_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a SQLite database with all tables, to be copied."""
    path = tmp_path_factory.mktemp("tables") / "mailseal.db"
    make_tables(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_tables(whole_server: Server) -> str:
    """Make a PostgreSQL database with all tables, beside the one that tests find empty."""
    import psycopg

    with psycopg.connect(whole_server.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE tables")
    url = whole_server.url.replace("/mailseal?", "/tables?")
    make_tables(url)
    return url


@pytest.fixture
def postgres_url(postgres_tables: str) -> str:
    """Return the URL of a PostgreSQL database whose tables are empty."""
    import psycopg

    from mailseal.store.schema import metadata

    with psycopg.connect(postgres_tables, autocommit=True) as connection:
        for table in metadata.sorted_tables:
            connection.execute(f"DELETE FROM {table.name}".encode())
    return postgres_tables


@pytest.fixture(params=ENGINES)
def url(request: pytest.FixtureRequest, sqlite_path: Path) -> str:
    """Return the URL of a database of each engine in turn whose tables are empty."""
    if request.param == "sqlite":
        sqlite_path.parent.mkdir(mode=0o700)
        shutil.copy(request.getfixturevalue("sqlite_tables"), sqlite_path)
        return f"sqlite:///{sqlite_path}"
    return str(request.getfixturevalue("postgres_url"))


def make_tables(url: str) -> None:
    """Let a store make its tables, as at its first start."""

    async def open_and_close() -> None:
        async with await open_store(url):
            pass

    asyncio.run(open_and_close())


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    """Open an empty store."""
    async with await open_store(url) as opened:
        yield opened


@pytest.fixture(params=["memory", *ENGINES])
def place(request: pytest.FixtureRequest, sqlite_path: Path) -> str:
    """Return the URL of an empty database of each engine; "" for the fake."""
    match request.param:
        case "memory":
            return ""
        case "sqlite":
            sqlite_path.parent.mkdir(mode=0o700)
            shutil.copy(request.getfixturevalue("sqlite_tables"), sqlite_path)
            return f"sqlite:///{sqlite_path}"
        case _:
            return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def history(place: str) -> AsyncIterator[HistoryStore]:
    """Give a history: the fake, and an empty one in each engine."""
    if not place:
        yield MemoryHistory()
        return
    async with await open_store(place) as store:
        yield store.history


@pytest.fixture
def run_sql(url: str) -> Callable[[str], None]:
    """Return a function that runs one statement past the store, as a hand or an older program."""

    def run(statement: str) -> None:
        if url.startswith("sqlite"):
            path = Path(url.removeprefix("sqlite:///"))
            path.parent.mkdir(exist_ok=True)
            connection = sqlite3.connect(path)
            with connection:
                connection.execute(statement)
            connection.close()
        else:
            import psycopg

            with psycopg.connect(url) as postgres:
                postgres.execute(statement.encode())

    return run


@pytest.fixture
def count_rows(url: str) -> Callable[[str], int]:
    """Return a function that asks for one number past the store."""

    def count(query: str) -> int:
        if url.startswith("sqlite"):
            connection = sqlite3.connect(url.removeprefix("sqlite:///"))
            (found,) = connection.execute(query).fetchone()
            connection.close()
            return int(found)
        import psycopg

        with psycopg.connect(url) as postgres:
            row = postgres.execute(query.encode()).fetchone()
        assert row is not None
        return int(row[0])

    return count
