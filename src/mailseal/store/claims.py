"""Rows that nodes share out among themselves: which are due, and which nobody is at."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Table, or_

from mailseal.mtasts.freshness import CLOCK_SKEW
from mailseal.store import rows


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
