"""Brings a database to the newest schema, or refuses one that it does not know.

The usual start costs one look at the version table; Alembic (0.3 s) is imported only when there
is something to do.  Everything happens in the caller's transaction, which must already hold off
other processes, so that of two that start together one migrates and the other finds it done.
"""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from mailseal.store.errors import StoreSchemaError
from mailseal.store.schema import REVISIONS, VERSION_TABLE

MIGRATIONS = Path(__file__).parent / "migrations"


def read_revision(connection: Connection) -> str | None:
    """Return the revision that a database is at; None for a new one."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    # The table's name is a constant of ours.
    query = text(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608
    revision: str | None = connection.execute(query).scalar_one_or_none()
    return revision


def is_current(revision: str | None) -> bool:
    """Tell whether nothing is to be done; raises ``StoreSchemaError`` for an unknown revision."""
    if revision is None or revision in REVISIONS:
        return revision == REVISIONS[-1]
    if revision.isdigit() and revision > REVISIONS[-1]:
        raise StoreSchemaError(
            f"the database has schema {revision}, this mailseal knows up to {REVISIONS[-1]}; it "
            "was made by a newer mailseal: install that version again, or name another database"
        )
    raise StoreSchemaError(
        f"the database has schema {revision[:40]!r}, which is none of mailseal's; "
        "name another database"
    )


def migrate(connection: Connection, *, to: str = REVISIONS[-1]) -> None:
    """Run the missing migrations; the caller commits."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    # ConfigParser reads a bare % as its own.
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, to)
