"""Every statement about news on its way, synchronous, on a connection that the caller gives."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, func, insert, select, update

from mailseal.store import historyrows, rows
from mailseal.store.claims import claim_first, is_due
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
    wanted = and_(
        messages.c.settled_at.is_(None),
        messages.c.channel.in_([one.value for one in channels]),
        messages.c.attempts > 0 if is_retry else messages.c.attempts == 0,
        is_due(messages.c.next_try_at, now, longest),
    )
    order = messages.c.created_at
    claimed = claim_first(
        connection, messages.c.id, wanted, order, now=now, until=until, limit=limit
    )
    found = historyrows.read_good(claimed, historyrows.to_message)
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
