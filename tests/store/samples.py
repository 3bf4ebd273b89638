"""Policies and verdicts to store, with every field set to something of its own."""

from datetime import UTC, datetime, timedelta

from mailseal.mtasts.freshness import CachedPolicy, FetchFailure
from mailseal.mtasts.policy import parse_policy
from mailseal.names import Domain
from mailseal.results import ResultType

NOW = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

FAILURE = FetchFailure(
    id="20261122",
    at=NOW - HOUR,
    count=3,
    result=ResultType.STS_WEBPKI_INVALID,
    reason="expired-2026-11-20",
)


def body(mode: str = "enforce") -> bytes:
    """Return a policy file as a policy host would serve it."""
    return f"version: STSv1\r\nmode: {mode}\r\nmx: *.example.net\r\nmax_age: 604800\r\n".encode()


def cached(
    name: str,
    *,
    mode: str = "enforce",
    expires_in: timedelta = 7 * DAY,
    refetch_in: timedelta = DAY,
    failure: FetchFailure | None = None,
    record_id: str = "20261101",
) -> CachedPolicy:
    """Return a policy fetched at ``NOW``."""
    text = body(mode)
    return CachedPolicy(
        domain=Domain.parse(name),
        id=record_id,
        policy=parse_policy(text),
        body=text,
        fetched_at=NOW,
        expires_at=NOW + expires_in,
        id_checked_at=NOW + timedelta(microseconds=1),
        id_ttl=timedelta(seconds=300),
        refetch_at=NOW + refetch_in,
        failure=failure,
    )
