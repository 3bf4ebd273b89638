"""An empty database of each engine for every test, and a second way into it."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from lab import Unavailable
from lab.postgres import throwaway_postgres
from mailseal.store import Store, open_store
from tests.realservers import give_up_on_lab, require_psycopg

ENGINES = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Run one PostgreSQL server for all tests; give up where none can be had."""
    require_psycopg()
    try:
        with throwaway_postgres() as url:
            yield url
    except Unavailable as unavailable:
        give_up_on_lab(unavailable)


@pytest.fixture
def sqlite_path(tmp_path: Path) -> Path:
    """Return where the SQLite database of this test will be."""
    return tmp_path / "state" / "mailseal.db"


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """Return the URL of an empty PostgreSQL database."""
    import psycopg

    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return postgres_server


@pytest.fixture(params=ENGINES)
def url(request: pytest.FixtureRequest, sqlite_path: Path) -> str:
    """Return the URL of an empty database of each engine in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{sqlite_path}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    """Open an empty store."""
    async with await open_store(url) as opened:
        yield opened


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
