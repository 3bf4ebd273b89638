"""Rows that nodes share out among themselves: which are due, and which nobody is at."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, Table, or_, select, update

from mailseal.mtasts.freshness import CLOCK_SKEW
from mailseal.store import rows


def claim_first(
    connection: Connection,
    key: Column[Any],
    wanted: ColumnElement[bool],
    order: Column[Any],
    *,
    now: datetime,
    until: datetime,
    limit: int,
) -> Sequence[Row[Any]]:
    """Claim the first rows that are wanted and that nobody is at; ``key`` names each of them."""
    table: Table = key.table
    # A CTE, since PostgreSQL may run a locking subquery more than once.
    free = (
        select(key)
        .where(wanted, is_free(table, now, until))
        .order_by(order, key)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("free")
    )
    claimed = connection.execute(
        update(table)
        .where(key.in_(select(free.c[key.name])))
        .values(claimed_until=rows.from_instant(until))
        .returning(*table.columns)
    )
    return claimed.all()


def is_due(column: Column[int], now: datetime, longest: timedelta) -> Any:
    """Hold for what has come, and for what is further away than anybody puts it."""
    return or_(
        column <= rows.from_instant(now),
        column > rows.from_instant(now + longest + CLOCK_SKEW),
    )


def is_free(table: Table, now: datetime, until: datetime) -> Any:
    """Hold for rows that nobody is at; a claim longer than any node's is of a wrong clock."""
    claimed = table.c.claimed_until
    return or_(
        claimed.is_(None),
        claimed <= rows.from_instant(now),
        claimed > rows.from_instant(until + CLOCK_SKEW),
    )
