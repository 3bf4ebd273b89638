"""Every statement about watched domains, synchronous, on a connection that the caller gives."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Connection,
    delete,
    func,
    insert,
    select,
    true,
    update,
)

from mailseal.checks.changes import Span
from mailseal.names import Domain
from mailseal.store import historyrows, messagestatements, rows
from mailseal.store.claims import claim_first, is_due, is_free
from mailseal.store.errors import StoreFullError
from mailseal.store.schema import messages, observations, spans, watched
from mailseal.watch.records import Look, Observation, Watched


def add(connection: Connection, domain: Domain, now: datetime, *, at_most: int) -> bool:
    """Watch a domain; raises ``StoreFullError`` before anything is changed."""
    name = str(domain)
    known = select(true()).where(watched.c.domain == name)
    if connection.execute(known).first() is not None:
        return False
    count: int = connection.execute(select(func.count()).select_from(watched)).scalar_one()
    if count >= at_most:
        raise StoreFullError(
            f"{count} domains are watched already; raise [monitor] max_domains, or remove one"
        )
    at = rows.from_instant(now)
    connection.execute(insert(watched).values(domain=name, added_at=at, next_look_at=at))
    return True


def remove(connection: Connection, domain: Domain) -> bool:
    """Forget a domain with all that was seen of it."""
    # This one first: it waits for whoever is storing a look, and that is seen by those behind it.
    gone = connection.execute(delete(watched).where(watched.c.domain == str(domain)))
    for table in (observations, spans, messages):
        connection.execute(delete(table).where(table.c.domain == str(domain)))
    return gone.rowcount > 0


def list_all(connection: Connection) -> tuple[Watched, ...]:
    """Return all watched domains in the order of their names."""
    found = connection.execute(select(watched).order_by(watched.c.domain))
    return historyrows.read_good(found, historyrows.to_watched)


def load(connection: Connection, domain: Domain) -> Watched | None:
    """Return one watched domain."""
    query = select(watched).where(watched.c.domain == str(domain))
    found = historyrows.read_good(connection.execute(query), historyrows.to_watched)
    return found[0] if found else None


def claim_due(
    connection: Connection, now: datetime, until: datetime, *, longest: timedelta, limit: int
) -> tuple[Watched, ...]:
    """Claim domains whose look is due and that nobody else is at."""
    order = watched.c.next_look_at
    wanted = is_due(order, now, longest)
    claimed = claim_first(
        connection, watched.c.domain, wanted, order, now=now, until=until, limit=limit
    )
    found = historyrows.read_good(claimed, historyrows.to_watched)
    return tuple(sorted(found, key=lambda one: (one.next_look_at, one.domain)))


def claim(connection: Connection, domain: Domain, now: datetime, until: datetime) -> Watched | None:
    """Claim one domain, due or not."""
    claimed = connection.execute(
        update(watched)
        .where(watched.c.domain == str(domain))
        .where(is_free(watched, now, until))
        .values(claimed_until=rows.from_instant(until))
        .returning(*watched.columns)
    )
    found = historyrows.read_good(claimed.all(), historyrows.to_watched)
    return found[0] if found else None


def load_open(connection: Connection, domain: Domain) -> tuple[Span, ...]:
    """Return the findings that are not over, in the order in which they came."""
    query = (
        select(spans)
        .where(spans.c.domain == str(domain), spans.c.resolved_at.is_(None))
        .order_by(spans.c.first_seen, spans.c.code, spans.c.subject)
    )
    return historyrows.read_good(connection.execute(query), historyrows.to_span)


def load_resolved(connection: Connection, domain: Domain, *, limit: int) -> tuple[Span, ...]:
    """Return findings that are over, the latest first."""
    query = (
        select(spans)
        .where(spans.c.domain == str(domain), spans.c.resolved_at.is_not(None))
        .order_by(spans.c.resolved_at.desc(), spans.c.code, spans.c.subject)
        .limit(limit)
    )
    return historyrows.read_good(connection.execute(query), historyrows.to_span)


def load_observations(
    connection: Connection, domain: Domain, *, limit: int
) -> tuple[Observation, ...]:
    """Return looks, the latest first, without their evidence."""
    query = (
        select(
            observations.c.at,
            observations.c.verdict,
            observations.c.sentence,
            observations.c.is_change,
        )
        .where(observations.c.domain == str(domain))
        .order_by(observations.c.at.desc())
        .limit(limit)
    )
    return historyrows.read_good(connection.execute(query), historyrows.to_observation)


def load_evidence(connection: Connection, domain: Domain) -> bytes | None:
    """Return the evidence of the last look, compressed."""
    query = (
        select(observations.c.evidence)
        .where(observations.c.domain == str(domain))
        .order_by(observations.c.at.desc())
        .limit(1)
    )
    found = connection.execute(query).scalar_one_or_none()
    return None if found is None else bytes(found)


def record(connection: Connection, look: Look) -> bool:
    """Store a look, unless somebody else has looked since it began."""
    name, at = str(look.before.domain), rows.from_instant(look.observation.at)
    before = historyrows.from_optional(look.before.looked_at)
    changes: dict[str, Any] = {
        "next_look_at": rows.from_instant(look.next_look_at),
        "looked_at": at,
        "figures": historyrows.to_json(look.figures),
        "memory": look.memory,
        "claimed_until": None,
    }
    if look.is_success:
        changes["succeeded_at"] = at
    done = connection.execute(
        update(watched).where(watched.c.domain == name, _is_same(look.before)).values(changes)
    )
    if done.rowcount == 0:
        return False
    observation = look.observation
    # A clock that went back may bring an instant again.
    connection.execute(
        delete(observations).where(observations.c.domain == name, observations.c.at == at)
    )
    connection.execute(
        insert(observations).values(
            domain=name,
            at=at,
            verdict=observation.verdict,
            sentence=observation.sentence,
            is_change=observation.is_change,
            evidence=observation.evidence,
        )
    )
    if before is not None:
        # Of a look that changed nothing, the next one tells as much.
        connection.execute(
            update(observations)
            .where(observations.c.domain == name, observations.c.at == before)
            .where(observations.c.is_change.is_(False))
            .values(evidence=None)
        )
    _replace_spans(connection, look)
    messagestatements.put(connection, look, at)
    return True


def put_off(connection: Connection, before: Watched, until: datetime) -> None:
    """Give a claim back, unless somebody else has looked since."""
    connection.execute(
        update(watched)
        .where(watched.c.domain == str(before.domain), _is_same(before))
        .values(next_look_at=rows.from_instant(until), claimed_until=None)
    )


def _replace_spans(connection: Connection, look: Look) -> None:
    name = str(look.before.domain)
    connection.execute(delete(spans).where(spans.c.domain == name, spans.c.resolved_at.is_(None)))
    if look.spans:
        wanted = [historyrows.from_span(look.before.domain, one) for one in look.spans]
        connection.execute(insert(spans), wanted)


def prune(connection: Connection, before: datetime) -> int:
    """Forget what is over and older than an instant."""
    limit = rows.from_instant(before)
    old = connection.execute(delete(observations).where(observations.c.at < limit)).rowcount
    old += connection.execute(delete(spans).where(spans.c.resolved_at < limit)).rowcount
    old += connection.execute(delete(messages).where(messages.c.settled_at < limit)).rowcount
    return old


def _is_same(before: Watched) -> Any:
    """Hold while nobody has looked since a domain was claimed."""
    if before.looked_at is None:
        return watched.c.looked_at.is_(None)
    return watched.c.looked_at == rows.from_instant(before.looked_at)
