"""Reads the cache that postfix-mta-sts-resolver keeps in SQLite or PostgreSQL.

One table in either: ``sts_policy_cache (domain, ts, pol_id, pol_body)``. It is read only, page by
page by the number of the row, since a damaged name may come out otherwise than it is stored; what
is longer than it can be is cut off where it is read.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Text,
    cast,
    column,
    create_engine,
    func,
    select,
    table,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from mailseal.mtasts.foreign import MAX_FIELDS_BYTES, ForeignPolicy
from mailseal.store.engine import open_engine
from mailseal.store.errors import StoreUnavailableError

PAGE = 1000  # ours: at most 130 MB of the longest policies
MAX_NAME = 300  # ours: a domain has at most 253 characters
MAX_ID = 64  # ours: an id has at most 32
BUSY_SECONDS = 5  # ours: the other daemon commits one row at a time

BEFORE_ALL = -(2**63)  # less than the number of any row

_CACHE = table(
    "sts_policy_cache",
    column("rowid"),  # SQLite's own
    column("id"),  # PostgreSQL's
    column("domain"),
    column("ts"),
    column("pol_id"),
    column("pol_body"),
)


def read_sqlite(path: Path) -> Iterator[list[ForeignPolicy]]:
    """Yield the entries of an SQLite file; raises ``StoreError``."""
    import sqlite3

    if not path.is_file():
        raise StoreUnavailableError(f"{path} is no file")
    uri = f"{path.absolute().as_uri()}?mode=ro"

    def connect() -> Any:
        # Pages may be asked for by one thread after the other, never by two at a time.
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, check_same_thread=False)
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool, hide_parameters=True)
    return _pages(engine, _CACHE.c.rowid, str(path))


def read_postgresql(url: str) -> Iterator[list[ForeignPolicy]]:
    """Yield the entries of a PostgreSQL database; raises ``StoreError``."""
    opened = open_engine(url)
    return _pages(opened.engine, _CACHE.c.id, opened.place)


def _pages(engine: Any, number: Any, place: str) -> Iterator[list[ForeignPolicy]]:
    after = BEFORE_ALL
    try:
        with engine.connect() as connection:
            while rows := connection.execute(_page_after(number, after)).all():
                after = rows[-1].number
                yield [_to_entry(row) for row in rows]
    except SQLAlchemyError as error:
        # The first line names the fault; the others would repeat the statement.
        reason = str(error.orig if hasattr(error, "orig") else error).strip().split("\n")[0]
        raise StoreUnavailableError(f"{place} cannot be read as a cache: {reason}") from error
    finally:
        engine.dispose()


def _page_after(number: Any, after: int) -> Any:
    return (
        select(
            number.label("number"),
            func.substr(cast(_CACHE.c.domain, Text), 1, MAX_NAME).label("domain"),
            func.substr(cast(_CACHE.c.pol_id, Text), 1, MAX_ID).label("id"),
            func.substr(cast(_CACHE.c.pol_body, Text), 1, MAX_FIELDS_BYTES + 1).label("fields"),
            _CACHE.c.ts.label("at"),
        )
        .where(number > after)
        .order_by(number)
        .limit(PAGE)
    )


def _to_entry(row: Any) -> ForeignPolicy:
    at = row.at if isinstance(row.at, int | float) else 0.0
    return ForeignPolicy(
        domain=str(row.domain or ""),
        id=str(row.id or ""),
        fields=str(row.fields or ""),
        at=float(at),
    )
