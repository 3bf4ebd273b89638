"""Databases of other versions: older ones are brought up to date, newer ones left alone."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import inspect

from mailseal.names import Domain
from mailseal.store import StoreError, StoreSchemaError, migration, open_store
from mailseal.store.database import Database
from mailseal.store.schema import REVISIONS, VERSION_TABLE, metadata
from mailseal.store.statements import Statements
from tests.store.samples import NOW, body, cached


@pytest.fixture
def url(new_url: str) -> str:
    """Begin with nothing in the database."""
    return new_url


def at_revision(url: str, revision: str) -> Database:
    """Make a database as the version of ``revision`` left it."""
    database = Database(url, Statements(max_policies=10))
    with database.writing() as connection:
        migration.migrate(connection, to=revision)
    return database


async def test_a_policy_of_the_first_schema_is_kept(
    url: str, run_sql: Callable[[str], None]
) -> None:
    """An upgrade loses no policy in force."""
    at_revision(url, REVISIONS[0]).close()
    wanted = cached("example.com")
    text = body().decode().replace("\r\n", "'||chr(13)||chr(10)||'")
    literal = f"convert_to('{text}', 'UTF8')"
    if url.startswith("sqlite"):
        literal = f"x'{body().hex()}'"
    micro = int(NOW.timestamp()) * 1_000_000 + NOW.microsecond
    day = 86_400_000_000
    run_sql(
        "INSERT INTO sts_policies (domain, record_id, mode, body, fetched_at, expires_at, "
        "id_checked_at, id_ttl, refetch_at) VALUES ('example.com', '20261101', 'enforce', "
        f"{literal}, {micro}, {micro + 7 * day}, {micro + 1}, 300000000, {micro + day})"
    )
    async with await open_store(url) as store:
        assert await store.load(Domain("example.com")) == wanted


def test_the_migrations_end_at_the_tables_that_are_used(url: str) -> None:
    """Columns, keys and indexes are those of ``schema``, in both engines."""
    database = at_revision(url, REVISIONS[-1])
    with database.reading() as connection:
        found = inspect(connection)
        for table in metadata.sorted_tables:
            columns = [(c["name"], c["nullable"]) for c in found.get_columns(table.name)]
            assert columns == [(c.name, c.nullable) for c in table.columns]
            indexes = {
                str(i["name"]): tuple(i["column_names"]) for i in found.get_indexes(table.name)
            }
            assert indexes == {str(i.name): tuple(c.name for c in i.columns) for i in table.indexes}
            key = found.get_pk_constraint(table.name)["constrained_columns"]
            assert key == [c.name for c in table.primary_key.columns]
        assert {VERSION_TABLE, *metadata.tables} == set(found.get_table_names())
    database.close()


@pytest.mark.parametrize(
    ("revision", "message"),
    [
        ("9999", "made by a newer mailseal"),
        ("b7c1f3a0", "none of mailseal's"),  # another program's
    ],
)
async def test_a_database_of_unknown_schema_is_refused_and_not_touched(
    url: str, run_sql: Callable[[str], None], revision: str, message: str
) -> None:
    """A downgrade would write what the newer version cannot read."""
    async with await open_store(url) as store:
        await store.save(cached("example.com"))
    run_sql(f"UPDATE {VERSION_TABLE} SET version_num = '{revision}'")
    with pytest.raises(StoreSchemaError, match=message):
        await open_store(url)
    run_sql(f"UPDATE {VERSION_TABLE} SET version_num = '{REVISIONS[-1]}'")
    async with await open_store(url) as store:
        assert await store.count() == 1


async def test_a_migration_that_fails_leaves_the_database_as_it_was(
    url: str, run_sql: Callable[[str], None]
) -> None:
    """All changes of a start are one transaction, those of tables too."""
    run_sql("CREATE TABLE dane_verdicts (strange INTEGER)")  # in the way of the second revision
    with pytest.raises(StoreError, match="dane_verdicts"):
        await open_store(url)
    run_sql("DROP TABLE dane_verdicts")
    database = Database(url, Statements(max_policies=10))
    with database.reading() as connection:
        assert inspect(connection).get_table_names() == []
    database.close()
    async with await open_store(url) as store:
        assert await store.count() == 0


def test_a_database_at_head_needs_no_alembic(tmp_path: Path) -> None:
    """The usual start does not pay for migrations."""
    url = f"sqlite:///{tmp_path / 'mailseal.db'}"
    at_revision(url, REVISIONS[-1]).close()
    check = (
        "import asyncio, sys\n"
        "from mailseal.store import open_store\n"
        f"asyncio.run(asyncio.wait_for(open_store({url!r}), 30))\n"
        "sys.exit('alembic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", check], check=True)


def test_the_file_is_in_wal_mode_and_private(tmp_path: Path) -> None:
    """Readers never wait for the writer, and nobody else reads what mail goes where."""
    path = tmp_path / "state" / "mailseal.db"
    at_revision(f"sqlite:///{path}", REVISIONS[-1]).close()
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
