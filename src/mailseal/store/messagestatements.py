"""Every statement about news on its way, synchronous, on a connection that the caller gives."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from mailseal.store import historyrows, rows
from mailseal.store.claims import is_due, is_free
from mailseal.store.schema import messages
from mailseal.watch.notice import Channel, write_notice
from mailseal.watch.records import Look, Message, Postponed, Settled


def put(connection: Connection, look: Look, at: int) -> None:
    """Put a look's news on its way, a message for each channel; ``at`` is a column's instant."""
    if look.notice is None:
        return
    for channel in look.channels:
        connection.execute(
            insert(messages).values(
                id=f"{look.notice.id}-{channel.value}",
                domain=str(look.before.domain),
                channel=channel.value,
                created_at=at,
                notice=write_notice(look.notice),
                attempts=0,
                next_try_at=at,
            )
        )


def claim(
    connection: Connection,
    channels: Sequence[Channel],
    now: datetime,
    until: datetime,
    *,
    longest: timedelta,
    limit: int,
    is_retry: bool,
) -> tuple[Message, ...]:
    """Claim messages of some channels whose time has come, the oldest first."""
    free = (
        select(messages.c.id)
        .where(messages.c.settled_at.is_(None))
        .where(messages.c.channel.in_([one.value for one in channels]))
        .where(messages.c.attempts > 0 if is_retry else messages.c.attempts == 0)
        .where(is_due(messages.c.next_try_at, now, longest))
        .where(is_free(messages, now, until))
        .order_by(messages.c.created_at, messages.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("free")
    )
    claimed = connection.execute(
        update(messages)
        .where(messages.c.id.in_(select(free.c.id)))
        .values(claimed_until=rows.from_instant(until))
        .returning(*messages.columns)
    )
    found = historyrows.read_good(claimed.all(), historyrows.to_message)
    return tuple(sorted(found, key=lambda one: (one.created_at, one.id)))


def settle(connection: Connection, message: Message, outcome: Settled | Postponed) -> None:
    """Note what came of an attempt."""
    attempts = message.attempts + 1
    values: dict[str, Any] = {"attempts": attempts, "claimed_until": None}
    match outcome:
        case Settled():
            values |= {
                "settled_at": rows.from_instant(outcome.at),
                "failure": outcome.failure or None,
            }
        case Postponed():
            values |= {
                "next_try_at": rows.from_instant(outcome.until),
                "failure": outcome.failure,
            }
    connection.execute(update(messages).where(messages.c.id == message.id).values(values))


def count_waiting(connection: Connection) -> int:
    """Count the messages that are not settled."""
    query = select(func.count()).select_from(messages).where(messages.c.settled_at.is_(None))
    return connection.execute(query).scalar_one()


def give_up(connection: Connection, before: datetime, outcome: Settled) -> int:
    """Settle what waits since before an instant, and what cannot be read as well."""
    waiting = update(messages).where(
        messages.c.settled_at.is_(None), messages.c.created_at < rows.from_instant(before)
    )
    return connection.execute(
        waiting.values(
            settled_at=rows.from_instant(outcome.at), failure=outcome.failure, claimed_until=None
        )
    ).rowcount
