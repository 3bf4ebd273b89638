"""The tables of scans that many machines work on, in a PostgreSQL schema of their own.

They stand apart from policies: only scans need them, procrastinate brings its own beside them, and
``DROP SCHEMA mailseal_scan CASCADE`` takes all of it away.
"""

import re
from importlib import metadata
from pathlib import Path
from typing import Any

from procrastinate import App
from psycopg import AsyncConnection

from mailseal.store.errors import StoreSchemaError

SCHEMA = "mailseal_scan"
VERSION = 1
SETUP_LOCK = 0x6D73_7363_616E  # "msscan"; the key of an advisory lock

_TABLES = """
CREATE TABLE about (version integer NOT NULL, procrastinate text NOT NULL);
CREATE TABLE scans (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    title text NOT NULL,
    level text NOT NULL,
    is_complete boolean NOT NULL,
    submitted_at timestamptz NOT NULL DEFAULT now(),
    total bigint  -- null until the whole list is in
);
CREATE TABLE results (
    scan integer NOT NULL REFERENCES scans ON DELETE CASCADE,
    number bigint NOT NULL,
    saved_at timestamptz NOT NULL DEFAULT now(),
    line text NOT NULL,
    PRIMARY KEY (scan, number)
);
CREATE INDEX results_latest ON results (scan, saved_at);
"""

_MIGRATION = re.compile(r"(\d\d)\.(\d\d)\.(\d\d)_\d+_")


async def set_up(connection: "AsyncConnection[Any]", app: App) -> None:
    """Make the tables where there are none; raise ``StoreSchemaError`` for others' versions.

    Of several that start together one makes them, and the others wait.
    """
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", [SETUP_LOCK])
        cursor = await connection.execute("SELECT to_regclass(%s) IS NULL", [f"{SCHEMA}.about"])
        row = await cursor.fetchone()
        if row is not None and row[0]:
            await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}".encode())
            await connection.execute(app.schema_manager.get_schema())
            await connection.execute(_TABLES.encode())
            version = metadata.version("procrastinate")
            await connection.execute("INSERT INTO about VALUES (%s, %s)", [VERSION, version])
            return
        cursor = await connection.execute("SELECT version, procrastinate FROM about")
        known = await cursor.fetchone()
    _check(*(known or (0, "0")), app=app)


def _check(version: int, procrastinate: str, *, app: App) -> None:
    made_by = tuple(int(part) for part in re.findall(r"\d+", procrastinate)[:3])
    if version == VERSION and made_by >= _newest_migration(app):
        return
    raise StoreSchemaError(
        f"the tables of scans are of version {version} with procrastinate {procrastinate}, and "
        f"this mailseal needs version {VERSION} with procrastinate "
        f"{metadata.version('procrastinate')}; export the scans with the mailseal that made them, "
        f"then DROP SCHEMA {SCHEMA} CASCADE"
    )


def _newest_migration(app: App) -> tuple[int, ...]:
    """Return the version in which procrastinate last changed its tables."""
    folder = Path(app.schema_manager.get_migrations_path())
    names = (_MIGRATION.match(path.name) for path in folder.glob("*.sql"))
    return max(tuple(map(int, match.groups())) for match in names if match)
